"""Content: what a file or a folder of unknown layout holds, opened without trusting it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.errors import InputError
from msa.formats.pickles.unpickle import load

HDF5 = b"\x89HDF\r\n\x1a\n"
# how files begin that are no pickles
BEGINNINGS = {
    HDF5: "an HDF5 file, such as a .csd",
    b"\x93NUMPY": "a NumPy array",
    b"PK\x03\x04": "a zip archive, such as .npz",
}
PICKLES = (".pkl", ".pickle")
TEXTS = (".csv", ".tsv", ".json", ".yaml", ".yml", ".txt", ".md")
# how others name the folds
FOLD_NAMES = {"train": "train", "valid": "valid", "val": "valid", "dev": "valid", "test": "test"}


def open_content(path: Path) -> Any:
    """A folder as its path; a pickle as what it holds, with keys as text.

    A folder of a pickle a fold is as one pickle that has them by their names.

    Raises:
        InputError: there is no such file, or it is no pickle.
    """
    if path.is_dir():
        pickles = {file.stem: file for ending in PICKLES for file in path.glob(f"*{ending}")}
        keys = fold_keys(pickles).values()
        return {key: with_text_keys(load(pickles[key])) for key in keys} or path
    if not path.is_file():
        raise InputError(f"{path}: no such file or folder")
    with path.open("rb") as file:
        beginning = file.read(len(HDF5))
    kinds = [kind for begins, kind in BEGINNINGS.items() if beginning.startswith(begins)]
    if path.suffix in TEXTS:
        kinds.append("a text file, by its name")
    if kinds:
        raise InputError(
            f"{path}: expected a pickle, or a .csd file, found {kinds[0]}; features of your own "
            'go in as docs/own_data.md, "Your own arrays", shows'
        )
    return with_text_keys(load(path))


def with_text_keys(value: Any) -> Any:
    """Dictionaries with str keys at every level: Python 2 wrote bytes."""
    if not isinstance(value, Mapping):
        return value
    return {as_text(key): with_text_keys(inner) for key, inner in value.items()}


def as_text(value: Any) -> str:
    """A str, bytes or number as text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def as_words(words: Iterable[Any]) -> np.ndarray:
    """Words as one column of bytes, (n, 1)."""
    return np.array([as_text(word).encode() for word in words], dtype="S")[:, None]


def as_float32(values: Any) -> np.ndarray:
    """An array of float32; what is beyond it becomes infinite, which is counted where it is stored.

    Raises:
        TypeError, ValueError: they are no numbers, or of no shape.
    """
    with np.errstate(over="ignore"):
        return np.asarray(values, dtype=np.float32)


def as_rows(where: str, rows: Any, width: int | None = None) -> np.ndarray:
    """Rows of numbers, (t, width) float32; nothing at all is (0, width).

    Raises:
        InputError: they are anything else, or of another width.
    """
    try:
        array = as_float32(rows)
    except (TypeError, ValueError):
        raise InputError(f"{where}: expected rows of numbers, found {describe(rows)}") from None
    if not array.size and width:
        return array.reshape(0, width)
    if array.ndim != 2 or array.shape[1] != (width or array.shape[1]):
        expected = f"(t, {width})" if width else "(t, d)"
        raise InputError(f"{where}: expected rows {expected}, found an array {array.shape}")
    return array


def as_number(where: str, value: Any) -> float:
    """One number, which may stand in an array.

    Raises:
        InputError: it is anything else.
    """
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.empty(0)
    if array.size != 1 or array.dtype.kind not in "biuf":
        raise InputError(f"{where}: expected one number, found {describe(value)}")
    return float(array.item())


def describe(content: Any) -> str:
    """What is there, in a few words, for an error message."""
    if isinstance(content, Path):
        return f"a folder of {sorted(p.name for p in content.iterdir())[:12]}"
    if isinstance(content, Mapping):
        inner = next(iter(content.values()), None)
        keys = f"a dictionary of {list(content)[:12]}"
        return (
            f"{keys}, in {next(iter(content))!r} {describe(inner)}" if inner is not None else keys
        )
    if isinstance(content, list | tuple):
        inner = f" of {describe(content[0])}" if content else ""
        return f"a {type(content).__name__} of length {len(content)}{inner}"
    shape = getattr(content, "shape", None)
    return f"an array {shape}" if shape is not None else type(content).__name__


def fold_keys(content: Mapping[str, Any]) -> dict[str, str]:
    """Our fold's name to the key that it has in the file; empty unless all three are there."""
    # of two keys of one fold the first of FOLD_NAMES: a folder lists its files in any order
    keys = {fold: key for key, fold in reversed(FOLD_NAMES.items()) if key in content}
    return {fold: keys[fold] for fold in ("train", "valid", "test")} if len(keys) == 3 else {}
