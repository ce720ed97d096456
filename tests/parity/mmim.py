"""MMIM's golden cases; audio and vision are (t, b, d) there."""

import pytest
import torch
from making import golden_bert
from torch import Tensor, nn

from msa.models import model_class

MEMORY = {"pos": "recent_positive", "neg": "recent_negative"}


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    return model_class("mmim")(
        bert=golden_bert(config),
        audio_dim=config["audio_dim"],
        vision_dim=config["vision_dim"],
        output_dim=config["n_class"],
        audio_hidden=config["d_ah"],
        vision_hidden=config["d_vh"],
        audio_out=config["d_aout"],
        vision_out=config["d_vout"],
        fusion_width=config["d_prjh"],
        bidirectional=config["bidirectional"],
        add_va=config["add_va"],
        cpc_layers=config["cpc_layers"],
        alpha=config["alpha"],
        beta=config["beta"],
    )


def _batch(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Batch first, with the masks of what is valid."""
    batch = dict(inputs)
    for name in ("audio", "vision"):
        batch[name] = inputs[name].transpose(0, 1)
        steps = torch.arange(batch[name].shape[1])
        batch[f"{name}_mask"] = steps < inputs[f"{name}_lengths"][:, None]
    return batch | {"label": inputs["target"]}


def _train(model: nn.Module) -> None:
    model.train()
    for part in model.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0


def run(model: nn.Module, case: dict, inputs: dict[str, Tensor]) -> tuple:
    batch, config = _batch(inputs), case["config"]
    output = model(batch)
    _train(model)
    if case["variant"] == "stage0":
        _, terms = model(batch | {"phase": "bounds"})
        assert -terms["lld"].item() == pytest.approx(case["loss_terms"]["lld"], rel=1e-5)
        return output, terms, {}
    model.batches = 2 if config["memory"] else 0
    for pair in model.pairs:
        for side, name in MEMORY.items():
            if config["memory"]:
                setattr(model._bound(pair), name, inputs[f"memory_{pair}_{side}"])
    output, terms = model(batch)
    weights = {"nce": config["alpha"], "lld": -config["beta"], "entropy": -config["beta"]}
    found = {
        name: terms[name].item() / weights[name] for name in case["loss_terms"] if name != "task"
    }
    expected = {name: case["loss_terms"][name] for name in found}
    assert found == pytest.approx(expected, rel=1e-5)
    more = {
        f"memory_out_{pair}_{side}": getattr(model._bound(pair), name)
        for pair in model.pairs
        for side, name in MEMORY.items()
    }
    return output, terms, more


def loop(model: nn.Module, case: dict, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    _train(model)
    model.start_epoch(1)
    several = {name: x for name, x in inputs.items() if name not in ("output", "losses_stage0")}
    batches = [
        _batch({name: x[i] for name, x in several.items()})
        for i in range(case["config"]["batches"])
    ]
    first, second = [], []
    for batch in batches:
        _, terms = model(batch | {"phase": "bounds"})
        first.append(sum(terms.values()).detach())
    for batch in batches:
        output, terms = model(batch)
        second.append(((output - batch["label"]).abs().mean() + sum(terms.values())).detach())
    return {"losses_stage0": torch.stack(first), "output": torch.stack(second)}
