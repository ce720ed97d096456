"""ALMT: padding as keys, positions, the residual of the hyper-modality, the schedule's start."""

from typing import Any

import pytest
import torch
from making import collate, make, make_rows
from torch import nn

from msa.base.errors import InputError
from msa.models.almt import HyperLayer
from msa.models.tokens import Layer, TokenEncoder
from msa.training.optimizers import Schedule


@torch.no_grad()
@pytest.mark.parametrize("name", ["input_ids", "audio", "vision"])
def test_padding_is_attended_to_as_released(name: str) -> None:
    """Of all three inputs, the states at [PAD] among them; by default of none."""
    rows = make_rows("almt")
    batch = collate(rows)
    wide = collate(rows, extra=3)
    names = {"input_ids", "token_type_ids", "attention_mask"} if name == "input_ids" else set()
    wide = {key: wide[key] if key.startswith(name) or key in names else batch[key] for key in wide}
    for padding, same in (("masked", True), ("released", False)):
        model = make("almt", padding=padding).eval()
        assert torch.allclose(model(batch), model(wide), rtol=0, atol=1e-9) is same


@torch.no_grad()
def test_the_tokens_that_go_on_are_those_of_the_whole_encoder() -> None:
    """The last layer computes no others."""
    torch.manual_seed(0)
    encoder = TokenEncoder("audio", 3, 9, 4, 2, 8, [Layer(8, 2, 5) for _ in range(2)])
    x, mask = torch.randn(2, 6, 3), torch.tensor([[True] * 6, [True] * 2 + [False] * 4])
    steps = torch.cat([encoder.extra_token.expand(2, -1, -1), encoder.linear(x)], dim=1)
    steps = steps + encoder.pos_embedding[:, :10]
    visible = torch.cat([torch.ones(2, 4, dtype=torch.bool), mask], dim=1)[:, None, None]
    for layer in encoder.layers:
        steps = layer(steps, steps, visible)
    torch.testing.assert_close(encoder(x, mask), steps[:, :2])


@torch.no_grad()
def test_the_residual_is_of_the_normalised_hyper_modality() -> None:
    torch.manual_seed(0)
    layer = HyperLayer(8, 2, 3)
    nn.init.zeros_(layer.to_out.weight)
    nn.init.zeros_(layer.to_out.bias)
    text, audio, vision, hyper = torch.randn(4, 2, 3, 8).unbind()
    assert torch.equal(layer(text, audio, vision, hyper), layer.hyper_norm(hyper))


def test_more_steps_than_positions_are_refused() -> None:
    """Of each modality, with both ways to mend it."""
    batch = collate(make_rows("almt", [9]))
    for modality in ("text", "audio", "vision"):
        model: Any = make("almt", **{f"{modality}_length": 8})
        message = (
            f"almt: expected at most 8 steps of {modality}, got 9; set architecture: "
            rf"\{{{modality}_length: 9\}} or lengths: \{{{modality}: 8\}}"
        )
        with pytest.raises(InputError, match=message):
            model(batch)


def test_no_more_tokens_go_on_than_there_are() -> None:
    with pytest.raises(InputError, match="kept: expected at most the 3 of tokens, got 4"):
        make("almt", kept=4)


@pytest.mark.parametrize(("start", "first"), [("zero", 0.0), ("step", 1 / 20)])
def test_the_first_epoch_has_a_rate_of_zero_as_released(start: str, first: float) -> None:
    """The rate of an epoch is lr e / 20 for e = 0 to 20, lr at 21, then half a cosine."""
    optimizer = torch.optim.AdamW([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = Schedule(optimizer, {"name": "cosine", "warmup": 20, "start": start}, 200, 200)
    rates = []
    for _ in range(60):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.after_epoch(0.0)
    assert rates[0] == first
    whole = 21 if start == "zero" else 20
    assert rates[whole] == 1.0 > rates[whole + 1]
