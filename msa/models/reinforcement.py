"""Layers of PMR (Lv et al., "Progressive Modality Reinforcement for Human Multimodal Emotion
Recognition from Unaligned Multimodal Sequences", CVPR 2021), as its equations have them."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.models.dropout import Dropout
from msa.models.padding import Steps
from msa.models.transformer import Attention


class MRU(nn.Module):
    """Modality reinforcement unit: between a target that attends to a source, and to itself."""

    def __init__(
        self,
        *,
        d_model: int,
        heads: int,
        attention_dropout: float = 0.0,
        relu_dropout: float = 0.0,
        residual_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.self_attn = Attention(d_model=d_model, heads=heads, dropout=attention_dropout)
        self.SA_affline = nn.Linear(d_model, d_model, bias=False)
        self.CA_affline = nn.Linear(d_model, d_model)
        self.fc1 = nn.Linear(d_model, 4 * d_model)
        self.fc2 = nn.Linear(4 * d_model, d_model)
        self.layer_norms = nn.ModuleList(nn.LayerNorm(d_model) for _ in range(2))
        self.relu_dropout = Dropout(relu_dropout)
        self.residual_dropout = Dropout(residual_dropout)

    def forward(self, x: Tensor, source: Tensor, across: Tensor, within: Tensor) -> Tensor:
        """A target (b, t, d); ``across`` and ``within`` are added to the scores of the source's
        steps and of its own."""
        query, keys = self.layer_norms[0](x), self.layer_norms[0](source)
        crossed = x + self.residual_dropout(self.self_attn(query, keys, across))
        own = x + self.residual_dropout(self.self_attn(query, None, within))
        gate = torch.sigmoid(self.CA_affline(crossed) + self.SA_affline(own))
        x = gate * own + (1 - gate) * crossed
        hidden = self.relu_dropout(F.relu(self.fc1(self.layer_norms[1](x))))
        return x + self.residual_dropout(self.fc2(hidden))


class MessageUpdate(nn.Module):
    """The hub as the sum of the messages of all modalities, one weight a modality and segment.

    Each of the ``size`` steps that a hub may have has its place in the weights. As released they
    are those of all modalities, drawn anew for each batch of the training and never trained, and a
    row of what they read mixes the segments of the batch.
    """

    def __init__(self, size: int, d_model: int, released: bool) -> None:
        super().__init__()
        self.size, self.released = size, released
        hidden = size * d_model if released else d_model
        self.linear_proj = nn.ModuleList(
            nn.Linear(size * d_model, hidden) for _ in range(1 if released else 3)
        )
        self.trans_proj = nn.Linear(hidden, 1, bias=False)
        self.requires_grad_(not released)

    def forward(self, messages: Sequence[Steps], places: Tensor) -> Tensor:
        """The sum (n, d) of messages (n, d) whose steps have ``places`` in (b, size)."""
        b = len(messages[0].lengths)
        if self.released and self.training:
            for linear in (*self.linear_proj, self.trans_proj):
                linear.reset_parameters()
        scores = []
        for i, message in enumerate(messages):
            x = message.rows.new_zeros(b * self.size, message.rows.shape[1])
            x = x.index_copy(0, places, message.rows).unflatten(0, (b, self.size))
            x = x.transpose(0, 1).reshape(b, -1) if self.released else x.flatten(1)
            linear = self.linear_proj[0 if self.released else i]
            scores.append(self.trans_proj(torch.tanh(linear(x))))  # (b, 1)
        weights = torch.cat(scores, dim=1).softmax(1)[messages[0].segments]  # (n, 3)
        weighted = zip(messages, weights.split(1, dim=1), strict=True)
        return sum(message.rows * weight for message, weight in weighted)


class FeedForward(nn.Module):
    """A pre-norm two-layer perceptron four times as wide, of the hub."""

    def __init__(self, d_model: int, relu_dropout: float, residual_dropout: float) -> None:
        super().__init__()
        self.layerNorm = nn.LayerNorm(d_model)
        self.fc1 = nn.Linear(d_model, 4 * d_model)
        self.fc2 = nn.Linear(4 * d_model, d_model)
        self.relu_dropout = Dropout(relu_dropout)
        self.residual_dropout = Dropout(residual_dropout)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.relu_dropout(F.relu(self.fc1(self.layerNorm(x))))
        return x + self.residual_dropout(self.fc2(hidden))
