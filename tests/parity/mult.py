"""MulT's golden cases."""

from torch import nn

from msa.models import model_class


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    streams = config["streams"]
    return model_class("mult")(
        **{f"{name}_dim": width for name, width in config["input_dims"].items()},
        **{f"{name}_kernel": size for name, size in config["conv_kernel"].items()},
        output_dim=config["output_dim"],
        d_model=config["d_model"],
        heads=config["heads"],
        layers=config["layers"],
        streams="all" if len(streams) == 3 else streams[0],
        positions=config["positions"],
        causal=config["causal_attention_mask"],
        padding="released",
    )
