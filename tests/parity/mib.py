"""MIB's golden cases: its three systems, with noise that is given."""

from unittest.mock import patch

import pytest
import torch
from making import golden_bert
from torch import Tensor, nn

from msa.models import model_class

FUSIONS = {"graph_fusion": "graph"}


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    return model_class(f"mib_{case['variant']}")(
        bert=golden_bert(config),
        audio_dim=config["audio_dim"],
        vision_dim=config["vision_dim"],
        output_dim=inputs["output"].shape[1],
        bottleneck=case["variant"],
        fusion=FUSIONS.get(config["fusion"], config["fusion"]),
        d_model=config["d_l"],
        bottleneck_hidden=config["bottleneck_hidden"],
        heads=config["heads"],
        layers=config["layers"],
        beta=config["kl_weight"],
        padding="released",
    )


def run(model: nn.Module, case: dict, inputs: dict[str, Tensor]) -> tuple:
    """In training mode, whose noise and terms the released code has in evaluation too."""
    config = case["config"]
    mean = model(inputs)
    model.train()
    for part in model.modules():
        if hasattr(part, "p"):
            part.p = 0.0
    noise = [inputs[f"noise_{name}"] for name in config["noise"]]
    with patch.object(torch, "randn_like", side_effect=noise):
        output, terms = model(inputs | {"label": inputs["target"][:, None]})
    found = {
        name: term.item() / (config["kl_weight"] if name.startswith("kl_") else 1)
        for name, term in terms.items()
    }
    expected = {name: value for name, value in case["loss_terms"].items() if name != "task"}
    assert found == pytest.approx(expected, rel=1e-5)
    return output, terms, {"output_mean": mean}
