"""PMR's golden cases, which a student's reproduction computed."""

import numpy as np
from torch import Tensor, nn

from msa.models import model_class
from msa.models.packing import Packing
from msa.models.pmr import MRU


class Unit(MRU):
    """One unit alone, under the reproduction's names."""


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    return state, []


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    if case["variant"] == "mru":
        return Unit(d_model=config["d_model"], heads=config["heads"])
    model = model_class("pmr")(
        **{f"{name}_dim": width for name, width in config["input_dims"].items()},
        **{f"{name}_kernel": size for name, size in config["kernels"].items()},
        **{f"{name}_length": length for name, length in config["lengths"].items()},
        **{name: config[name] for name in ("output_dim", "d_model", "heads", "layers")},
        message_update="released",
        shared_mru=True,
        causal=config["causal_attention_mask"],
        padding="released",
    )
    return model.requires_grad_(True)  # the case lists gradients of what is never trained


def run(model: nn.Module, case: dict, inputs: dict[str, Tensor]) -> tuple:
    if case["variant"] == "port":
        return model(inputs), {}, {"last_step": model.last_step(inputs)}
    target, source = (inputs[f"{name}_sequence"] for name in ("target", "source"))
    own, other = (Packing(np.full(len(x), x.shape[1]), x.device) for x in (target, source))
    causal = case["config"]["causal_attention_mask"]
    across, within = (own.visible(x, target.dtype, causal) for x in (other, own))
    return model(target, source, across, within), {}, {}
