"""The encoder that three models share."""

import math

import pytest
import torch
from torch import Tensor

from msa.errors import InputError
from msa.models.transformer import Attention, Encoder, sinusoids

torch.set_num_threads(1)


def randn(*shape: int) -> Tensor:
    """The same normal numbers each time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_sinusoids() -> None:
    """Sines, then cosines; position 0 and an odd last channel are zero."""
    codes = sinusoids(torch.tensor([[0, 1, 4]]), 7)[0]
    assert not codes[0].any()
    assert not codes[:, 6].any()
    rates = [math.exp(-i * math.log(10000) / 2) for i in range(3)]
    expected = [math.sin(4 * rate) for rate in rates] + [math.cos(4 * rate) for rate in rates]
    torch.testing.assert_close(codes[2, :6], torch.tensor(expected))


def test_attention_is_pytorchs() -> None:
    """The same as nn.MultiheadAttention on the same weights."""
    ours = Attention(d_model=8, heads=2, dropout=0.0).double().eval()
    theirs = torch.nn.MultiheadAttention(8, 2, batch_first=True).double().eval()
    theirs.load_state_dict(ours.state_dict())
    query, context = randn(3, 4, 8), randn(3, 6, 8).flip(1)
    expected, _ = theirs(query, context, context)
    torch.testing.assert_close(ours(query, context, None), expected)


def test_heads_must_divide_the_width() -> None:
    """Told at construction."""
    with pytest.raises(InputError, match="heads: expected a divisor of d_model 8, got 3"):
        Encoder(d_model=8, heads=3, layers=1)


def make_encoder(**settings: bool | float) -> Encoder:
    """Two layers with biases away from zero."""
    torch.manual_seed(0)
    encoder = Encoder(d_model=8, heads=2, layers=2, **settings).double().eval()  # type: ignore
    for parameter in encoder.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    return encoder


def test_causal_encoder_does_not_look_ahead() -> None:
    """A later step has no influence on an earlier one; without the mask it has."""
    x, other = randn(1, 5, 8), randn(1, 5, 8)
    other[:, 3:, 1] += 1
    for causal in (True, False):
        encoder = make_encoder(causal=causal)
        same = torch.allclose(encoder(x)[:, :3], encoder(other)[:, :3], rtol=0, atol=1e-12)
        assert same is causal


def test_causal_cross_attention_looks_as_far_as_the_context_is_longer() -> None:
    """Query i sees context steps up to i + |t_k - t_q|."""
    encoder = make_encoder(causal=True)
    x, context = randn(1, 3, 8), randn(1, 5, 8)
    for changed in range(5):
        other = context.clone()
        other[:, changed, 1] += 1
        difference = (encoder(x, context=context) - encoder(x, context=other)).abs().amax(-1)[0]
        assert (difference > 1e-9).tolist() == [i + 2 >= changed for i in range(3)]


def test_released_rule_for_positions() -> None:
    """A step whose channel 0 is exactly zero has no code; zeros in front shift nothing."""
    encoder, positions = make_encoder(), torch.tensor([[0, 2, 0, 4]])
    x = randn(1, 4, 8)
    x[0, [0, 2], 0] = 0
    torch.testing.assert_close(encoder(x), encoder(x, positions=positions))


def test_masked_positions_count_valid_steps() -> None:
    """A valid step has its number, be its channel 0 zero or not."""
    encoder, x = make_encoder(), randn(1, 4, 8)
    x[0, 1, 0] = 0
    mask = torch.tensor([[True, True, True, False]])
    expected = encoder(x[:, :3], positions=torch.tensor([[1, 2, 3]]))
    torch.testing.assert_close(encoder(x, mask)[:, :3], expected)


def test_cross_attention_is_blind_to_padding() -> None:
    """Masked steps of query and context change nothing."""
    encoder = make_encoder()
    x, context = randn(2, 4, 8), randn(2, 6, 8)
    mask = torch.arange(6) < 3
    found = encoder(x, mask[:4].expand(2, -1), context, mask.expand(2, -1))[:, :3]
    expected = encoder(x[:, :3], context=context[:, :3])
    torch.testing.assert_close(found, expected)


def test_dropouts_are_for_training() -> None:
    """Each dropout changes training, none changes evaluation."""
    x = randn(2, 4, 8)
    plain = make_encoder()(x)
    for name in ("attention", "relu", "residual", "embed"):
        encoder = make_encoder(**{f"{name}_dropout": 0.5})
        torch.testing.assert_close(encoder(x), plain)
        assert not torch.allclose(encoder.train()(x), plain)
