"""A look-alike of the `mosi.pkl` and `mosei.pkl` of MAG-BERT, MIB and GLoMo."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.atomic import atomic_write
from msa.demo.look_alikes.rows import SEGMENTS, make_rows, make_words, segment_ids

KEYS = {"train": "train", "dev": "valid", "test": "test"}


def write(folder: Path, rng: np.random.Generator, vision: int = 47) -> Path:
    """Write `mosi.pkl`, or with 35 columns of vision `mosei.pkl`; returns the file."""
    content = {key: make_fold(fold, rng, vision) for key, fold in KEYS.items()}
    path = folder / ("mosi.pkl" if vision == 47 else "mosei.pkl")
    with atomic_write(path, "wb") as file:
        pickle.dump(content, file)
    return path


def make_fold(fold: str, rng: np.random.Generator, vision: int) -> list[Any]:
    """Segments ((words, vision, audio), label, segment) of a fold."""
    scores = rng.uniform(-3, 3, SEGMENTS[fold])
    rows = []
    for segment, score in zip(segment_ids(fold), scores, strict=True):
        words = make_words(rng, score)
        features = (
            words,
            make_rows(rng, len(words), vision, score),
            make_rows(rng, len(words), 74, score),
        )
        rows.append((features, np.array([[score]], dtype=np.float32), segment))
    return rows
