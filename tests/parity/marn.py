"""MARN's golden cases."""

import torch
from torch import Tensor, nn

from msa.models import model_class


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    sdk = case["variant"] == "sdk"
    own = (
        {"head_hidden": config["head_hidden"], "attention": "joint"}
        if sdk
        else {"output_state": "z"}
    )
    return model_class("marn")(
        **{f"{name}_dim": width for name, width in config["input_dims"].items()},
        **{f"{name}_hidden": width for name, width in config["hidden"].items()},
        **{f"{name}_reduced": width for name, width in config["reduced"].items()},
        output_dim=config["output_dim"],
        attentions=config["attentions"],
        attention_hidden=config.get("attention_hidden", 0),
        variant=case["variant"],
        padding="released" if sdk else "masked",
        **own,
    )


def run(model: nn.Module, case: dict, inputs: dict) -> tuple[Tensor, dict, dict]:
    """The SDK's cases have the last code too; the other one has lengths."""
    if case["variant"] == "sdk":
        last: list[Tensor] = []
        model.fc1.register_forward_pre_hook(lambda _, x: last.append(x[0]))
        output = model(inputs)
        return output, {}, {"z": last[0][:, -inputs["z"].shape[1] :]}
    mask = torch.arange(inputs["text"].shape[1]) < inputs["lengths"][:, None]
    return model(inputs | {f"{name}_mask": mask for name in case["config"]["order"]}), {}, {}
