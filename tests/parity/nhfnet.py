"""NHFNet's golden cases."""

from torch import nn

from msa.models import model_class


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    return model_class("nhfnet")(
        **{f"{name}_dim": width for name, width in config["input_dims"].items()},
        output_dim=inputs["output"].shape[1],
        d_model=config["d_model"],
        heads=config["heads"],
        layers=config["layers"],
        text_hidden=state["text_model.0.weight_hh_l0"].shape[1],
        bottleneck_tokens=config["bottleneck_tokens"],
        padding="released",
    )
