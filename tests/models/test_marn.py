"""MARN: what its attentions are, what the prediction sees, and that its steps are one network's."""

import pytest
import torch
from making import collate, make, make_rows
from torch import Tensor

from msa.models.marn import Attentions


def weights(model: torch.nn.Module, states: Tensor) -> Tensor:
    """The attentions' weights (b, k, H): what the reducing layers see, by the states."""
    attentions = Attentions(model)
    attentions.forward(states)
    [(_, _, found, _, _)] = attentions.kept  # (b, softmaxes, heads, H)
    return found.flatten(1, 2)


@torch.no_grad()
@pytest.mark.parametrize("variant", ["paper", "sdk"])
def test_a_softmax_for_each_attention_or_a_joint_one(variant: str) -> None:
    states = torch.randn(2, 12, generator=torch.Generator().manual_seed(0)).double()
    for attention, total in (("per_head", 1.0), ("joint", 1 / 3)):
        found = weights(make("marn", variant=variant, attention=attention), states)
        sums = found.sum(2)  # (b, k)
        torch.testing.assert_close(sums.mean(1), torch.full((2,), total).double())
        assert bool((sums - total).abs().max() < 1e-9) == (attention == "per_head")


@torch.no_grad()
@pytest.mark.parametrize(("variant", "code"), [("paper", 12), ("sdk", 9)])
def test_the_code_is_of_the_net_g_or_the_reduced_states(variant: str, code: int) -> None:
    """Only in the paper's has it as many features as the states."""
    model = make("marn", variant=variant)
    assert hasattr(model, "hybrid_fc") == (variant == "paper")
    assert model.lsthm["text"].V.in_features == code
    assert Attentions(model).forward(torch.ones(2, 12).double()).shape == (2, code)


@torch.no_grad()
@pytest.mark.parametrize(("variant", "code"), [("paper", 12), ("sdk", 9)])
def test_the_prediction_sees_the_last_states_or_the_code_alone(variant: str, code: int) -> None:
    for choice, width in (("h_and_z", 12 + code), ("z", code)):
        model, seen = make("marn", variant=variant, output_state=choice).eval(), []
        head = model.output_fc if variant == "paper" else model.fc1
        head.register_forward_pre_hook(lambda _, x, seen=seen: seen.append(x[0]))
        model(collate(make_rows("marn")))
        assert seen[0].shape == (4, width)
        if choice == "h_and_z":
            torch.testing.assert_close(seen[0][:, 12:], Attentions(model).forward(seen[0][:, :12]))


@torch.no_grad()
def test_states_and_code_are_kept_through_padding() -> None:
    """Released, padding moves them on."""
    rows = make_rows("marn", [3])
    for padding, same in (("masked", True), ("released", False)):
        model = make("marn", padding=padding).eval()
        difference = model(collate(rows)) - model(collate(rows, extra=4))
        assert bool(difference.abs().max() < 1e-9) == same


def test_the_optimizer_sees_the_reducing_layers() -> None:
    """They are in no plain list, as in the SDK."""
    parameters = dict(make("marn_sdk").named_parameters())
    assert {f"reduce.{name}.weight" for name in ("text", "audio", "vision")} <= parameters.keys()
