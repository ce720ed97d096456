"""Learnt tokens that take up what sequences hold: layers of ALMT (Zhang et al., "Learning
Language-guided Adaptive Hyper-modality Representation for Multimodal Sentiment Analysis", EMNLP
2023) as its authors' code has them."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.base.errors import InputError

HEAD = 64  # width of a head of `Layer`, whatever d_model


def attend(heads: int, q: Tensor, k: Tensor, v: Tensor, visible: Tensor | None = None) -> Tensor:
    """Attention of queries (b, t, h * e) to s keys, of which (b, 1, 1, s) may be visible alone."""
    q, k, v = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (q, k, v))  # (b, h, t, e)
    x = F.scaled_dot_product_attention(q, k, v, attn_mask=visible)
    return x.transpose(1, 2).flatten(2)


def output_layer(heads: int, head_dim: int, d_model: int) -> nn.Module:
    """What joins the heads; nothing where one head is as wide as the model."""
    alone = heads == 1 and head_dim == d_model
    return nn.Identity() if alone else nn.Linear(heads * head_dim, d_model)


class Layer(nn.Module):
    """Attention and a two-layer perceptron, a LayerNorm before each."""

    def __init__(self, d_model: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.query_norm, self.key_norm, self.value_norm = (nn.LayerNorm(d_model) for _ in range(3))
        self.to_q, self.to_k, self.to_v = (
            nn.Linear(d_model, heads * HEAD, bias=False) for _ in range(3)
        )
        self.to_out = output_layer(heads, HEAD, d_model)
        self.feedforward = nn.Sequential(
            nn.LayerNorm(d_model), nn.Linear(d_model, hidden), nn.GELU(), nn.Linear(hidden, d_model)
        )

    def forward(self, x: Tensor, context: Tensor, visible: Tensor | None = None) -> Tensor:
        q = self.to_q(self.query_norm(x))
        k, v = self.to_k(self.key_norm(context)), self.to_v(self.value_norm(context))
        x = x + self.to_out(attend(self.heads, q, k, v, visible))
        return x + self.feedforward(x)


class TokenEncoder(nn.Module):
    """What ``kept`` of a few learnt tokens in front of a sequence take up of it."""

    def __init__(
        self,
        modality: str,
        input_dim: int,
        length: int,
        tokens: int,
        kept: int,
        d_model: int,
        layers: list[Layer],
    ) -> None:
        super().__init__()
        self.modality, self.length, self.tokens, self.kept = modality, length, tokens, kept
        self.linear = nn.Linear(input_dim, d_model)
        self.pos_embedding = nn.Parameter(torch.randn(1, length + tokens, d_model))
        self.extra_token = nn.Parameter(torch.zeros(1, tokens, d_model))
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Tokens (b, kept, d) of (b, t, input_dim), whose valid steps (b, t) alone count."""
        b, t, _ = x.shape
        if t > self.length:
            raise InputError(
                f"almt: expected at most {self.length} steps of {self.modality}, got {t}; set "
                f"architecture: {{{self.modality}_length: {t}}} or lengths: "
                f"{{{self.modality}: {self.length}}}"
            )
        x = torch.cat([self.extra_token.expand(b, -1, -1), self.linear(x)], dim=1)
        x = x + self.pos_embedding[:, : x.shape[1]]
        visible = None
        if mask is not None:
            visible = F.pad(mask, (self.tokens, 0), value=True)[:, None, None]
        *layers, last = self.layers
        for layer in layers:
            x = layer(x, x, visible)
        return last(x[:, : self.kept], x, visible)  # nothing else is read


class Fusion(nn.Module):
    """What one learnt token takes up of two sequences, the second attending to the first."""

    def __init__(self, length: int, d_model: int, layers: list[Layer]) -> None:
        super().__init__()
        self.pos_embedding_s = nn.Parameter(torch.randn(1, length + 1, d_model))
        self.pos_embedding_t = nn.Parameter(torch.randn(1, length + 1, d_model))
        self.extra_token = nn.Parameter(torch.zeros(1, 1, d_model))
        self.layers = nn.ModuleList(layers)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        token = self.extra_token.expand(len(source), -1, -1)
        source = torch.cat([token, source], dim=1) + self.pos_embedding_s
        x = torch.cat([token, target], dim=1) + self.pos_embedding_t
        for layer in self.layers:
            x = layer(x, source)
        return x[:, 0]
