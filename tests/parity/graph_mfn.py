"""Graph-MFN's golden cases: MMSA's whole network, and the authors' graph alone."""

from torch import Tensor, nn

from msa.models import model_class
from msa.models.graph_mfn import FusionGraph


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    if case["variant"] == "dfg":
        return FusionGraph(
            input_dims=config["input_dims"],
            output_dim=config["output_dim"],
            pattern=config["pattern_in"],
            efficacy_hidden=config["efficacy"],
            efficacy="linear",
        )
    return model_class("graph_mfn")(
        **{f"{name}_dim": width for name, width in config["input_dims"].items()},
        **{f"{name}_hidden": width for name, width in config["hidden"].items()},
        output_dim=config["output_dim"],
        memory=config["memory"],
        node=config["inner_node"],
        pattern=config["pattern_hidden"],
        proposal_hidden=config["shapes"]["att2"],
        retain_hidden=config["shapes"]["gamma1"],
        update_hidden=config["shapes"]["gamma2"],
        output_hidden=config["shapes"]["out"],
        efficacy="linear",
        padding="released",
    )


def run(model: nn.Module, case: dict, inputs: dict[str, Tensor]) -> tuple:
    graph = model if case["variant"] == "dfg" else model.graph_mfn
    found: list[Tensor] = []
    graph.efficacy_model.register_forward_hook(lambda *call: found.append(call[2]))
    given = [inputs[f"x{i}"] for i in range(4)] if graph is model else inputs
    output = model(given)
    return output, {}, {"efficacies": found[0].view_as(inputs["efficacies"])}
