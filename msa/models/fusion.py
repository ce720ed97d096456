"""Ways to make one vector (b, d) of those of text, audio and vision: what fuses in MIB.

Low-rank and tensor fusion are LMF's and TFN's; the graph is that of Mai, Hu and Xing, "Modality to
Modality Translation: An Adversarial Representation Learning and Graph Fusion Network for Multimodal
Fusion", AAAI 2020.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HIDDEN = 50  # of the last layers of tensor and graph, whatever d is


class Concatenation(nn.Module):
    """One layer on all three."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(3 * d, d)

    def forward(self, text: Tensor, audio: Tensor, vision: Tensor) -> Tensor:
        return F.relu(self.linear_1(torch.cat([text, audio, vision], dim=1)))


class Addition(nn.Module):
    """The sum; it needs no width."""

    def __init__(self, d: int) -> None:
        super().__init__()

    def forward(self, text: Tensor, audio: Tensor, vision: Tensor) -> Tensor:
        return text + audio + vision


class Multiplication(nn.Module):
    """The product of each channel; it needs no width."""

    def __init__(self, d: int) -> None:
        super().__init__()

    def forward(self, text: Tensor, audio: Tensor, vision: Tensor) -> Tensor:
        return text * audio * vision


class Tensors(nn.Module):
    """Three layers on the outer product of all three, a 1 in front of each.

    ``bounded`` puts tanh behind each layer; else nothing, tanh and relu are.
    """

    def __init__(self, d: int, bounded: bool = True) -> None:
        super().__init__()
        self.bounded = bounded
        self.post_fusion_layer_1 = nn.Linear((d + 1) ** 3, HIDDEN)
        self.post_fusion_layer_2 = nn.Linear(HIDDEN, HIDDEN)
        self.post_fusion_layer_3 = nn.Linear(HIDDEN, d)

    def forward(self, text: Tensor, audio: Tensor, vision: Tensor) -> Tensor:
        text, audio, vision = (F.pad(x, (1, 0), value=1.0) for x in (text, audio, vision))
        x = torch.einsum("ba,bv,bt->bavt", audio, vision, text).flatten(1)
        x = self.post_fusion_layer_1(x)
        x = self.post_fusion_layer_2(torch.tanh(x) if self.bounded else x)
        x = self.post_fusion_layer_3(torch.tanh(x))
        return torch.tanh(x) if self.bounded else F.relu(x)


class LowRank(nn.Module):
    """The same product through a weight of low rank, so that it is never formed."""

    def __init__(self, d: int, rank: int = 5) -> None:
        super().__init__()
        self.audio_factor, self.video_factor, self.text_factor = (
            nn.Parameter(torch.empty(rank, d + 1, d)) for _ in range(3)
        )
        self.fusion_weights = nn.Parameter(torch.empty(1, rank))
        self.fusion_bias = nn.Parameter(torch.zeros(1, d))
        for name, weight in self.named_parameters():
            if name != "fusion_bias":
                nn.init.xavier_normal_(weight)

    def forward(self, text: Tensor, audio: Tensor, vision: Tensor) -> Tensor:
        factors = (self.text_factor, self.audio_factor, self.video_factor)
        vectors = (F.pad(x, (1, 0), value=1.0) for x in (text, audio, vision))
        t, a, v = (x @ factor for x, factor in zip(vectors, factors, strict=True))  # (rank, b, d)
        return torch.einsum("r,rbd->bd", self.fusion_weights[0], t * a * v) + self.fusion_bias


# the vertices that each edge joins: of the modalities, and of these and their edges
PAIRS = {"av": ("a", "v"), "al": ("a", "l"), "vl": ("v", "l")}
TRIPLES = [("av", "vl"), ("av", "al"), ("vl", "al"), ("av", "l"), ("al", "v"), ("vl", "a")]


class Graph(nn.Module):
    """One, two and three modalities: edges between these, and edges between edges.

    An edge is the stronger the more its vertices weigh and the less they are alike.
    """

    def __init__(self, d: int) -> None:
        super().__init__()
        self.graph_fusion, self.graph_fusion2 = (
            nn.Sequential(nn.Linear(2 * d, 64), nn.LeakyReLU(0.2), nn.Linear(64, d), nn.Tanh())
            for _ in range(2)
        )
        self.attention = nn.Linear(d, 1)
        self.linear_1 = nn.Linear(3 * d, HIDDEN)
        self.linear_2 = nn.Linear(HIDDEN, HIDDEN)
        self.linear_3 = nn.Linear(HIDDEN, d)

    def forward(self, text: Tensor, audio: Tensor, vision: Tensor) -> Tensor:
        x = {"l": text, "a": audio, "v": vision}  # vertices, (b, d)
        weight = {name: torch.tanh(self.attention(vertex)) for name, vertex in x.items()}  # (b, 1)
        share = {name: vertex.softmax(1) for name, vertex in x.items()}
        one = torch.stack([weight[name] * x[name] for name in x]).mean(0)
        made, strength, edge = self._edges(self.graph_fusion, [*PAIRS.values()], x, weight, share)
        two = torch.stack(edge).sum(0)
        x |= zip(PAIRS, edge, strict=True)
        weight |= zip(PAIRS, strength, strict=True)
        share |= {name: new.softmax(1) for name, new in zip(PAIRS, made, strict=True)}
        _, _, edge = self._edges(self.graph_fusion2, TRIPLES, x, weight, share)
        three = torch.stack(edge).sum(0)
        hidden = torch.tanh(self.linear_1(torch.cat([one, two, three], dim=1)))
        return torch.tanh(self.linear_3(torch.tanh(self.linear_2(hidden))))

    @staticmethod
    def _edges(
        network: nn.Module,
        joined: list[tuple[str, str]],
        x: dict[str, Tensor],
        weight: dict[str, Tensor],
        share: dict[str, Tensor],
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """What the network makes of each pair, how strong each is, and the edges by both."""
        made = [network(torch.cat([x[i], x[j]], dim=1)) for i, j in joined]
        strength = [
            (weight[i] + weight[j]) / ((share[i] * share[j]).sum(1, keepdim=True) + 0.5)
            for i, j in joined
        ]
        parts = torch.cat(strength, dim=1).softmax(1).split(1, dim=1)  # (b, 1) each
        return made, strength, [torch.tanh(p * new) for p, new in zip(parts, made, strict=True)]


FUSIONS: dict[str, Callable[[int], nn.Module]] = {
    "concat": Concatenation,
    "addition": Addition,
    "multiplication": Multiplication,
    "tensor": Tensors,
    "low_rank": LowRank,
    "graph": Graph,
}
