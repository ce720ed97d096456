"""TFN's golden cases."""

from torch import Tensor, nn

from msa.models import model_class


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    return model_class("tfn")(
        **{f"{name}_dim": width for name, width in config["input_dims"].items()},
        **{f"{name}_hidden": width for name, width in config["hidden"].items()},
        text_out=config["text_out"],
        post_fusion=config["post_fusion"],
        output_dim=config["output_dim"],
        task="regression" if config["output_dim"] == 1 else "classification",
        padding="released",
    )


def run(model: nn.Module, case: dict, inputs: dict[str, Tensor]) -> tuple:
    steps = {name: inputs[name][:, None] for name in ("audio", "vision")}  # (b, 1, d)
    return model(inputs | steps), {}, {}
