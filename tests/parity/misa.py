"""MISA's golden cases; without BERT the released embedding is part of the model here."""

import pytest
import torch
from making import golden_bert
from torch import Tensor, nn

from msa.models import model_class


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    model = model_class("misa")(
        bert=golden_bert(config) if config["use_bert"] else None,
        **{f"{name}_dim": width for name, width in config["input_dims"].items()},
        output_dim=config["num_classes"],
        d_model=config["hidden_size"],
        activation=config["activation"],
        similarity="cmd" if config["use_cmd_sim"] else "domain",
        reversal=config.get("reverse_grad_weight", 1.0),
        **{f"{name}_weight": config[f"{name}_weight"] for name in ("diff", "sim", "recon")},
        attention_dropout=0.0,  # it is in no module of its own
        text_length="words",
        # the authors have one length for all; what is released beside BERT is MMSA's
        padding="masked" if config["use_bert"] else "released",
    )
    if not config["use_bert"]:
        model.embed = nn.Embedding(config["vocab_size"], config["input_dims"]["text"])
    return model


def run(model: nn.Module, case: dict, inputs: dict[str, Tensor]) -> tuple:
    valid = torch.arange(inputs["audio"].shape[1]) < inputs["lengths"][:, None]
    inputs = inputs | {f"{name}_mask": valid for name in ("text", "audio", "vision")}
    if "words" in inputs:
        inputs["text"] = model.embed(inputs["words"])
    output, terms = model(inputs)
    found = {name: term.item() / case["config"][f"{name}_weight"] for name, term in terms.items()}
    found["cmd" if model.similarity == "cmd" else "domain"] = found.pop("sim")
    expected = {name: x for name, x in case["loss_terms"].items() if name != "task"}
    assert found == pytest.approx(expected, rel=1e-5)
    return output, terms, {}
