"""The encoder of MulT (Tsai et al., "Multimodal Transformer for Unaligned Multimodal Language
Sequences", ACL 2019), which NHFNet, LMR-CBT and GLoMo share, and how rows with padding enter it.

Legend, here and in every model: b batch, t steps, d features, h heads.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.errors import InputError


def one_of(name: str, value: str, allowed: Sequence[str]) -> str:
    """``value``, or an error that names the keyword and what it may be."""
    if value not in allowed:
        raise InputError(f"{name}: expected one of {', '.join(allowed)}, got {value!r}")
    return value


def compact(mask: Tensor, *sequences: Tensor) -> tuple[Tensor, ...]:
    """Move the valid steps of each row to the front, zero the rest, cut what no row needs.

    ``mask`` is (b, t), True where valid, and each sequence (b, t) or (b, t, d). Afterwards nothing
    depends on the side or the amount of padding. A row without any valid step becomes one step of
    zeros, so that no softmax, average or maximum runs over nothing.
    """
    length = mask.sum(1).clamp(min=1)  # (b,)
    t = int(length.max())
    order = mask.to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :t]
    invalid = ~mask.gather(1, order)
    moved = []
    for x in sequences:
        if x.dim() == 2:
            moved.append(x.gather(1, order).masked_fill(invalid, 0))  # (b, t)
        else:
            index = order[..., None].expand(-1, -1, x.shape[2])
            moved.append(x.gather(1, index).masked_fill(invalid[..., None], 0))  # (b, t, d)
    return torch.arange(t, device=mask.device) < length[:, None], *moved


def sequence(batch: dict[str, Tensor], modality: str, padding: str) -> tuple[Tensor, Tensor | None]:
    """A modality's sequence and mask, compact; with ``padding="released"`` as it is, no mask."""
    if padding == "released":
        return batch[modality], None
    mask, x = compact(batch[f"{modality}_mask"], batch[modality])
    return x, mask


def last_step(x: Tensor, mask: Tensor | None) -> Tensor:
    """The last valid step of each compact row; without a mask the last step of the array."""
    if mask is None:
        return x[:, -1]  # (b, d)
    return x[torch.arange(len(x), device=x.device), mask.sum(1) - 1]  # (b, d)


def max_pool(x: Tensor, mask: Tensor | None, bins: int) -> Tensor:
    """Adaptive max pooling over the valid steps of compact rows: (b, t, d) to (b, d, bins)."""
    b, t, _ = x.shape
    x = x.transpose(1, 2)  # (b, d, t)
    if mask is None:
        # not F.adaptive_max_pool1d, which has no deterministic gradient on a GPU
        mask = torch.ones(b, t, dtype=torch.bool, device=x.device)
    length, i = mask.sum(1, keepdim=True), torch.arange(bins, device=x.device)
    start, end = i * length // bins, -(-(i + 1) * length // bins)  # (b, bins)
    step = torch.arange(t, device=x.device)
    inside = (step >= start[..., None]) & (step < end[..., None])  # (b, bins, t)
    return x[:, :, None].masked_fill(~inside[:, None], -torch.inf).amax(-1)


def sinusoids(positions: Tensor, d: int) -> Tensor:
    """Codes (b, t, d) of position numbers (b, t) that start at 1; position 0 has the code zero."""
    half = d // 2
    # float32 whatever the model's precision: the released position tables are
    steps = torch.arange(half, dtype=torch.float32, device=positions.device)
    angles = positions[..., None] * torch.exp(steps * -(math.log(10000) / max(half - 1, 1)))
    codes = torch.cat([angles.sin(), angles.cos()], dim=-1)  # (b, t, 2 * half)
    codes = F.pad(codes, (0, d - 2 * half))
    return codes.masked_fill(positions[..., None] == 0, 0)


class Attention(nn.Module):
    """Multi-head attention with the query, key and value projections packed in one matrix."""

    def __init__(self, *, d_model: int, heads: int, dropout: float) -> None:
        super().__init__()
        if d_model % heads:
            raise InputError(f"heads: expected a divisor of d_model {d_model}, got {heads}")
        self.heads = heads
        self.dropout = dropout
        self.in_proj_weight = nn.Parameter(torch.empty(3 * d_model, d_model))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * d_model))
        self.out_proj = nn.Linear(d_model, d_model)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.xavier_uniform_(self.out_proj.weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, query: Tensor, context: Tensor, visible: Tensor | None) -> Tensor:
        b, t, d = query.shape
        q = F.linear(query, self.in_proj_weight[:d], self.in_proj_bias[:d])
        k, v = F.linear(context, self.in_proj_weight[d:], self.in_proj_bias[d:]).chunk(2, dim=-1)
        q, k, v = (
            x.unflatten(-1, (self.heads, d // self.heads)).transpose(1, 2)  # (b, h, t, d/h)
            for x in (q, k, v)
        )
        dropout = self.dropout if self.training else 0.0
        x = F.scaled_dot_product_attention(q, k, v, attn_mask=visible, dropout_p=dropout)
        return self.out_proj(x.transpose(1, 2).reshape(b, t, d))


class Layer(nn.Module):
    """A pre-norm layer: attention, then a two-layer perceptron four times as wide."""

    def __init__(
        self,
        *,
        d_model: int,
        heads: int,
        attention_dropout: float,
        relu_dropout: float,
        residual_dropout: float,
    ) -> None:
        super().__init__()
        self.self_attn = Attention(d_model=d_model, heads=heads, dropout=attention_dropout)
        self.fc1 = nn.Linear(d_model, 4 * d_model)
        self.fc2 = nn.Linear(4 * d_model, d_model)
        self.layer_norms = nn.ModuleList(nn.LayerNorm(d_model) for _ in range(2))
        self.relu_dropout = nn.Dropout(relu_dropout)
        self.residual_dropout = nn.Dropout(residual_dropout)
        for linear in (self.fc1, self.fc2):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)

    def forward(self, x: Tensor, context: Tensor | None, visible: Tensor | None) -> Tensor:
        query = self.layer_norms[0](x)
        keys = query if context is None else self.layer_norms[0](context)
        x = x + self.residual_dropout(self.self_attn(query, keys, visible))
        hidden = self.relu_dropout(F.relu(self.fc1(self.layer_norms[1](x))))
        return x + self.residual_dropout(self.fc2(hidden))


class Encoder(nn.Module):
    """Scaled input plus position code, the layers, one LayerNorm at the end."""

    def __init__(
        self,
        *,
        d_model: int,
        heads: int,
        layers: int,
        attention_dropout: float = 0.0,
        relu_dropout: float = 0.0,
        residual_dropout: float = 0.0,
        embed_dropout: float = 0.0,
        causal: bool = False,
    ) -> None:
        super().__init__()
        self.causal = causal
        self.embed_dropout = nn.Dropout(embed_dropout)
        self.layers = nn.ModuleList(
            Layer(
                d_model=d_model,
                heads=heads,
                attention_dropout=attention_dropout,
                relu_dropout=relu_dropout,
                residual_dropout=residual_dropout,
            )
            for _ in range(layers)
        )
        self.layer_norm = nn.LayerNorm(d_model)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        context: Tensor | None = None,
        context_mask: Tensor | None = None,
        positions: Tensor | None = None,
    ) -> Tensor:
        """Encode ``x`` (b, t, d), attending to ``context`` where it is given, else to itself.

        Masks are those of :func:`compact`. Without one, padding is seen as the released code
        sees it. ``positions`` (b, t) replaces the position numbers of ``x``; 0 means no code.
        """
        visible = self._visible(x, context, mask if context is None else context_mask)
        if context is not None:
            context = self._embed(context, context_mask, None)
        x = self._embed(x, mask, positions)
        for layer in self.layers:
            x = layer(x, context, visible)
        return self.layer_norm(x)

    def _embed(self, x: Tensor, mask: Tensor | None, positions: Tensor | None) -> Tensor:
        _, t, d = x.shape
        if positions is None and mask is None:
            # the released rule: a step whose channel 0 is exactly zero is padding
            steps = torch.arange(1, t + 1, device=x.device)
            positions = torch.where(x[..., 0] == 0, 0, steps)  # (b, t)
        elif positions is None and mask is not None:
            positions = mask.cumsum(1) * mask  # (b, t)
        assert positions is not None
        return self.embed_dropout(math.sqrt(d) * x + sinusoids(positions, d).to(x.dtype))

    def _visible(self, x: Tensor, context: Tensor | None, mask: Tensor | None) -> Tensor | None:
        keys = x if context is None else context
        visible = None if mask is None else mask[:, None, None, :]  # (b, 1, 1, t)
        if self.causal:
            t_q, t_k = x.shape[1], keys.shape[1]
            ones = torch.ones(t_q, t_k, dtype=torch.bool, device=x.device)
            past = ones.tril(abs(t_k - t_q))
            visible = past if visible is None else visible & past  # (b, 1, t, t)
        return visible
