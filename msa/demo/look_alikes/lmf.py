"""A look-alike of LMF's `mosi.pkl`, `iemocap.pkl` and `pom.pkl`, as Python 2 writes them."""

from pathlib import Path
from typing import Any

import numpy as np

from msa.base.atomic import atomic_write
from msa.demo.look_alikes.python2 import dumps
from msa.demo.look_alikes.rows import SEGMENTS
from msa.formats.segments import FOLDS

# width of audio and vision
WIDTHS = {"mosi": (5, 20), "iemocap": (74, 35), "pom": (43, 47)}
STEPS, GLOVE = 20, 300
EMOTIONS = ("happy", "sad", "angry", "neutral")
TRAITS = 16


def write(folder: Path, rng: np.random.Generator, dataset: str = "mosi") -> Path:
    """Write `mosi.pkl`, `iemocap.pkl` or `pom.pkl`; returns the file."""
    folds = {fold: _fold(rng, SEGMENTS[fold], dataset) for fold in FOLDS}
    content: dict[str, Any] = folds
    if dataset == "iemocap":
        content = {
            emotion: {
                fold: data | {"label": np.stack([data["label"][:, i], 1 - data["label"][:, i]], 1)}
                for fold, data in folds.items()
            }
            for i, emotion in enumerate(EMOTIONS)
        }
    path = folder / f"{dataset}.pkl"
    with atomic_write(path, "wb") as file:
        file.write(dumps(content))
    return path


def _fold(rng: np.random.Generator, n: int, dataset: str) -> dict[str, np.ndarray]:
    if dataset == "mosi":
        label = levels = rng.uniform(-3, 3, (n, 1))
    elif dataset == "pom":
        levels = rng.normal(size=(n, TRAITS))
        label = np.clip(4 + 1.5 * levels, 1, 7)
    else:
        label = (np.arange(n)[:, None] % len(EMOTIONS) == np.arange(len(EMOTIONS))).astype(float)
        levels = 4 * label - 1
    audio, vision = (rng.normal(size=(n, width)) for width in WIDTHS[dataset])
    glove = np.zeros((n, STEPS, GLOVE))
    for rows, length, level in zip(glove, rng.integers(3, 13, n), levels, strict=True):
        rows[-length:] = rng.normal(size=(length, GLOVE))
        rows[-length:, : len(level)] += level
    for rows in (audio, vision):
        rows[:, : levels.shape[1]] += levels[:, : rows.shape[1]]
    audio[1, 0] = np.nan
    return {"covarep": audio, "facet": vision, "glove": glove, "label": label}
