"""Graph-MFN: Zadeh, Liang, Poria, Cambria, Morency, "Multimodal Language Analysis in the Wild:
CMU-MOSEI Dataset and Interpretable Dynamic Fusion Graph", ACL 2018.

MFN with a graph in place of its attention: a node for each set of modalities sees the nodes of its
subsets, each as far as its efficacy of the moment lets it through.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.models.checkpoint import rename
from msa.models.dropout import Dropout
from msa.models.gated_memory import remember
from msa.models.padding import Steps, aligned_steps, require_choice
from msa.models.recurrence import Times, recur_cell

WIDTHS = {
    "text_dim": ("lstm_l.weight_ih", 1),
    "audio_dim": ("lstm_a.weight_ih", 1),
    "vision_dim": ("lstm_v.weight_ih", 1),
    "output_dim": ("out_fc2.weight", 0),
    "text_hidden": ("lstm_l.weight_hh", 1),
    "audio_hidden": ("lstm_a.weight_hh", 1),
    "vision_hidden": ("lstm_v.weight_hh", 1),
    "memory": ("att2_fc2.weight", 0),
    "node": ("att2_fc1.weight", 1),
    "pattern": ("graph_mfn.t_network.0.weight", 0),
    "proposal_hidden": ("att2_fc1.weight", 0),
    "retain_hidden": ("gamma1_fc1.weight", 0),
    "update_hidden": ("gamma2_fc1.weight", 0),
    "output_hidden": ("out_fc1.weight", 0),
}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one."""
    return rename(state, {".1.0.": ".1."})


def proper_subsets(node: Sequence[int]) -> list[tuple[int, ...]]:
    """The smallest first, none of them empty."""
    return [part for size in range(1, len(node)) for part in combinations(node, size)]


class FusionGraph(nn.Module):
    """The authors' dynamic fusion graph over some vectors of a step.

    Args:
        input_dims: widths of the vectors.
        output_dim: width of a node of more than one, and of the result.
        pattern: width inside the nodes' networks.
        efficacy_hidden: widths inside the network of the efficacies.
        efficacy: sigmoid, between 0 and 1, or linear, without bounds.
        train_nodes: False leaves the nodes' networks as they are drawn, but for the result's.
    """

    def __init__(
        self,
        *,
        input_dims: Sequence[int],
        output_dim: int,
        pattern: int,
        efficacy_hidden: tuple[int, int],
        efficacy: str = "sigmoid",
        train_nodes: bool = True,
    ) -> None:
        super().__init__()
        self.efficacy = require_choice("efficacy", efficacy, ("sigmoid", "linear"))
        whole = tuple(range(len(input_dims)))
        self.nodes = [*proper_subsets(whole), whole]
        widths = {x: input_dims[x[0]] if len(x) == 1 else output_dim for x in self.nodes}
        self.fused = self.nodes[len(whole) :]

        def network(parts: list[tuple[int, ...]]) -> nn.Sequential:
            width = sum(widths[part] for part in parts)
            return nn.Sequential(nn.Linear(width, pattern), nn.Linear(pattern, output_dim))

        self.networks = nn.ModuleDict(
            {self._name(node): network(proper_subsets(node)) for node in self.fused}
        ).requires_grad_(train_nodes)
        self.t_network = network(self.nodes)
        first, second = efficacy_hidden
        edges = sum(len(proper_subsets(node)) for node in self.fused) + len(self.nodes)
        self.efficacy_model = nn.Sequential(
            nn.Linear(sum(input_dims), first), nn.Linear(first, second), nn.Linear(second, edges)
        )

    def forward(self, x: Sequence[Tensor]) -> Tensor:
        """The fusion (n, output_dim) of vectors (n, d) each."""
        found: dict[tuple[int, ...], Tensor] = {(i,): vector for i, vector in enumerate(x)}
        efficacies = self.efficacy_model(torch.cat([*x], dim=1))  # (n, edges)
        if self.efficacy == "sigmoid":
            efficacies = torch.sigmoid(efficacies)
        edges = iter(efficacies.split(1, dim=1))
        for node in self.fused:
            parts = [found[part] * next(edges) for part in proper_subsets(node)]
            found[node] = self.networks[self._name(node)](torch.cat(parts, dim=1))
        return self.t_network(torch.cat([found[node] * next(edges) for node in self.nodes], dim=1))

    @staticmethod
    def _name(node: tuple[int, ...]) -> str:
        return "_".join(map(str, node))


class GraphMFN(nn.Module):
    """Memory fusion by a graph, of modalities that are aligned to words.

    The hidden widths and dropouts are, in the released names, those of the nets att2 (proposal),
    gamma1 (retain), gamma2 (update) and out (output). ``efficacy`` and ``train_nodes`` are the
    graph's; the released graph has them ``"linear"`` and, its networks unknown to the optimizer,
    False.
    """

    def __init__(
        self,
        *,
        text_dim: int,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        text_hidden: int = 256,
        audio_hidden: int = 32,
        vision_hidden: int = 256,
        memory: int = 300,
        node: int = 64,
        pattern: int = 100,
        proposal_hidden: int = 32,
        retain_hidden: int = 128,
        update_hidden: int = 64,
        output_hidden: int = 256,
        proposal_dropout: float = 0.0,
        retain_dropout: float = 0.5,
        update_dropout: float = 0.5,
        output_dropout: float = 0.0,
        efficacy: str = "sigmoid",
        train_nodes: bool = True,
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        hidden = (text_hidden, audio_hidden, vision_hidden)
        self.lstm_l = nn.LSTMCell(text_dim, text_hidden)
        self.lstm_a = nn.LSTMCell(audio_dim, audio_hidden)
        self.lstm_v = nn.LSTMCell(vision_dim, vision_hidden)
        self.l_transform = nn.Linear(2 * text_hidden, text_hidden)
        self.a_transform = nn.Linear(2 * audio_hidden, audio_hidden)
        self.v_transform = nn.Linear(2 * vision_hidden, vision_hidden)
        self.graph_mfn = FusionGraph(
            input_dims=hidden,
            output_dim=node,
            pattern=pattern,
            efficacy_hidden=(pattern, node),
            efficacy=efficacy,
            train_nodes=train_nodes,
        )
        self.att2_fc1 = nn.Linear(node, proposal_hidden)
        self.att2_fc2 = nn.Linear(proposal_hidden, memory)
        self.att2_dropout = Dropout(proposal_dropout)
        self.gamma1_fc1 = nn.Linear(node + memory, retain_hidden)
        self.gamma1_fc2 = nn.Linear(retain_hidden, memory)
        self.gamma1_dropout = Dropout(retain_dropout)
        self.gamma2_fc1 = nn.Linear(node + memory, update_hidden)
        self.gamma2_fc2 = nn.Linear(update_hidden, memory)
        self.gamma2_dropout = Dropout(update_dropout)
        self.out_fc1 = nn.Linear(sum(hidden) + memory, output_hidden)
        self.out_fc2 = nn.Linear(output_hidden, output_dim)
        self.out_dropout = Dropout(output_dropout)

    def forward(self, batch: dict[str, Any]) -> Tensor:
        sequences = aligned_steps(batch, self.padding)
        lengths = sequences[0].lengths
        times = Times(lengths, sequences[0].rows.device)
        cells = (self.lstm_l, self.lstm_a, self.lstm_v)
        transforms = (self.l_transform, self.a_transform, self.v_transform)
        states = [
            Steps(recur_cell(cell, steps, times)[0], lengths)
            for cell, steps in zip(cells, sequences, strict=True)
        ]
        windows = [torch.cat([of.previous, of.rows], dim=1) for of in states]  # (n, 2h)
        vectors = [F.relu(change(x)) for change, x in zip(transforms, windows, strict=True)]
        fused = self.graph_mfn(vectors)  # (n, node)
        hidden = self.att2_dropout(F.relu(self.att2_fc1(fused)))
        proposed = torch.tanh(self.att2_fc2(hidden))  # (n, memory)
        gates = (
            (self.gamma1_fc1, self.gamma1_fc2, self.gamma1_dropout),
            (self.gamma2_fc1, self.gamma2_fc2, self.gamma2_dropout),
        )
        memory = Steps(remember(fused, proposed, gates, times), lengths)
        x = torch.cat([of.last for of in (*states, memory)], dim=1)
        return self.out_fc2(self.out_dropout(F.relu(self.out_fc1(x))))  # (b, output_dim)
