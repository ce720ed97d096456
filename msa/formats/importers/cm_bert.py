"""CM-BERT: a folder of `train.tsv`, `dev.tsv`, `test.tsv` and a pickle of audio.

A .tsv has a header and lines `text TAB label`; quotation marks are plain characters. The pickle is
of three arrays (n, 50, 5) in the order train, dev, test, rows in the order of the lines (Yang, Xu
and Gao, ACM MM 2020).

The authors' audio goes with BERT's pieces: zeros for [CLS], then a word's row copied to each of its
pieces, then zeros. Arrays whose first step is not always zero are taken to have one row a word.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.errors import InputError
from msa.formats.content import as_float32, as_words, describe, fold_keys
from msa.formats.importers.padded import numbered_ids
from msa.formats.pickles.unpickle import load
from msa.formats.segments import FOLDS, Segments

STEPS, WIDTH = 50, 5
FORM = f"a pickle of three arrays (n, {STEPS}, {WIDTH})"


def problems(content: Any) -> list[str]:
    """What speaks against this layout."""
    if not isinstance(content, Path) or not fold_keys(_files(content)):
        return [f"expected a folder of train.tsv, dev.tsv and test.tsv, found {describe(content)}"]
    wrong = []
    for key in fold_keys(_files(content)).values():
        path = _files(content)[key]
        try:
            header = _lines(path)[:1]
            if len(header) != 1 or len(header[0].split("\t")) != 2:
                wrong.append(f"{path.name}: expected a header text TAB label, found {header}")
        except InputError as error:
            wrong.append(str(error))
    arrays, other_files = _arrays(content)
    if not arrays:
        wrong.append(f"expected {FORM}, found {other_files or 'no other file'}")
    return wrong


def _files(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in folder.glob("*.tsv")}


def _arrays(folder: Path) -> tuple[dict[str, list[np.ndarray]], list[str]]:
    """By file name the pickles that are three arrays, and what the other files are."""
    arrays_by_file, other_files = {}, []
    for path in sorted(set(folder.iterdir()) - set(_files(folder).values())):
        if not path.is_file():
            continue
        try:
            content: Any = load(path)
        except InputError:
            other_files.append(f"{path.name}: no pickle")
            continue
        if arrays := _three_arrays(content):
            arrays_by_file[path.name] = arrays
        else:
            other_files.append(f"{path.name}: {describe(content)}")
    return arrays_by_file, other_files


def _three_arrays(content: Any) -> list[np.ndarray]:
    """The three arrays, if that is what it is."""
    if not isinstance(content, tuple | list) or len(content) != 3:
        return []
    try:
        arrays = [as_float32(part) for part in content]
    except (TypeError, ValueError):
        return []
    return arrays if all(array.shape[1:] == (STEPS, WIDTH) for array in arrays) else []


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name}: expected text in UTF-8, found {error}") from error
    return text.rstrip("\n").split("\n")


def read(content: Any) -> dict[str, Segments]:
    """Words and audio, one row a word; words past the rows have zeros. One label, the sentiment.

    Raises:
        InputError: a line is no text and number, or no pickle, or several, have as many rows as
            the .tsv files.
    """
    files = _files(content)
    texts = {fold: _texts(files[key]) for fold, key in fold_keys(files).items()}
    counts = {fold: len(texts[fold][0]) for fold in FOLDS}
    audio = _matching_arrays(_arrays(content)[0], counts)
    one_row_a_piece = not any(array[:, 0].any() for array in audio.values())
    folds = {}
    for fold, (words, label) in texts.items():
        sequences = {"words": [as_words(segment_words) for segment_words in words], "audio": []}
        uncertain = []
        for i, (rows, segment_words) in enumerate(zip(audio[fold], words, strict=True)):
            if one_row_a_piece:
                rows, is_certain = _word_rows(rows[1:], len(segment_words))
                uncertain += [] if is_certain else [i]
            padding = np.zeros((max(len(segment_words) - len(rows), 0), WIDTH), dtype=np.float32)
            sequences["audio"].append(np.concatenate([rows[: len(segment_words)], padding]))
        if uncertain:
            print(
                f"{fold}: in {len(uncertain)} of {len(words)} segments, first in "
                f"{fold}/{uncertain[0]}, the audio does not tell which pieces make a word; it is "
                "spread evenly",
                file=sys.stderr,
            )
        folds[fold] = Segments(numbered_ids(fold, len(words)), label, sequences)
    return folds


def _texts(path: Path) -> tuple[list[list[str]], np.ndarray]:
    words, labels = [], []
    for number, line in enumerate(_lines(path)[1:], start=2):
        text, _, label = line.partition("\t")
        try:
            labels.append([float(label)])
        except ValueError:
            raise InputError(
                f"{path.name}: line {number}: expected text TAB number, found {line[-60:]!r}"
            ) from None
        words.append(text.split())
    return words, np.array(labels).reshape(-1, 1)


def _matching_arrays(
    arrays: dict[str, list[np.ndarray]], counts: dict[str, int]
) -> dict[str, np.ndarray]:
    """The arrays of the one pickle that has the folds' numbers of rows, in whatever order."""
    expected = list(counts.values())
    lengths = {name: [len(array) for array in arrays[name]] for name in arrays}
    matching = [name for name in lengths if sorted(lengths[name]) == sorted(expected)]
    if len(matching) != 1:
        raise InputError(
            f"expected one pickle of arrays with the {expected} rows of the .tsv files, found "
            f"{len(matching)}: {lengths}"
        )
    (name,) = matching
    if lengths[name] == expected:
        return dict(zip(counts, arrays[name], strict=True))
    order = np.argsort(expected, kind="stable"), np.argsort(lengths[name], kind="stable")
    return {list(counts)[i]: arrays[name][j] for i, j in zip(*order, strict=True)}


def _word_rows(rows: np.ndarray, n: int) -> tuple[np.ndarray, bool]:
    """The rows of n words out of those of their pieces, and whether that is certain.

    Rows that are alike, one after another, are the pieces of one word.
    """
    plain = np.nan_to_num(rows, nan=1)
    filled = np.flatnonzero(plain.any(axis=1))
    rows = rows[: filled[-1] + 1 if filled.size else 0]
    changes = (plain[1:] != plain[:-1]).any(axis=1)
    starts = np.flatnonzero(np.r_[True, changes][: len(rows)])
    is_cut = len(rows) >= STEPS - 2
    if len(starts) == n or (is_cut and len(starts) < n):
        return rows[starts], True
    return rows[np.arange(n) * len(rows) // max(n, 1)] if len(rows) else rows, len(rows) == n
