"""LMF: Liu, Shen, Lakshminarasimhan, Liang, Zadeh, Morency, "Efficient Low-rank Multimodal Fusion
with Modality-Specific Factors", ACL 2018.

One vector a modality, each with a 1 prepended; the weight of their outer product is a sum of
``rank`` products of one factor a modality, so that the outer product is never formed.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.models.checkpoint import rename
from msa.models.padding import require_choice, sequence
from msa.models.subnets import TextNetwork, UtteranceNetwork

WIDTHS = {
    "text_dim": ("text_subnet.rnn.weight_ih_l0", 1),
    "audio_dim": ("audio_subnet.linear_1.weight", 1),
    "vision_dim": ("video_subnet.linear_1.weight", 1),
    "output_dim": ("fusion_bias", 1),
    "text_hidden": ("text_subnet.rnn.weight_hh_l0", 1),
    "audio_hidden": ("audio_subnet.linear_3.weight", 1),
    "vision_hidden": ("video_subnet.linear_3.weight", 1),
    "text_out": ("text_subnet.linear_1.weight", 0),
    "rank": ("fusion_weights", 1),
}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one; the names are the same here."""
    return rename(state, {})


class LMF(nn.Module):
    """Low-rank multimodal fusion; audio and vision are averaged over time."""

    def __init__(
        self,
        *,
        text_dim: int,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        text_hidden: int = 64,
        audio_hidden: int = 16,
        vision_hidden: int = 16,
        text_out: int | None = None,
        rank: int = 4,
        text_dropout: float = 0.2,
        audio_dropout: float = 0.5,
        vision_dropout: float = 0.5,
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        text_out = text_hidden // 2 if text_out is None else text_out
        self.audio_subnet = UtteranceNetwork(
            input_dim=audio_dim, hidden=audio_hidden, dropout=audio_dropout
        )
        self.video_subnet = UtteranceNetwork(
            input_dim=vision_dim, hidden=vision_hidden, dropout=vision_dropout
        )
        self.text_subnet = TextNetwork(
            input_dim=text_dim, hidden=text_hidden, output_dim=text_out, dropout=text_dropout
        )
        self.audio_factor = nn.Parameter(torch.empty(rank, audio_hidden + 1, output_dim))
        self.video_factor = nn.Parameter(torch.empty(rank, vision_hidden + 1, output_dim))
        self.text_factor = nn.Parameter(torch.empty(rank, text_out + 1, output_dim))
        self.fusion_weights = nn.Parameter(torch.empty(1, rank))
        self.fusion_bias = nn.Parameter(torch.zeros(1, output_dim))
        for weight in (*self._factors(), self.fusion_weights):
            nn.init.xavier_normal_(weight)

    def forward(self, batch: dict[str, Any]) -> Tensor:
        text = sequence(batch, "text", self.padding)
        vectors = (
            self.audio_subnet(sequence(batch, "audio", self.padding).mean()),
            self.video_subnet(sequence(batch, "vision", self.padding).mean()),
            self.text_subnet(text),
        )
        k = self.fusion_bias.shape[:-2]  # how many networks are stacked, if any
        audio, vision, words = (
            F.pad(vector, (1, 0), value=1.0).unflatten(0, (*k, 1, -1)) @ factor
            for vector, factor in zip(vectors, self._factors(), strict=True)
        )  # (rank, b, output_dim)
        weights = self.fusion_weights[..., 0, :]
        fused = torch.einsum("...r,...rbo->...bo", weights, audio * vision * words)
        return (fused + self.fusion_bias).flatten(0, -2)

    def parameter_groups(
        self, lr: float, factor_lr: float, weight_decay: float = 0.0
    ) -> list[dict]:
        """Groups for Adam: the three factors have a learning rate of their own."""
        factors = self._factors()
        others = [p for p in self.parameters() if all(p is not factor for factor in factors)]
        return [
            {"params": factors, "lr": factor_lr, "weight_decay": weight_decay},
            {"params": others, "lr": lr, "weight_decay": weight_decay},
        ]

    def _factors(self) -> list[nn.Parameter]:
        return [self.audio_factor, self.video_factor, self.text_factor]
