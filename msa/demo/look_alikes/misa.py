"""A look-alike of the pickles that MISA's code makes of MOSI and MOSEI."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.atomic import atomic_write
from msa.demo.look_alikes import mag


def write(folder: Path, rng: np.random.Generator, vision: int = 47) -> Path:
    """Write `mosi.pkl`, or with 35 columns of vision `mosei.pkl`; returns the file."""
    numbers: dict[str, int] = {}
    content: dict[str, list[Any]] = {}
    for key, fold in mag.KEYS.items():
        content[key] = []
        for (words, *rows), label, segment in mag.make_fold(fold, rng, vision):
            ids = np.array([numbers.setdefault(word, len(numbers)) for word in words])
            content[key].append(((ids, *rows, words), label, segment))
    path = folder / ("mosi.pkl" if vision == 47 else "mosei.pkl")
    with atomic_write(path, "wb") as file:
        pickle.dump(content, file)
    return path
