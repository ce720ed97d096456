"""HKT: `ur_funny.pkl` and `mustard.pkl`, which GLoMo's code for humor reads too.

{train, dev, test: [(punchline, context, id, label), ...]}, either part (words, vision, audio, hcf)
with one str of words for the punchline and a list of sentences for the context; vision (l, 91),
audio (l, 81) and hcf (l, 4), four features of humor, a row a word; the label is 0, or 1 for humor
or sarcasm (Hasan et al., AAAI 2021). The context may be empty.

HKT and GLoMo both end sentences with a full stop before they cut them, and both give word i,
counted by the spaces between words, row i, whatever rows are left. So it is here.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from msa.base.errors import InputError
from msa.formats.content import as_number, as_rows, as_text, as_words, describe, fold_keys
from msa.formats.segments import Segments

WIDTHS = {"vision": 91, "audio": 81, "hcf": 4}
MEMBERS = ("words", "vision", "audio", "hcf")
PART = f"({', '.join(MEMBERS)})"


def problems(content: Any) -> list[str]:
    """What speaks against this layout."""
    if not isinstance(content, Mapping) or not fold_keys(content):
        return [f"expected the keys train, dev, test, found {describe(content)}"]
    return [
        f"{key}: expected a list of ({PART}, {PART}, id, label), found {describe(content[key])}"
        for key in fold_keys(content).values()
        if not isinstance(content[key], list) or not content[key] or not _is_row(content[key][0])
    ]


def _is_row(row: Any) -> bool:
    return (
        isinstance(row, tuple | list)
        and len(row) == 4
        and all(isinstance(part, tuple | list) and len(part) == len(MEMBERS) for part in row[:2])
        and isinstance(row[0][0], str | bytes)
        and isinstance(row[1][0], tuple | list)
    )


def read(content: Any) -> dict[str, Segments]:
    """Words, those of the context first, with vision, audio and hcf; one label, 0 or 1."""
    return {fold: _fold(key, content[key]) for fold, key in fold_keys(content).items()}


def _fold(key: str, rows: list[Any]) -> Segments:
    ids, labels, context_lengths = [], [], []
    sequences: dict[str, list[np.ndarray]] = {"words": [], **{name: [] for name in WIDTHS}}
    for i, row in enumerate(rows):
        if not _is_row(row):
            raise InputError(
                f"{key}[{i}]: expected ({PART}, {PART}, id, label), found {describe(row)}"
            )
        punchline, context, segment, label = row
        ids.append(as_text(segment))
        where = f"{key}[{i}] ({ids[-1]})"
        labels.append([as_number(f"{where}: label", label)])
        sentences = [as_text(sentence).strip() for sentence in context[0]]
        context_words = ". ".join(filter(None, sentences)).split()
        punchline_words = [
            word for word in f"{as_text(punchline[0]).strip()}.".split() if word != "."
        ]
        context_lengths.append(len(context_words))
        sequences["words"].append(as_words(context_words + punchline_words))
        for name in WIDTHS:
            parts = (("context", context, context_words), ("punchline", punchline, punchline_words))
            rows_of_parts = [
                _rows(f"{where}: {part_name}: {name}", part, name, words)
                for part_name, part, words in parts
            ]
            sequences[name].append(np.concatenate(rows_of_parts))
    return Segments(ids, np.array(labels), sequences, np.array(context_lengths))


def _rows(where: str, part: Any, name: str, words: list[str]) -> np.ndarray:
    """The words' rows of a part, where they may also be one array a sentence."""
    value = part[MEMBERS.index(name)]
    by_sentence = isinstance(value, tuple | list) and any(np.ndim(rows) == 2 for rows in value)
    arrays = value if by_sentence else [value]
    rows = np.concatenate([as_rows(where, array, WIDTHS[name]) for array in arrays])
    if len(rows) < len(words):
        raise InputError(f"{where}: expected a row a word, {len(words)}, found {len(rows)}")
    return rows[: len(words)]
