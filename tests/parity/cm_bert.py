"""CM-BERT's golden cases."""

from making import golden_bert
from torch import nn

from msa.models import model_class


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    return model_class("cm_bert")(
        bert=golden_bert(config),
        audio_dim=config["audio_dim"],
        output_dim=inputs["output"].shape[1],
        projection_dim=config["projection_dim"],
        text_scale="batch",
        freeze_embeddings=False,
        padding="released",
    )
