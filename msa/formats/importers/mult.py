"""MulT: `mosei_senti_data.pkl`, `mosi_data.pkl`, `iemocap_data.pkl` and `*_noalign.pkl`.

{train, valid, test: {text (n, t, 300) of GloVe, audio (n, t, 5 or 74), vision (n, t, 20 or 35),
labels, id}}, padded with zeros (Tsai et al., ACL 2019). Labels are (n, 1, k) for a regression;
IEMOCAP's are (n, 4, 2), of neutral, happy, sad and angry, where the greater of two is no or yes.
Ids, which may be missing, are (n,), or (n, 3) of video, start and end.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from msa.formats.content import as_text, describe, fold_keys
from msa.formats.importers.padded import (
    array_problems,
    as_array,
    cut_segments,
    length_problems,
    not_zero,
    numbered_ids,
    once_for_folds,
    texts,
    trim,
)
from msa.formats.segments import Segments

KEYS = {"text": 3, "audio": 3, "vision": 3}


def problems(content: Any) -> list[str]:
    """What speaks against this layout."""
    if not isinstance(content, Mapping) or not fold_keys(content):
        return [f"expected the keys train, valid, test, found {describe(content)}"]
    return once_for_folds(
        {key: _problems(key, content[key]) for key in fold_keys(content).values()}
    )


def _problems(where: str, fold: Any) -> list[str]:
    if wrong := array_problems(where, fold, KEYS | {"labels": 3}):
        return wrong
    n, shape = len(fold["labels"]), fold["labels"].shape
    if shape[1] > 1 and shape[2] != 2:
        wrong.append(f"{where}: labels: expected ({n}, 1, k) or ({n}, k, 2), found {shape}")
    if "id" in fold:
        ids = as_array(fold["id"])
        if ids.dtype.kind not in "SUOiu" or ids.shape not in {(n,), (n, 1), (n, 3)}:
            wrong.append(f"{where}: id: expected ({n},) or ({n}, 3), found {describe(fold['id'])}")
    for name in KEYS:
        if f"{name}_lengths" in fold:
            lengths, steps = fold[f"{name}_lengths"], fold[name].shape[1]
            wrong += length_problems(f"{where}: {name}_lengths", lengths, n, steps)
    return wrong


def read(content: Any) -> dict[str, Segments]:
    """GloVe, audio and vision; a regression's labels, or IEMOCAP's four as 0 and 1.

    The released files have no lengths: zeros at both ends are padding, where all modalities
    have as many steps those that all of them share. Files of the stage export have
    `<modality>_lengths`, with padding on the left.
    """
    return {fold: _fold(fold, content[key]) for fold, key in fold_keys(content).items()}


def _fold(name: str, fold: Mapping[str, Any]) -> Segments:
    n = len(fold["labels"])
    not_padding: dict[str, np.ndarray] = {}
    for key in KEYS:
        if f"{key}_lengths" not in fold:
            not_padding[key] = not_zero(fold[key])
    if len(not_padding) == len(KEYS) and len({rows.shape for rows in not_padding.values()}) == 1:
        shared: np.ndarray = np.any([*not_padding.values()], axis=0)
        not_padding = dict.fromkeys(KEYS, shared)
    sequences = {}
    for key in KEYS:
        if key in not_padding:
            begins, ends = trim(not_padding[key], "both")
        else:
            ends = np.full(n, fold[key].shape[1])
            begins = ends - np.asarray(fold[f"{key}_lengths"], np.int64).reshape(n)
        sequences["glove" if key == "text" else key] = cut_segments(fold[key], begins, ends)
    ids = _own_ids(np.asarray(fold["id"])) if "id" in fold else numbered_ids(name, n)
    return Segments(ids, _labels(fold["labels"]), sequences)


def _labels(labels: np.ndarray) -> np.ndarray:
    pairs = labels.shape[2] == 2 and bool(((labels == 0) | (labels == 1)).all())
    if labels.shape[1] > 1 or (pairs and bool((labels.sum(axis=2) == 1).all())):
        return labels.argmax(axis=2).astype(np.float64)
    return labels[:, 0].astype(np.float64)


def _own_ids(ids: np.ndarray) -> list[str]:
    """`video[start:end]`; `video[clip]` as the stage export writes them, without an end."""
    if ids.shape[1:] != (3,):
        return texts(ids)
    return [
        f"{video}[{start}:{end}]" if end else f"{video}[{start}]" if start else video
        for video, start, end in (map(as_text, row) for row in ids)
    ]
