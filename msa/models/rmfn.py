"""RMFN: Liang, Liu, Zadeh, Morency, "Multimodal Language Analysis with Recurrent Multistage
Fusion", EMNLP 2018.

Each modality has an LSTHM. After every step the fusion goes through stages: each highlights some of
the states of all modalities and fuses these with what the stages before it found. The summary of
all stages is the code that all modalities see at the next step.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.models.checkpoint import rename
from msa.models.dropout import Dropout
from msa.models.lsthm import LSTHM, Repeated, recur_together
from msa.models.padding import aligned_steps, require_choice

WIDTHS = {
    "text_dim": ("lsthm.text.W.weight", 1),
    "audio_dim": ("lsthm.audio.W.weight", 1),
    "vision_dim": ("lsthm.vision.W.weight", 1),
    "output_dim": ("fc2.weight", 0),
    "text_hidden": ("lsthm.text.U.weight", 1),
    "audio_hidden": ("lsthm.audio.U.weight", 1),
    "vision_hidden": ("lsthm.vision.U.weight", 1),
    "cell": ("fuse.weight_hh_l0", 1),
    "head_hidden": ("fc1.weight", 0),
}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one, of the SDK's modules."""
    return rename(state, {"fusion.model.": "fuse."})


class RMFN(nn.Module):
    """Multistage fusion of the states of modalities that are aligned to words.

    ``fusion="highlight"`` is our proposal after the paper, which leaves open how a stage finds what
    it highlights: an LSTM, as wide as the states, reads the states in the first of the ``stages``
    and afterwards what the stage before highlighted; the softmax of its state weighs the states.
    Another LSTM reads that, and one layer on all its states makes the code. Both begin anew at each
    step. ``"sdk"`` is the authors' module: the last state of an LSTM that reads the states in each
    stage. ``fc1`` and ``fc2``, from the last states and code to the prediction, are ours.
    """

    def __init__(
        self,
        *,
        text_dim: int,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        text_hidden: int = 64,
        audio_hidden: int = 32,
        vision_hidden: int = 32,
        cell: int = 64,
        stages: int = 3,
        head_hidden: int = 64,
        dropout: float = 0.0,
        fusion: str = "highlight",
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        self.fusion = require_choice("fusion", fusion, ("highlight", "sdk"))
        self.stages = stages
        inputs = {"text": text_dim, "audio": audio_dim, "vision": vision_dim}
        hidden = {"text": text_hidden, "audio": audio_hidden, "vision": vision_hidden}
        states = sum(hidden.values())
        self.lsthm = nn.ModuleDict(
            {m: LSTHM(input_dim=inputs[m], hidden=hidden[m], code=cell) for m in inputs}
        )
        self.fuse = nn.LSTM(states, cell)
        if fusion == "highlight":
            self.highlight = nn.LSTM(states, states)
            self.summarize = nn.Linear(stages * cell, cell)
        self.dropout = Dropout(dropout)
        self.fc1 = nn.Linear(states + cell, head_hidden)
        self.fc2 = nn.Linear(head_hidden, output_dim)

    def forward(self, batch: dict[str, Any]) -> Tensor:
        steps = dict(zip(self.lsthm, aligned_steps(batch, self.padding), strict=True))
        x = recur_together(self.lsthm, steps, Stages(self))  # (b, H + cell)
        return self.fc2(self.dropout(F.relu(self.fc1(x))))  # (b, output_dim)


class Stages:
    """The code (b, cell) from the states (b, H) of all modalities."""

    def __init__(self, model: RMFN) -> None:
        self.count, self.fuse = model.stages, Reader(model.fuse)
        self.highlights = model.fusion == "highlight"
        if self.highlights:
            self.highlight = Reader(model.highlight)
            self.summarize = Repeated(model.summarize.weight, model.summarize.bias)

    def __call__(self, states: Tensor) -> Tensor:
        x, highlight, fuse, fused = states, None, None, []
        for _ in range(self.count):
            if self.highlights:
                highlight = self.highlight(x, highlight)
                x = highlight[0].softmax(1) * states
            fuse = self.fuse(x, fuse)
            fused.append(fuse[0])
        return self.summarize(torch.cat(fused, dim=1)) if self.highlights else fused[-1]


class Reader:
    """An LSTM, one step after the other: state and cell from those before, zeros if None."""

    def __init__(self, lstm: nn.LSTM) -> None:
        weight = torch.cat([lstm.weight_ih_l0, lstm.weight_hh_l0], dim=1)
        weight, bias = (_reorder(x) for x in (weight, lstm.bias_ih_l0 + lstm.bias_hh_l0))
        self.hidden = lstm.hidden_size
        self.first, self.later = (
            Repeated(weight[:, : lstm.input_size], bias),
            Repeated(weight, bias),
        )

    def __call__(self, x: Tensor, before: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
        if before is None:
            return self.first.gates(x, x.new_zeros(len(x), self.hidden))
        state, cell = before
        return self.later.gates(torch.cat([x, state], dim=1), cell)


def _reorder(x: Tensor) -> Tensor:
    """Rows of PyTorch's input, forget, candidate and output gates, in the order of an LSTHM."""
    accept, forget, candidate, show = x.chunk(4)
    return torch.cat([forget, accept, show, candidate])
