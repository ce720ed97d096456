"""Batches: a fold in memory, padded per batch from its ragged arrays."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from msa.errors import InputError

MODALITIES = ("text", "audio", "vision")


@dataclass(frozen=True)
class Ragged:
    """The steps of one modality, segment after segment.

    Attributes:
        rows: (r, d) float32.
        begins: first row of each segment, (n,).
        counts: steps of each segment, (n,).
        side: "left" pads on the left, "right" on the right.
        fixed: steps to pad to; None pads to the longest of the batch.
    """

    rows: Tensor
    begins: Tensor
    counts: Tensor
    side: str = "right"
    fixed: int | None = None

    @property
    def width(self) -> int:
        return self.rows.shape[1]

    def to(self, device: torch.device) -> "Ragged":
        rows, begins, counts = (x.to(device) for x in (self.rows, self.begins, self.counts))
        return Ragged(rows, begins, counts, self.side, self.fixed)

    def padded(self, segments: Tensor) -> tuple[Tensor, Tensor]:
        """Padded steps of some segments (b, t, d), and which of them are valid (b, t)."""
        begins, counts = self.begins[segments], self.counts[segments]
        steps = max(self.fixed or int(counts.max()), 1)
        step = torch.arange(steps, device=counts.device)
        if self.side == "left":
            step = step - (steps - counts)[:, None]  # (b, t)
        else:
            step = step.expand(len(segments), -1)
        mask = (step >= 0) & (step < counts[:, None])
        rows = self.rows[torch.where(mask, begins[:, None] + step, 0)]
        return rows * mask[..., None], mask


@dataclass(frozen=True)
class Fold:
    """One fold: segment ids, labels (n, targets) and the modalities."""

    ids: np.ndarray
    label: Tensor
    modalities: dict[str, Ragged]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def widths(self) -> dict[str, int]:
        return {name: ragged.width for name, ragged in self.modalities.items()}

    def to(self, device: torch.device) -> "Fold":
        moved = {name: ragged.to(device) for name, ragged in self.modalities.items()}
        return Fold(self.ids, self.label.to(device), moved)

    def batch(self, segments: Tensor) -> dict[str, Tensor]:
        """`<modality>` (b, t, d) and `<modality>_mask` (b, t) of some segments, and `label`."""
        batch = {"label": self.label[segments]}
        for name, ragged in self.modalities.items():
            batch[name], batch[f"{name}_mask"] = ragged.padded(segments)
        return batch


def cut(offsets: np.ndarray, length: int | None, side: str) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the rows that stay, and how many of each segment.

    Args:
        offsets: where each segment begins, (n + 1,).
        length: steps a segment may have; None is all.
        side: "left" keeps the last steps, "right" the first.
    """
    counts = np.diff(offsets)
    kept = counts if length is None else np.minimum(counts, length)
    first = offsets[:-1] + (counts - kept if side == "left" else 0)
    begins = np.repeat(first - (np.cumsum(kept) - kept), kept)
    return begins + np.arange(len(begins)), kept


def load_fold(
    fold: str,
    settings: Mapping[str, Any],
    data: Path,
    clean: Path | None = None,
    features: Path | None = None,
) -> Fold:
    """Read one fold as the settings want it.

    A modality that the data set lacks gets one step of zeros of width 1.

    Args:
        fold: train, valid or test.
        settings: the run's settings; `forms`, `hyperparameters` and `task` are read.
        data: folder of the folds, written by the stage split.
        clean: folder written by the stage clean; needed for audio, vision and glove.
        features: folder written by the stage encode; needed for features.
    """
    hyper = settings["hyperparameters"]
    offsets = _load(data / fold / "offsets.npy")
    ids = _load(data / fold / "ids.npy")
    label = torch.from_numpy(_load(data / fold / "label.npy"))
    task = settings["task"]["type"]
    label = label.float() if task == "regression" else label.long()
    modalities = {}
    for name, form in settings["forms"].items():
        length, side = hyper["lengths"][name], hyper["sides"][name]
        # the released code pads to the full length, and sees the padding
        fixed = length if hyper["architecture"].get("padding") == "released" else None
        if form is None:
            zeros, ones = torch.zeros(1, 1), torch.ones(len(ids), dtype=torch.long)
            modalities[name] = Ragged(zeros, 0 * ones, ones, side)
            continue
        folder = features if form == "features" else clean
        if folder is None:
            raise InputError(f"{data}/{fold}: {name} needs the folder of the {form}, got none")
        path = folder / f"{fold}.npy" if form == "features" else folder / fold / f"{form}.npy"
        rows = _load(path, mapped=True)
        bounds = offsets["words" if form == "features" else form]
        if len(rows) != bounds[-1]:
            raise InputError(
                f"{path}: expected {bounds[-1]} rows as {data}/{fold}/offsets.npy says, "
                f"got {len(rows)}; one of the two is older: run the stage again"
            )
        kept, counts = cut(bounds, length, side)
        taken = torch.from_numpy(np.asarray(rows[kept], dtype=np.float32))
        lengths = torch.from_numpy(counts)
        modalities[name] = Ragged(taken, lengths.cumsum(0) - lengths, lengths, side, fixed)
    return Fold(ids, label, modalities)


def _load(path: Path, mapped: bool = False) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r" if mapped else None)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: cannot be read as a .npy array: {error}") from error
