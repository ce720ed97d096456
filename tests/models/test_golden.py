"""Parity with the authors' code: numbers computed by it, in float64, see golden/README.md.

MSA_GOLDEN_DIR names another directory of cases in the same form.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import yaml
from making import golden_weights
from running import ROOT
from torch import Tensor, nn

from msa.models import MODELS, model_class
from msa.models.checkpoint import load_released

torch.set_num_threads(1)

OWN = ROOT / "tests" / "golden"
DIRECTORY = Path(os.environ.get("MSA_GOLDEN_DIR") or OWN)


def _cases(directory: Path = DIRECTORY) -> list[Path]:
    paths = sorted(directory.glob("*.json"))
    return [path for path in paths if "system" in json.loads(path.read_text())]


def _published() -> list[str]:
    """The registered systems of a paper: their recipes cite it."""
    recipes = {name: ROOT / f"workflow/recipes/models/{name}.yaml" for name in MODELS}
    return [name for name, path in recipes.items() if "cite" in yaml.safe_load(path.read_text())]


def _bert(config: dict) -> nn.Module:
    from transformers import BertConfig, BertModel

    return BertModel(BertConfig(**config["bert"]))


def _lmf(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    return model_class("lmf")(
        **{f"{name}_dim": width for name, width in config["input_dims"].items()},
        **{f"{name}_hidden": width for name, width in config["hidden"].items()},
        text_out=config["text_out"],
        output_dim=config["output_dim"],
        rank=config["rank"],
        padding="released",
    )


def _nhfnet(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    return model_class("nhfnet")(
        **{f"{name}_dim": width for name, width in config["input_dims"].items()},
        output_dim=inputs["output"].shape[1],
        d_model=config["d_model"],
        heads=config["heads"],
        layers=config["layers"],
        text_hidden=state["text_model.0.weight_hh_l0"].shape[1],
        bottleneck_tokens=config["bottleneck_tokens"],
        padding="released",
    )


def _lmr_cbt(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    return model_class("lmr_cbt")(
        **{f"{name}_dim": width for name, width in config["input_dims"].items()},
        output_dim=config["output_dim"],
        d_model=config["d_model"],
        heads=config["heads"],
        layers=config["layers"],
        causal=config["causal_attention_mask"],
        recurrence="batch",
        padding="released",
    )


def _cm_bert(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    return model_class("cm_bert")(
        bert=_bert(config),
        audio_dim=config["audio_dim"],
        output_dim=inputs["output"].shape[1],
        projection_dim=config["projection_dim"],
        text_scale="batch",
        freeze_embeddings=False,
        padding="released",
    )


def _glomo(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    if case["variant"] == "moe":
        from msa.models.glomo import MixtureOfExperts

        return MixtureOfExperts(
            input_dim=config["input_size"],
            output_dim=config["output_size"],
            experts=config["num_experts"],
            hidden=config["hidden_size"],
            top_k=config["k"],
        )
    return model_class("glomo")(
        bert=_bert(config) if "bert" in config else None,
        text_dim=inputs["text"].shape[2] if "text" in inputs else None,
        audio_dim=inputs["audio"].shape[2],
        vision_dim=inputs["vision"].shape[2],
        output_dim=inputs["output"].shape[1],
        d_model=config["d_l"],
        heads=config["num_heads"],
        layers=config["layers"],
        text_grain=config["gran_t"],
        audio_grain=config["gran_a"],
        vision_grain=config["gran_v"],
        text_experts=config["experts_t"],
        audio_experts=config["experts_a"],
        vision_experts=config["experts_v"],
        top_k=config["k"],
        padding="released",
    )


BUILD = {
    "lmf": _lmf,
    "nhfnet": _nhfnet,
    "lmr_cbt": _lmr_cbt,
    "cm_bert": _cm_bert,
    "glomo": _glomo,
}


def _predict(model: nn.Module, case: dict, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """The model's output and its auxiliary loss, zero where it has none."""
    if case["variant"] == "moe":
        return model.train()(inputs["x"], noise=inputs["noise"])
    batch = dict(inputs)
    if case["system"] == "lmf":
        batch |= {name: batch[name][:, None] for name in ("audio", "vision")}  # (b, 1, d)
    output = model(batch)
    return output if isinstance(output, tuple) else (output, torch.zeros(()))


def _loss(name: str, output: Tensor, target: Tensor) -> Tensor:
    name = name.partition(" + ")[0]
    if name == "mean(0.5*(logit-label)^2)":
        return (0.5 * (output.flatten() - target.flatten()) ** 2).mean()
    name, _, reduction = name.rstrip(")").partition("(")
    if name == "cross_entropy":
        return F.cross_entropy(output, target, reduction=reduction)
    function = {"l1": F.l1_loss, "mse": F.mse_loss}[name]
    return function(output, target.to(output.dtype).view_as(output), reduction=reduction)


def test_there_are_cases() -> None:
    """An empty directory is not a pass."""
    assert _cases(), f"no golden case in {DIRECTORY}"


@pytest.mark.parametrize("system", _published())
def test_every_published_system_has_a_case(system: str) -> None:
    systems = {json.loads(path.read_text())["system"] for path in _cases(OWN)}
    assert system in systems, f"{system}: expected a case in {OWN}, got those of {sorted(systems)}"


@pytest.mark.parametrize("path", _cases(), ids=lambda path: path.stem)
def test_golden(path: Path, record_property: Callable[[str, object], None]) -> None:
    """Output, loss, number of parameters and every gradient norm are the authors'."""
    case = json.loads(path.read_text())
    system = case["system"]
    if system not in MODELS:
        pytest.xfail(f"system {system!r} is not among the models")
    assert system in BUILD, f"{system}: expected in BUILD how to build it from its case's `config`"
    with np.load(path.with_suffix(".npz")) as file:
        inputs = {name: torch.from_numpy(file[name]) for name in file.files}
    inputs = {n: x.double() if x.is_floating_point() else x for n, x in inputs.items()}
    state = golden_weights(case)
    model = BUILD[system](case, inputs, state).double().eval()
    unused = load_released(model, state)

    trainable = case["trainable"]
    own = sum(p.numel() for p in model.parameters())
    assert own + sum(state[k].numel() for k in unused if k in trainable) == case["n_parameters"]

    output, auxiliary = _predict(model, case, inputs)
    loss = _loss(case["config"]["loss"], output, inputs["target"]) + auxiliary
    errors = {
        "output": ((output - inputs["output"]).abs() / inputs["output"].abs()).max().item(),
        "loss": abs(loss.item() / case["loss"] - 1),
    }
    torch.testing.assert_close(output, inputs["output"], rtol=1e-5, atol=1e-9)
    assert loss.item() == pytest.approx(case["loss"], rel=1e-5)
    if "auxiliary_loss" in case:
        assert auxiliary.item() == pytest.approx(case["auxiliary_loss"], rel=1e-5)

    loss.backward()
    norms = _gradient_norms(model, state, set(trainable) - set(unused))
    expected = {key: norm or 0.0 for key, norm in trainable.items()}
    wrong = {
        key: (norms.get(key, 0.0), norm)
        for key, norm in expected.items()
        if abs(norms.get(key, 0.0) - norm) > 1e-5 * norm + 1e-9
    }
    assert not wrong, f"gradient norms (ours, expected): {wrong}"
    errors["gradient"] = max(
        abs(norms[key] / norm - 1) for key, norm in expected.items() if norm > 1e-9
    )
    record_property("relative_errors", errors)


def _gradient_norms(model: nn.Module, state: dict[str, Tensor], used: set[str]) -> dict[str, float]:
    """The norm of each gradient, under the released name of its parameter."""
    # from_released hands tensors on as they are, so that a tensor tells its two names
    ours, _ = sys.modules[type(model).__module__].from_released(state)
    names = {id(value): name for name, value in ours.items()}
    parameters = dict(model.named_parameters())
    norms = {}
    for key in used:
        gradient = parameters[names[id(state[key])]].grad
        norms[key] = 0.0 if gradient is None else gradient.norm().item()
    return norms
