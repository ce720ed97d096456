"""The shared encoder, and how rows with padding enter it."""

import math

import pytest
import torch
from torch import Tensor

from msa.errors import InputError
from msa.models.transformer import (
    Attention,
    Encoder,
    compact,
    last_step,
    max_pool,
    one_of,
    sinusoids,
)

torch.set_num_threads(1)


def randn(*shape: int) -> Tensor:
    """The same normal numbers each time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_compact() -> None:
    """Valid steps to the front in order, the rest zero, spare columns gone."""
    mask = torch.tensor([[0, 0, 1, 1, 0], [0, 0, 0, 0, 0], [1, 0, 1, 0, 1]]).bool()
    ids = torch.arange(15).view(3, 5)
    found, numbers, vectors = compact(mask, ids, ids[..., None].double())
    assert found.tolist() == [[True, True, False], [True, False, False], [True, True, True]]
    assert numbers.tolist() == [[2, 3, 0], [0, 0, 0], [10, 12, 14]]
    assert torch.equal(vectors[..., 0], numbers.double())
    assert last_step(vectors, found).flatten().tolist() == [3, 0, 14]
    assert last_step(vectors, None).flatten().tolist() == [0, 0, 14]


def test_compact_keeps_the_order_of_long_rows() -> None:
    """A sort that is not stable would shuffle them."""
    mask = randn(1, 5000) > 0
    _, found = compact(mask, torch.arange(5000)[None])
    assert torch.equal(found[0], mask[0].nonzero()[:, 0])


def test_compact_stops_nan() -> None:
    """What stands in the padding, NaN included, is gone."""
    x = torch.full((1, 3, 2), math.nan)
    x[0, 2] = 1
    mask, found = compact(torch.tensor([[False, False, True]]), x)
    assert mask.tolist() == [[True]]
    assert found.tolist() == [[[1, 1]]]


@pytest.mark.parametrize("t", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("bins", [1, 3, 5])
def test_max_pool_is_adaptive_over_valid_steps(t: int, bins: int) -> None:
    """As PyTorch pools the valid steps alone."""
    x = randn(2, 9, 4)
    mask = torch.arange(9) < torch.tensor([[t], [9]])
    found = max_pool(x, mask, bins)
    for i, length in enumerate((t, 9)):
        alone = torch.nn.functional.adaptive_max_pool1d(x[i, :length].mT, bins)
        assert torch.equal(found[i], alone)
    torch.testing.assert_close(max_pool(x, None, bins)[1], found[1])


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


def test_one_of() -> None:
    """The message says what is allowed."""
    assert one_of("padding", "masked", ("masked", "released")) == "masked"
    with pytest.raises(InputError, match="padding: expected one of masked, released, got 'x'"):
        one_of("padding", "x", ("masked", "released"))
