"""ITHP: what reaches the prediction, its noise, its scales, padding, the schedule, groups."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from making import collate, make, make_rows
from torch import Tensor, nn

from msa.models import model_class
from msa.training.optimizers import planned_steps


def in_training(**settings: Any) -> Any:
    """Without dropout, so that nothing but its noise is random."""
    model = make("ithp", **settings).train()
    for part in model.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    return model


def with_seed(model: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    torch.manual_seed(5)
    return model(batch)


def test_nothing_leads_from_audio_or_vision_to_the_prediction() -> None:
    """They are targets: other features change the terms in training, and no prediction ever."""
    batch = collate(make_rows("ithp"))
    other = batch | {name: 3 - 2 * batch[name] for name in ("audio", "vision")}
    model = in_training()
    (first, terms), (second, changed) = with_seed(model, batch), with_seed(model, other)
    assert torch.equal(first, second)
    assert torch.equal(terms["kl_0"], changed["kl_0"])
    assert terms["mse_0"] != changed["mse_0"] and terms["mse_1"] != changed["mse_1"]
    model.eval()
    assert torch.equal(model(batch), model(other))
    inputs = {name: batch[name].requires_grad_() for name in ("audio", "vision")}
    gradients = torch.autograd.grad(model(batch).sum(), [*inputs.values()], allow_unused=True)
    assert gradients == (None, None)


def test_the_bottleneck_is_read_at_the_first_step_alone() -> None:
    """Noise behind [CLS] changes the terms, and not the prediction."""
    model = in_training()
    batch = collate(make_rows("ithp", [4, 4]))
    first, _ = with_seed(model, batch)
    noise = [torch.randn(8, d).double() for d in (6, 5)]
    found = []
    for scale in (1, 2):
        for x in noise:
            x[[1, 2, 3, 5, 6, 7]] *= scale
        with pytest.MonkeyPatch.context() as patch:
            given = iter(noise)
            patch.setattr(torch, "randn_like", lambda x, given=given: next(given))
            found.append(model(batch))
    assert torch.equal(found[0][0], found[1][0]) and not torch.equal(found[0][0], first)
    assert found[0][1]["mse_0"] != found[1][1]["mse_0"]


@torch.no_grad()
@pytest.mark.parametrize("sample", ["train", "always"])
def test_predictions_are_random_as_released(sample: str) -> None:
    model, batch = make("ithp", sample=sample).eval(), collate(make_rows("ithp"))
    assert torch.equal(model(batch), model(batch)) is (sample == "train")


@torch.no_grad()
def test_padding_is_attended_to_as_released() -> None:
    rows = make_rows("ithp", [3])
    for padding in ("masked", "released"):
        model = make("ithp", padding=padding).eval()
        change = (model(collate(rows, extra=4)) - model(collate(rows))).abs().max().item()
        assert (change < 1e-9) is (padding == "masked")
        assert change < 1e-9 or change > 1e-4


@pytest.mark.parametrize("scale", ["train", "batch"])
def test_scale_of_the_batch_as_released(scale: str) -> None:
    """A far number in one row changes what another's bottleneck is to tell; ours does not."""
    model = in_training(scale=scale)
    model.start_features(dict.fromkeys(("audio", "vision"), torch.tensor([[-4.0, 4.0]])))
    rows = collate(make_rows("ithp", [4, 4]))["audio"].flatten(0, 1)
    far = torch.cat([rows[:4], 9 * rows[4:]])
    first, second = (model._scaled("audio", x)[:4] for x in (rows, far))
    assert torch.equal(first, second) is (scale == "train")
    assert scale == "train" or first.min() < 0.5 < first.max()
    if scale == "train":
        torch.testing.assert_close(8 * first - 4, rows[:4])


@pytest.mark.parametrize("scale", ["train", "batch"])
def test_what_is_the_same_everywhere_is_told_as_zero(scale: str) -> None:
    """Not 0 / 0, as released."""
    model, same = in_training(scale=scale), torch.full((5, 3), 7.0)
    model.start_features(dict.fromkeys(("audio", "vision"), same))
    assert not model._scaled("audio", same).any()


def test_scale_of_the_training_fold() -> None:
    model = in_training()
    features = {"text": torch.ones(2, 9), "audio": torch.tensor([[-1.0, 3.0], [5.0, 0.0]])}
    model.start_features(features | {"vision": torch.zeros(0, 4)})
    assert model.audio_range.tolist() == [-1, 5]
    assert "audio_range" not in model.state_dict()
    before = make("ithp").vision_range
    assert torch.equal(model.vision_range, before)  # a fold without a row says nothing


def test_what_the_bottlenecks_tell_is_dropped_as_released() -> None:
    """Behind the sigmoid; with a rate of 1 it is zero."""
    for head_dropout in (False, True):
        model = make("ithp", head_dropout=head_dropout, dropout=1.0).train()
        told, truth = torch.zeros(2, 3).double(), torch.zeros(2, 3).double()
        model.start_features(dict.fromkeys(("audio", "vision"), torch.tensor([[0.0, 1.0]])))
        assert model._error("audio", told, truth).item() == (0.0 if head_dropout else 0.25)


def test_terms_are_weighted_as_one_loss() -> None:
    """2 / (beta + gamma) times kl_0 + beta mse_0 + lambda (kl_1 + gamma mse_1)."""
    model = make("ithp", beta=3.0, gamma=5.0, second_weight=0.5)
    expected = {"kl_0": 0.25, "mse_0": 0.75, "kl_1": 0.125, "mse_1": 0.625}
    assert model.weights == pytest.approx(expected)


@pytest.mark.parametrize(("vision_dim", "parameters"), [(47, 1_052_154), (35, 1_049_070)])
def test_number_of_parameters(vision_dim: int, parameters: int) -> None:
    """Those beside the encoder, of MOSI and MOSEI."""
    encoder: Any = nn.Identity()
    encoder.config = SimpleNamespace(hidden_size=768)
    model = model_class("ithp")(bert=encoder, audio_dim=74, vision_dim=vision_dim, output_dim=1)
    assert sum(p.numel() for p in model.parameters()) == parameters


def test_groups() -> None:
    """No decay for biases and LayerNorms; one rate."""
    model = make("ithp")
    names = {id(p): name for name, p in model.named_parameters()}
    decayed, spared = model.parameter_groups(1e-5)
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.01, 0.0)
    without = {names[id(p)] for p in spared["params"]}
    assert without == {n for n in names.values() if "bias" in n or "norm.w" in n or "Norm.w" in n}
    assert len(without) + len(decayed["params"]) == len(names)


@pytest.mark.parametrize(("total", "steps"), [("floor", 4800), ("steps", 4830)])
def test_the_released_schedule_is_short_of_thirty_steps(total: str, steps: int) -> None:
    schedule = {"name": "warmup_linear", "warmup": 0.1, "total": total}
    accumulate = {"batches": 1, "tail": "step"}
    hyper = {"schedule": schedule, "batch_size": 8, "epochs": 30, "accumulate": accumulate}
    assert planned_steps(1283, hyper) == steps
