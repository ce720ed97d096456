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
from msa.formats.content import as_words, described, fold_keys
from msa.formats.importers.padded import numbered
from msa.formats.pickles.unpickle import load
from msa.formats.segments import FOLDS, Segments

STEPS, WIDTH = 50, 5
FORM = f"a pickle of three arrays (n, {STEPS}, {WIDTH})"


def problems(content: Any) -> list[str]:
    """What speaks against this layout."""
    if not isinstance(content, Path) or not fold_keys(_files(content)):
        return [f"expected a folder of train.tsv, dev.tsv and test.tsv, found {described(content)}"]
    found = []
    for key in fold_keys(_files(content)).values():
        path = _files(content)[key]
        try:
            header = _lines(path)[:1]
            if len(header) != 1 or len(header[0].split("\t")) != 2:
                found.append(f"{path.name}: expected a header text TAB label, found {header}")
        except InputError as error:
            found.append(str(error))
    arrays, others = _arrays(content)
    if not arrays:
        found.append(f"expected {FORM}, found {others or 'no other file'}")
    return found


def _files(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in folder.glob("*.tsv")}


def _arrays(folder: Path) -> tuple[dict[str, list[np.ndarray]], list[str]]:
    """By file name the pickles that are three arrays, and what the other files are."""
    found, others = {}, []
    for path in sorted(set(folder.iterdir()) - set(_files(folder).values())):
        if not path.is_file():
            continue
        try:
            content: Any = load(path)
        except InputError:
            others.append(f"{path.name}: no pickle")
            continue
        if arrays := _three(content):
            found[path.name] = arrays
        else:
            others.append(f"{path.name}: {described(content)}")
    return found, others


def _three(content: Any) -> list[np.ndarray]:
    """The three arrays, if that is what it is."""
    if not isinstance(content, tuple | list) or len(content) != 3:
        return []
    try:
        arrays = [np.asarray(one, dtype=np.float32) for one in content]
    except (TypeError, ValueError):
        return []
    return arrays if all(one.shape[1:] == (STEPS, WIDTH) for one in arrays) else []


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
    audio = _fitting(_arrays(content)[0], counts)
    of_pieces = not any(array[:, 0].any() for array in audio.values())
    folds = {}
    for fold, (words, label) in texts.items():
        sequences = {"words": [as_words(of) for of in words], "audio": []}
        untold = []
        for i, (rows, of) in enumerate(zip(audio[fold], words, strict=True)):
            if of_pieces:
                rows, told = _of_words(rows[1:], len(of))
                untold += [] if told else [i]
            padding = np.zeros((max(len(of) - len(rows), 0), WIDTH), dtype=np.float32)
            sequences["audio"].append(np.concatenate([rows[: len(of)], padding]))
        if untold:
            print(
                f"{fold}: in {len(untold)} of {len(words)} segments, first in {fold}/{untold[0]}, "
                "the audio does not tell which pieces make a word; it is spread evenly",
                file=sys.stderr,
            )
        folds[fold] = Segments(numbered(fold, len(words)), label, sequences)
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


def _fitting(arrays: dict[str, list[np.ndarray]], counts: dict[str, int]) -> dict[str, np.ndarray]:
    """The arrays of the one pickle that has the folds' numbers of rows, in whatever order."""
    expected = list(counts.values())
    found = {name: [len(one) for one in of] for name, of in arrays.items()}
    fitting = [name for name, lengths in found.items() if sorted(lengths) == sorted(expected)]
    if len(fitting) != 1:
        raise InputError(
            f"expected one pickle of arrays with the {expected} rows of the .tsv files, found "
            f"{len(fitting)}: {found}"
        )
    (name,) = fitting
    if found[name] == expected:
        return dict(zip(counts, arrays[name], strict=True))
    order = np.argsort(expected, kind="stable"), np.argsort(found[name], kind="stable")
    return {list(counts)[i]: arrays[name][j] for i, j in zip(*order, strict=True)}


def _of_words(rows: np.ndarray, n: int) -> tuple[np.ndarray, bool]:
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
