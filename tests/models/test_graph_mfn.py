"""Graph-MFN's traps, and what its graph has."""

import pytest
import torch
from making import collate, make, make_rows
from torch import Tensor

from msa.models.graph_mfn import FusionGraph, proper_subsets


def test_the_fusion_nets_are_never_trained_as_released() -> None:
    """They are as they were drawn, and the network of the result is not among them."""
    always = {"t_network", "efficacy_model"}
    for train, learning in ((True, always | {"networks"}), (False, always)):
        model = make("graph_mfn", train_nodes=train)
        model(collate(make_rows("graph_mfn"))).sum().backward()
        named = dict(model.graph_mfn.named_parameters())
        found = {name.partition(".")[0] for name, p in named.items() if p.grad is not None}
        assert found == learning
        # what an optimizer is given, and what is saved
        assert all(p.requires_grad == (p.grad is not None) for p in named.values())
        assert any(".networks." in key for key in model.state_dict())


@torch.no_grad()
def test_released_efficacies_have_no_bounds() -> None:
    """Between 0 and 1 in the paper, of any size and sign as released."""
    vectors = [torch.full((2, width), 30.0, dtype=torch.float64) for width in (5, 3, 4)]
    seen: list[Tensor] = []
    for choice in ("sigmoid", "linear"):
        graph = make("graph_mfn", efficacy=choice).graph_mfn
        graph.t_network.register_forward_hook(lambda *call: seen.append(call[1][0]))
        graph(vectors)
    singles = [x[:, :12] / 30 for x in seen]  # what comes through of the vectors themselves
    assert ((singles[0] >= 0) & (singles[0] <= 1)).all()
    assert singles[1].abs().max() > 2
    assert singles[1].min() < 0


@pytest.mark.parametrize(("inputs", "efficacies"), [(2, 5), (3, 19), (4, 65)])
def test_each_edge_has_an_efficacy(inputs: int, efficacies: int) -> None:
    """Those of the nodes' subsets, then those of all nodes."""
    graph = FusionGraph(input_dims=[2] * inputs, output_dim=3, pattern=4, efficacy_hidden=(5, 6))
    assert graph.efficacy_model[-1].out_features == efficacies
    assert len(graph.nodes) == 2**inputs - 1


def test_subsets_are_in_the_order_of_size() -> None:
    """And of one size in the order of the modalities."""
    assert proper_subsets((0, 1, 2)) == [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2)]
