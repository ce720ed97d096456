"""RAVEN: what trains it, how far a word is shifted, what its frames and its normalization are."""

import pytest
import torch
from making import collate, make, make_rows
from torch import Tensor

from msa.base.errors import InputError

NONVERBAL = ("audio_", "vision_", "shift_layer.")


def two_frames() -> dict[str, Tensor]:
    """A batch whose words have two frames each."""
    batch = collate(make_rows("raven"))
    for name in ("audio", "vision"):
        batch[f"{name}_frames"] = torch.full(batch[name].shape[:2], 2)
        batch[name] = torch.stack([batch[name], batch[name].flip(2)], dim=2)
    return batch


@pytest.mark.parametrize("trained", [True, False])
def test_released_trains_no_audio_or_vision(trained: bool) -> None:
    """They change a prediction all the same; the default trains them."""
    model, batch = make("raven", nonverbal_gradient=trained).train(), two_frames()
    model(batch).sum().backward()
    for name, parameter in model.named_parameters():
        learns = parameter.grad is not None and bool(parameter.grad.any())
        assert learns == (trained or not name.startswith(NONVERBAL)), name
    model.eval()
    for name in ("audio", "vision"):
        difference = model(batch) - model(batch | {name: batch[name] + 1})
        assert difference.abs().max() > 1e-4


def shifts(**settings: str) -> tuple[Tensor, Tensor, Tensor]:
    """The words (n, d), what they are shifted by, and the shift before it is scaled."""
    model = make("raven", shift_weight=0.3, **settings).eval()
    model.shift_layer.weight.data *= 20
    raw, read = [], []
    model.shift_layer.register_forward_hook(lambda *call: raw.append(call[2]))
    model.dropout.register_forward_hook(lambda *call: read.append(call[2]))
    rows = make_rows("raven")
    rows[0]["text"][1] = 0
    rows[1]["text"] *= 100
    with torch.no_grad():
        model(collate(rows))
    words = torch.cat([row["text"] for row in rows])
    return words, read[-1] - words, raw[0]


def test_paper_shift_is_the_lesser_of_two_lengths() -> None:
    """Its own, and a share of the word's; the released one is of that share from a length of 1."""
    words, found, raw = shifts()
    limit, length = 0.3 * words.norm(dim=1), raw.norm(dim=1)
    assert (length < limit).any() and (length > limit).any()
    torch.testing.assert_close(found.norm(dim=1), torch.minimum(limit, length))
    words, found, raw = shifts(shift="released")
    assert (raw.norm(dim=1) < 1).any() and (raw.norm(dim=1) > 1).any()
    torch.testing.assert_close(found.norm(dim=1), limit * raw.norm(dim=1).clamp(max=1))
    assert not found[words.norm(dim=1) == 0].any()


@torch.no_grad()
def test_gates_are_sigmoids() -> None:
    """Released, a gate is of any size, and of any sign."""
    gates = {"sigmoid": torch.sigmoid, "linear": lambda x: x}
    for choice, function in gates.items():
        model, calls, given = make("raven", gate=choice).eval(), [], []
        model.audio_gate.register_forward_hook(lambda *call, to=calls: to.append(call))
        model.shift_layer.register_forward_pre_hook(lambda _, args, to=given: to.append(*args))
        model(collate(make_rows("raven")))
        [(_, (states,), weight)] = calls
        torch.testing.assert_close(given[0][:, :5], states[:, :5] * function(weight))


@torch.no_grad()
def test_batch_statistics_change_other_rows() -> None:
    """Released, rows change each other in evaluation too, and so does padding."""
    rows = make_rows("raven", [4, 4, 4])
    for choice, seen in (("running", False), ("batch", True)):
        model = make("raven", audio_norm=choice).eval()
        difference = model(collate(rows))[0] - model(collate(rows[:2]))[0]
        assert bool(difference.abs().max() > 1e-6) == seen
    rows = make_rows("raven", [4, 2])
    masked, released = (
        make("raven", audio_norm="batch", padding=x).eval() for x in ("masked", "released")
    )
    assert not torch.allclose(masked(collate(rows)), released(collate(rows)))


@torch.no_grad()
def test_frames_of_a_word() -> None:
    """One each is what a word-aligned step is; none is a state of zero; padding is not read."""
    model, [row] = make("raven").eval(), make_rows("raven", [4])
    batch = collate([row])
    one = torch.ones(1, 4, dtype=torch.long)
    frames = {name: row[name][None, :, None] for name in ("audio", "vision")}
    counts = {f"{name}_frames": one for name in frames}
    torch.testing.assert_close(model(batch | frames | counts), model(batch))
    longer = {name: torch.cat([x, x + 9], dim=2) for name, x in frames.items()}
    torch.testing.assert_close(model(batch | longer | counts), model(batch))
    read = model(batch | longer | {name: 2 * x for name, x in counts.items()})
    assert not torch.allclose(read, model(batch))
    given: list[Tensor] = []
    model.audio_gate.register_forward_pre_hook(lambda _, args: given.append(*args))
    model(batch | frames | counts | {"audio_frames": one * torch.tensor([1, 0, 1, 0])})
    assert given[0][:, :5].any(dim=1).tolist() == [True, False, True, False]


def test_more_words_than_it_was_made_for() -> None:
    """Audio is normalized for as many places."""
    with pytest.raises(InputError, match="^steps: expected at most 12 of a segment, found 13; "):
        make("raven")(collate(make_rows("raven", [13])))
