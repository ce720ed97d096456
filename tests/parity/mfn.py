"""MFN's golden cases."""

from torch import nn

from msa.models import model_class


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    return model_class("mfn")(
        **{f"{name}_dim": width for name, width in config["input_dims"].items()},
        **{f"{name}_hidden": width for name, width in config["hidden"].items()},
        output_dim=config["output_dim"],
        memory=config["memory"],
        attention_hidden=config["att1"],
        proposal_hidden=config["att2"],
        retain_hidden=config["gamma1"],
        update_hidden=config["gamma2"],
        output_hidden=config["out"],
        padding="released",
    )
