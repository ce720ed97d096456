"""NHFNet: Fu et al., "NHFNET: A Non-Homogeneous Fusion Network for Multimodal
Sentiment Analysis", ICME 2022.

Audio and vision, the weaker modalities, are fused through a few bottleneck tokens; the result and
the text then attend to each other.
"""

from functools import partial

import torch
from torch import Tensor, nn

from msa.models.checkpoint import rename
from msa.models.padding import last_step, one_of, sequence
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

    def forward(
        self,
        audio: Tensor,
        audio_mask: Tensor | None,
        vision: Tensor,
        vision_mask: Tensor | None,
    ) -> tuple[Tensor, Tensor | None]:
        b = audio.shape[0]
        audio = self.transformer(self.audio_linear(audio), audio_mask)
        vision = self.transformer(self.visual_linear(vision), vision_mask)
        tokens = audio.new_zeros(b, self.tokens, audio.shape[2])  # (b, tokens, d)
        positions = None
        if audio_mask is not None and vision_mask is not None:
            seen = audio_mask.new_ones(b, self.tokens)
            # tokens start as zeros, which by the released rule have no position code
            numbers = audio_mask.cumsum(1) * audio_mask
            positions = torch.cat([numbers, numbers.new_zeros(b, self.tokens)], dim=1)
            audio_mask = torch.cat([audio_mask, seen], dim=1)
            vision_mask = torch.cat([seen, vision_mask], dim=1)
        steps = audio.shape[1]
        fused = self.transformer(
            torch.cat([audio, tokens], dim=1), audio_mask, positions=positions
        )  # (b, t + tokens, d)
        fused = torch.cat([fused[:, steps:], vision], dim=1)  # (b, tokens + t, d)
        fused = self.transformer(fused, vision_mask)
        return self.transformer(fused, vision_mask), vision_mask


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
        self.padding = one_of("padding", padding, ("masked", "released"))

        encoder = partial(
            Encoder,
            d_model=d_model,
            heads=heads,
            layers=layers,
            relu_dropout=relu_dropout,
            residual_dropout=residual_dropout,
            embed_dropout=embed_dropout,
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

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        text, text_mask = sequence(batch, "text", self.padding)
        audio, audio_mask = sequence(batch, "audio", self.padding)
        vision, vision_mask = sequence(batch, "vision", self.padding)
        for lstm in self.text_model:
            text, _ = lstm(text)
        text = self.classification(self.layer_norm(text), text_mask)
        fused, fused_mask = self.audio_visual_model(audio, audio_mask, vision, vision_mask)
        fused_text = self.cross_transformer(fused, fused_mask, text, text_mask)
        text_fused = self.cross_transformer(text, text_mask, fused, fused_mask)
        x = (
            last_step(text, text_mask)
            + last_step(fused, fused_mask)
            + last_step(self.classification(text_fused, text_mask), text_mask)
            + last_step(self.classification(fused_text, fused_mask), fused_mask)
        )
        return self.multimodal_classifier(x)  # (b, output_dim)
