"""Two bidirectional LSTMs, one on the other, of the CMU-MultimodalSDK's official tutorial.

Late fusion LSTM is made of them, and so are the encoders of MISA, its descendant.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from msa.models.padding import Steps, sequence, valid_steps
from msa.models.recurrence import recur

RELEASED_NAMES = {
    f"{name[0]}{theirs}.": f"{name}_rnn.{ours}."
    for name in ("text", "audio", "vision")
    for theirs, ours in (("rnn1", "first"), ("rnn2", "second"), ("layer_norm", "norm"))
}


class RecurrentPair(nn.Module):
    """LSTM, LayerNorm, LSTM, in both directions; what counts are the final states."""

    def __init__(self, *, input_dim: int, hidden: int) -> None:
        super().__init__()
        self.first = nn.LSTM(input_dim, hidden, bidirectional=True, batch_first=True)
        self.norm = nn.LayerNorm(2 * hidden)
        self.second = nn.LSTM(2 * hidden, hidden, bidirectional=True, batch_first=True)

    def forward(self, steps: Steps) -> tuple[Tensor, Tensor]:
        """The final states of both LSTMs forward (b, 2h), and backward (b, 2h)."""
        first = Steps(recur(self.first, steps), steps.lengths)  # of 2h columns
        normed = Steps(self.norm(first.rows), steps.lengths)
        second = Steps(recur(self.second, normed), steps.lengths)
        h = first.rows.shape[1] // 2
        # a final state is that of the last step forward, of the first one backward
        forward = torch.cat([first.last[:, :h], second.last[:, :h]], dim=1)
        return forward, torch.cat([first.first[:, h:], second.first[:, h:]], dim=1)


def as_long(batch: dict[str, Any], modality: str, lengths: np.ndarray, padding: str) -> Steps:
    """A modality's steps; with ``padding="released"`` as many as its array has of ``lengths``.

    These are the text's, one for each segment (b,): the released code knows no other.
    """
    x = batch[modality]
    if padding == "masked" or isinstance(x, Steps):
        return sequence(batch, modality)
    steps = torch.arange(x.shape[1], device=x.device)
    return valid_steps(steps < torch.from_numpy(lengths).to(x.device)[:, None], x)[0]
