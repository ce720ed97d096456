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

from msa.base.errors import InputError
from msa.models.checkpoint import rename
from msa.models.dropout import Dropout
from msa.models.padding import Steps, aligned_steps, require_choice
from msa.models.recurrence import recur

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
            steps = normalize_times(self.norm, steps)
        x = Steps(recur(self.lstm, steps), steps.lengths).last  # (b, hidden)
        if self.variant == "mmsa":
            x = self.dropout(x)
        return self.fc2(self.dropout(F.relu(self.fc1(x))))  # (b, output_dim)


def normalize_times(norm: nn.BatchNorm1d, steps: Steps) -> Steps:
    """BatchNorm with a mean and a variance for each time, over the segments and the features."""
    x, mask = steps.padded()  # (b, t, d), (b, t)
    t = x.shape[1]
    if t > norm.num_features:
        raise InputError(
            f"steps: expected at most {norm.num_features} of a segment, found {t}; give the "
            "architecture as many `steps` as the longest of `lengths`"
        )
    running = (norm.get_buffer("running_mean"), norm.get_buffer("running_var"))
    if norm.training:
        count = mask.sum(0) * x.shape[2]  # (t,)
        mean = x.sum((0, 2)) / count
        centred = (x - mean[:, None]) * mask[..., None]
        variance = centred.square().sum((0, 2)) / count
        unbiased = variance * count / (count - 1).clamp(min=1)
        for kept, new in zip(running, (mean, unbiased), strict=True):
            kept[:t].lerp_(new.detach().to(kept.dtype), norm.momentum or 0.0)
    else:
        mean, variance = running[0][:t], running[1][:t]
    scale = norm.weight[:t] / (variance + norm.eps).sqrt()
    x = (x - mean[:, None]) * scale[:, None] + norm.bias[:t, None]
    return Steps(x[mask], steps.lengths)
