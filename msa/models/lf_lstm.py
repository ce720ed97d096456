"""LF-LSTM: Zadeh et al., "Multi-attention Recurrent Network for Human Communication Comprehension",
AAAI 2018, whose CMU-MultimodalSDK has this late fusion as its official tutorial.

Two LSTMs in both directions read each modality on its own; their final states, joined and
normalized over the batch, make the prediction.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.models.checkpoint import rename
from msa.models.dropout import Dropout
from msa.models.padding import normalize, require_choice, sequence
from msa.models.recurrent_pair import RELEASED_NAMES, RecurrentPair, as_long

WIDTHS = {
    "text_dim": ("text_rnn.first.weight_ih_l0", 1),
    "audio_dim": ("audio_rnn.first.weight_ih_l0", 1),
    "vision_dim": ("vision_rnn.first.weight_ih_l0", 1),
    "output_dim": ("fc2.weight", 0),
}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one."""
    return rename(state, RELEASED_NAMES)


class LFLSTM(nn.Module):
    """Late fusion of the final states of LSTMs.

    Hidden widths that are not given are those of the released code: one and a half times the
    input, and half of their sum for ``fc1``. With ``padding="released"`` audio and vision are as
    long as the text is.
    """

    def __init__(
        self,
        *,
        text_dim: int,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        text_hidden: int | None = None,
        audio_hidden: int | None = None,
        vision_hidden: int | None = None,
        fc1: int | None = None,
        dropout: float = 0.25,
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        text_hidden = text_hidden or text_dim * 3 // 2
        audio_hidden = audio_hidden or audio_dim * 3 // 2
        vision_hidden = vision_hidden or vision_dim * 3 // 2
        hidden = text_hidden + audio_hidden + vision_hidden
        fc1 = fc1 or hidden // 2
        self.text_rnn = RecurrentPair(input_dim=text_dim, hidden=text_hidden)
        self.vision_rnn = RecurrentPair(input_dim=vision_dim, hidden=vision_hidden)
        self.audio_rnn = RecurrentPair(input_dim=audio_dim, hidden=audio_hidden)
        self.bn = nn.BatchNorm1d(4 * hidden)
        self.fc1 = nn.Linear(4 * hidden, fc1)
        self.dropout = Dropout(dropout)
        self.fc2 = nn.Linear(fc1, output_dim)

    def forward(self, batch: dict[str, Any]) -> Tensor:
        text = sequence(batch, "text")
        vision = as_long(batch, "vision", text.lengths, self.padding)
        audio = as_long(batch, "audio", text.lengths, self.padding)
        states = [self.text_rnn(text), self.vision_rnn(vision), self.audio_rnn(audio)]
        forward, backward = zip(*states, strict=True)
        x = normalize(self.bn, torch.cat([*forward, *backward], dim=1))  # (b, 4 * hidden)
        return self.fc2(F.relu(self.dropout(self.fc1(x))))  # (b, output_dim)
