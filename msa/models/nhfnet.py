"""NHFNet: Fu et al., "NHFNET: A Non-Homogeneous Fusion Network for Multimodal
Sentiment Analysis", ICME 2022.

Audio and vision, the weaker modalities, are fused through a few bottleneck tokens; the result and
the text then attend to each other.
"""

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from msa.models.checkpoint import rename
from msa.models.packing import Packing, Slots
from msa.models.padding import Steps, require_choice, sequence
from msa.models.recurrence import recur
from msa.models.transformer import Encoder

WIDTHS = {
    "text_dim": ("text_model.0.weight_ih_l0", 1),
    "audio_dim": ("audio_visual_model.audio_linear.weight", 1),
    "vision_dim": ("audio_visual_model.visual_linear.weight", 1),
    "output_dim": ("multimodal_classifier.0.weight", 0),
}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one."""
    return rename(state, {"classifcation.": "classification."}, (".mem_proj.", ".att_proj."))


class AudioVisualModel(nn.Module):
    """Both inputs through one shared encoder, then vision after the tokens that audio left."""

    def __init__(
        self, *, audio_dim: int, vision_dim: int, d_model: int, tokens: int, encoder: Encoder
    ) -> None:
        super().__init__()
        self.tokens = tokens
        self.audio_linear = nn.Linear(audio_dim, d_model)
        self.visual_linear = nn.Linear(vision_dim, d_model)
        self.transformer = encoder

    def forward(self, audio: Steps, vision: Steps, slots: Slots) -> tuple[Tensor, Packing]:
        """Fused steps and where they are; ``slots`` have room for the tokens besides the steps."""
        device, dtype, tokens = audio.rows.device, audio.rows.dtype, self.tokens
        token_lengths = np.full_like(audio.lengths, tokens)
        audio_packing = Packing(audio.lengths, device, slots)
        vision_packing = Packing(vision.lengths, device, slots, tokens)
        tokens_after_audio, tokens_in_front = (
            Packing(token_lengths, device, slots, n) for n in (audio.lengths, 0)
        )
        audio_and_tokens, fused = (
            Packing(x.lengths + tokens, device, slots) for x in (audio, vision)
        )
        x = torch.cat(
            [
                audio_packing.pack(self.audio_linear(audio.rows)),
                vision_packing.pack(self.visual_linear(vision.rows)),
            ]
        )
        x = self.transformer(
            x,
            torch.cat([audio_packing.positions, vision_packing.positions]),
            torch.cat(
                [
                    audio_packing.visible(audio_packing, dtype),
                    vision_packing.visible(vision_packing, dtype),
                ]
            ),
        )
        audio_x, vision_x = x.chunk(2)  # (rows, steps, d) each
        # tokens start as zeros, which by the released rule have no position code
        x = audio_packing.pack(audio_packing.unpack(audio_x).rows)
        x = self.transformer(
            x, audio_packing.positions, audio_and_tokens.visible(audio_and_tokens, dtype)
        )
        x = tokens_in_front.pack(tokens_after_audio.unpack(x).rows) + vision_packing.pack(
            vision_packing.unpack(vision_x).rows
        )
        visible = fused.visible(fused, dtype)
        for _ in range(2):
            x = self.transformer(x, fused.positions, visible)
        return x, fused


class NHFNet(nn.Module):
    """Bottleneck fusion of audio and vision, cross attention with the text."""

    def __init__(
        self,
        *,
        text_dim: int,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        d_model: int = 32,
        heads: int = 8,
        layers: int = 4,
        text_hidden: int = 128,
        bottleneck_tokens: int = 4,
        attention_dropout: float = 0.0,
        cross_attention_dropout: float = 0.4,
        relu_dropout: float = 0.0,
        residual_dropout: float = 0.0,
        embed_dropout: float = 0.0,
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))

        encoder = partial(
            Encoder,
            d_model=d_model,
            heads=heads,
            layers=layers,
            relu_dropout=relu_dropout,
            residual_dropout=residual_dropout,
            embed_dropout=embed_dropout,
            padding=padding,
        )
        self.text_model = nn.ModuleList(
            [
                nn.LSTM(text_dim, text_hidden, batch_first=True),
                nn.LSTM(text_hidden, d_model, batch_first=True),
            ]
        )
        self.layer_norm = nn.LayerNorm(d_model)
        self.audio_visual_model = AudioVisualModel(
            audio_dim=audio_dim,
            vision_dim=vision_dim,
            d_model=d_model,
            tokens=bottleneck_tokens,
            encoder=encoder(attention_dropout=attention_dropout),
        )
        self.cross_transformer = encoder(attention_dropout=cross_attention_dropout)
        self.classification = encoder(attention_dropout=attention_dropout)
        self.multimodal_classifier = nn.Sequential(nn.Linear(d_model, output_dim))

    def forward(self, batch: dict[str, Any]) -> Tensor:
        text, audio, vision = (
            sequence(batch, name, self.padding) for name in ("text", "audio", "vision")
        )
        tokens = self.audio_visual_model.tokens
        sizes = np.maximum(audio.lengths, vision.lengths) + tokens
        slots = Slots(np.maximum(text.lengths, sizes))
        for lstm in self.text_model:
            assert isinstance(lstm, nn.LSTM)
            text = Steps(recur(lstm, text), text.lengths)
        text_packing = Packing(text.lengths, text.rows.device, slots)
        rows, dtype = self.layer_norm(text.rows), text.rows.dtype
        text_visible = text_packing.visible(text_packing, dtype)
        text_x = self.classification(text_packing.pack(rows), text_packing.positions, text_visible)
        fused_x, fused = self.audio_visual_model(audio, vision, slots)
        # both ways at once, first what the fused steps take from the text
        positions = torch.cat([fused.positions, text_packing.positions])
        crossed = self.cross_transformer(
            torch.cat([fused_x, text_x]),
            positions,
            torch.cat([fused.visible(text_packing, dtype), text_packing.visible(fused, dtype)]),
            torch.cat([text_x, fused_x]),
            torch.cat([text_packing.positions, fused.positions]),
        )
        crossed = self.classification(
            crossed, positions, torch.cat([fused.visible(fused, dtype), text_visible])
        )
        fused_text, text_fused = crossed.chunk(2)
        x = sum(text_packing.unpack(x).last for x in (text_x, text_fused))
        x = x + sum(fused.unpack(x).last for x in (fused_x, fused_text))
        return self.multimodal_classifier(x)  # (b, output_dim)
