"""Short segments share a row, so that an encoder computes nothing on padding.

Each segment has a slot in a row and attends to nothing outside it: the numbers are those of the
segment alone.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from msa.models.padding import Steps, numbers

HIDDEN = -1e9  # finite: a step that sees nothing stays a number


def share_rows(*sizes: np.ndarray) -> np.ndarray:
    """The row of each segment, (b,): the longest first, each in the first row that has room.

    Of several sequences, each with its own ``sizes`` (b,), a segment lies in the same row of all.
    """
    table = np.stack(sizes, axis=1)  # (b, sequences)
    widths = table.max(0)
    rows = np.empty(len(table), np.int64)
    used = np.zeros_like(table)
    count = 0
    for i in np.argsort(-(table / widths).sum(1), kind="stable").tolist():
        room = (used[:count] + table[i] <= widths).all(1)
        rows[i] = room.argmax() if room.any() else count
        count = max(count, rows[i] + 1)
        used[rows[i]] += table[i]
    return rows


class Slots:
    """Where the segments lie, the longest of each row first.

    Attributes:
        rows: row of each segment, (b,); those of ``share_rows`` unless given.
        begins: place of each slot among all steps of all rows, (b,).
        shape: rows, and steps of a row.
    """

    def __init__(self, sizes: np.ndarray, rows: np.ndarray | None = None) -> None:
        self.rows = rows = share_rows(sizes) if rows is None else rows
        used = np.bincount(rows, weights=sizes).astype(np.int64)
        self.shape = len(used), int(used.max())
        order = np.lexsort([np.arange(len(rows)), -sizes, rows])
        ends = np.cumsum(sizes[order])
        before = np.cumsum(used) - used  # steps in earlier rows
        self.begins = np.empty_like(rows)
        in_order = rows[order]
        self.begins[order] = ends - sizes[order] + in_order * self.shape[1] - before[in_order]


class Packing:
    """Steps of each segment in its slot.

    Attributes:
        lengths: steps of each segment, (b,).
        slots: where they lie.
        shape: rows and steps.
        places: place of each step, segment after segment, (n,).
        positions: number of each step in its segment, from 1; 0 where nothing is, (rows, steps).
        segments: segment of each step, -1 where nothing is, (rows, steps).
    """

    def __init__(
        self,
        lengths: np.ndarray,
        device: torch.device,
        slots: Slots | None = None,
        offset: int | np.ndarray = 0,
    ) -> None:
        """``offset`` is how many steps of each slot stay free in front, an int or (b,)."""
        slots = Slots(lengths) if slots is None else slots
        self.lengths, self.slots, self.shape = lengths, slots, slots.shape
        number = numbers(lengths)
        places = np.repeat(slots.begins + offset, lengths) + number
        positions, segments = np.zeros(self.shape, np.int64), np.full(self.shape, -1)
        positions.flat[places] = number + 1
        segments.flat[places] = np.repeat(np.arange(len(lengths)), lengths)
        self.places, self.positions, self.segments = (
            torch.from_numpy(x).to(device) for x in (places, positions, segments)
        )

    def pack(self, rows: Tensor) -> Tensor:
        """Rows (n, d) in their slots, zeros elsewhere: (rows, steps, d)."""
        x = rows.new_zeros(self.shape[0] * self.shape[1], *rows.shape[1:])
        return x.index_copy(0, self.places, rows).unflatten(0, self.shape)

    def unpack(self, x: Tensor) -> Steps:
        """The steps of all segments, (n, d), from (rows, steps, d)."""
        return Steps(x.flatten(0, 1)[self.places], self.lengths)

    def lasts(self) -> "Packing":
        """The last step of each segment alone, in the same rows."""
        one = np.ones_like(self.lengths)
        return Packing(one, self.places.device, Slots(one, self.slots.rows))

    def visible(self, context: "Packing", dtype: torch.dtype, causal: bool = False) -> Tensor:
        """What is added to the attention of these steps to those: (rows, 1, steps, steps).

        If ``causal``, a step sees nothing after it, as far as the segment's two sequences are
        equally long: step j of a context that is n steps longer, or shorter, up to j - n.
        """
        hidden = self.segments[:, :, None] != context.segments[:, None]
        if causal:
            gap = torch.from_numpy(abs(context.lengths - self.lengths)).to(hidden.device)
            until = self.positions + gap[self.segments]
            hidden = hidden | (context.positions[:, None] > until[:, :, None])
        return torch.zeros(hidden.shape, dtype=dtype, device=hidden.device).masked_fill_(
            hidden, HIDDEN
        )[:, None]


def pack_alike(steps: Mapping[str, Steps]) -> dict[str, Packing]:
    """The packing of each sequence, a segment in the same row of all of them."""
    rows = share_rows(*(x.lengths for x in steps.values()))
    return {
        name: Packing(x.lengths, x.rows.device, Slots(x.lengths, rows)) for name, x in steps.items()
    }
