"""RMFN's golden cases."""

from torch import Tensor, nn

from msa.models import model_class


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    return model_class("rmfn")(
        **{f"{name}_dim": width for name, width in config["input_dims"].items()},
        **{f"{name}_hidden": width for name, width in config["hidden"].items()},
        output_dim=config["output_dim"],
        cell=config["fusion_cell"],
        stages=config["steps"],
        head_hidden=config["head_hidden"],
        fusion="sdk",
        padding="released",
    )


def run(model: nn.Module, case: dict, inputs: dict) -> tuple[Tensor, dict, dict]:
    last: list[Tensor] = []
    model.fc1.register_forward_pre_hook(lambda _, x: last.append(x[0]))
    output = model(inputs)
    return output, {}, {"z": last[0][:, -inputs["z"].shape[1] :]}
