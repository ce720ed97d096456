"""MFM's parts: the codes of sequences, their factors, and sequences made of these.

Letters are the released ones: l text, a audio, v vision, y what all three have in common.
"""

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.models.dropout import Dropout
from msa.models.mfn import MFN
from msa.models.padding import Steps
from msa.models.recurrence import Recurrence, Times, recur_cell

OTHERS = {"l": "av", "a": "lv", "v": "la"}


class SequenceEncoder(nn.Module):
    """The last state of an LSTM, through one layer as wide."""

    def __init__(self, *, input_dim: int, output_dim: int) -> None:
        super().__init__()
        self.lstm = nn.LSTMCell(input_dim, output_dim)
        self.fc1 = nn.Linear(output_dim, output_dim)

    def forward(self, steps: Steps, times: Times) -> Tensor:
        states, _ = recur_cell(self.lstm, steps, times)
        return self.fc1(Steps(states, steps.lengths).last)  # (b, output_dim)


class Codes(nn.Module):
    """The codes of sequences that are aligned.

    Args:
        dims: of the sequences, by letter.
        widths: of the codes, by letter.
        fusion: what fuses the modalities, which loses its layers that predict; an LSTM over the
            joined sequences if None.
        spread: the codes have variances.
        estimated: a modality's codes can be estimated from the other two.
    """

    def __init__(
        self,
        *,
        dims: Mapping[str, int],
        widths: Mapping[str, int],
        fusion: MFN | None,
        spread: bool,
        estimated: bool,
    ) -> None:
        super().__init__()
        encoders = {m: (width, widths[m]) for m, width in dims.items()}
        for m, others in OTHERS.items() if estimated else ():
            width = sum(dims[other] for other in others)
            encoders |= {f"{others}_to_{of}": (width, widths[of]) for of in (m, "y")}
        self.encoders = nn.ModuleDict(
            {name: SequenceEncoder(input_dim=i, output_dim=o) for name, (i, o) in encoders.items()}
        )
        fused = widths["l"] + widths["a"] + widths["v"]
        if fusion is not None:
            fused = fusion.out_fc1.in_features
            del fusion.out_fc1, fusion.out_fc2
        self.fusion = fusion or SequenceEncoder(input_dim=sum(dims.values()), output_dim=fused)
        last = {**widths, "y": fused}
        self.means, self.log_variances = (
            nn.ModuleDict({m: nn.Linear(last[m], widths[m]) for m in letters})
            for letters in (("lavy", "lavy") if spread else ("y", ""))
        )

    def forward(
        self, x: Mapping[str, Steps], times: Times
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The codes (b, d) by letter, and the logarithms of their variances, if there are any."""
        last = {m: self.encoders[m](steps, times) for m, steps in x.items()}
        fusion = self.fusion
        last["y"] = (
            fusion.fuse([*x.values()])
            if isinstance(fusion, MFN)
            else fusion(_joined(x, "lav"), times)
        )
        codes = last | {m: mean(last[m]) for m, mean in self.means.items()}
        return codes, {m: layer(last[m]) for m, layer in self.log_variances.items()}

    def estimates(self, x: Mapping[str, Steps], times: Times) -> dict[str, dict[str, Tensor]]:
        """By the letter of a modality, its own code and the common one by the other two."""
        return {
            m: {of: self.encoders[f"{by}_to_{of}"](_joined(x, by), times) for of in (m, "y")}
            for m, by in OTHERS.items()
        }


def _joined(x: Mapping[str, Steps], letters: str) -> Steps:
    return Steps(torch.cat([x[m].rows for m in letters], dim=1), x["l"].lengths)


class SequenceDecoder(nn.Module):
    """An LSTM that sees a vector at first, and then its own state; one layer behind each state."""

    def __init__(self, *, input_dim: int, output_dim: int) -> None:
        super().__init__()
        self.lstm = nn.LSTMCell(input_dim, input_dim)
        self.fc1 = nn.Linear(input_dim, output_dim)

    def forward(self, vectors: Tensor, lengths: np.ndarray, times: Times) -> Tensor:
        """As many steps (n, output_dim) of each vector (b, d) as ``lengths`` (b,) says."""
        cell = self.lstm
        with torch.autocast(vectors.device.type, enabled=False):
            first = F.linear(vectors.to(cell.weight_ih.dtype), cell.weight_ih)  # (b, 4d)
            begins = torch.from_numpy(np.cumsum(lengths) - lengths).to(times.places.device)
            bias = (cell.bias_ih + cell.bias_hh).expand(len(times.places), -1)
            projected = bias.index_add(0, times.places[begins], first)[:, None]  # (n, 1, 4d)
            # the state is input and state at once; it is zero where the vector is the input
            weight = (cell.weight_ih + cell.weight_hh)[None]
            states, _ = Recurrence.apply(projected, weight, times.sizes)
            states = states[times.places, 0]
        return self.fc1(states)


class TwoLayers(nn.Module):
    """Two layers, and dropout between them."""

    def __init__(self, *, input_dim: int, hidden: int, output_dim: int, dropout: float) -> None:
        super().__init__()
        self.fc1 = nn.Linear(input_dim, hidden)
        self.fc2 = nn.Linear(hidden, output_dim)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.dropout(F.relu(self.fc1(x))))


class Factors(nn.Module):
    """What codes become: the common factor predicts, and with one's own it makes the sequence.

    Args:
        dims: of the sequences, by letter.
        codes: widths, by letter.
        widths: of the factors, by letter.
        dropouts: on the way from a code to its factor, by letter, in the same order.
        output_dim: of the prediction.
        output_dropout: on the way to it.
    """

    def __init__(
        self,
        *,
        dims: Mapping[str, int],
        codes: Mapping[str, int],
        widths: Mapping[str, int],
        dropouts: Mapping[str, float],
        output_dim: int,
        output_dropout: float,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleDict(
            {
                m: TwoLayers(input_dim=codes[m], hidden=width, output_dim=width, dropout=p)
                for (m, width), p in zip(widths.items(), dropouts.values(), strict=True)
            }
        )
        self.decoders = nn.ModuleDict(
            {
                m: SequenceDecoder(input_dim=widths["y"] + widths[m], output_dim=width)
                for m, width in dims.items()
            }
        )
        y = widths["y"]
        self.head = TwoLayers(input_dim=y, hidden=y, output_dim=output_dim, dropout=output_dropout)

    def forward(self, codes: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The factors (b, d) by letter."""
        return {m: F.relu(self.layers[m](code)) for m, code in codes.items()}

    def predict(self, factors: Mapping[str, Tensor]) -> Tensor:
        """The prediction, (b, output_dim)."""
        return self.head(factors["y"])

    def task_loss(self, factors: Mapping[str, Tensor], label: Tensor) -> Tensor:
        """L1, or the cross-entropy of classes, by what the labels (b, k) are."""
        prediction = self.predict(factors)
        if label.is_floating_point():
            return (prediction - label).abs().mean()
        return F.cross_entropy(prediction.reshape(label.numel(), -1), label.flatten())

    def sequence(
        self, m: str, factors: Mapping[str, Tensor], lengths: np.ndarray, times: Times
    ) -> Tensor:
        """The steps (n, d) of a modality, by its letter."""
        both = torch.cat([factors["y"], factors[m]], dim=1)
        made: Tensor = self.decoders[m](both, lengths, times)
        return made
