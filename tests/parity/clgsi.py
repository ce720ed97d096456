"""CLGSI's golden cases."""

import pytest
import torch
from making import golden_bert
from torch import Tensor, nn

from msa.models import model_class
from msa.models.clgsi import MODALITIES, PAIRS

OURS = {
    "audio_dim": "audio_dim",
    "vision_dim": "vision_dim",
    "post_dim": "width",
    "fusion_dim": "fusion_width",
    "filters": "filters",
    "reduction": "reduction",
    "audio_heads": "audio_heads",
    "vision_heads": "vision_heads",
    "audio_layers": "audio_layers",
    "vision_layers": "vision_layers",
    "feed_forward": "feed_forward",
    "contrast_weight": "contrast_weight",
    "label_divisor": "label_range",
}


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    return model_class("clgsi")(
        bert=golden_bert(config),
        output_dim=1,
        encoder_dropout=0.0,
        self_pairs="released",
        padding="released",
        **{ours: config[theirs] for theirs, ours in OURS.items()},
    )


def run(model: nn.Module, case: dict, inputs: dict[str, Tensor]) -> tuple:
    label = inputs["target"][:, None]
    model.start_training(label)
    output, features = model.views(inputs)
    contrasts = model.contrasts(features, label)
    expected = [case["loss_terms"][f"contrast_{m}_{n}"] for m, n in PAIRS]
    assert [x.item() for x in contrasts] == pytest.approx(expected, rel=1e-5)
    terms = {"contrast": model.contrast_weight * torch.stack(contrasts).sum()}
    return output, terms, {f"feature_{m}": features[m] for m in (*MODALITIES, "fusion")}
