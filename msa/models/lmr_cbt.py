"""LMR-CBT: Fu et al., "LMR-CBT: Learning Modality-fused Representations with CB-Transformer for
Multimodal Emotion Recognition from Unaligned Multimodal Sequences", 2021.

The text, gated by the last states of vision and then of audio, passes one encoder; the three last
states together make the prediction.
"""

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.models.checkpoint import rename
from msa.models.dropout import Dropout
from msa.models.padding import Steps, convolve, normalize, require_choice, sequence
from msa.models.recurrence import recur
from msa.models.transformer import Encoder, encode

KERNEL = 3
WIDTHS = {
    "text_dim": ("lstm.weight_ih_l0", 1),
    "audio_dim": ("proj_a.weight", 1),
    "vision_dim": ("proj_v.weight", 1),
    "output_dim": ("out_layer.weight", 0),
}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one."""
    names = {"cross_v.0.": "cross_v.", "cross_a.0.": "cross_a."}
    return rename(state, names, (".attn_weight_affine.",))


class Gate(nn.Module):
    """Weights over the channels of a sequence, from it and one vector of another modality."""

    def __init__(self, *, d_model: int) -> None:
        super().__init__()
        self.channel_affine = nn.Linear(d_model, d_model)
        self.y_affine = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x: Tensor, y: Tensor, segment: Tensor) -> Tensor:
        """Steps (n, d), each with the vector (b, d) of its segment (n,)."""
        return torch.tanh(self.channel_affine(x) + self.y_affine(y)[segment]).softmax(-1)


class LMRCBT(nn.Module):
    """Modality-fused representations of unaligned sequences.

    ``recurrence="batch"`` is the released code, whose text LSTM runs over the rows of the batch.
    """

    def __init__(
        self,
        *,
        text_dim: int,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        d_model: int = 40,
        heads: int = 8,
        layers: int = 5,
        causal: bool = True,
        attention_dropout: float = 0.1,
        relu_dropout: float = 0.1,
        embed_dropout: float = 0.3,
        residual_dropout: float = 0.2,
        lstm_dropout: float = 0.5,
        output_dropout: float = 0.1,
        recurrence: str = "time",
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        self.recurrence = require_choice("recurrence", recurrence, ("time", "batch"))

        encoder = partial(
            Encoder,
            d_model=d_model,
            heads=heads,
            layers=layers,
            attention_dropout=attention_dropout,
            relu_dropout=relu_dropout,
            residual_dropout=residual_dropout,
            embed_dropout=embed_dropout,
            causal=causal,
            padding=padding,
        )
        self.embed_dropout = Dropout(embed_dropout)
        self.lstm = nn.LSTM(
            text_dim,
            d_model // 2,
            num_layers=2,
            bidirectional=True,
            dropout=lstm_dropout,
            batch_first=True,
        )
        self.bn_l = nn.LayerNorm(d_model)
        self.proj_a = nn.Conv1d(audio_dim, d_model, KERNEL, bias=False)
        self.bn_a = nn.BatchNorm1d(d_model)
        self.proj_v = nn.Conv1d(vision_dim, d_model, KERNEL, bias=False)
        self.bn_v = nn.BatchNorm1d(d_model)
        self.trans_l_mem = encoder()
        self.trans_a_mem = encoder()
        self.trans_v_mem = encoder()
        self.cross_v = Gate(d_model=d_model)
        self.cross_a = Gate(d_model=d_model)
        self.proj1 = nn.Linear(3 * d_model, 3 * d_model)
        self.output_dropout = Dropout(output_dropout)
        self.proj2 = nn.Linear(3 * d_model, 3 * d_model)
        self.out_layer = nn.Linear(3 * d_model, output_dim)

    def forward(self, batch: dict[str, Any]) -> Tensor:
        audio = self._last_state(batch, "audio", self.proj_a, self.bn_a, self.trans_a_mem)
        vision = self._last_state(batch, "vision", self.proj_v, self.bn_v, self.trans_v_mem)
        text = sequence(batch, "text", self.padding)
        rows = self.bn_l(self._recur(Steps(self.embed_dropout(text.rows), text.lengths)))  # (n, d)
        segments = text.segments
        weights = self.cross_a(self.cross_v(rows, vision, segments), audio, segments)
        text = encode(self.trans_l_mem, Steps(weights + rows, text.lengths))
        x = torch.cat([text.last, audio, vision], dim=1)  # (b, 3d)
        x = self.output_dropout(F.relu(self.proj1(x)))
        return self.out_layer(self.proj2(x))  # (b, output_dim)

    def _last_state(
        self,
        batch: dict[str, Any],
        modality: str,
        conv: nn.Conv1d,
        norm: nn.BatchNorm1d,
        encoder: Encoder,
    ) -> Tensor:
        """A step after the convolution is valid where its whole window is, the first one always."""
        steps = convolve(conv, sequence(batch, modality, self.padding))
        return encode(encoder, Steps(normalize(norm, steps.rows), steps.lengths)).last  # (b, d)

    def _recur(self, text: Steps) -> Tensor:
        if self.recurrence == "time":
            return recur(self.lstm, text)  # (n, d)
        x, mask = text.padded()
        with torch.autocast(x.device.type, enabled=False):
            return self.lstm(x.transpose(0, 1))[0].transpose(0, 1)[mask]
