"""A look-alike of MMSA's `aligned_50.pkl`, `unaligned_50.pkl` and SIMS's `unaligned_39.pkl`.

CH-SIMS is in Chinese, without blanks, and labelled in steps of .2, each modality alone too.
"""

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
    "sims_v2": ((50, 768), (925, 25), (232, 177)),
}
NAMES = {"sims_v2": "sims_unaligned.pkl"}
# by the sign of the sentiment
CHINESE = {1: "好喜欢爱美棒乐赞", 0: "我你他是的在有这那人一个说看电影", -1: "坏差讨厌恨烂丑烦"}
VOCABULARY = 30522
CLS, SEP = 101, 102


def write(
    folder: Path, rng: np.random.Generator, dataset: str = "mosi", aligned: bool = True
) -> Path:
    """Write a pickle of a dataset of SHAPES, those of SIMS never aligned; returns it."""
    aligned = aligned and not dataset.startswith("sims")
    content = {fold: _fold(fold, rng, dataset, aligned) for fold in FOLDS}
    steps = SHAPES[dataset][0][0]
    path = folder / NAMES.get(dataset, f"{'' if aligned else 'un'}aligned_{steps}.pkl")
    with atomic_write(path, "wb") as file:
        pickle.dump(content, file)
    return path


def _fold(fold: str, rng: np.random.Generator, dataset: str, aligned: bool) -> dict[str, Any]:
    is_sims = dataset.startswith("sims")
    n, top, decimal = SEGMENTS[fold], 1.0 if is_sims else 3.0, 5 if is_sims else 10
    scores = np.round(rng.uniform(-top, top, n) * decimal) / decimal
    words = [_letters(rng, score) if is_sims else make_words(rng, score) for score in scores]
    (steps, width), audio, vision = SHAPES[dataset]
    pieces = np.array([len(sentence) + 2 for sentence in words])
    bert = np.zeros((n, 3, steps), dtype=np.int64)
    for ids, mask, count in zip(bert[:, 0], bert[:, 1], pieces, strict=True):
        ids[:count] = [CLS, *rng.integers(1000, VOCABULARY, count - 2), SEP]
        mask[:count] = 1
    sign = np.sign(scores).astype(np.int64)
    data: dict[str, Any] = {
        "raw_text": np.array([("" if is_sims else " ").join(sentence) for sentence in words]),
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
    if is_sims:
        for modality in "TAV":
            modality_scores = np.clip(scores + rng.integers(-1, 2, n) / decimal, -top, top)
            data[f"regression_labels_{modality}"] = modality_scores.astype(np.float32)
    return data


def _letters(rng: np.random.Generator, score: float) -> list[str]:
    """3 to 12 letters, some of which tell the sentiment."""
    mood = CHINESE[int(np.sign(score))]
    return [
        str(rng.choice([*(mood if rng.random() < 0.4 else CHINESE[0])]))
        for _ in range(rng.integers(3, 13))
    ]


def _padded(
    rng: np.random.Generator, lengths: np.ndarray, steps: int, width: int, scores: np.ndarray
) -> np.ndarray:
    rows = np.zeros((len(lengths), steps, width), dtype=np.float32)
    for segment, length, score in zip(rows, lengths, scores, strict=True):
        segment[:length] = make_rows(rng, length, width, score)
    return rows
