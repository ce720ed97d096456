"""The encoder of MulT (Tsai et al., "Multimodal Transformer for Unaligned Multimodal Language
Sequences", ACL 2019), which NHFNet, LMR-CBT and GLoMo share."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.base.errors import InputError
from msa.models.attention import attend
from msa.models.dropout import Dropout
from msa.models.packing import HIDDEN, Packing
from msa.models.padding import Steps

MEMORY_LAYERS = 3  # at least, of what encodes what MulT's modalities found in each other
MANY = 1 << 22  # scores, of which the memory counts for more than the time to compute them twice


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
        self.dropout = Dropout(dropout)
        self.in_proj_weight = nn.Parameter(torch.empty(3 * d_model, d_model))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * d_model))
        self.out_proj = nn.Linear(d_model, d_model)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.xavier_uniform_(self.out_proj.weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, query: Tensor, context: Tensor | None, visible: Tensor | None) -> Tensor:
        """Attend to ``context``, or to ``query``; ``visible`` is added to the scores."""
        b, t, d = query.shape
        if context is None:
            q, k, v = F.linear(query, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=-1)
        else:
            q = F.linear(query, self.in_proj_weight[:d], self.in_proj_bias[:d])
            k, v = F.linear(context, self.in_proj_weight[d:], self.in_proj_bias[d:]).chunk(2, -1)
        q, k, v = (
            x.unflatten(-1, (self.heads, d // self.heads)).transpose(1, 2)  # (b, h, t, d/h)
            for x in (q, k, v)
        )
        dropout = self.dropout.p if self.training else 0.0
        scores = b * self.heads * t * k.shape[2]
        if dropout and q.device.type == "cpu" and scores > MANY:
            x = attend(q, k, v, visible, dropout)
        elif dropout and q.device.type == "cpu":
            # where PyTorch has no fused kernel
            weights = torch.matmul(q * q.shape[-1] ** -0.5, k.mT)
            weights = (weights if visible is None else weights + visible).softmax(-1)
            x = self.dropout(weights) @ v
        else:
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
        self.relu_dropout = Dropout(relu_dropout)
        self.residual_dropout = Dropout(residual_dropout)
        for linear in (self.fc1, self.fc2):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)

    def forward(self, x: Tensor, context: Tensor | None, visible: Tensor | None) -> Tensor:
        query = self.layer_norms[0](x)
        keys = None if context is None else self.layer_norms[0](context)
        x = x + self.residual_dropout(self.self_attn(query, keys, visible))
        hidden = self.relu_dropout(F.relu(self.fc1(self.layer_norms[1](x))))
        return x + self.residual_dropout(self.fc2(hidden))


class Encoder(nn.Module):
    """Scaled input plus position code, the layers, one LayerNorm at the end.

    ``padding="released"`` is the released rule for positions: a step whose channel 0 is exactly
    zero is padding, and has no code. With ``positions=False`` no step has one.
    """

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
        positions: bool = True,
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.causal, self.positions, self.padding = causal, positions, padding
        self.embed_dropout = Dropout(embed_dropout)
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
        positions: Tensor | None = None,
        visible: Tensor | None = None,
        context: Tensor | None = None,
        context_positions: Tensor | None = None,
    ) -> Tensor:
        """Encode ``x`` (b, t, d), attending to ``context`` where it is given, else to itself.

        Positions (b, t) count from 1, 0 has no code; they are those of the steps unless given.
        ``visible`` is added to the scores, which are (b, h, t, steps of the context).
        """
        if self.causal:
            future = _future(x, x if context is None else context)
            visible = future if visible is None else visible + future
        if context is not None:
            context = self.embed(context, context_positions)
        x = self.embed(x, positions)
        for layer in self.layers:
            x = layer(x, context, visible)
        return self.layer_norm(x)

    def embed(self, x: Tensor, positions: Tensor | None) -> Tensor:
        """The scaled input (b, t, d) plus its position code; as the layers take it."""
        b, t, d = x.shape
        if not self.positions:
            return self.embed_dropout(math.sqrt(d) * x)
        if positions is None:
            positions = torch.arange(1, t + 1, device=x.device).expand(b, t)
        if self.padding == "released":
            positions = torch.where(x[..., 0] == 0, 0, positions)
        return self.embed_dropout(math.sqrt(d) * x + sinusoids(positions, d).to(x.dtype))


def encode(encoder: Encoder, steps: Steps) -> Steps:
    """Every segment through an encoder, each attending to itself."""
    packing = Packing(steps.lengths, steps.rows.device)
    x = packing.pack(steps.rows)
    return packing.unpack(encoder(x, packing.positions, packing.visible(packing, x.dtype)))


def encode_last(encoder: Encoder, packing: Packing, x: Tensor, causal: bool = False) -> Tensor:
    """The last step of each segment of ``x``, (rows, steps, d), through an encoder: (b, d).

    The last layer computes no other step.
    """
    visible = packing.visible(packing, x.dtype, causal)
    x = encoder.embed(x, packing.positions)
    *layers, top = encoder.layers
    for layer in layers:
        x = layer(x, None, visible)
    last = packing.lasts()
    query = last.pack(packing.unpack(x).last)
    x = top(query, x, last.visible(packing, x.dtype))
    return encoder.layer_norm(last.unpack(x).rows)


def _future(x: Tensor, context: Tensor) -> Tensor:
    """Hides what comes after each step, as far as the two are equally long: (t, s)."""
    t, s = x.shape[1], context.shape[1]
    return x.new_full((t, s), HIDDEN).triu(1 + abs(s - t))
