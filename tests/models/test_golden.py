"""Parity with the authors' code: numbers computed by it, in float64, see golden/README.md.

MSA_GOLDEN_DIR names another directory of cases in the same form. `tests/parity` has a file for each
system: `build` makes its model for a case; `run`, if there, gives output, terms of the loss and
further arrays; `loop` gives the arrays of a case that is a loop.
"""

import importlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import yaml
from making import golden_weights
from running import ROOT
from torch import Tensor, nn

from msa.models import MODELS
from msa.models.checkpoint import load_released

torch.set_num_threads(1)

OWN = ROOT / "tests" / "golden"
LOOPS = ("labels", "train", "epoch")
DIRECTORY = Path(os.environ.get("MSA_GOLDEN_DIR") or OWN)


def _cases(directory: Path = DIRECTORY) -> list[Path]:
    paths = sorted(directory.glob("*.json"))
    return [path for path in paths if "system" in json.loads(path.read_text())]


def _published() -> list[str]:
    """The registered systems of a paper: their recipes cite it."""
    recipes = {name: ROOT / f"workflow/recipes/models/{name}.yaml" for name in MODELS}
    return [name for name, path in recipes.items() if "cite" in yaml.safe_load(path.read_text())]


def _system(case: dict) -> str:
    """The registered name; a system's variants may each have one, as MIB's do."""
    variant = f"{case['system']}_{case['variant']}"
    return variant if variant in MODELS else case["system"]


def _run(
    system: ModuleType, model: nn.Module, case: dict, inputs: dict[str, Tensor]
) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
    """The output, the terms added to the loss, and what else is to be as in the case's arrays."""
    if hasattr(system, "run"):
        return system.run(model, case, inputs)
    output = model(inputs)
    return (*output, {}) if isinstance(output, tuple) else (output, {}, {})


def _loss(name: str, output: Tensor, target: Tensor) -> Tensor:
    name = name.partition(" + ")[0]
    if name.startswith(("none", "auxiliary only")):
        return torch.zeros(())
    if name == "mean(0.5*(logit-label)^2)":
        return (0.5 * (output.flatten() - target.flatten()) ** 2).mean()
    name, _, reduction = name.rstrip(")").partition("(")
    if name == "cross_entropy":
        logits = output.reshape(target.numel(), -1)  # several questions a row, as IEMOCAP has
        return F.cross_entropy(logits, target.flatten(), reduction=reduction)
    if name == "bce":  # of the sigmoid of logits
        name, reduction = "bce_with_logits", reduction.partition(", ")[2]
    function = {
        "l1": F.l1_loss,
        "mse": F.mse_loss,
        "bce_with_logits": F.binary_cross_entropy_with_logits,
    }[name]
    return function(output, target.to(output.dtype).view_as(output), reduction=reduction)


def test_there_are_cases() -> None:
    """An empty directory is not a pass."""
    assert _cases(), f"no golden case in {DIRECTORY}"


@pytest.mark.parametrize("system", _published())
def test_every_published_system_has_a_case(system: str) -> None:
    systems = {_system(json.loads(path.read_text())) for path in _cases(OWN)}
    assert system in systems, f"{system}: expected a case in {OWN}, got those of {sorted(systems)}"


@pytest.mark.parametrize("path", _cases(), ids=lambda path: path.stem)
def test_golden(path: Path, record_property: Callable[[str, object], None]) -> None:
    """Output, loss, number of parameters and every gradient norm are the authors'."""
    case = json.loads(path.read_text())
    if _system(case) not in MODELS:
        pytest.xfail(f"system {_system(case)!r} is not among the models")
    cases = importlib.import_module(f"parity.{case['system']}")
    with np.load(path.with_suffix(".npz")) as file:
        inputs = {name: torch.from_numpy(file[name]) for name in file.files}
    inputs = {n: x.double() if x.is_floating_point() else x for n, x in inputs.items()}
    state = golden_weights(case)
    model = cases.build(case, inputs, state).double().eval()
    unused = load_released(model, state)
    if case["variant"] in LOOPS and hasattr(cases, "loop"):
        # the released loop with the parameters held still
        found = cases.loop(model, case, inputs)
        assert found
        for name, x in found.items():
            torch.testing.assert_close(x, inputs[name], rtol=1e-5, atol=1e-9, msg=name)
        return

    trainable = case["trainable"]
    own = sum(p.numel() for p in model.parameters())
    assert own + sum(state[k].numel() for k in unused if k in trainable) == case["n_parameters"]

    if f"{case.get('mode', '')}{case['config'].get('mode', '')}".startswith("training"):
        model.train()
        for part in model.modules():
            if isinstance(part, nn.Dropout):
                part.p = 0.0
    output, terms, more = _run(cases, model, case, inputs)
    auxiliary = sum(terms.values(), torch.zeros(()))
    loss = _loss(case["config"]["loss"], output, inputs["target"]) + auxiliary
    errors = {
        "output": ((output - inputs["output"]).abs() / inputs["output"].abs()).max().item(),
        "loss": abs(loss.item() / case["loss"] - 1),
    }
    for name, x in {"output": output, **more}.items():
        torch.testing.assert_close(x, inputs[name], rtol=1e-5, atol=1e-9, msg=name)
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
