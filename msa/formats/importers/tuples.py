"""Tuples: segments ((members), label, segment) in a list by fold, as MAG and MISA have them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from msa.base.errors import InputError
from msa.formats.content import as_number, as_rows, as_text, as_words, describe, fold_keys
from msa.formats.importers.padded import as_array
from msa.formats.segments import Segments


def problems(content: Any, members: Sequence[str]) -> list[str]:
    """What speaks against lists of such tuples.

    Args:
        content: what it is.
        members: the names of the features, `words`, `audio` and `vision` among them.
    """
    if not isinstance(content, Mapping) or not fold_keys(content):
        return [f"expected the keys train, dev, test, found {describe(content)}"]
    return [
        f"{key}: expected a list of {_form(members)}, found {describe(content[key])}"
        for key in fold_keys(content).values()
        if not isinstance(content[key], list)
        or not content[key]
        or not _is_row(content[key][0], members)
    ]


def _form(members: Sequence[str]) -> str:
    return f"(({', '.join(members)}), label, segment)"


def _is_row(row: Any, members: Sequence[str]) -> bool:
    return (
        isinstance(row, tuple | list)
        and len(row) == 3
        and isinstance(row[0], tuple | list)
        and len(row[0]) == len(members)
        and not isinstance(row[0][members.index("words")], str | bytes)
    )


def read(content: Any, members: Sequence[str]) -> dict[str, Segments]:
    """Words, audio and vision, and a label of one number.

    Raises:
        InputError: a segment is anything else, or its rows are of another width than the first's.
    """
    return {fold: _fold(key, content[key], members) for fold, key in fold_keys(content).items()}


def _fold(key: str, rows: list[Any], members: Sequence[str]) -> Segments:
    ids, labels, words = [], [], []
    features: dict[str, list[Any]] = {"audio": [], "vision": []}
    for i, row in enumerate(rows):
        if not _is_row(row, members):
            raise InputError(f"{key}[{i}]: expected {_form(members)}, found {describe(row)}")
        by_member = dict(zip(members, row[0], strict=True))
        ids.append(as_text(row[2]))
        labels.append([as_number(f"{key}[{i}] ({ids[-1]}): label", row[1])])
        words.append(as_words(by_member["words"]))
        for name, values in features.items():
            values.append(by_member[name])
    sequences = {"words": words}
    for name, values in features.items():
        places = [f"{key}[{i}] ({segment}): {name}" for i, segment in enumerate(ids)]
        sequences[name] = _of_one_width(places, values)
    return Segments(ids, np.array(labels), sequences)


def _of_one_width(places: Sequence[str], values: Sequence[Any]) -> list[np.ndarray]:
    """The rows of all segments, as wide as those of the first that has any."""
    first = next((i for i, rows in enumerate(values) if as_array(rows).size), 0)
    width = as_rows(places[first], values[first]).shape[1]
    return [as_rows(where, rows, width) for where, rows in zip(places, values, strict=True)]
