"""RAVEN: Wang, Shen, Liu, Liang, Zadeh, Morency, "Words Can Shift: Dynamically Adjusting Word
Representations Using Nonverbal Behaviors", AAAI 2019.

What is heard and seen while a word is said shifts its vector; an LSTM reads the shifted words.
"""

import re
from typing import Any

import torch
from torch import Tensor, nn

from msa.models.checkpoint import rename
from msa.models.dropout import Dropout
from msa.models.padding import Steps, aligned_steps, require_choice, sequence, valid_steps
from msa.models.recurrence import recur
from msa.models.time_norm import normalize_times

WIDTHS = {
    "text_dim": ("word_lstm.weight_ih_l0", 1),
    "audio_dim": ("audio_linear.weight", 1),
    "vision_dim": ("vision_linear.weight", 1),
    "output_dim": ("output.weight", 0),
    "projection": ("audio_linear.weight", 0),
    "cell": ("audio_lstm.weight_hh_l0", 1),
    "hidden": ("word_lstm.weight_hh_l0", 1),
    "steps": ("audio_norm.weight", 0),
}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one."""
    names = {
        "normcovarep.": "audio_norm.",
        "fc_rszcovarep.": "audio_linear.",
        "covarepLSTM.": "audio_lstm.",
        "covarepW.": "audio_gate.",
        "fc_rszFacet.": "vision_linear.",
        "facetLSTM.": "vision_lstm.",
        "facetW.": "vision_gate.",
        "calcAddon.": "shift_layer.",
        "fc_afterLSTM.": "output.",
    }
    ours, unused = rename(state, names, ("normFacet.",))

    def of_layer(found: re.Match[str]) -> str:
        return f"word_lstm.{found[2]}_l{int(found[1]) - 1}"

    layer = re.compile(r"^lstm1\.layer_(\d+)\.lstm\.(\w+)$")
    return {layer.sub(of_layer, key): value for key, value in ours.items()}, unused


class RAVEN(nn.Module):
    """Words shifted by audio and vision, which have one step a word or several frames.

    Of several frames, ``batch["audio"]`` is (b, t, frames, d), and ``batch["audio_frames"]`` (b, t)
    tells how many of a word are valid; vision likewise.

    Four keywords are as released in their other value. ``nonverbal_gradient=False``: nothing of
    audio and vision is trained. ``gate="linear"``: no sigmoid. ``shift="released"``: a shift of any
    length above 1 is as long as the word times ``shift_weight``, where the paper has the lesser of
    this and its own length. ``audio_norm="batch"``: the batch's statistics in evaluation too, so
    that rows change each other. With ``padding="released"`` they count padding.
    """

    def __init__(
        self,
        *,
        text_dim: int,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        projection: int = 150,
        cell: int = 150,
        hidden: int = 300,
        layers: int = 1,
        dropout: float = 0.2,
        shift_weight: float = 0.2,
        steps: int = 50,
        nonverbal_gradient: bool = True,
        gate: str = "sigmoid",
        shift: str = "paper",
        audio_norm: str = "running",
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        self.gate = require_choice("gate", gate, ("sigmoid", "linear"))
        self.shift = require_choice("shift", shift, ("paper", "released"))
        require_choice("audio_norm", audio_norm, ("running", "batch"))
        self.shift_weight, self.nonverbal_gradient = shift_weight, nonverbal_gradient
        self.audio_norm = nn.BatchNorm1d(steps, track_running_stats=audio_norm == "running")
        self.audio_linear = nn.Linear(audio_dim, projection)
        self.audio_lstm = nn.LSTM(projection, cell, batch_first=True)
        self.audio_gate = nn.Linear(cell + text_dim, 1)
        self.vision_linear = nn.Linear(vision_dim, projection)
        self.vision_lstm = nn.LSTM(projection, cell, batch_first=True)
        self.vision_gate = nn.Linear(cell + text_dim, 1)
        self.shift_layer = nn.Linear(2 * cell, text_dim)
        self.dropout = Dropout(dropout)
        self.word_lstm = nn.LSTM(text_dim, hidden, num_layers=layers, batch_first=True)
        self.output = nn.Linear(hidden, output_dim)

    def forward(self, batch: dict[str, Any]) -> Tensor:
        text, audio, vision = aligned_steps(batch)
        words = text.rows  # (n, d)
        found = []
        for name, steps, linear, lstm, gate in (
            ("audio", audio, self.audio_linear, self.audio_lstm, self.audio_gate),
            ("vision", vision, self.vision_linear, self.vision_lstm, self.vision_gate),
        ):
            x, valid = _frames(batch, name, steps)  # (n, frames, d), (n, frames)
            if name == "audio":
                x = self._normalize(x, valid, steps)
            frames = valid_steps(valid, linear(self.dropout(x)))[0]
            states = Steps(recur(lstm, frames), frames.lengths).last  # (n, cell)
            states = states.masked_fill(~valid.any(1, keepdim=True), 0)
            weight = gate(torch.cat([states, words], dim=1))
            found.append(states * (weight.sigmoid() if self.gate == "sigmoid" else weight))
        shift = self.shift_layer(torch.cat(found, dim=1))  # (n, d)
        if not self.nonverbal_gradient:
            shift = shift.detach()
        shifted = Steps(self.dropout(words + self._scale(words, shift) * shift), text.lengths)
        last = Steps(recur(self.word_lstm, shifted), text.lengths).last
        return self.output(last)  # (b, output_dim)

    def _normalize(self, x: Tensor, valid: Tensor, steps: Steps) -> Tensor:
        """BatchNorm of the frames (n, frames, d) of each word's place in its segment."""
        padded, mask = Steps(x, steps.lengths).padded()  # (b, t, frames, d), (b, t)
        counted, _ = Steps(valid, steps.lengths).padded()
        if self.padding == "released":
            counted = torch.ones_like(counted)
        return normalize_times(self.audio_norm, padded, counted)[mask]

    def _scale(self, words: Tensor, shift: Tensor) -> Tensor:
        """What a shift is multiplied by, (n, 1)."""
        limit = self.shift_weight * words.norm(dim=1, keepdim=True)
        length = shift.norm(dim=1, keepdim=True)
        if self.shift == "released":
            return limit / length.clamp(min=1)
        return limit / torch.maximum(length, limit).clamp(min=1e-6)


def _frames(batch: dict[str, Any], name: str, steps: Steps) -> tuple[Tensor, Tensor]:
    """The frames of each word (n, frames, d), zeros where none is, and which are valid."""
    x = steps.rows
    if x.dim() == 2:
        return x[:, None], torch.ones(len(x), 1, dtype=torch.bool, device=x.device)
    counts = sequence(batch | {name: batch[f"{name}_frames"]}, name).rows  # (n,)
    valid = torch.arange(x.shape[1], device=x.device) < counts[:, None]
    return x.masked_fill(~valid[..., None], 0), valid
