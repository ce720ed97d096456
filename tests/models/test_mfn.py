"""MFN: what it has of its published checkpoints, what its steps see, what cannot be joined."""

import re

import pytest
import torch
from making import collate, make, make_rows
from torch import Tensor

from msa.base.errors import InputError
from msa.models.checkpoint import load_released, released_widths
from msa.models.mfn import MFN

DATA = {"text_dim": 300, "audio_dim": 5, "vision_dim": 20, "output_dim": 1}
BEST_ACCURACY = {
    "text_hidden": 156,
    "audio_hidden": 80,
    "vision_hidden": 16,
    "memory": 300,
    "attention_hidden": 256,
    "proposal_hidden": 64,
    "retain_hidden": 128,
    "update_hidden": 32,
    "output_hidden": 64,
}


@pytest.mark.parametrize(("widths", "count"), [({}, 292_657), (BEST_ACCURACY, 839_549)])
def test_the_published_checkpoints(widths: dict[str, int], count: int) -> None:
    """Each is built from its own shapes, and has as many parameters as theirs."""
    state = MFN(**DATA, **widths).state_dict()
    assert sum(x.numel() for x in state.values()) == count
    found = released_widths(MFN, state)
    assert found.items() >= (DATA | widths).items()
    assert load_released(MFN(**found), state) == []


@torch.no_grad()
def test_the_course_of_audio_and_vision() -> None:
    """Its averages, MMSA's way, are the same at every step, and as long as the text whatever."""
    [row] = make_rows("mfn", [5])
    turned = row | {name: row[name].flip(0) for name in ("audio", "vision")}
    shorter = row | {"audio": row["audio"].mean(0, keepdim=True)}
    for choice, seen in (("sequence", True), ("mean", False)):
        model = make("mfn", audio_vision=choice).eval()
        difference = model(collate([row])) - model(collate([turned]))
        assert bool(difference.abs().max() > 1e-6) == seen
    torch.testing.assert_close(model(collate([shorter])), model(collate([row])))


@torch.no_grad()
def test_released_averages_take_padding_for_data() -> None:
    """They are over all steps of the batch, and only they where the text has no padding."""
    [row] = make_rows("mfn", [5])
    batch = collate([row])
    zeros = {name: torch.zeros(1, 3, row[name].shape[1]).double() for name in ("audio", "vision")}
    padded = batch | {name: torch.cat([batch[name], x], dim=1) for name, x in zeros.items()}
    model = make("mfn", audio_vision="mean", padding="released").eval()
    smaller = batch | {name: batch[name] * 5 / 8 for name in zeros}
    torch.testing.assert_close(model(padded), model(smaller))


@torch.no_grad()
def test_states_and_memory_are_kept_through_padding() -> None:
    """Released, padding moves both on; masked, neither."""
    rows = make_rows("mfn", [3])
    longer = collate(rows, extra=4)
    for padding, same in (("masked", True), ("released", False)):
        last: list[Tensor] = []
        model = make("mfn", padding=padding).eval()
        model.out_fc1.register_forward_hook(lambda *call, last=last: last.append(call[1][0]))
        model(collate(rows)), model(longer)
        difference = (last[0] - last[1])[0].abs()
        states, memory = difference[:12].max(), difference[12:].max()
        assert [bool(x < 1e-9) for x in (states, memory)] == [same, same]


@pytest.mark.parametrize("name", ["mfn", "graph_mfn", "ef_lstm"])
def test_steps_that_cannot_be_joined(name: str) -> None:
    """Unequal numbers of steps are told, with a segment and what to do."""
    message = (
        "vision: expected as many steps as text, 4 in segment 1 of a batch, found 2; the model "
        "joins the steps of each word: give all modalities one number in `lengths` and one of "
        "`sides`, and take word-aligned data"
    )
    batch = collate(make_rows(name, [(3, 3, 3), (4, 4, 2), (5, 5, 1)]))
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        make(name)(batch)


@torch.no_grad()
@pytest.mark.parametrize("absent", ["text", "audio", "vision"])
@pytest.mark.parametrize("name", ["mfn", "graph_mfn", "ef_lstm"])
def test_one_step_is_that_of_all_the_words(name: str, absent: str) -> None:
    """A vector an utterance, and the zeros of width 1 of an absent modality."""
    for width, factor in ((2, 1), (1, 0)):
        model = make(name, **{f"{absent}_dim": width}).eval()
        rows = make_rows(name, [4, 2])
        firsts = [row[absent][:1, :width] * factor for row in rows]
        one = [row | {absent: x} for row, x in zip(rows, firsts, strict=True)]
        all_steps = [
            row | {absent: x.expand(len(row[absent]), -1)}
            for row, x in zip(rows, firsts, strict=True)
        ]
        torch.testing.assert_close(model(collate(one)), model(collate(all_steps)))
