"""A look-alike of MulT's `{mosi,mosei_senti,iemocap}_data.pkl`, and of its `*_noalign.pkl`."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.atomic import atomic_write
from msa.demo.look_alikes.rows import SEGMENTS, make_rows, segment_ids
from msa.formats.segments import FOLDS

NAMES = {"mosi": "mosi", "mosei": "mosei_senti", "iemocap": "iemocap"}
# (steps, width) of text, unaligned audio and unaligned vision
SHAPES = {
    "mosi": ((50, 300), (375, 5), (500, 20)),
    "mosei": ((50, 300), (500, 74), (500, 35)),
    "iemocap": ((20, 300), (400, 74), (500, 35)),
}
EMOTIONS = 4


def write(
    folder: Path, rng: np.random.Generator, dataset: str = "mosei", aligned: bool = True
) -> Path:
    """Write a pickle of a dataset, mosi, mosei or iemocap; returns it."""
    content = {fold: _fold(fold, rng, dataset, aligned) for fold in FOLDS}
    path = folder / f"{NAMES[dataset]}_data{'' if aligned else '_noalign'}.pkl"
    with atomic_write(path, "wb") as file:
        pickle.dump(content, file)
    return path


def _fold(fold: str, rng: np.random.Generator, dataset: str, aligned: bool) -> dict[str, Any]:
    n = SEGMENTS[fold]
    scores = np.round(rng.uniform(-3, 3, n), 1)
    data: dict[str, Any] = {"labels": scores.astype(np.float32)[:, None, None]}
    levels: np.ndarray = np.repeat(scores[:, None], EMOTIONS, axis=1)
    if dataset == "iemocap":
        positive = rng.integers(0, 2, (n, EMOTIONS))
        data["labels"] = np.stack([1 - positive, positive], axis=2)
        levels = 2.0 * positive - 1
    (steps, _), *_ = SHAPES[dataset]
    words = rng.integers(3, 13, n)
    for name, (full, width) in zip(("text", "audio", "vision"), SHAPES[dataset], strict=True):
        same = aligned or name == "text"
        lengths = words if same else rng.integers(4, full // 4, n)
        rows = np.zeros((n, steps if same else full, width), dtype=np.float32)
        for segment, length, level in zip(rows, lengths, levels, strict=True):
            segment[-length:] = make_rows(rng, length, width, 0)
            segment[-length:, :EMOTIONS] += level
        data[name] = rows
    parts = [name[:-1].split("[") for name in segment_ids(fold)]
    ids = [(video, f"{3.5 * int(i):.4f}", f"{3.5 * int(i) + 3:.4f}") for video, i in parts]
    if dataset == "mosi":
        data["id"] = np.array(ids, dtype="S")
    elif dataset == "mosei":
        data["id"] = np.array(ids)
    return data
