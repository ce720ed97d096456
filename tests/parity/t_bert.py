"""T-BERT's golden cases."""

from making import golden_bert
from torch import nn

from msa.models import model_class


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    return model_class("t_bert")(
        bert=golden_bert(case["config"]),
        output_dim=inputs["output"].shape[1],
        pool="pooler",
        padding="released",
    )
