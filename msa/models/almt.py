"""ALMT: Zhang et al., "Learning Language-guided Adaptive Hyper-modality Representation for
Multimodal Sentiment Analysis", EMNLP 2023.

A few tokens take up each modality; text at several depths guides what enters the hyper-modality
from audio and vision, which the text at last attends to. It is the network of the authors' code.
"""

from typing import Any

import torch
from torch import Tensor, nn

from msa.base.errors import InputError
from msa.models.bert import drop_pooler, hidden_states
from msa.models.checkpoint import rename
from msa.models.padding import compact, require_choice, sequence
from msa.models.tokens import Fusion, Layer, TokenEncoder, attend, output_layer

WIDTHS = {
    "audio_dim": ("proj_a.linear.weight", 1),
    "vision_dim": ("proj_v.linear.weight", 1),
    "output_dim": ("regression_layer.weight", 0),
}
HYPER = ("text", "audio", "vision", "hyper")  # in the released numbers' order


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one."""
    names = {
        "bertmodel.model.": "bert.",
        "l_encoder.pos_embedding": "text_positions",
        "l_encoder.encoder.layers.": "text_layers.",
        "h_hyper_layer.layers.": "hyper_layers.",
        "fusion_layer.CrossTransformerEncoder.": "fusion_layer.",
        ".1.encoder.layers.": ".layers.",
        ".1.pos_embedding": ".pos_embedding",
        ".1.extra_token": ".extra_token",
        **{f"proj_{m}.0.": f"proj_{m}.linear." for m in "lav"},
        "regression_layer.0.": "regression_layer.",
        **{f".0.norm_{x[0]}.": f".{x}_norm." for x in ("query", "key", "value")},
        **{f".0.norm{i}.": f".{x}_norm." for i, x in enumerate(HYPER, 1)},
        ".0.fn.to_": ".to_",
        "to_out.0.": "to_out.",
        ".1.norm.": ".feedforward.0.",
        ".1.fn.net.0.": ".feedforward.1.",
        ".1.fn.net.3.": ".feedforward.3.",
    }
    return rename(state, names, ("bertmodel.model.pooler.",))


class HyperLayer(nn.Module):
    """Text asks audio and vision for what is added to the hyper-modality."""

    def __init__(self, d_model: int, heads: int, head_dim: int) -> None:
        super().__init__()
        self.heads = heads
        self.text_norm, self.audio_norm = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.vision_norm, self.hyper_norm = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.to_q, self.to_k_ta, self.to_k_tv, self.to_v_ta, self.to_v_tv = (
            nn.Linear(d_model, heads * head_dim, bias=False) for _ in range(5)
        )
        self.to_out = output_layer(heads, head_dim, d_model)

    def forward(self, text: Tensor, audio: Tensor, vision: Tensor, hyper: Tensor) -> Tensor:
        q = self.to_q(self.text_norm(text))
        audio, vision = self.audio_norm(audio), self.vision_norm(vision)
        x = attend(self.heads, q, self.to_k_ta(audio), self.to_v_ta(audio))
        x = x + attend(self.heads, q, self.to_k_tv(vision), self.to_v_tv(vision))
        return self.hyper_norm(hyper) + self.to_out(x)  # of the normalised one, as released


class ALMT(nn.Module):
    """Adaptive language-guided multimodal transformer.

    ``text_length``, ``audio_length`` and ``vision_length`` are the most steps that there are
    positions for; ``tokens`` stand in front of each modality, ``kept`` of them go on. ``text_dim``
    is not used; a ``bert`` loses its pooler, which has no part.
    """

    def __init__(
        self,
        *,
        bert: nn.Module,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        text_dim: int | None = None,
        text_length: int = 512,
        audio_length: int = 3000,
        vision_length: int = 3000,
        d_model: int = 128,
        tokens: int = 8,
        kept: int = 8,
        proj_depth: int = 1,
        proj_heads: int = 8,
        proj_hidden: int = 128,
        text_heads: int = 8,
        text_hidden: int = 128,
        hyper_depth: int = 3,
        hyper_heads: int = 8,
        hyper_head_dim: int = 16,
        fusion_depth: int = 2,
        fusion_heads: int = 8,
        fusion_hidden: int = 128,
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        if kept > tokens:
            raise InputError(f"kept: expected at most the {tokens} of tokens, got {kept}")
        config: Any = bert.config
        drop_pooler(bert)
        self.bert = bert

        def tokens_of(modality: str, width: int, length: int) -> TokenEncoder:
            layers = [Layer(d_model, proj_heads, proj_hidden) for _ in range(proj_depth)]
            return TokenEncoder(modality, width, length, tokens, kept, d_model, layers)

        self.proj_l = tokens_of("text", config.hidden_size, text_length)
        self.proj_a = tokens_of("audio", audio_dim, audio_length)
        self.proj_v = tokens_of("vision", vision_dim, vision_length)
        self.text_positions = nn.Parameter(torch.randn(1, tokens, d_model))
        self.text_layers = nn.ModuleList(
            Layer(d_model, text_heads, text_hidden) for _ in range(hyper_depth - 1)
        )
        self.h_hyper = nn.Parameter(torch.ones(1, kept, d_model))
        self.hyper_layers = nn.ModuleList(
            HyperLayer(d_model, hyper_heads, hyper_head_dim) for _ in range(hyper_depth)
        )
        layers = [Layer(d_model, fusion_heads, fusion_hidden) for _ in range(fusion_depth)]
        self.fusion_layer = Fusion(kept, d_model, layers)
        self.regression_layer = nn.Linear(d_model, output_dim)

    def forward(self, batch: dict[str, Any]) -> Tensor:
        text = self.proj_l(*self._pieces(batch))  # (b, kept, d)
        audio, vision = (
            encoder(*self._steps(batch, name))
            for name, encoder in (("audio", self.proj_a), ("vision", self.proj_v))
        )
        text = text + self.text_positions[:, : text.shape[1]]
        hyper = self.hyper_layers[0](text, audio, vision, self.h_hyper)
        for layer, hyper_layer in zip(self.text_layers, self.hyper_layers[1:], strict=True):
            text = layer(text, text)
            hyper = hyper_layer(text, audio, vision, hyper)
        return self.regression_layer(self.fusion_layer(hyper, text))  # (b, output_dim)

    def _pieces(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor | None]:
        """States (b, t, D) of all pieces, and which are valid (b, t); None: all count as valid."""
        ids, types = batch["input_ids"], batch["token_type_ids"]
        mask = batch["attention_mask"].bool()
        if self.padding == "released":
            return hidden_states(self.bert, ids, types, mask, self.padding)[-1], None
        mask, ids, types = compact(mask, ids, types)
        return hidden_states(self.bert, ids, types, mask, self.padding)[-1], mask

    def _steps(self, batch: dict[str, Any], modality: str) -> tuple[Tensor, Tensor | None]:
        """Steps (b, t, d) of a modality, and which are valid (b, t)."""
        x, mask = sequence(batch, modality, self.padding).padded()
        return x, None if self.padding == "released" else mask
