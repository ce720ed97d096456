"""DLF's golden cases."""

import pytest
import torch
from making import golden_bert
from torch import Tensor, nn

from msa.models import model_class
from msa.models.dlf import LETTERS, WEIGHTS


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    return model_class("dlf")(
        bert=golden_bert(config),
        audio_dim=config["audio_dim"],
        vision_dim=config["vision_dim"],
        output_dim=1,
        **{f"{name}_length": length for name, length in config["lengths"].items()},
        **{f"{name}_kernel": size for name, size in config["kernels"].items()},
        d_model=config["d_model"],
        heads=config["heads"],
        layers=config["layers"],
        orthogonal_rows=config["cosine_row"],
        padding="released",
    )


def run(model: nn.Module, case: dict, inputs: dict[str, Tensor]) -> tuple:
    batch = inputs | {
        f"{name}_mask": torch.ones(inputs[name].shape[:2], dtype=torch.bool)
        for name in ("audio", "vision")
    }
    streams = model.apart({name: model._steps(batch, name) for name in LETTERS})
    outputs = model.outputs(streams)
    terms = model.terms(streams, outputs, inputs["target"][:, None])
    found = {name: term.item() for name, term in terms.items()}
    expected = {name: x for name, x in case["loss_terms"].items() if name != "task"}
    assert found == pytest.approx(expected, rel=1e-5)
    more = {f"align_{name}": x for name, x in model.apart.aligned(streams).items()}
    more |= {f"output_{name}": outputs[name] for name in ("shared", *LETTERS)}
    return outputs["fusion"], {name: WEIGHTS[name] * x for name, x in terms.items()}, more
