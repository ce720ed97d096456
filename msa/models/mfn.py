"""MFN: Zadeh, Liang, Mazumder, Poria, Cambria, Morency, "Memory Fusion Network for Multi-view
Sequential Learning", AAAI 2018.

An LSTM for each modality; attention over the cells of two steps in a row, of all three together,
proposes what a gated memory keeps. The last states and the last memory make the prediction.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.models.checkpoint import rename
from msa.models.dropout import Dropout
from msa.models.gated_memory import remember
from msa.models.padding import Steps, aligned_steps, require_choice, sequence
from msa.models.recurrence import Times, recur_cell

WIDTHS = {
    "text_dim": ("lstm_l.weight_ih", 1),
    "audio_dim": ("lstm_a.weight_ih", 1),
    "vision_dim": ("lstm_v.weight_ih", 1),
    "output_dim": ("out_fc2.weight", 0),
    "text_hidden": ("lstm_l.weight_hh", 1),
    "audio_hidden": ("lstm_a.weight_hh", 1),
    "vision_hidden": ("lstm_v.weight_hh", 1),
    "memory": ("att2_fc2.weight", 0),
    "attention_hidden": ("att1_fc1.weight", 0),
    "proposal_hidden": ("att2_fc1.weight", 0),
    "retain_hidden": ("gamma1_fc1.weight", 0),
    "update_hidden": ("gamma2_fc1.weight", 0),
    "output_hidden": ("out_fc1.weight", 0),
}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one; the names are the same here."""
    return rename(state, {})


class MFN(nn.Module):
    """Memory fusion of modalities that are aligned to words.

    The hidden widths and dropouts are, in the released names, those of the nets att1 (attention),
    att2 (proposal), gamma1 (retain), gamma2 (update) and out (output). ``audio_vision="mean"`` is
    MMSA's version: audio and vision are averaged over time, and each step of the text sees that.
    """

    def __init__(
        self,
        *,
        text_dim: int,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        text_hidden: int = 64,
        audio_hidden: int = 48,
        vision_hidden: int = 32,
        memory: int = 400,
        attention_hidden: int = 32,
        proposal_hidden: int = 32,
        retain_hidden: int = 64,
        update_hidden: int = 32,
        output_hidden: int = 64,
        attention_dropout: float = 0.7,
        proposal_dropout: float = 0.2,
        retain_dropout: float = 0.0,
        update_dropout: float = 0.5,
        output_dropout: float = 0.0,
        audio_vision: str = "sequence",
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        self.audio_vision = require_choice("audio_vision", audio_vision, ("sequence", "mean"))
        hidden = text_hidden + audio_hidden + vision_hidden
        window = 2 * hidden  # the cells of the step before and of this one
        self.lstm_l = nn.LSTMCell(text_dim, text_hidden)
        self.lstm_a = nn.LSTMCell(audio_dim, audio_hidden)
        self.lstm_v = nn.LSTMCell(vision_dim, vision_hidden)
        self.att1_fc1 = nn.Linear(window, attention_hidden)
        self.att1_fc2 = nn.Linear(attention_hidden, window)
        self.att1_dropout = Dropout(attention_dropout)
        self.att2_fc1 = nn.Linear(window, proposal_hidden)
        self.att2_fc2 = nn.Linear(proposal_hidden, memory)
        self.att2_dropout = Dropout(proposal_dropout)
        self.gamma1_fc1 = nn.Linear(window + memory, retain_hidden)
        self.gamma1_fc2 = nn.Linear(retain_hidden, memory)
        self.gamma1_dropout = Dropout(retain_dropout)
        self.gamma2_fc1 = nn.Linear(window + memory, update_hidden)
        self.gamma2_fc2 = nn.Linear(update_hidden, memory)
        self.gamma2_dropout = Dropout(update_dropout)
        self.out_fc1 = nn.Linear(hidden + memory, output_hidden)
        self.out_fc2 = nn.Linear(output_hidden, output_dim)
        self.out_dropout = Dropout(output_dropout)

    def forward(self, batch: dict[str, Any]) -> Tensor:
        x = self.fuse(self._sequences(batch))
        return self.out_fc2(self.out_dropout(F.relu(self.out_fc1(x))))  # (b, output_dim)

    def fuse(self, sequences: list[Steps]) -> Tensor:
        """The last states and the last memory, (b, hidden + memory), of text, audio and vision."""
        lengths = sequences[0].lengths
        times = Times(lengths, sequences[0].rows.device)
        networks = (self.lstm_l, self.lstm_a, self.lstm_v)
        found = [recur_cell(*of, times) for of in zip(networks, sequences, strict=True)]
        states, cells = (torch.cat(x, dim=1) for x in zip(*found, strict=True))  # (n, h)
        window = torch.cat([Steps(cells, lengths).previous, cells], dim=1)  # (n, 2h)
        hidden = self.att1_dropout(F.relu(self.att1_fc1(window)))
        attended = self.att1_fc2(hidden).softmax(-1) * window
        hidden = self.att2_dropout(F.relu(self.att2_fc1(attended)))
        proposed = torch.tanh(self.att2_fc2(hidden))  # (n, memory)
        gates = (
            (self.gamma1_fc1, self.gamma1_fc2, self.gamma1_dropout),
            (self.gamma2_fc1, self.gamma2_fc2, self.gamma2_dropout),
        )
        memory = remember(attended, proposed, gates, times)
        return torch.cat([Steps(x, lengths).last for x in (states, memory)], dim=1)

    def _sequences(self, batch: dict[str, Any]) -> list[Steps]:
        if self.audio_vision == "sequence":
            return aligned_steps(batch, self.padding)
        text = sequence(batch, "text", self.padding)
        means = [sequence(batch, name, self.padding).mean() for name in ("audio", "vision")]
        return [text, *(Steps(mean[text.segments], text.lengths) for mean in means)]
