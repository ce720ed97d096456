"""One vector of each modality, as LMF and TFN have them in common."""

import torch.nn.functional as F
from torch import Tensor, nn

from msa.models.padding import Steps, normalize
from msa.models.recurrence import recur


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
        x = F.relu(self.linear_1(self.dropout(normalize(self.norm, x))))
        return F.relu(self.linear_3(F.relu(self.linear_2(x))))  # (b, hidden)


class TextNetwork(nn.Module):
    """The last state of an LSTM, dropout, one linear layer."""

    def __init__(self, *, input_dim: int, hidden: int, output_dim: int, dropout: float) -> None:
        super().__init__()
        self.rnn = nn.LSTM(input_dim, hidden, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.linear_1 = nn.Linear(hidden, output_dim)

    def forward(self, steps: Steps) -> Tensor:
        x = Steps(recur(self.rnn, steps), steps.lengths).last  # (b, hidden)
        return self.linear_1(self.dropout(x))  # (b, output_dim)
