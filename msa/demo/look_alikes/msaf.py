"""A look-alike of the folders {train, val, test} of NHFNet's data, `*50.npy`."""

from pathlib import Path

import numpy as np

from msa.base.atomic import atomic_write
from msa.demo.look_alikes.rows import SEGMENTS, make_rows

FOLDERS = {"train": "train", "val": "valid", "test": "test"}
STEPS = 50
WIDTHS = {"bert": 768, "visual": 35, "audio": 74}
EMOTIONS = 6


def write(folder: Path, rng: np.random.Generator) -> Path:
    """Write the three folders; returns the one above them."""
    for name, fold in FOLDERS.items():
        for file, array in _fold(rng, SEGMENTS[fold]).items():
            with atomic_write(folder / name / f"{file}{STEPS}.npy", "wb") as target:
                np.save(target, array)
    return folder


def _fold(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    scores = rng.uniform(-3, 3, n)
    emotions = rng.uniform(0, 3, (n, EMOTIONS))
    arrays = {"label": np.concatenate([scores[:, None], emotions], axis=1)[:, None]}
    lengths = rng.integers(3, 40, n)
    for name, width in WIDTHS.items():
        arrays[name] = np.zeros((n, STEPS, width))
        for segment, length, score in zip(arrays[name], lengths, scores, strict=True):
            where = slice(length) if name == "bert" else slice(STEPS - length, STEPS)
            segment[where] = make_rows(rng, length, width, score)
    return {name: array.astype(np.float32) for name, array in arrays.items()}
