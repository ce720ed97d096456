"""EF-LSTM's golden cases."""

from torch import nn

from msa.models import model_class


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    return model_class("ef_lstm")(
        **{f"{name}_dim": width for name, width in config["input_dims"].items()},
        output_dim=config["output_dim"],
        hidden=config["hidden"],
        layers=config["layers"],
        variant=case["variant"] or "authors",
        steps=config.get("length", 50),
        padding="released",
    )
