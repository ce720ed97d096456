"""MMSA: the pickles `aligned_50.pkl` and `unaligned_50.pkl`, SIMS's too (Mao et al., ACL 2022).

{train, valid, test: {text (n, t, 768), text_bert (n, 3, t), audio (n, t, 5 or 74), vision
(n, t, 20 or 35), raw_text, id, regression_labels, classification_labels, annotations, ...}}. The
text is BERT's; text_bert is the ids, the mask and the segments of its pieces; padding is on the
right, of audio and vision perhaps on the left. Ids are `video$_$clip`. Classes are numbers, which
annotations name, or names. SIMS has regression_labels_T, _A and _V for text, audio and vision alone
(Yu et al., ACL 2020).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from msa.base.errors import InputError
from msa.formats.content import as_text, as_words, describe, fold_keys
from msa.formats.importers.padded import (
    array_problems,
    as_array,
    as_numbers,
    cut_segments,
    length_problems,
    not_zero,
    numbered_ids,
    once_for_folds,
    texts,
    trim,
)
from msa.formats.segments import EVERYTHING, MODALITIES, Asked, Segments

THEIRS = {"embedding": "text", "audio": "audio", "vision": "vision"}
ARRAYS = THEIRS | {"hcf": "hcf"}  # which arrays of a user's own may have
UNIMODAL = {name: f"regression_labels_{name[0].upper()}" for name in MODALITIES}
LABELS = ("regression_labels", *UNIMODAL.values())
CLASSES, NAMES = "classification_labels", "annotations"


def problems(content: Any, asked: Asked = EVERYTHING) -> list[str]:
    """What speaks against this layout, and against its having what is asked for."""
    if not isinstance(content, Mapping) or not fold_keys(content):
        return [f"expected the keys train, valid, test, found {describe(content)}"]
    keys = fold_keys(content).values()
    return once_for_folds({key: _problems(key, content[key], asked) for key in keys})


def _problems(where: str, fold: Any, asked: Asked) -> list[str]:
    wrong = array_problems(where, fold, dict.fromkeys(_arrays(asked), 3))
    if isinstance(fold, Mapping):
        needed = [*_label_keys(fold, asked), *_texts(asked)]
        if missing := [key for key in needed if key not in fold]:
            wrong.append(f"{where}: expected {', '.join(missing)}, found only {list(fold)[:16]}")
    if wrong:
        return wrong
    n = _count(fold, asked)
    for key in _label_keys(fold, asked):
        wrong += [f"{where}: {key}: {problem}" for problem in _label_problems(fold, key, n, asked)]
    for key in ("raw_text", "id"):
        value = fold.get(key, ())
        if key in fold and (not isinstance(value, list | tuple | np.ndarray) or len(value) != n):
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
    for name, lengths in _lengths(fold, asked).items():
        wrong += length_problems(f"{where}: {name}", lengths, n, fold[name].shape[1])
    return wrong


def _arrays(asked: Asked) -> list[str]:
    """The arrays that are asked for; all of them, where nothing is that the layout has."""
    named = [key for name, key in ARRAYS.items() if name in (asked.holds or THEIRS)]
    return named or ([] if _texts(asked) else [*THEIRS.values()])


def _texts(asked: Asked) -> list[str]:
    return ["raw_text"] if "words" in (asked.holds or ()) else []


def _count(fold: Mapping[str, Any], asked: Asked) -> int:
    return len(fold[[*_arrays(asked), *_texts(asked)][0]])


def _label_keys(fold: Mapping[str, Any], asked: Asked) -> list[str]:
    """Where the labels stand that are asked for."""
    if asked.classes:
        keys = (CLASSES, *([NAMES] if asked.class_names else []), LABELS[0])
        return [next((key for key in keys if key in fold), CLASSES)]
    if asked.columns is None:
        return [*LABELS] if all(key in fold for key in LABELS) else [LABELS[0]]
    return [LABELS[column] for column in asked.columns if column < len(LABELS)]


def _label_problems(fold: Mapping[str, Any], key: str, n: int, asked: Asked) -> list[str]:
    values = fold[key]
    if as_numbers(values, n) is None:
        names = _names(values, n)
        if not asked.classes or names is None:
            return [f"expected {n} numbers, found {describe(values)}"]
        shown = ", ".join(sorted(set(names))[:8])
        if not asked.class_names:
            return [
                f"expected {n} numbers, found the names {shown}; say in which order they are "
                "numbered: --classes NAME NAME ..., or the recipe's task: classes"
            ]
        if unknown := sorted(set(names) - set(_numbers(asked))):
            return [f"expected {', '.join(asked.class_names)}, found {', '.join(unknown[:8])}"]
        return []
    names = _names(fold.get(NAMES), n) if key == CLASSES else None
    if names is None or not set(names) <= set(_numbers(asked)):
        return []
    for number, name in zip(as_array(values).reshape(n), names, strict=True):
        if number != _numbers(asked)[name]:
            return [
                f"{NAMES} call {number:g} {name}, which is {_numbers(asked)[name]} in the task's "
                f"classes {', '.join(asked.class_names)}; order them as the file does"
            ]
    return []


def _names(values: Any, n: int) -> list[str] | None:
    """The names of n segments' classes, in small letters; None if they are no names."""
    array = as_array(values)
    if array.size != n or not all(isinstance(name, str | bytes) for name in array.reshape(n)):
        return None
    return [as_text(name).strip().lower() for name in array.reshape(n)]


def _numbers(asked: Asked) -> dict[str, int]:
    return {name.strip().lower(): number for number, name in enumerate(asked.class_names)}


def _lengths(fold: Mapping[str, Any], asked: Asked) -> dict[str, Any]:
    """What the file says of the modalities' numbers of rows."""
    arrays, n = _arrays(asked), _count(fold, asked)
    lengths = {name: fold[f"{name}_lengths"] for name in arrays if f"{name}_lengths" in fold}
    of_text = fold.get("text_lengths")
    if of_text is None and "text_bert" in fold:
        of_text = np.count_nonzero(fold["text_bert"][:, 1], axis=1)
    if "text" in arrays and of_text is not None:
        lengths["text"] = of_text
    shape = np.shape(fold["text"] if "text" in arrays else fold.get("text_bert", ()))
    numbers = as_numbers(of_text, n)
    if numbers is None or not shape:
        return lengths
    # in the aligned files a row of the others belongs to each of the text's, unless they are padded
    # on the left, as the SDK does it
    steps = shape[1] if "text" in arrays else shape[2]
    behind = np.arange(steps) >= numbers[:, None]
    for name in ("audio", "vision"):
        if name not in arrays or name in lengths:
            continue
        if fold[name].shape[1] == steps and not (not_zero(fold[name]) & behind).any():
            lengths[name] = of_text
    return lengths


def read(content: Any, asked: Asked = EVERYTHING) -> dict[str, Segments]:
    """Words, the embedding of the text's pieces, audio and vision; labels, SIMS's three too.

    Those three are kept beside the labels too, where every fold has them as numbers, whatever is
    asked for. The words are those of raw_text, split at blanks; without lengths, zeros at the end
    are padding, or at the beginning where more segments have some there.
    """
    folds = {name: content[key] for name, key in fold_keys(content).items()}
    unimodal = [
        name
        for name, key in UNIMODAL.items()
        if all(as_numbers(of.get(key), _count(of, asked)) is not None for of in folds.values())
    ]
    return {name: _fold(name, fold, asked, unimodal) for name, fold in folds.items()}


def read_fold(where: str, fold: Mapping[str, Any], asked: Asked, name: str) -> Segments:
    """One fold by itself; its labels, which may be missing, are NaN then.

    Args:
        where: what to call it in errors.
        fold: arrays by key.
        asked: what of it is wanted.
        name: for the ids of segments that have none.

    Raises:
        InputError: it lacks what is asked for, or is broken.
    """
    if any(key not in fold for key in _label_keys(fold, asked)):
        asked = replace(asked, columns=(), classes=None)
    if wrong := _problems(where, fold, asked):
        raise InputError("; ".join(wrong))
    return _fold(name, fold, asked)


def _fold(
    name: str, fold: Mapping[str, Any], asked: Asked, unimodal: Sequence[str] = ()
) -> Segments:
    n, lengths = _count(fold, asked), _lengths(fold, asked)
    sequences = {}
    if "raw_text" in fold:
        sequences["words"] = [as_words(text.split()) for text in texts(fold["raw_text"])]
    for sequence, key in ARRAYS.items():
        if key not in _arrays(asked):
            continue
        if key in lengths:
            begins, ends = np.zeros(n, np.int64), np.asarray(lengths[key], np.int64).reshape(n)
        else:
            rows = not_zero(fold[key])
            left = np.count_nonzero(~rows[:, 0]) > np.count_nonzero(~rows[:, -1])
            begins, ends = trim(rows, "left" if left else "right")
        sequences[sequence] = cut_segments(fold[key], begins, ends)
    ids = [own_id(text) for text in texts(fold["id"])] if "id" in fold else numbered_ids(name, n)
    alone = {m: np.asarray(fold[UNIMODAL[m]], np.float64).reshape(n) for m in unimodal}
    return Segments(ids, _label(fold, n, asked), sequences, unimodal=alone)


def _label(fold: Mapping[str, Any], n: int, asked: Asked) -> np.ndarray:
    """(n, k), at the columns of `LABELS`, NaN where nothing is asked for; of classes (n, 1)."""
    keys = _label_keys(fold, asked)
    if asked.classes:
        numbers = as_numbers(fold[keys[0]], n)
        if numbers is None:
            numbers = np.array([_numbers(asked)[name] for name in _names(fold[keys[0]], n) or ()])
        return numbers.astype(np.float64)[:, None]
    columns = [LABELS.index(key) for key in keys]
    label = np.full((n, max(columns, default=0) + 1), np.nan)
    for column, key in zip(columns, keys, strict=True):
        label[:, column] = np.asarray(fold[key], np.float64).reshape(n)
    return label


def own_id(segment: str) -> str:
    """`video$_$clip` as `video[clip]`."""
    video, mark, clip = segment.rpartition("$_$")
    return f"{video}[{clip}]" if mark else clip
