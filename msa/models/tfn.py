"""TFN: Zadeh, Chen, Poria, Cambria, Morency, "Tensor Fusion Network for Multimodal Sentiment
Analysis", EMNLP 2017.

One vector a modality, each with a 1 prepended; their outer product holds each modality alone, each
pair and all three together.
"""

from collections.abc import Sequence
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
    "output_dim": ("post_fusion_layer_3.weight", 0),
    "text_hidden": ("text_subnet.rnn.weight_hh_l0", 1),
    "audio_hidden": ("audio_subnet.linear_3.weight", 1),
    "vision_hidden": ("video_subnet.linear_3.weight", 1),
    "text_out": ("text_subnet.linear_1.weight", 0),
    "post_fusion": ("post_fusion_layer_1.weight", 0),
}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one: the range, which is a keyword here."""
    return rename(state, {}, ("output_range", "output_shift"))


class TFN(nn.Module):
    """Tensor fusion; audio and vision are averaged over time.

    A regression's predictions lie inside ``output_range``, and never reach its ends; None leaves
    them free. Those of classes are logits.
    """

    def __init__(
        self,
        *,
        text_dim: int,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        task: str = "regression",
        text_hidden: int = 128,
        audio_hidden: int = 4,
        vision_hidden: int = 16,
        text_out: int = 64,
        post_fusion: int = 32,
        output_range: Sequence[float] | None = (-3, 3),
        text_dropout: float = 0.3,
        audio_dropout: float = 0.3,
        vision_dropout: float = 0.3,
        post_fusion_dropout: float = 0.3,
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        self.output_range = output_range if task == "regression" else None
        self.audio_subnet = UtteranceNetwork(
            input_dim=audio_dim, hidden=audio_hidden, dropout=audio_dropout
        )
        self.video_subnet = UtteranceNetwork(
            input_dim=vision_dim, hidden=vision_hidden, dropout=vision_dropout
        )
        self.text_subnet = TextNetwork(
            input_dim=text_dim, hidden=text_hidden, output_dim=text_out, dropout=text_dropout
        )
        fused = (audio_hidden + 1) * (vision_hidden + 1) * (text_out + 1)
        self.post_fusion_dropout = nn.Dropout(post_fusion_dropout)
        self.post_fusion_layer_1 = nn.Linear(fused, post_fusion)
        self.post_fusion_layer_2 = nn.Linear(post_fusion, post_fusion)
        self.post_fusion_layer_3 = nn.Linear(post_fusion, output_dim)

    def forward(self, batch: dict[str, Any]) -> Tensor:
        vectors = (
            self.audio_subnet(sequence(batch, "audio", self.padding).mean()),
            self.video_subnet(sequence(batch, "vision", self.padding).mean()),
            self.text_subnet(sequence(batch, "text", self.padding)),
        )
        audio, vision, text = (F.pad(x, (1, 0), value=1.0) for x in vectors)
        fused = torch.einsum("ba,bv,bt->bavt", audio, vision, text).flatten(1)
        x = F.relu(self.post_fusion_layer_1(self.post_fusion_dropout(fused)))
        x = self.post_fusion_layer_3(F.relu(self.post_fusion_layer_2(x)))  # (b, output_dim)
        if self.output_range is None:
            return x
        low, high = self.output_range
        return low + (high - low) * torch.sigmoid(x)
