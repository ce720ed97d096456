"""EF-LSTM: early fusion, the LSTM on joined features beside which Zadeh, Liang, Mazumder, Poria,
Cambria, Morency, "Memory Fusion Network for Multi-view Sequential Learning", AAAI 2018, and later
work put their systems.

The features of each word are joined; the last state makes the prediction.
"""

import re
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.models.checkpoint import rename
from msa.models.dropout import Dropout
from msa.models.padding import Steps, aligned_steps, require_choice
from msa.models.recurrence import recur
from msa.models.time_norm import normalize_times

WIDTHS = {"output_dim": ("fc2.weight", 0), "hidden": ("fc1.weight", 0)}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one, the authors' or MMSA's."""
    ours, unused = rename(state, {"linear.": "fc1.", "out.": "fc2."})
    cell = re.compile(r"(?<=^lstm\.)(weight|bias)_[ih]h$")
    return {cell.sub(r"\g<0>_l0", key): value for key, value in ours.items()}, unused


class EFLSTM(nn.Module):
    """Early fusion of modalities that are aligned to words.

    ``variant="mmsa"`` is MMSA's version: BatchNorm whose channels are the first ``steps`` time
    steps, before the LSTM, and dropout behind it too.

    Raises:
        InputError: a segment has more steps than MMSA's version was made for.
    """

    def __init__(
        self,
        *,
        text_dim: int,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        hidden: int = 128,
        layers: int = 1,
        dropout: float = 0.5,
        variant: str = "authors",
        steps: int = 50,
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        self.variant = require_choice("variant", variant, ("authors", "mmsa"))
        if variant == "mmsa":
            self.norm = nn.BatchNorm1d(steps)
        self.lstm = nn.LSTM(
            text_dim + audio_dim + vision_dim,
            hidden,
            num_layers=layers,
            dropout=dropout if layers > 1 else 0.0,
            batch_first=True,
        )
        self.dropout = Dropout(dropout)
        self.fc1 = nn.Linear(hidden, hidden)
        self.fc2 = nn.Linear(hidden, output_dim)

    def forward(self, batch: dict[str, Any]) -> Tensor:
        sequences = aligned_steps(batch, self.padding)
        steps = Steps(torch.cat([x.rows for x in sequences], dim=1), sequences[0].lengths)  # (n, d)
        if self.variant == "mmsa":
            padded, mask = steps.padded()
            steps = Steps(normalize_times(self.norm, padded, mask)[mask], steps.lengths)
        x = Steps(recur(self.lstm, steps), steps.lengths).last  # (b, hidden)
        if self.variant == "mmsa":
            x = self.dropout(x)
        return self.fc2(self.dropout(F.relu(self.fc1(x))))  # (b, output_dim)
