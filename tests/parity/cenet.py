"""CENET's golden cases, of MMSA's version."""

from making import golden_bert
from torch import nn

from msa.models import model_class


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    return model_class("cenet")(
        bert=golden_bert(config),
        audio_dim=config["audio_dim"],
        vision_dim=config["vision_dim"],
        output_dim=config["output_dim"],
        gain=config["attention_gain"],
        padding="released",
    )
