"""LMR-CBT's golden cases."""

from torch import nn

from msa.models import model_class


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    return model_class("lmr_cbt")(
        **{f"{name}_dim": width for name, width in config["input_dims"].items()},
        output_dim=config["output_dim"],
        d_model=config["d_model"],
        heads=config["heads"],
        layers=config["layers"],
        causal=config["causal_attention_mask"],
        recurrence="batch",
        padding="released",
    )
