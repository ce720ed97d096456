"""GLoMo: Zhuang et al., "GLoMo: Global-Local Modal Fusion for Multimodal Sentiment Analysis",
MM 2024.

Each modality gives a global (coarse) vector and a few local (fine) ones, which a mixture of
experts makes one; a transformer mixes these six tokens, gates sum them up. With ``bert`` this is
the network for MOSI, MOSEI, MUStARD and UR-FUNNY, without it the one for CHERMA.
"""

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.base.errors import InputError
from msa.models.bert import drop_pooler, front_pieces, hidden_states
from msa.models.checkpoint import rename
from msa.models.experts import MixtureOfExperts
from msa.models.groups import grouped
from msa.models.padding import Steps, compact, convolve, max_pool, require_choice, sequence
from msa.models.transformer import Encoder, encode

WIDTHS = {
    "text_dim": ("text_network.projs.weight", 1),
    "audio_dim": ("audio_network.projs.weight", 1),
    "vision_dim": ("video_network.projs.weight", 1),
    "output_dim": ("classifier.weight", 0),
}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one."""
    names = {
        "bert.linear1.": "text_coarse.",
        "bert.proj_l.": "text_fine.",
        "attention_mlp.attention_mlp.": "attention_mlp.",
    }
    return rename(state, names, ("bert.pooler.",))


class SequenceNetwork(nn.Module):
    """Convolution and encoder over time, pooled to one coarse and ``grain`` fine vectors."""

    def __init__(self, *, input_dim: int, d_model: int, grain: int, encoder: Encoder) -> None:
        super().__init__()
        self.grain = grain
        self.projs = nn.Conv1d(input_dim, d_model, 3, padding=1, bias=False)
        self.encoder = encoder

    def forward(self, steps: Steps) -> tuple[Tensor, Tensor]:
        x, mask = encode(self.encoder, convolve(self.projs, steps)).padded()  # (b, t, d)
        return max_pool(x, mask, 1)[..., 0], max_pool(x, mask, self.grain)


class Gate(nn.Module):
    """The weighted sum of three vectors, and the weights (b, 3)."""

    def __init__(self, *, d_model: int, dropout: float) -> None:
        super().__init__()
        self.attention_mlp = nn.Linear(3 * d_model, d_model)
        self.dropout = nn.Dropout(dropout)
        self.fc_att = nn.Linear(d_model, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        _, _, d = x.shape
        hidden = F.relu(self.dropout(self.attention_mlp(x.flatten(1))))
        weights = (d**-0.5 * self.fc_att(hidden)).softmax(1)  # (b, 3)
        return (weights[..., None] * x).sum(1), weights


class GLoMo(nn.Module):
    """Global-local modal fusion: the prediction and the experts' loss.

    ``text_dim`` is for networks without ``bert``; a ``bert`` loses its pooler, which has no part.
    """

    def __init__(
        self,
        *,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        text_dim: int | None = None,
        bert: nn.Module | None = None,
        d_model: int = 48,
        heads: int = 16,
        layers: int = 4,
        text_grain: int = 3,
        audio_grain: int = 3,
        vision_grain: int = 3,
        text_experts: int = 3,
        audio_experts: int = 3,
        vision_experts: int = 3,
        top_k: int = 2,
        attention_dropout: float = 0.5,
        relu_dropout: float = 0.3,
        residual_dropout: float = 0.3,
        embed_dropout: float = 0.2,
        gate_dropout: float = 0.3,
        fusion_dropout: float = 0.1,
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))

        encoder = partial(
            Encoder,
            d_model=d_model,
            heads=heads,
            layers=layers,
            attention_dropout=attention_dropout,
            relu_dropout=relu_dropout,
            residual_dropout=residual_dropout,
            embed_dropout=embed_dropout,
            padding=padding,
        )

        def network(width: int, grain: int) -> SequenceNetwork:
            return SequenceNetwork(input_dim=width, d_model=d_model, grain=grain, encoder=encoder())

        def mixture(grain: int, experts: int) -> MixtureOfExperts:
            d = d_model
            return MixtureOfExperts(
                input_dim=grain * d, hidden=d, output_dim=d, experts=experts, top_k=top_k
            )

        self.text_grain = text_grain
        self.bert = bert
        if bert is not None:
            drop_pooler(bert)
            config: Any = bert.config
            width: int = config.hidden_size
            self.text_coarse = nn.Linear(width, d_model)
            self.text_fine = nn.Conv1d(width, d_model, 3, padding=1, bias=False)
        elif text_dim is not None:
            self.text_network = network(text_dim, text_grain)
        else:
            raise InputError("glomo: expected bert or text_dim, got neither")
        self.audio_network = network(audio_dim, audio_grain)
        self.video_network = network(vision_dim, vision_grain)
        self.moe_t = mixture(text_grain, text_experts)
        self.moe_a = mixture(audio_grain, audio_experts)
        self.moe_v = mixture(vision_grain, vision_experts)
        self.transformer_encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(
                d_model, heads, dim_feedforward=2048, dropout=fusion_dropout, batch_first=True
            ),
            num_layers=2,
            enable_nested_tensor=False,
        )
        self.attn_cs = Gate(d_model=d_model, dropout=gate_dropout)
        self.attn_fs = Gate(d_model=d_model, dropout=gate_dropout)
        self.fc_ts, self.fc_as, self.fc_vs, self.fc_all = (
            nn.Linear(2 * d_model, d_model) for _ in range(4)
        )
        self.classifier = nn.Linear(2 * d_model, output_dim)

    def forward(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        if self.bert is None:
            text_coarse, text_fine = self.text_network(sequence(batch, "text", self.padding))
        else:
            text_coarse, text_fine = self._pieces(batch)
        audio_coarse, audio_fine = self.audio_network(sequence(batch, "audio", self.padding))
        vision_coarse, vision_fine = self.video_network(sequence(batch, "vision", self.padding))
        text_mixed, text_loss = self.moe_t(text_fine.flatten(1))
        audio_mixed, audio_loss = self.moe_a(audio_fine.flatten(1))
        vision_mixed, vision_loss = self.moe_v(vision_fine.flatten(1))
        coarse = [text_coarse, audio_coarse, vision_coarse]
        tokens = torch.stack([*coarse, text_mixed, audio_mixed, vision_mixed], dim=1)  # (b, 6, d)
        tokens = self.transformer_encoder(tokens)
        coarse_sum, weights = self.attn_cs(tokens[:, :3])
        fine_sum, _ = self.attn_fs(tokens[:, 3:])
        shared = self.fc_all(torch.cat([coarse_sum, fine_sum], dim=1))  # (b, d)
        pairs = torch.cat([tokens[:, :3], tokens[:, 3:]], dim=2).unbind(1)  # 3 of (b, 2d)
        layers = (self.fc_ts, self.fc_as, self.fc_vs)
        single = torch.stack([f(x) for f, x in zip(layers, pairs, strict=True)], dim=1)  # (b, 3, d)
        single = (weights[..., None] * single).sum(1)
        prediction = self.classifier(torch.cat([shared, single], dim=1))  # (b, output_dim)
        return prediction, {"experts": text_loss + audio_loss + vision_loss}

    def parameter_groups(self, lr: float, weight_decay: float = 1e-4) -> list[dict]:
        """Groups for AdamW: no decay for biases and for what is called LayerNorm.weight."""
        return grouped(
            self,
            lambda n, p: (lr, 0.0 if "bias" in n or "LayerNorm.weight" in n else weight_decay),
        )

    def _pieces(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Coarse from [CLS], fine from the last two layers' states one after the other in time."""
        assert self.bert is not None
        mask, ids, types = front_pieces(batch, self.padding)
        states = hidden_states(self.bert, ids, types, mask, self.padding)
        both, both_mask = torch.cat([states[-1], states[-2]], dim=1), None  # (b, 2t, D)
        if self.padding == "masked":
            both_mask, both = compact(torch.cat([mask, mask], dim=1), both)
        fine = self.text_fine(both.transpose(1, 2)).transpose(1, 2)  # (b, 2t, d)
        return self.text_coarse(states[-1][:, 0]), max_pool(fine, both_mask, self.text_grain)
