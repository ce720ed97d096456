"""The encoder that three models share."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from msa.base.errors import InputError
from msa.models.attention import attend
from msa.models.packing import HIDDEN, Packing, Slots, share_rows
from msa.models.padding import Steps
from msa.models.transformer import Attention, Encoder, encode, encode_last, sinusoids

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


def make_encoder(**settings: bool | float | str) -> Encoder:
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
    x, positions = randn(1, 4, 8), torch.tensor([[0, 2, 0, 4]])
    x[0, [0, 2], 0] = 0
    expected = make_encoder()(x, positions)
    torch.testing.assert_close(make_encoder(padding="released")(x), expected)
    assert not torch.allclose(make_encoder()(x), expected)


def test_a_segment_in_a_shared_row_is_the_segment_alone() -> None:
    """Whatever else stands in the row."""
    for causal in (False, True):
        encoder, lengths = make_encoder(causal=causal), np.array([2, 5, 1, 2, 3])
        rows = randn(13, 8)
        packing = Packing(lengths, rows.device)
        assert packing.shape == (3, 5)
        found = encode(encoder, Steps(rows, lengths)).rows
        alone = [encoder(x[None])[0] for x in rows.split(lengths.tolist())]
        torch.testing.assert_close(found, torch.cat(alone))


def test_cross_attention_between_shared_rows() -> None:
    """Steps of a segment see the other sequence of the same segment, and nothing else."""
    encoder, lengths, others = make_encoder(), np.array([2, 4, 1]), np.array([3, 1, 2])
    x, context = randn(7, 8), randn(6, 8).flip(1)
    slots = Slots(np.maximum(lengths, others + 1))
    to, of = Packing(lengths, x.device, slots), Packing(others, x.device, slots, 1)
    visible = to.visible(of, x.dtype)
    found = encoder(to.pack(x), to.positions, visible, of.pack(context), of.positions)
    parts = zip(x.split(lengths.tolist()), context.split(others.tolist()), strict=True)
    alone = [encoder(a[None], context=b[None])[0] for a, b in parts]
    torch.testing.assert_close(to.unpack(found).rows, torch.cat(alone))


def test_rows_of_several_sequences() -> None:
    """A segment lies in the same row of each, in slots that do not overlap."""
    sizes = np.array([[9, 2, 4, 3, 1, 2], [3, 8, 1, 4, 4, 2]])
    rows = share_rows(*sizes)
    assert rows.max() + 1 < len(rows)
    for lengths in sizes:
        slots = Slots(lengths, rows)
        assert slots.shape == (rows.max() + 1, lengths.max())
        assert (slots.begins // lengths.max()).tolist() == rows.tolist()
        places = Packing(lengths, torch.device("cpu"), slots).places
        assert len(places.unique()) == lengths.sum()


def test_causal_cross_attention_between_shared_rows() -> None:
    """How far each segment looks ahead is its own two lengths' matter."""
    lengths, others = np.array([2, 5, 1, 3]), np.array([3, 4, 2, 1])
    x, context = randn(11, 8), randn(10, 8).flip(1)
    rows = share_rows(lengths, others)
    assert rows.max() < 3
    to, of = (Packing(n, x.device, Slots(n, rows)) for n in (lengths, others))
    visible = to.visible(of, x.dtype, causal=True)
    found = make_encoder()(to.pack(x), to.positions, visible, of.pack(context), of.positions)
    parts = zip(x.split(lengths.tolist()), context.split(others.tolist()), strict=True)
    alone = [make_encoder(causal=True)(a[None], context=b[None])[0] for a, b in parts]
    torch.testing.assert_close(to.unpack(found).rows, torch.cat(alone))


@pytest.mark.parametrize("causal", [False, True])
def test_the_last_step_alone(causal: bool) -> None:
    """The same as the last step of an encoder that computes all of them."""
    lengths, rows = np.array([2, 5, 1, 2, 3]), randn(13, 8)
    packing = Packing(lengths, rows.device)
    found = encode_last(make_encoder(), packing, packing.pack(rows), causal)
    expected = encode(make_encoder(causal=causal), Steps(rows, lengths)).last
    torch.testing.assert_close(found, expected)


def test_without_positions_the_order_does_not_count() -> None:
    x = randn(1, 5, 8)
    for positions in (False, True):
        encoder = make_encoder(positions=positions)
        assert torch.allclose(encoder(x.flip(1)).flip(1), encoder(x)) is not positions


def test_attention_with_dropout_has_the_mean_of_the_one_without() -> None:
    """Over many draws; the unfused way is another code."""
    attention = Attention(d_model=8, heads=2, dropout=0.3).double()
    x, visible = randn(1, 4, 8), torch.zeros(4, 4).double()
    visible[:, 3] = HIDDEN
    expected = attention.eval()(x, None, visible)
    many = attention.train()(x.expand(20000, -1, -1), None, visible)
    torch.testing.assert_close(many.mean(0, keepdim=True), expected, rtol=0, atol=0.02)
    x[:, 3] += 1
    torch.manual_seed(0)
    first = attention(x, None, visible)[:, :3]
    x[:, 3] += 1
    torch.manual_seed(0)
    torch.testing.assert_close(attention(x, None, visible)[:, :3], first)


@pytest.mark.parametrize("at_once", [1, 30, 1000])
def test_attention_to_many_steps(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows at a time, scores computed twice: the numbers and gradients are the same."""
    monkeypatch.setattr("msa.models.attention.SCORES", at_once)
    q, k, v = (randn(3, 2, t, 4).roll(t, 3).requires_grad_() for t in (3, 5, 5))
    visible = torch.zeros(3, 1, 3, 5, dtype=torch.float64)
    visible[:2, ..., 3:] = HIDDEN
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=visible)
    torch.testing.assert_close(attend(q, k, v, visible, 0.0), expected)

    def dropped(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        torch.manual_seed(0)
        return attend(q, k, v, visible, 0.4)

    assert not torch.allclose(dropped(q, k, v), expected)
    assert torch.autograd.gradcheck(dropped, (q, k, v))


def test_many_steps_and_few_are_the_same_attention(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one part holds all rows, the same weights are dropped either way."""
    attention = Attention(d_model=8, heads=2, dropout=0.3).double().train()
    x, found = randn(2, 6, 8), []
    for many in (0, 1000):
        monkeypatch.setattr("msa.models.transformer.MANY", many)
        torch.manual_seed(0)
        found.append(attention(x, None, None))
    torch.testing.assert_close(*found)
    few = [y.to(torch.bfloat16) for y in randn(3, 1, 2, 4, 4)]  # as in mixed precision
    assert attend(*few, None, 0.3).dtype == torch.bfloat16


def test_dropouts_are_for_training() -> None:
    """Each dropout changes training, none changes evaluation."""
    x = randn(2, 4, 8)
    plain = make_encoder()(x)
    for name in ("attention", "relu", "residual", "embed"):
        encoder = make_encoder(**{f"{name}_dropout": 0.5})
        torch.testing.assert_close(encoder(x), plain)
        assert not torch.allclose(encoder.train()(x), plain)
