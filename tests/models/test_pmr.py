"""PMR: what the reproduction does otherwise than the paper, and the lengths that it is made for."""

import pytest
import torch
from making import collate, make, make_rows

from msa.base.errors import InputError


@torch.no_grad()
def test_messages_of_a_row_are_its_own() -> None:
    """As released, their weights depend on the other rows of the batch."""
    rows, change = make_rows("pmr"), {}
    for choice in ("per_sample", "released"):
        model = make("pmr", message_update=choice).eval()
        change[choice] = (model(collate(rows))[-1] - model(collate(rows[1:]))[-1]).abs().max()
    assert change["per_sample"] < 1e-9 < 1e-5 < change["released"]


def test_weights_of_messages_are_trained() -> None:
    """As released they are drawn anew for each batch, and no optimizer sees them."""
    model, batch = make("pmr").train(), collate(make_rows("pmr"))
    assert all(p.requires_grad for p in model.message_update.parameters())
    model = make("pmr", message_update="released").train()
    assert not any(p.requires_grad for p in model.message_update.parameters())
    drawn = []
    for _ in range(2):
        model(batch)
        drawn.append([p.clone() for p in model.message_update.parameters()])
    assert not any(torch.equal(*pair) for pair in zip(*drawn, strict=True))
    model.eval()(batch)
    last = zip(drawn[-1], model.message_update.parameters(), strict=True)
    assert all(torch.equal(*pair) for pair in last)


def test_every_direction_has_a_unit() -> None:
    """As released there is one for all of them in all layers."""
    model = make("pmr")
    pairs = [f"{m}h" for m in "lav"] + [f"h{m}" for m in "lav"]
    assert {*model.mrus} == {f"{layer}_{pair}" for layer in range(2) for pair in pairs}
    assert len(model.feedforward) == 2
    model = make("pmr", shared_mru=True)
    assert [*model.mrus] == ["shared"]
    assert len(model.feedforward) == 1


@torch.no_grad()
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_is_not_read(side: str) -> None:
    """As released it is data."""
    rows, change = make_rows("pmr"), {}
    for padding in ("masked", "released"):
        model = make("pmr", padding=padding).eval()
        alone = model(collate(rows[:1]))
        change[padding] = (model(collate(rows, side))[:1] - alone).abs().max().item()
    assert change["masked"] < 1e-9 < 1e-3 < change["released"]


@torch.no_grad()
def test_a_valid_step_keeps_its_position() -> None:
    """By the released rule a step whose channel 0 is zero has none."""
    batch, found = collate(make_rows("pmr", [5])), []
    for padding in ("masked", "released"):
        model = make("pmr", padding=padding).eval()
        model.proj_a.weight[0] = 0  # channel 0 of each step is exactly zero
        found.append(model(batch))
    assert not torch.allclose(*found)


@torch.no_grad()
def test_the_causal_mask_can_be_taken_off() -> None:
    batch = collate(make_rows("pmr"))
    on, off = make("pmr").eval()(batch), make("pmr", causal=False).eval()(batch)
    assert not torch.allclose(on, off)


def test_more_steps_than_it_is_made_for() -> None:
    message = (
        "pmr: expected at most 7 steps of audio, got 8; set architecture: {audio_length: 8} "
        "or lengths: {audio: 7}"
    )
    with pytest.raises(InputError, match=message):
        make("pmr", audio_length=7)(collate(make_rows("pmr")))


@torch.no_grad()
def test_a_hub_has_a_place_for_every_step() -> None:
    """The convolutions take steps away; what is as wide as the model has none."""
    for keywords, size in (({}, 11 + 11 + 12), ({"text_dim": 8}, 12 + 11 + 12)):
        assert make("pmr", **keywords).message_update[0].size == size
    model = make("pmr", text_length=1)  # shorter than the kernel
    assert model.eval()(collate(make_rows("pmr", [(1, 8, 7)]))).isfinite().all()
