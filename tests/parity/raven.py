"""RAVEN's golden cases; words have several frames there."""

import torch
from torch import Tensor, nn

from msa.models import model_class


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    return model_class("raven")(
        **{f"{name}_dim": width for name, width in config["input_dims"].items()},
        output_dim=1,
        projection=config["norm"],
        cell=config["cell"],
        hidden=config["hidden"],
        layers=config["layers"],
        shift_weight=config["shift_weight"],
        steps=config["length"],
        nonverbal_gradient=case["variant"] == "gradient",
        gate="linear",
        shift="released",
        audio_norm="batch",
        padding="released",
    )


def run(model: nn.Module, case: dict, inputs: dict[str, Tensor]) -> tuple:
    valid = torch.arange(inputs["text"].shape[1]) < inputs["lengths"][:, None]
    batch = inputs | {f"{name}_mask": valid for name in ("text", "audio", "vision")}
    batch |= {f"{name}_frames": inputs[f"{name}_lengths"] for name in ("audio", "vision")}
    return model(batch)[:, 0], {}, {}
