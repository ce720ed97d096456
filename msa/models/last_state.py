"""The last states of an LSTM as a modality's vector: Self-MM's and MMIM's for audio and vision."""

import torch
from torch import Tensor, nn

from msa.models.dropout import Dropout
from msa.models.padding import Steps
from msa.models.recurrence import recur


class LastState(nn.Module):
    """The state at the last step, and of a second direction at the first, through one layer."""

    def __init__(
        self,
        *,
        input_dim: int,
        hidden: int,
        output_dim: int,
        dropout: float,
        bidirectional: bool = False,
    ) -> None:
        super().__init__()
        self.rnn = nn.LSTM(input_dim, hidden, batch_first=True, bidirectional=bidirectional)
        self.dropout = Dropout(dropout)
        self.linear_1 = nn.Linear(hidden * (1 + bidirectional), output_dim)

    def forward(self, steps: Steps) -> Tensor:
        states = Steps(recur(self.rnn, steps), steps.lengths)  # of hidden, or 2 * hidden columns
        h = self.rnn.hidden_size
        last = torch.cat([states.last[:, :h], states.first[:, h:]], dim=1)
        return self.linear_1(self.dropout(last))  # (b, output_dim)
