"""MMSA: the pickles `aligned_50.pkl` and `unaligned_50.pkl`, SIMS's too (Mao et al., ACL 2022).

{train, valid, test: {text (n, t, 768), text_bert (n, 3, t), audio (n, t, 5 or 74), vision
(n, t, 20 or 35), raw_text, id, regression_labels, ...}}. The text is BERT's; text_bert is the ids,
the mask and the segments of its pieces; padding is on the right, of audio and vision perhaps on the
left. Ids are `video$_$clip`. SIMS has regression_labels_T, _A and _V for text, audio and vision
alone (Yu et al., ACL 2020).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from msa.formats.content import as_words, describe, fold_keys
from msa.formats.importers.padded import (
    array_problems,
    as_numbers,
    cut_segments,
    length_problems,
    not_zero,
    numbered_ids,
    texts,
    trim,
)
from msa.formats.segments import Segments

KEYS = {"text": 3, "audio": 3, "vision": 3}
LABELS = ("regression_labels", *(f"regression_labels_{modality}" for modality in "TAV"))


def problems(content: Any) -> list[str]:
    """What speaks against this layout."""
    if not isinstance(content, Mapping) or not fold_keys(content):
        return [f"expected the keys train, valid, test, found {describe(content)}"]
    return [wrong for key in fold_keys(content).values() for wrong in _problems(key, content[key])]


def _problems(where: str, fold: Any) -> list[str]:
    wrong = array_problems(where, fold, KEYS)
    if isinstance(fold, Mapping) and LABELS[0] not in fold:
        wrong.append(f"{where}: expected {LABELS[0]}, found only {list(fold)[:16]}")
    if wrong:
        return wrong
    n = len(fold["text"])
    wrong = [
        f"{where}: {key}: expected {n} numbers, found {describe(fold[key])}"
        for key in _labels(fold)
        if as_numbers(fold[key], n) is None
    ]
    for key in ("raw_text", "id"):
        value = fold.get(key, fold["text"])
        if not isinstance(value, list | tuple | np.ndarray) or len(value) != n:
            wrong.append(f"{where}: {key}: expected {n} texts, found {describe(value)}")
    bert = fold.get("text_bert")
    if "text_bert" in fold and (
        not isinstance(bert, np.ndarray)
        or bert.dtype.kind not in "biuf"
        or bert.ndim != 3
        or bert.shape[:2] != (n, 3)
    ):
        wrong.append(f"{where}: text_bert: expected numbers ({n}, 3, t), found {describe(bert)}")
    if wrong:
        return wrong
    for name, lengths in _lengths(fold).items():
        wrong += length_problems(f"{where}: {name}", lengths, n, fold[name].shape[1])
    return wrong


def _labels(fold: Mapping[str, Any]) -> tuple[str, ...]:
    return LABELS if all(key in fold for key in LABELS) else LABELS[:1]


def _lengths(fold: Mapping[str, Any]) -> dict[str, Any]:
    """What the file says of the modalities' numbers of rows."""
    lengths = {name: fold[f"{name}_lengths"] for name in KEYS if f"{name}_lengths" in fold}
    if "text" not in lengths and "text_bert" in fold:
        lengths["text"] = np.count_nonzero(fold["text_bert"][:, 1], axis=1)
    n, steps = fold["text"].shape[:2]
    if np.size(lengths.get("text", ())) != n:
        return lengths
    # in the aligned files a row of the others belongs to each of the text's, unless they are padded
    # on the left, as the SDK does it
    behind = np.arange(steps) >= np.reshape(lengths["text"], (n, 1))
    for name in ("audio", "vision"):
        same = name not in lengths and fold[name].shape[1] == steps
        if same and not (not_zero(fold[name]) & behind).any():
            lengths[name] = lengths["text"]
    return lengths


def read(content: Any) -> dict[str, Segments]:
    """Words, the embedding of the text's pieces, audio and vision; the sentiment, and SIMS's three.

    The words are those of raw_text, split at blanks; without lengths, zeros at the end are padding,
    or at the beginning where more segments have some there.
    """
    return {fold: _fold(fold, content[key]) for fold, key in fold_keys(content).items()}


def _fold(name: str, fold: Mapping[str, Any]) -> Segments:
    n, lengths = len(fold["text"]), _lengths(fold)
    sequences = {}
    if "raw_text" in fold:
        sequences["words"] = [as_words(text.split()) for text in texts(fold["raw_text"])]
    for key in KEYS:
        if key in lengths:
            begins, ends = np.zeros(n, np.int64), np.asarray(lengths[key], np.int64).reshape(n)
        else:
            rows = not_zero(fold[key])
            left = np.count_nonzero(~rows[:, 0]) > np.count_nonzero(~rows[:, -1])
            begins, ends = trim(rows, "left" if left else "right")
        sequences["embedding" if key == "text" else key] = cut_segments(fold[key], begins, ends)
    labels = [np.asarray(fold[key], np.float64).reshape(n) for key in _labels(fold)]
    ids = [own_id(text) for text in texts(fold["id"])] if "id" in fold else numbered_ids(name, n)
    return Segments(ids, np.stack(labels, axis=1), sequences)


def own_id(segment: str) -> str:
    """`video$_$clip` as `video[clip]`."""
    video, mark, clip = segment.rpartition("$_$")
    return f"{video}[{clip}]" if mark else clip
