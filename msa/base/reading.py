"""Reading: the files that stages leave for one another; one that is not whole is one error."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from zipfile import BadZipFile
from zlib import error as ZlibError

import numpy as np

from msa.base.errors import InputError

KINDS = {"numbers": "biuf", "words": "S", "text": "U", "flags": "b", "offsets": "V"}


def said(error: BaseException) -> str:
    """What an error says, in one line and without the name of the file."""
    return getattr(error, "strerror", None) or str(error).partition("\n")[0] or type(error).__name__


def open_npy(path: Path, mapped: bool = True) -> np.ndarray:
    """The array in a .npy file, which may be damaged, or anybody's.

    Args:
        path: the file.
        mapped: stay on the disk until its values are asked for.

    Raises:
        OSError: the file is missing or cannot be read.
        ValueError: it is no whole array, or one of Python objects.
    """
    try:
        if mapped:
            return np.lib.format.open_memmap(path, mode="r")
        with open(path, "rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, MemoryError):
        raise
    # numpy evaluates the header as Python: one that is damaged raises nearly anything
    except Exception as error:
        raise ValueError(said(error)) from error


def read_array(
    path: Path, kind: str, ndim: int, rows: int | None = None, mapped: bool = False
) -> np.ndarray:
    """The array in a .npy file.

    Args:
        path: the file.
        kind: one of `KINDS`.
        ndim: dimensions that it has.
        rows: how many it has by the offsets beside it.
        mapped: stay on the disk until they are asked for.

    Raises:
        InputError: the file is missing, damaged, or another one than it should be.
    """
    try:
        array = open_npy(path, mapped)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: expected a .npy array, got: {said(error)}; run the stage that writes it again"
        ) from error
    if array.ndim != ndim or array.dtype.kind not in KINDS[kind]:
        raise InputError(
            f"{path}: expected {kind} in {ndim} dimensions, got {array.dtype} {array.shape}; "
            "run the stage that writes it again"
        )
    if rows is not None and len(array) != rows:
        raise InputError(
            f"{path}: expected {rows} rows as offsets.npy says, got {len(array)}; "
            "one of the two is older: run the stage again"
        )
    return array


def read_npz(path: Path, *keys: str) -> dict[str, np.ndarray]:
    """All arrays of an .npz file.

    Raises:
        InputError: the file is missing or damaged, or a key is not in it.
    """
    try:
        # numpy leaves a broken file open that it opened itself
        with path.open("rb") as stream, np.load(stream) as file:
            return {key: file[key] for key in dict.fromkeys([*keys, *file])}
    except (OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile, ZlibError) as error:
        wanted = f" with {list(keys)}" if keys else ""
        raise InputError(f"{path}: expected an .npz file{wanted}, got: {said(error)}") from error


def read_offsets(path: Path, names: Iterable[str] = ()) -> np.ndarray:
    """Where each segment begins, (n + 1,), one field a sequence.

    Args:
        path: offsets.npy.
        names: sequences that there must be.

    Raises:
        InputError: the file is missing, damaged, or not of these sequences.
    """
    offsets = read_array(path, "offsets", 1)
    sequences = offsets.dtype.names or ()
    if missing := [name for name in names if name not in sequences]:
        raise InputError(f"{path}: expected the sequences {missing}, found {list(sequences)}")
    if not len(offsets) or any(
        offsets[name][0] != 0 or (np.diff(offsets[name]) < 0).any() for name in sequences
    ):
        raise InputError(f"{path}: expected numbers that begin with 0 and grow, got others")
    return offsets


def read_words(path: Path, rows: int) -> list[str]:
    """The words of all segments in a .npy file of one column; errors as in `read_array`."""
    return [word.decode("utf-8", "replace") for word in read_array(path, "words", 2, rows)[:, 0]]


def read_json(path: Path, *keys: str) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        InputError: the file is missing or damaged, or a key is not in it.
    """
    return _with_keys(str(path), _json(path), keys)


def read_json_list(path: Path, *keys: str) -> list[dict[str, Any]]:
    """The objects in the list in a JSON file; errors as in `read_json`."""
    content = _json(path)
    if not isinstance(content, list):
        raise InputError(f"{path}: expected a list, got {type(content).__name__}")
    return [_with_keys(f"{path}[{i}]", entry, keys) for i, entry in enumerate(content)]


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: expected a JSON file, got: {said(error)}") from error


def _with_keys(where: str, content: Any, keys: Iterable[str]) -> dict[str, Any]:
    found = content if isinstance(content, dict) else {}
    if missing := [key for key in keys if key not in found]:
        raise InputError(f"{where}: expected the keys {list(keys)}, missing: {missing}")
    return found
