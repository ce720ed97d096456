"""HKT's golden cases; one is of an encoder alone, with the decoder that it is trained by."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AlbertConfig, AlbertModel

from msa.models import model_class
from msa.models.hkt import STREAMS, from_released
from msa.models.plain_attention import Encoder

__all__ = ["Alone", "build", "from_released", "run"]


class Alone(Encoder):
    """An encoder whose released names are those of its part of HKT."""


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    if case["variant"] == "unimodal":
        return Alone(
            d_model=config["input_dim"],
            layers=config["layers"],
            heads=config["heads"],
            feedforward=config["feedforward"],
            dropout=0.1,
            positions=config["max_seq_length"],
            decoder_dim=1,
        )
    sizes: Any = {
        f"{name}_{key}": value
        for name in STREAMS
        for key, value in config["encoders"][name].items()
    }
    return model_class("hkt")(
        bert=AlbertModel(AlbertConfig(**config["albert"])),
        **{f"{name}_dim": config[f"{name}_dim"] for name in STREAMS},
        **sizes,
        output_dim=2,
        cross_heads=config["cross_heads"],
        fusion_dim=config["fusion_dim"],
        positions=config["max_seq_length"],
        logits="one",
        special_steps="released",
        padding="released",
    )


def run(model: nn.Module, case: dict, inputs: dict[str, Tensor]) -> tuple:
    if isinstance(model, Alone):
        x = inputs["audio"]
        hidden = model(x, torch.ones(x.shape[:2], dtype=torch.bool))
        return model.decoder(hidden[:, 0]), {}, {"hidden": hidden}
    read = []
    layers: Any = model.fc
    layers.register_forward_pre_hook(lambda module, args: read.append(args[0]))
    output = model(inputs)
    assert not output[:, 0].any()
    return output[:, 1:], {}, {"fused": read[0]}
