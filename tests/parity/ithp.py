"""ITHP's golden cases: a DeBERTa-v3 of few layers, with noise that is given."""

from unittest.mock import patch

import pytest
import torch
from torch import Tensor, nn
from transformers import DebertaV2Config, DebertaV2Model

from msa.models import model_class

OURS = {
    "inter_dim": "hidden",
    "b0_dim": "first_dim",
    "b1_dim": "second_dim",
    "beta": "beta",
    "gamma": "gamma",
    "lambda_": "second_weight",
    "beta_shift": "beta_shift",
    "audio_dim": "audio_dim",
    "vision_dim": "vision_dim",
}


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    return model_class("ithp")(
        bert=DebertaV2Model(DebertaV2Config(**config["deberta"])),
        output_dim=inputs["output"].shape[1],
        **{ours: config[theirs] for theirs, ours in OURS.items()},
        scale="batch",
        head_dropout=True,
        padding="released",
    )


def run(model: nn.Module, case: dict, inputs: dict[str, Tensor]) -> tuple:
    """In training mode, whose noise and terms the released code has in evaluation too."""
    batch = inputs | {"token_type_ids": torch.zeros_like(inputs["input_ids"])}
    mean = model(batch)
    model.train()
    for part in model.modules():
        if hasattr(part, "p"):
            part.p = 0.0
    noise = [inputs[f"noise_{i}"].flatten(0, 1) for i in range(2)]
    with patch.object(torch, "randn_like", side_effect=noise):
        output, terms = model(batch)
    found = {name: (term / model.weights[name]).item() for name, term in terms.items()}
    given = case["loss_terms"]
    expected = {n: x for n, x in given.items() if n not in ("task", "information_bottleneck")}
    assert found == pytest.approx(expected, rel=1e-5)
    return output, terms, {"output_mean": mean}
