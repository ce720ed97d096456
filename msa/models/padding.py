"""How rows of unlike lengths enter a model, each seeing its own valid steps only.

Legend, here and in every model: b batch, t steps, n steps of all segments, d features, h heads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.base.errors import InputError


def require_choice(name: str, value: str, allowed: Sequence[str]) -> str:
    """``value``, or an error that names the keyword and what it may be."""
    if value not in allowed:
        raise InputError(f"{name}: expected one of {', '.join(allowed)}, got {value!r}")
    return value


def numbers(lengths: np.ndarray) -> np.ndarray:
    """Number of each step in its segment, from 0, (n,), for segments of some lengths (b,)."""
    ends = np.cumsum(lengths)
    return np.arange(ends[-1]) - np.repeat(ends - lengths, lengths)


@dataclass(frozen=True)
class Steps:
    """The valid steps of a batch, segment after segment, so that nothing can depend on padding.

    Attributes:
        rows: (n, d), or (n,) of ids.
        lengths: steps of each segment, at least one, (b,).
    """

    rows: Tensor
    lengths: np.ndarray

    @property
    def numbers(self) -> np.ndarray:
        """Number of each step in its segment, from 0, (n,)."""
        return numbers(self.lengths)

    @property
    def segments(self) -> Tensor:
        """The segment of each step, (n,)."""
        segment = np.repeat(np.arange(len(self.lengths)), self.lengths)
        return torch.from_numpy(segment).to(self.rows.device)

    @property
    def first(self) -> Tensor:
        """The first step of each segment, (b, d)."""
        begins = np.cumsum(self.lengths) - self.lengths
        return self.rows[torch.from_numpy(begins).to(self.rows.device)]

    @property
    def last(self) -> Tensor:
        """The last step of each segment, (b, d)."""
        return self.rows[torch.from_numpy(np.cumsum(self.lengths) - 1).to(self.rows.device)]

    @property
    def previous(self) -> Tensor:
        """The step before each, zeros before the first of a segment, (n, d)."""
        first = torch.from_numpy(self.numbers == 0).to(self.rows.device)[:, None]
        return F.pad(self.rows[:-1], (0, 0, 1, 0)).masked_fill(first, 0)

    def mean(self) -> Tensor:
        """The mean over the steps of each segment, (b, d)."""
        lengths = torch.from_numpy(self.lengths).to(self.rows.device)
        return torch.segment_reduce(self.rows, "mean", lengths=lengths, axis=0, unsafe=True)

    def padded(self) -> tuple[Tensor, Tensor]:
        """All segments as long as the longest, zeros behind (b, t, d), and what is valid (b, t)."""
        b, t = len(self.lengths), int(self.lengths.max())
        mask = torch.from_numpy(np.arange(t) < self.lengths[:, None]).to(self.rows.device)
        place = self.segments * t + torch.from_numpy(self.numbers).to(self.rows.device)
        x = self.rows.new_zeros(b * t, *self.rows.shape[1:]).index_copy(0, place, self.rows)
        return x.unflatten(0, (b, t)), mask


def valid_steps(mask: Tensor, *sequences: Tensor) -> list[Steps]:
    """The steps of sequences (b, t) or (b, t, d) where ``mask`` (b, t) is True.

    A segment without any becomes one step of zeros, so that no softmax, average or maximum runs
    over nothing.
    """
    lengths = mask.sum(1).cpu().numpy()
    if not lengths.all():
        empty = ~mask.any(1)
        mask = mask.clone()
        mask[:, 0] |= empty
        sequences = tuple(x.masked_fill(empty.view(-1, *[1] * (x.dim() - 1)), 0) for x in sequences)
    return [Steps(x[mask], lengths.clip(min=1)) for x in sequences]


def compact(mask: Tensor, *sequences: Tensor) -> tuple[Tensor, ...]:
    """Mask and sequences with the valid steps in front, zeros behind, nothing to spare."""
    found = [steps.padded() for steps in valid_steps(mask, *sequences)]
    return found[0][1], *(x for x, _ in found)


def sequence(batch: Mapping[str, Any], modality: str, padding: str = "masked") -> Steps:
    """A modality's valid steps; with ``padding="released"`` all of (b, t, d) count as valid."""
    x = batch[modality]
    if isinstance(x, Steps):
        return x
    if padding == "released":
        return Steps(x.flatten(0, 1), np.full(len(x), x.shape[1]))
    return valid_steps(batch[f"{modality}_mask"], x)[0]


def aligned_steps(batch: Mapping[str, Any], padding: str = "masked") -> list[Steps]:
    """The steps of text, audio and vision, of which a segment has the same number in each.

    A modality of which all segments have one step, a vector an utterance or the zeros of an absent
    modality, has it at all steps.

    Raises:
        InputError: the numbers of steps differ.
    """
    found = {name: sequence(batch, name, padding) for name in ("text", "audio", "vision")}
    first, longest = max(found.items(), key=lambda item: item[1].lengths.max() > 1)
    lengths = longest.lengths
    for name, steps in found.items():
        if steps.lengths.max() == 1:
            found[name] = Steps(steps.rows[longest.segments], lengths)
        elif unlike := np.flatnonzero(steps.lengths != lengths)[:1].tolist():
            raise InputError(
                f"{name}: expected as many steps as {first}, {lengths[unlike[0]]} in segment "
                f"{unlike[0]} of a batch, found {steps.lengths[unlike[0]]}; the model joins the "
                "steps of each word: give all modalities one number in `lengths` and one of "
                "`sides`, and take word-aligned data"
            )
    return [*found.values()]


def convolve(conv: nn.Conv1d, steps: Steps) -> Steps:
    """A convolution along the steps of each segment, which has one step afterwards at least."""
    kernel, pad = conv.kernel_size[0], int(conv.padding[0])
    lengths = (steps.lengths + 2 * pad - kernel + 1).clip(min=1)
    begins = np.cumsum(steps.lengths) - steps.lengths
    number = numbers(lengths)[:, None] - pad + np.arange(kernel)  # (m, k)
    inside = (number >= 0) & (number < np.repeat(steps.lengths, lengths)[:, None])
    place = np.where(inside, np.repeat(begins, lengths)[:, None] + number, len(steps.rows))
    rows = F.pad(steps.rows, (0, 0, 0, 1))  # zeros for what is outside
    windows = rows[torch.from_numpy(place).to(rows.device)]  # (m, k, d)
    weight = conv.weight.transpose(1, 2).flatten(1)
    return Steps(F.linear(windows.flatten(1), weight, conv.bias), lengths)


def shorten(steps: Steps, lengths: np.ndarray) -> Steps:
    """Means of consecutive steps, so that each segment has as many as ``lengths`` (b,) says.

    Of a segment with a number of steps that this does not divide, or with fewer, the last step is
    repeated first. Where the lengths are those already, nothing changes.
    """
    sizes = -(-steps.lengths // lengths)  # steps of a mean
    begins = np.cumsum(steps.lengths) - steps.lengths
    number = numbers(lengths * sizes).clip(max=np.repeat(steps.lengths - 1, lengths * sizes))
    place = torch.from_numpy(np.repeat(begins, lengths * sizes) + number)
    windows = Steps(steps.rows[place.to(steps.rows.device)], np.repeat(sizes, lengths))
    return Steps(windows.mean(), lengths)


def masked_mean(x: Tensor, mask: Tensor | None) -> Tensor:
    """The mean over the valid steps, zeros where there are none: (b, t, d) to (b, d)."""
    if mask is None:
        return x.mean(1)
    total = x.masked_fill(~mask[..., None], 0).sum(1)  # (b, d)
    return total / mask.sum(1, keepdim=True).clamp(min=1)


def max_pool(x: Tensor, mask: Tensor | None, bins: int) -> Tensor:
    """Adaptive max pooling over the valid steps of compact rows: (b, t, d) to (b, d, bins)."""
    b, t, _ = x.shape
    x = x.transpose(1, 2)  # (b, d, t)
    if mask is None:
        # not F.adaptive_max_pool1d, which has no deterministic gradient on a GPU
        mask = torch.ones(b, t, dtype=torch.bool, device=x.device)
    length, i = mask.sum(1, keepdim=True), torch.arange(bins, device=x.device)
    start, end = i * length // bins, -(-(i + 1) * length // bins)  # (b, bins)
    step = torch.arange(t, device=x.device)
    inside = (step >= start[..., None]) & (step < end[..., None])  # (b, bins, t)
    return x[:, :, None].masked_fill(~inside[:, None], -torch.inf).amax(-1)


def normalize(norm: nn.BatchNorm1d, rows: Tensor) -> Tensor:
    """BatchNorm of rows (n, d); one row has no variance: the running statistics instead."""
    stacked = norm.weight.dim() > 1  # and sees to it itself
    if norm.training and len(rows) == 1 and not stacked:
        mean, variance = norm.running_mean, norm.running_var
        return F.batch_norm(rows, mean, variance, norm.weight, norm.bias, eps=norm.eps)
    return norm(rows)
