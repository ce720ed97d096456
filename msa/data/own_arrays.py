"""Own arrays: pickles and .npy files of one segment or of some, without folds, for predictions.

The keys are MMSA's or ours: text, embedding or glove; audio; vision; hcf; raw_text or words; id;
labels if there are. Arrays are (t, d) of one segment, or (n, t, d), where rows of zeros at an end
are padding. Several segments may also come one by one, in a list or by their ids.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.errors import InputError
from msa.base.reading import open_npy, said
from msa.formats.content import PICKLES, as_text, describe, fold_keys, open_content
from msa.formats.importers import mmsa
from msa.formats.importers.padded import as_array, not_zero, texts
from msa.formats.layouts import recognize
from msa.formats.segments import Asked, Segments

VECTORS = ("embedding", "glove", "text")
SEQUENCES = {*VECTORS, "audio", "vision", "hcf", "words", "raw_text"}
KEYS = dict.fromkeys(VECTORS, "text") | {"words": "raw_text"}


def are_arrays(path: Path) -> bool:
    """Whether it is a pickle, or a folder of .npy files or of folders of some."""
    if path.is_dir():
        arrays = (*path.glob("*.npy"), *path.glob("*/*.npy"))
        return bool(arrays) and not any(path.glob("*.csd"))
    return path.suffix in PICKLES or (path.is_file() and path.suffix not in (".csd", ".npy"))


def read_arrays(source: Path | Mapping[str, Path], asked: Asked, aligned: bool) -> Segments:
    """The segments in a pickle, a folder of .npy files, or .npy files by the part they play.

    Args:
        source: where they are.
        asked: the sequences, and the columns or classes of labels, if there are labels.
        aligned: audio and vision have one row a word.

    Raises:
        InputError: a file is broken, or lacks what is asked for.
    """
    where = str(source) if isinstance(source, Path) else ", ".join(map(str, source.values()))
    content = _content(source)
    parts = _parts(content)
    if not parts and isinstance(source, Path) and isinstance(content, Mapping | list):
        return _joined([*recognize(source)[1].values()], asked)
    if not parts:
        raise InputError(
            f"{where}: expected {', '.join(asked.holds or ())} as arrays, of one segment or of "
            f"some, found {describe(content)}"
        )
    names = ["embedding" if name == "glove" else name for name in asked.holds or ()]
    folds = [
        mmsa.read_fold(
            f"{where}: {name}" if name else where,
            _as_fold(part, asked, aligned),
            replace(asked, holds=names),
            name or "own",
        )
        for name, part in parts.items()
    ]
    return _joined(folds, asked)


def _parts(content: Any) -> dict[str, Mapping[Any, Any]]:
    """What is read by itself, by name: folds, all at once, or each segment; nothing if none is."""
    if isinstance(content, list | tuple):
        content = {f"own/{i}": part for i, part in enumerate(content)}
    if not isinstance(content, Mapping):
        return {}
    if _is_fold(content):
        return {"": content}
    folds = fold_keys(content)
    parts = {name: content[key] for name, key in folds.items()} or content
    if not all(map(_is_fold, parts.values())):
        return {}
    return {
        as_text(name): part if folds else {"id": as_text(name), **part}
        for name, part in parts.items()
    }


def _content(source: Path | Mapping[str, Path]) -> Any:
    if isinstance(source, Mapping):
        return {name: _array(path) for name, path in source.items()}
    if not source.is_dir():
        return open_content(source)
    if files := sorted(source.glob("*.npy")):
        return {path.stem: _array(path) for path in files}
    segments: dict[str, dict[str, Any]] = {}
    for path in sorted(source.glob("*/*.npy")):
        segments.setdefault(path.stem, {})[path.parent.name] = _array(path)
    return segments


def _array(path: Path) -> np.ndarray:
    try:
        return open_npy(path, mapped=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected a .npy array, got: {said(error)}") from error


def _is_fold(content: Any) -> bool:
    return isinstance(content, Mapping) and bool(SEQUENCES & {as_text(key) for key in content})


def _as_fold(content: Mapping[Any, Any], asked: Asked, aligned: bool) -> dict[str, Any]:
    """Some segments by MMSA's keys: arrays (n, t, d), numbers and texts (n,)."""
    named = {as_text(key): value for key, value in content.items()}
    vectors = [name for name in VECTORS if name in named and name in (asked.holds or ())]
    fold: dict[str, Any] = {}
    for name, value in named.items():
        if name in ("label", "labels"):
            fold[mmsa.CLASSES if asked.classes else mmsa.LABELS[0]] = value
        elif name in VECTORS and _is_text(value):
            fold["raw_text"] = value
        elif name not in VECTORS or name in (vectors or VECTORS):
            fold[KEYS.get(name, name)] = value
    arrays = [fold[key] for key in mmsa.ARRAYS.values() if key in fold]
    if {np.ndim(array) for array in arrays} == {2} or isinstance(fold.get("raw_text"), str | bytes):
        if not isinstance(words := fold.get("raw_text", ""), str | bytes):
            fold["raw_text"] = " ".join(map(as_text, np.ravel(words)))
        fold = {key: np.asarray(value)[None] for key, value in fold.items()}
    if aligned and "raw_text" in fold:
        counts = np.array([len(text.split()) for text in texts(fold["raw_text"])])
        for key in (key for key in mmsa.ARRAYS.values() if key in fold):
            rows = not_zero(fold[key]) if np.ndim(fold[key]) == 3 else np.zeros((0, 0), bool)
            behind = np.arange(rows.shape[1]) >= counts[:, None]
            # a word may have a row of zeros, which is no padding
            if rows.shape == behind.shape and not (rows & behind).any():
                fold.setdefault(f"{key}_lengths", np.minimum(counts, rows.shape[1]))
    return fold


def _is_text(value: Any) -> bool:
    return isinstance(value, str | bytes) or as_array(value).dtype.kind in "US"


def _joined(folds: Sequence[Segments], asked: Asked) -> Segments:
    """All segments as one fold, of the sequences and labels that are asked for."""
    names = [name for name in asked.holds or () if all(_part(fold, name) for fold in folds)]
    columns = [*(asked.columns or [0])]
    labels = [
        fold.label[:, columns]
        if fold.label.shape[1] > max(columns)
        else np.full((len(fold.ids), len(columns)), np.nan)
        for fold in folds
    ]
    sequences = {
        name: [rows for fold in folds for rows in fold.sequences[_part(fold, name) or name]]
        for name in names
    }
    return Segments([i for fold in folds for i in fold.ids], np.concatenate(labels), sequences)


def _part(fold: Segments, name: str) -> str | None:
    """What a fold calls a sequence: vectors of words are MMSA's text, whoever made them."""
    names = (name, "embedding") if name == "glove" else (name,)
    return next((part for part in names if part in fold.sequences), None)
