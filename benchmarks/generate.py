"""Input for the benchmarks, made on the spot and the same every time: .csd files like MOSI's.

Each video lasts 150 s, with 440 words, 15,000 rows of 74 columns (COVAREP), 4,500 rows of 47
(FACET) and 24 segments; all is random, and gzip level 1.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Rows = tuple[str, np.ndarray, np.ndarray]  # video, intervals (n, 2), features (n, d)
NAMES = ("words", "audio", "vision", "labels")
SECONDS, WORDS, SEGMENTS = 150, 440, 24
FRAMES = {"audio": (100, 74), "vision": (30, 47)}  # rows a second, columns


def numbers(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    """Random features: floats, or words of random letters."""
    if dtype.kind == "f":
        return rng.standard_normal(shape, np.float32)
    return rng.integers(ord("a"), ord("z"), (*shape, dtype.itemsize), np.uint8).view(dtype)[..., 0]


def spans(rng: np.random.Generator, count: int) -> np.ndarray:
    """Words or segments one after another, of varying lengths, with short pauses: (count, 2)."""
    lengths = rng.uniform(0.5, 1.5, count)
    lengths *= SECONDS / lengths.sum()
    starts = np.cumsum(lengths) - lengths
    return np.stack([starts, starts + 0.95 * lengths], 1).astype(np.float32)


def mosi_like(name: str, videos: int) -> Iterator[Rows]:
    """One sequence of the generated input; the same every time."""
    for v in range(videos):
        rng = np.random.default_rng([v, *name.encode()])
        if name in FRAMES:
            rate, width = FRAMES[name]
            edges = (np.arange(SECONDS * rate + 1) / rate).astype(np.float32)
            intervals, dtype = np.stack([edges[:-1], edges[1:]], 1), np.dtype("f4")
        else:
            intervals, width = spans(rng, WORDS if name == "words" else SEGMENTS), 1
            dtype = np.dtype("S8" if name == "words" else "f4")
        yield f"video{v:05}", intervals, numbers(rng, (len(intervals), width), dtype)


def lasting(videos: Iterator[Rows]) -> Iterator[Rows]:
    """The same videos with a row more, first, that lasts the whole video."""
    for video, intervals, features in videos:
        whole = np.array([[0, SECONDS]], intervals.dtype)
        yield video, np.concatenate([whole, intervals]), np.concatenate([features[:1], features])


def write(path: Path, videos: Iterator[Rows]) -> Path:
    """As `msa.formats.csd.write` lays a file out, but gzip level 1 and one video in memory."""
    with h5py.File(path, "w") as file:
        for video, *arrays in videos:
            for key, rows in zip(("intervals", "features"), arrays, strict=True):
                file.create_dataset(
                    f"{path.stem}/data/{video}/{key}",
                    data=rows,
                    chunks=rows.shape,
                    compression="gzip",
                    compression_opts=1,
                )
    return path


def again(path: Path, source: Path, times: int) -> Path:
    """A file's videos some times over under new ids, as they are packed."""
    with h5py.File(source) as given, h5py.File(path, "w") as file:
        for t in range(times):
            for video, arrays in given[f"{source.stem}/data"].items():
                for key, rows in arrays.items():
                    copy = file.create_dataset(
                        f"{path.stem}/data/{video}_{t}/{key}",
                        rows.shape,
                        rows.dtype,
                        chunks=rows.shape,
                        compression="gzip",
                        compression_opts=1,
                    )
                    copy.id.write_direct_chunk((0, 0), rows.id.read_direct_chunk((0, 0))[1])
    return path
