"""LMF: Liu, Shen, Lakshminarasimhan, Liang, Zadeh, Morency, "Efficient Low-rank Multimodal Fusion
with Modality-Specific Factors", ACL 2018.

One vector a modality, each with a 1 prepended; the weight of their outer product is a sum of
``rank`` products of one factor a modality, so that the outer product is never formed.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.models.checkpoint import rename
from msa.models.transformer import last_step, one_of, sequence


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one; the names are the same here."""
    return rename(state, {})


class UtteranceNetwork(nn.Module):
    """BatchNorm, dropout and three ReLU layers on one vector an utterance."""

    def __init__(self, *, input_dim: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(input_dim)
        self.dropout = nn.Dropout(dropout)
        self.linear_1 = nn.Linear(input_dim, hidden)
        self.linear_2 = nn.Linear(hidden, hidden)
        self.linear_3 = nn.Linear(hidden, hidden)

    def forward(self, x: Tensor) -> Tensor:
        b, _ = x.shape
        norm = self.norm
        if self.training and b == 1:
            # one row has no variance: use the running statistics instead
            mean, variance = norm.running_mean, norm.running_var
            x = F.batch_norm(x, mean, variance, norm.weight, norm.bias, eps=norm.eps)
        else:
            x = norm(x)
        x = F.relu(self.linear_1(self.dropout(x)))
        return F.relu(self.linear_3(F.relu(self.linear_2(x))))  # (b, hidden)


class TextNetwork(nn.Module):
    """The last state of an LSTM, dropout, one linear layer."""

    def __init__(self, *, input_dim: int, hidden: int, output_dim: int, dropout: float) -> None:
        super().__init__()
        self.rnn = nn.LSTM(input_dim, hidden, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.linear_1 = nn.Linear(hidden, output_dim)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        # an LSTM that runs forward does not see the padding behind a compact row
        x = last_step(self.rnn(x)[0], mask)  # (b, hidden)
        return self.linear_1(self.dropout(x))  # (b, output_dim)


class LMF(nn.Module):
    """Low-rank multimodal fusion; audio and vision are averaged over time."""

    def __init__(
        self,
        *,
        text_dim: int,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        text_hidden: int = 64,
        audio_hidden: int = 16,
        vision_hidden: int = 16,
        text_out: int | None = None,
        rank: int = 4,
        text_dropout: float = 0.2,
        audio_dropout: float = 0.5,
        vision_dropout: float = 0.5,
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = one_of("padding", padding, ("masked", "released"))
        text_out = text_hidden // 2 if text_out is None else text_out
        self.audio_subnet = UtteranceNetwork(
            input_dim=audio_dim, hidden=audio_hidden, dropout=audio_dropout
        )
        self.video_subnet = UtteranceNetwork(
            input_dim=vision_dim, hidden=vision_hidden, dropout=vision_dropout
        )
        self.text_subnet = TextNetwork(
            input_dim=text_dim, hidden=text_hidden, output_dim=text_out, dropout=text_dropout
        )
        self.audio_factor = nn.Parameter(torch.empty(rank, audio_hidden + 1, output_dim))
        self.video_factor = nn.Parameter(torch.empty(rank, vision_hidden + 1, output_dim))
        self.text_factor = nn.Parameter(torch.empty(rank, text_out + 1, output_dim))
        self.fusion_weights = nn.Parameter(torch.empty(1, rank))
        self.fusion_bias = nn.Parameter(torch.zeros(1, output_dim))
        for weight in (*self._factors(), self.fusion_weights):
            nn.init.xavier_normal_(weight)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        text, text_mask = sequence(batch, "text", self.padding)
        vectors = (
            self.audio_subnet(self._average(batch, "audio")),
            self.video_subnet(self._average(batch, "vision")),
            self.text_subnet(text, text_mask),
        )
        product = torch.ones_like(self.fusion_bias)
        for vector, factor in zip(vectors, self._factors(), strict=True):
            product = product * (F.pad(vector, (1, 0), value=1.0) @ factor)  # (rank, b, output_dim)
        return torch.einsum("r,rbo->bo", self.fusion_weights[0], product) + self.fusion_bias

    def parameter_groups(
        self, lr: float, factor_lr: float, weight_decay: float = 0.0
    ) -> list[dict]:
        """Groups for Adam: the three factors have a learning rate of their own."""
        factors = self._factors()
        others = [p for p in self.parameters() if all(p is not factor for factor in factors)]
        return [
            {"params": factors, "lr": factor_lr, "weight_decay": weight_decay},
            {"params": others, "lr": lr, "weight_decay": weight_decay},
        ]

    def _factors(self) -> list[nn.Parameter]:
        return [self.audio_factor, self.video_factor, self.text_factor]

    def _average(self, batch: dict[str, Tensor], modality: str) -> Tensor:
        x = batch[modality]  # (b, t, d)
        if self.padding == "released":
            return x.mean(1)
        mask = batch[f"{modality}_mask"]
        total = x.masked_fill(~mask[..., None], 0).sum(1)  # (b, d)
        return total / mask.sum(1, keepdim=True).clamp(min=1)
