"""MFM's golden cases; the normal numbers that the prior draws are given."""

from unittest.mock import patch

import pytest
import torch
from torch import Tensor, nn

from msa.models import model_class

MODALITIES = ("text", "audio", "vision")


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    return model_class("mfm")(
        **{f"{name}_dim": width for name, width in config["input_dims"].items()},
        **{f"{name}_hidden": width for name, width in config["hidden"].items()},
        **{f"{name}_code": width for name, width in config["z"].items()},
        **{f"{name}_factor": width for name, width in config["f"].items()},
        **{f"{name}_weight": x for name, x in config["lambda_reconstruction"].items()},
        output_dim=config["output_dim"],
        memory=config["memory"],
        attention_hidden=config["mfn"]["att1"],
        proposal_hidden=config["mfn"]["att2"],
        retain_hidden=config["mfn"]["gamma1"],
        update_hidden=config["mfn"]["gamma2"],
        prior_weight=config["lambda_prior"],
        variant=case["variant"],
        generative_epochs=1 if config["stage"] else 0,
        missing_vision_source="audio",
        padding="released",
    )


def run(model: nn.Module, case: dict, inputs: dict[str, Tensor]) -> tuple:
    model.train()  # only there it has terms
    for part in model.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    model.start_epoch(case["config"]["stage"] or 1)
    sequences: list[Tensor] = []
    predictions: list[Tensor] = []
    for decoder in model.factors.decoders.values():
        decoder.register_forward_hook(lambda *call: sequences.append(call[2]))
    model.factors.head.register_forward_hook(lambda *call: predictions.append(call[2]))
    noise = [inputs.get(f"noise_{name}") for name in (*MODALITIES, "shared")]
    label = inputs["target"]
    label = label[:, None].to(inputs["text"].dtype if label.is_floating_point() else label.dtype)
    with patch("torch.randn_like", side_effect=noise):
        output, terms = model(inputs | {"label": label})

    expected = dict(case["terms"])
    weighted = {"prior": expected["prior_weighted"]}
    if case["config"]["stage"] != 2:
        weighted["reconstruction"] = expected["reconstruction_weighted"]
    if case["variant"] == "missing":
        weighted["missing"] = expected["missing"]
        weighted["absent"] = expected["task"] - torch.nn.functional.l1_loss(output, label).item()
    assert {name: terms[name].item() for name in weighted} == pytest.approx(weighted, rel=1e-5)
    assert sum(terms.values()).item() == pytest.approx(sum(weighted.values()), rel=1e-5)

    more = {}
    whole = sequences[:: len(sequences) // 3] if sequences else []
    for name, made in zip(MODALITIES, whole, strict=False):
        steps_first = inputs[f"reconstruction_{name}"].transpose(0, 1)
        more[f"reconstruction_{name}"] = made.view_as(steps_first).transpose(0, 1)
    for name, prediction in zip(MODALITIES, predictions[1:], strict=False):
        more[f"output_no_{name}"] = prediction
    return output, terms, more
