"""Short segments share a row, so that an encoder computes nothing on padding.

Each segment has a slot in a row and attends to nothing outside it: the numbers are those of the
segment alone.
"""

import numpy as np
import torch
from torch import Tensor

from msa.models.padding import Steps, numbers

HIDDEN = -1e9  # finite: a step that sees nothing stays a number


class Slots:
    """Where the segments lie: the longest first, each in the first row that has room.

    Attributes:
        begins: place of each slot among all steps of all rows, (b,).
        shape: rows, and steps of a row, which is the longest slot.
    """

    def __init__(self, sizes: np.ndarray) -> None:
        width = int(sizes.max())
        self.begins = np.empty_like(sizes)
        used: list[int] = []
        for i in np.argsort(-sizes, kind="stable").tolist():
            size = int(sizes[i])
            row = next((r for r, steps in enumerate(used) if steps + size <= width), len(used))
            if row == len(used):
                used.append(0)
            self.begins[i] = row * width + used[row]
            used[row] += size
        self.shape = len(used), width


class Packing:
    """Steps of each segment in its slot.

    Attributes:
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
        self.lengths, self.shape = lengths, slots.shape
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

    def visible(self, context: "Packing", dtype: torch.dtype) -> Tensor:
        """What is added to the attention of these steps to those: (rows, 1, steps, steps)."""
        apart = self.segments[:, :, None] != context.segments[:, None]
        return torch.zeros(apart.shape, dtype=dtype, device=apart.device).masked_fill_(
            apart, HIDDEN
        )[:, None]
