"""TETFN's golden cases; the labels' tables and the loop are as Self-MM's."""

from making import golden_bert
from parity import self_mm
from torch import nn

from msa.models import model_class

run, loop = self_mm.run, self_mm.loop


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    if case["variant"] == "labels":
        target = inputs["target"][:, None]
        return self_mm.Tables(target, system="tetfn", limit=config["label_clip"])
    return model_class("tetfn")(
        bert=golden_bert(config),
        audio_dim=config["audio_dim"],
        vision_dim=config["vision_dim"],
        output_dim=1,
        d_model=config["dst_feature_dims"],
        heads=config["nheads"],
        audio_hidden=config["a_lstm_hidden_size"],
        vision_hidden=config["v_lstm_hidden_size"],
        text_kernel=config["conv1d_kernel_size_l"],
        audio_kernel=config["conv1d_kernel_size_a"],
        vision_kernel="audio",
        fusion_width=config["post_fusion_dim"],
        text_width=config["post_text_dim"],
        audio_width=config["post_audio_dim"],
        vision_width=config["post_video_dim"],
        positions="released",
        label_limit=config["label_clip"],
        padding="released",
    )
