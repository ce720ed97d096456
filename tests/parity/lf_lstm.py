"""LF-LSTM's golden cases, whose text is words: the released embedding is part of the model here."""

import torch
from torch import Tensor, nn

from msa.models import model_class


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    model = model_class("lf_lstm")(
        **{f"{name}_dim": width for name, width in config["input_dims"].items()},
        **{f"{name}_hidden": width for name, width in config["hidden"].items()},
        output_dim=config["output_dim"],
        fc1=config["fc1"],
        padding="released",
    )
    model.embed = nn.Embedding(config["vocab_size"], config["input_dims"]["text"])
    return model


def run(model: nn.Module, case: dict, inputs: dict[str, Tensor]) -> tuple:
    valid = torch.arange(inputs["words"].shape[1]) < inputs["lengths"][:, None]
    text = {"text": model.embed(inputs["words"]), "text_mask": valid}
    return model(inputs | text), {}, {}
