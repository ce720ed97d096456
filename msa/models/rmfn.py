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
from msa.models.lsthm import LSTHM, Cells, Layer, recur_together
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
        self.count, self.cell = model.stages, model.fuse.hidden_size
        self.highlights = model.fusion == "highlight"
        self.fuse = Reader(model.fuse)
        self.weights: tuple[Tensor, ...] = self.fuse.weights
        if self.highlights:
            self.highlight = Reader(model.highlight)
            last = model.summarize.weight, model.summarize.bias
            self.summarize = Layer(*last)
            self.weights = (*self.fuse.weights, *self.highlight.weights, *last)
        self.kept: list[tuple[Tensor, list[Tensor], Tensor]] = []

    def forward(self, states: Tensor) -> Tensor:
        x, highlight, fuse, fused, weights = states, None, None, [], []
        for _ in range(self.count):
            if self.highlights:
                highlight = self.highlight.forward(x, highlight)
                weights.append(highlight[0].softmax(1))
                x = weights[-1] * states
            fuse = self.fuse.forward(x, fuse)
            fused.append(fuse[0])
        found = torch.cat(fused, dim=1)
        self.kept.append((states, weights, found))
        return self.summarize.forward(found) if self.highlights else fused[-1]

    def backward(self, t: int, by_code: Tensor) -> Tensor:
        states, weights, found = self.kept[t]
        if self.highlights:
            by_fused = self.summarize.backward(found, by_code).split(self.cell, dim=1)
        else:
            by_fused = (*[torch.zeros_like(by_code)] * (self.count - 1), by_code)
        by_fuse, by_fuse_cell = torch.zeros_like(by_code), torch.zeros_like(by_code)
        # for the states, what the next stage reads, and the state and the cell of highlighting
        by_states, by_next, by_state, by_cell = (torch.zeros_like(states) for _ in range(4))
        for k in range(self.count - 1, -1, -1):
            step = t * self.count + k
            by_x, by_fuse = self.fuse.backward(step, by_fused[k] + by_fuse, by_fuse_cell)
            if self.highlights:
                by_x = by_x + by_next
                by_states.addcmul_(by_x, weights[k])
                by_x *= states
                by_x -= (by_x * weights[k]).sum(1, keepdim=True)
                by_state = torch.addcmul(by_state, by_x, weights[k])
                by_next, by_state = self.highlight.backward(step, by_state, by_cell)
            else:
                by_states += by_x
        return by_states.add_(by_next)

    def gradients(self) -> tuple[Tensor, ...]:
        if not self.highlights:
            return self.fuse.gradients()
        parts = (self.fuse, self.highlight, self.summarize)
        return tuple(x for part in parts for x in part.gradients())


class Reader:
    """An LSTM, one step after the other, from zeros where nothing was before."""

    def __init__(self, lstm: nn.LSTM) -> None:
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        of_input, of_state, *biases = (lstm.get_parameter(name) for name in names)
        weight, bias = torch.cat([of_input, of_state], dim=1), biases[0] + biases[1]
        h = lstm.hidden_size  # PyTorch has the output gate behind the others
        self.weights = torch.cat([weight[-h:], weight[:-h]]), torch.cat([bias[-h:], bias[:-h]])
        self.cells, self.bias = Cells(self.weights[0]), self.weights[1].detach()
        self.width, self.hidden = lstm.input_size, lstm.hidden_size

    def forward(self, x: Tensor, before: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
        """State and cell (b, h)."""
        if before is None:
            return self.cells.forward(x, x.new_zeros(len(x), self.hidden), self.bias)
        return self.cells.forward(torch.cat([x, before[0]], dim=1), before[1], self.bias)

    def backward(self, step: int, by_state: Tensor, by_cell: Tensor) -> tuple[Tensor, Tensor]:
        """The gradients for what was read and for the state before; ``by_cell`` becomes its."""
        by_gates = self.cells.backward(step, by_state, by_cell)
        by_input = by_gates @ self.cells.weight[:, : self.cells.inputs[step].shape[1]]
        return by_input[:, : self.width], by_input[:, self.width :]

    def gradients(self) -> tuple[Tensor, Tensor]:
        return self.cells.gradient(), self.cells.result.sum(0)
