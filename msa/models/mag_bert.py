"""MAG-BERT: Rahman et al., "Integrating Multimodal Information in Large Pretrained Transformers",
ACL 2020.

A gate moves the embedding of each word piece by what the audio and the vision of its word say,
before the first layer of a BERT that is fine-tuned.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.base.errors import InputError
from msa.models.bert import hidden_states, take_pooler
from msa.models.checkpoint import rename
from msa.models.groups import matrices_decay
from msa.models.padding import compact, require_choice

WIDTHS = {
    "audio_dim": ("gate.W_a.weight", 1),
    "vision_dim": ("gate.W_v.weight", 1),
    "output_dim": ("classifier.weight", 0),
}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one."""
    return rename(state, {"bert.MAG.": "gate.", "bert.pooler.": "pooler."})


class AdaptationGate(nn.Module):
    """Moves text by a displacement at most ``beta_shift`` times, and at most once, as long.

    Where audio and vision are zero, at [CLS] and [SEP], its biases move the text all the same.
    """

    def __init__(
        self, *, text_dim: int, audio_dim: int, vision_dim: int, beta_shift: float, dropout: float
    ) -> None:
        super().__init__()
        self.beta_shift = beta_shift
        self.W_hv = nn.Linear(vision_dim + text_dim, text_dim)
        self.W_ha = nn.Linear(audio_dim + text_dim, text_dim)
        self.W_v = nn.Linear(vision_dim, text_dim)
        self.W_a = nn.Linear(audio_dim, text_dim)
        self.LayerNorm = nn.LayerNorm(text_dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, text: Tensor, audio: Tensor, vision: Tensor) -> Tensor:
        """Text (b, t, D), moved by audio (b, t, d) and vision (b, t, d)."""
        by_vision = F.relu(self.W_hv(torch.cat([vision, text], dim=-1))) * self.W_v(vision)
        by_audio = F.relu(self.W_ha(torch.cat([audio, text], dim=-1))) * self.W_a(audio)
        displacement = by_vision + by_audio  # (b, t, D)
        norm = displacement.norm(dim=-1, keepdim=True)  # (b, t, 1)
        norm = norm.masked_fill(norm == 0, 1)
        share = self.beta_shift * text.norm(dim=-1, keepdim=True) / (norm + 1e-6)
        return self.dropout(self.LayerNorm(text + share.clamp(max=1) * displacement))


class MAGBert(nn.Module):
    """BERT with a multimodal adaptation gate behind its embeddings.

    Audio and vision are those of each piece's word, and have the pieces' steps. ``text_dim`` is
    not used.
    """

    def __init__(
        self,
        *,
        bert: nn.Module,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        text_dim: int | None = None,
        beta_shift: float = 1.0,
        gate_dropout: float = 0.5,
        output_dropout: float = 0.1,
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        config: Any = bert.config
        if config.model_type != "bert":
            raise InputError(
                "mag_bert: expected an encoder that is BERT, for the gate is behind its "
                f"embeddings, got {config.model_type}; choose a BERT, or another model"
            )
        self.pooler = take_pooler(bert)
        self.bert = bert
        self.gate = AdaptationGate(
            text_dim=config.hidden_size,
            audio_dim=audio_dim,
            vision_dim=vision_dim,
            beta_shift=beta_shift,
            dropout=gate_dropout,
        )
        self.output_dropout = nn.Dropout(output_dropout)
        self.classifier = nn.Linear(config.hidden_size, output_dim)

    def forward(self, batch: dict[str, Any]) -> Tensor:
        ids, types, mask = (
            batch[name] for name in ("input_ids", "token_type_ids", "attention_mask")
        )  # (b, t)
        # an absent modality is one step of zeros
        audio, vision = (batch[name].expand(*ids.shape, -1) for name in ("audio", "vision"))
        mask = mask.bool()
        if self.padding == "masked":
            mask, ids, types, audio, vision = compact(mask, ids, types, audio, vision)
        x = hidden_states(self.bert, ids, types, mask, self.padding, self.gate, audio, vision)[-1]
        return self.classifier(self.output_dropout(self.pooler(x)))  # (b, output_dim)

    def parameter_groups(self, lr: float = 1e-5, weight_decay: float = 0.01) -> list[dict]:
        """Groups for AdamW: no decay for biases and for what scales a LayerNorm."""
        return matrices_decay(self, lr, weight_decay)
