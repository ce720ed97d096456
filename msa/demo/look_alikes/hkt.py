"""A look-alike of HKT's `ur_funny.pkl` and `mustard.pkl`."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.atomic import atomic_write
from msa.demo.look_alikes.mag import KEYS
from msa.demo.look_alikes.rows import SEGMENTS, make_rows, make_words

NAMES = {"ur_funny": "ur_funny.pkl", "mustard": "mustard.pkl"}
# vision, audio and the features of humor
WIDTHS = (91, 81, 4)


def write(folder: Path, rng: np.random.Generator, dataset: str = "ur_funny") -> Path:
    """Write `ur_funny.pkl` or `mustard.pkl`; returns the file."""
    ids = iter(range(1, 1 + sum(SEGMENTS.values())))
    content: dict[str, list[Any]] = {key: [] for key in KEYS}
    for key, fold in KEYS.items():
        for i in range(SEGMENTS[fold]):
            # every seventh segment has no context
            sentences = [make_words(rng, 0) for _ in range(rng.integers(1, 4) if i % 7 else 0)]
            label, number = int(rng.integers(2)), next(ids)
            words = make_words(rng, 4 * label - 2)
            punchline = (" ".join(words), *_rows(rng, len(words), label))
            spoken = sum(map(len, sentences))
            context = ([" ".join(sentence) for sentence in sentences], *_rows(rng, spoken, label))
            segment = number if dataset == "ur_funny" else f"1_{number}"
            content[key].append((punchline, context, segment, label))
    path = folder / NAMES[dataset]
    with atomic_write(path, "wb") as file:
        pickle.dump(content, file)
    return path


def _rows(rng: np.random.Generator, n: int, label: int) -> list[np.ndarray]:
    """Vision, audio and features of humor of n words."""
    arrays = [make_rows(rng, n, width, 0).astype(np.float64) for width in WIDTHS]
    for rows in arrays:
        # GLoMo reads the columns from 55 of vision on
        rows[:, 0] += 2 * label - 1
        rows[:, 55:56] += 2 * label - 1
    return arrays
