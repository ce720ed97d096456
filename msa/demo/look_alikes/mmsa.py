"""A look-alike of MMSA's `aligned_50.pkl`, `unaligned_50.pkl` and SIMS's `unaligned_39.pkl`."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.atomic import atomic_write
from msa.demo.look_alikes.rows import SEGMENTS, make_rows, make_words, segment_ids
from msa.formats.segments import FOLDS

# (steps, width) of text, unaligned audio and unaligned vision
SHAPES = {
    "mosi": ((50, 768), (375, 5), (500, 20)),
    "mosei": ((50, 768), (500, 74), (500, 35)),
    "sims": ((39, 768), (400, 33), (55, 709)),
}
VOCABULARY = 30522
CLS, SEP = 101, 102


def write(
    folder: Path, rng: np.random.Generator, dataset: str = "mosi", aligned: bool = True
) -> Path:
    """Write a pickle of a dataset, mosi, mosei or sims, which is never aligned; returns it."""
    aligned = aligned and dataset != "sims"
    content = {fold: _fold(fold, rng, dataset, aligned) for fold in FOLDS}
    steps = SHAPES[dataset][0][0]
    path = folder / f"{'' if aligned else 'un'}aligned_{steps}.pkl"
    with atomic_write(path, "wb") as file:
        pickle.dump(content, file)
    return path


def _fold(fold: str, rng: np.random.Generator, dataset: str, aligned: bool) -> dict[str, Any]:
    n, top = SEGMENTS[fold], 1.0 if dataset == "sims" else 3.0
    scores = np.round(rng.uniform(-top, top, n), 1)
    words = [make_words(rng, 3 * score / top) for score in scores]
    (steps, width), audio, vision = SHAPES[dataset]
    pieces = np.array([len(sentence) + 2 for sentence in words])
    bert = np.zeros((n, 3, steps), dtype=np.int64)
    for ids, mask, count in zip(bert[:, 0], bert[:, 1], pieces, strict=True):
        ids[:count] = [CLS, *rng.integers(1000, VOCABULARY, count - 2), SEP]
        mask[:count] = 1
    sign = np.sign(scores).astype(np.int64)
    data: dict[str, Any] = {
        "raw_text": np.array([" ".join(sentence) for sentence in words]),
        "id": [f"{segment[:-1].replace('[', '$_$')}" for segment in segment_ids(fold)],
        "text": _padded(rng, pieces, steps, width, scores),
        "text_bert": bert,
        "annotations": [("Negative", "Neutral", "Positive")[i + 1] for i in sign],
        "classification_labels": (sign + 1).astype(np.float32),
        "regression_labels": scores.astype(np.float32),
    }
    for name, (full, features) in (("audio", audio), ("vision", vision)):
        lengths = pieces if aligned else rng.integers(4, full // 4, n)
        data[name] = _padded(rng, lengths, steps if aligned else full, features, scores)
        if not aligned:
            data[f"{name}_lengths"] = lengths.tolist()
    if dataset == "sims":
        for modality in "TAV":
            modality_scores = np.clip(scores + rng.normal(0, 0.2, n), -top, top)
            data[f"regression_labels_{modality}"] = modality_scores.astype(np.float32)
    return data


def _padded(
    rng: np.random.Generator, lengths: np.ndarray, steps: int, width: int, scores: np.ndarray
) -> np.ndarray:
    rows = np.zeros((len(lengths), steps, width), dtype=np.float32)
    for segment, length, score in zip(rows, lengths, scores, strict=True):
        segment[:length] = make_rows(rng, length, width, score)
    return rows
