"""HKT's transformers: attention without a projection of what the heads found, in one sequence and
between two of the same steps (Hasan et al., AAAI 2021).
"""

from typing import Any

import torch
from torch import Tensor, nn

from msa.base.errors import InputError
from msa.models.dropout import Dropout

HIDDEN = -10000.0  # added to the scores of what is not to be seen


class Attention(nn.Module):
    """Multi-head attention without a projection of what the heads found.

    It has at most ``heads``, as many as divide the width: an absent modality has a width of 1.
    """

    def __init__(self, *, d_model: int, context_dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = max(h for h in range(1, heads + 1) if d_model % h == 0)
        self.query = nn.Linear(d_model, d_model)
        self.key = nn.Linear(context_dim, d_model)
        self.value = nn.Linear(context_dim, d_model)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, context: Tensor, seen: Tensor) -> Tensor:
        """What x (b, t, d) takes from those steps of the context (b, s, c) that are seen (b, s)."""
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (b, h, t, d/h)
            for part in (self.query(x), self.key(context), self.value(context))
        )
        hidden = (~seen).to(x.dtype)[:, None, None] * HIDDEN
        weights = (q @ k.mT * q.shape[-1] ** -0.5 + hidden).softmax(-1)
        return (self.dropout(weights) @ v).transpose(1, 2).flatten(2)


class Layer(nn.Module):
    """A post-norm transformer layer."""

    def __init__(self, *, d_model: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.self_attention = Attention(
            d_model=d_model, context_dim=d_model, heads=heads, dropout=dropout
        )
        self.fc = nn.Sequential(
            nn.Linear(d_model, feedforward), nn.ReLU(), nn.Linear(feedforward, d_model)
        )
        self.norm1 = nn.LayerNorm(d_model)
        self.norm2 = nn.LayerNorm(d_model)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        x = self.norm1(x + self.dropout(self.self_attention(x, x, seen)))
        return self.norm2(x + self.dropout(self.fc(x)))


class Encoder(nn.Module):
    """Layers as wide as their input; the ``decoder``, if any, is for training them alone."""

    def __init__(
        self, *, d_model: int, layers: int, positions: int, decoder_dim: int | None, **layer: Any
    ) -> None:
        super().__init__()
        self.pos_encoder = nn.Embedding(positions, d_model)
        self.layers = nn.ModuleList(Layer(d_model=d_model, **layer) for _ in range(layers))
        self.norm = nn.LayerNorm(d_model)
        self.decoder = nn.Linear(d_model, decoder_dim) if decoder_dim else None

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """States (b, t, d) of input (b, t, d)."""
        positions, t = self.pos_encoder.weight, x.shape[1]
        if t > len(positions):
            raise InputError(f"positions: expected as many as there are pieces, {t}, or more")
        x = self.norm(x + positions[:t])
        for layer in self.layers:
            x = x + layer(x, seen)  # which x is already in
        return x


class CrossAttention(nn.Module):
    """Two sequences of the same steps attend to each other, and then as one to itself."""

    def __init__(self, *, source_dim: int, context_dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        d = source_dim + context_dim
        more: Any = {"heads": heads, "dropout": dropout}
        self.src_cross_attention = Attention(d_model=source_dim, context_dim=context_dim, **more)
        self.context_cross_attention = Attention(
            d_model=context_dim, context_dim=source_dim, **more
        )
        self.self_attention = Attention(d_model=d, context_dim=d, **more)
        self.fc = nn.Sequential(nn.Linear(d, d), nn.ReLU())
        self.norm1 = nn.LayerNorm(d)
        self.norm2 = nn.LayerNorm(d)
        self.dropout = Dropout(dropout)

    def forward(self, source: Tensor, context: Tensor, seen: Tensor, heard: Tensor) -> Tensor:
        """Source (b, t, s), seen (b, t), and context (b, t, c), heard (b, t): (b, t, s + c)."""
        source, context = (
            self.src_cross_attention(source, context, heard),
            self.context_cross_attention(context, source, seen),
        )
        x = torch.cat([source, context], dim=-1)
        x = self.norm1(x + self.dropout(self.self_attention(x, x, seen)))
        return self.norm2(x + self.dropout(self.fc(x)))
