"""ALMT's golden cases."""

from making import golden_bert
from torch import nn

from msa.models import model_class

OURS = {
    "d_model": "d_model",
    "token_length": "tokens",
    "token_len": "kept",
    "proj_depth": "proj_depth",
    "proj_heads": "proj_heads",
    "proj_mlp_dim": "proj_hidden",
    "l_enc_heads": "text_heads",
    "l_enc_mlp_dim": "text_hidden",
    "AHL_depth": "hyper_depth",
    "ahl_heads": "hyper_heads",
    "ahl_dim_head": "hyper_head_dim",
    "fusion_layer_depth": "fusion_depth",
    "fusion_heads": "fusion_heads",
    "fusion_mlp_dim": "fusion_hidden",
}


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    same = ("audio_dim", "vision_dim", "text_length", "audio_length", "vision_length")
    return model_class("almt")(
        bert=golden_bert(config),
        output_dim=inputs["output"].shape[1],
        **{name: config[name] for name in same},
        **{ours: config[theirs] for theirs, ours in OURS.items()},
        padding="released",
    )
