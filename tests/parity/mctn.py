"""MCTN's golden cases; a variant's networks give errors of translation in training mode alone."""

import pytest
import torch
from torch import Tensor, nn

from msa.models import model_class

# where the translations come from, in the order of the forward pass
TRANSLATORS = {"keras": ("decoder", "decoder2"), "multibench": ("seq2seq0", "seq2seq1"), "mmsa": ()}
TRANSLATIONS = ("translated", "cycled", "translated2")


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    orders = {"keras": config.get("order"), "mmsa": ("text", "vision", "audio")}
    dims = dict.fromkeys(("text", "audio", "vision"), 1) | config.get("input_dims", {})
    dims["text"] = config.get("width", dims["text"])
    weights = {f"{name}_weight": x for name, x in config["weights"].items() if name != "regression"}
    return model_class("mctn")(
        **{f"{name}_dim": width for name, width in dims.items()},
        output_dim=1,
        variant=case["variant"],
        order="-".join(orders.get(case["variant"], orders["mmsa"])),
        hidden=config["hidden"],
        regression_hidden=config.get("regression_hidden", config["hidden"]),
        head_hidden=config.get("head_hidden", 1),
        **weights,
        l2=config.get("l2", 0.0),
        cell="tanh",
        forget_gate="input",
        attention_state=False,
        recurrence="batch",
        evaluation_code="states",
        padding="released",
    )


def run(model: nn.Module, case: dict, inputs: dict[str, Tensor]) -> tuple:
    model.train(case["config"].get("mode") != "evaluation")
    for part in model.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    if "teacher" in inputs:
        model.network.draw = lambda count: inputs["teacher"].tolist()
    found: list[Tensor] = []
    for name in TRANSLATORS[case["variant"]]:
        if hasattr(model.network, name):
            model.network.get_submodule(name).register_forward_hook(
                lambda module, args, output: found.append(output)
            )
    # of two modalities the third is not read
    absent = torch.zeros(*inputs["text"].shape[:2], 1, dtype=torch.float64)
    batch = {"audio": absent, "vision": absent} | inputs
    # MMSA's networks cut sequences, which here the settings' lengths do
    steps = slice(case["config"].get("max_length"))
    batch = {name: x[:, steps] if x.dim() == 3 else x for name, x in batch.items()}
    output = model(batch)
    output, terms = output if isinstance(output, tuple) else (output, {})
    expected = {name: x for name, x in case["terms"].items() if name != "task"}
    assert {name: x.item() for name, x in terms.items()} == pytest.approx(expected, rel=1e-5)
    if case["variant"] == "multibench":  # (t, b, width) there
        found = [rows.transpose(0, 1) for rows, _ in found]
    return output, terms, dict(zip(TRANSLATIONS, found, strict=False))
