"""Look-alikes of the .csd files of CMU-MOSI, CMU-MOSEI and POM, with the official video ids."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from msa.base.workflow import WORKFLOW
from msa.demo.look_alikes.rows import CLIPS, SEGMENTS, make_rows, make_words
from msa.formats import csd
from msa.formats.content import as_words

FOLDS = WORKFLOW / "resources" / "folds"
RATES = {"audio": 100, "vision": 30}  # rows a second
# by data set, sequence to (file, width)
FILES: Mapping[str, Mapping[str, tuple[str, int]]] = {
    "mosi": {
        "words": ("CMU_MOSI_TimestampedWords", 1),
        "glove": ("CMU_MOSI_TimestampedWordVectors", 300),
        "audio": ("CMU_MOSI_COVAREP", 74),
        "vision": ("CMU_MOSI_Visual_Facet_41", 47),
        "labels": ("CMU_MOSI_Opinion_Labels", 1),
    },
    "mosei": {
        "words": ("CMU_MOSEI_TimestampedWords", 1),
        "glove": ("CMU_MOSEI_TimestampedWordVectors", 300),
        "audio": ("CMU_MOSEI_COVAREP", 74),
        "vision": ("CMU_MOSEI_VisualFacet42", 35),
        "labels": ("CMU_MOSEI_Labels", 7),
    },
    "pom": {
        "words": ("POM_TimestampedWords", 1),
        "glove": ("POM_TimestampedWordVectors", 300),
        "audio": ("POM_COVAREP", 43),
        "vision": ("POM_Facet_42", 35),
        "labels": ("POM_Labels", 16),
    },
}

Video = dict[str, tuple[np.ndarray, np.ndarray]]


def write(folder: Path, rng: np.random.Generator, dataset: str = "mosi") -> Path:
    """Write the five files of a data set, mosi, mosei or pom; returns the folder."""
    folds = json.loads((FOLDS / f"{dataset}.json").read_text(encoding="utf-8"))
    sequences: dict[str, Video] = {name: {} for name in FILES[dataset]}
    for fold, count in SEGMENTS.items():
        for number, video in enumerate(folds[fold][: -(-count // CLIPS)]):
            clips = min(CLIPS, count - number * CLIPS)
            for name, rows in _video(rng, dataset, clips).items():
                sequences[name][video] = rows
    for name, (stem, _) in FILES[dataset].items():
        csd.write(folder / f"{stem}.csd", stem, sequences[name])
    return folder


def _video(rng: np.random.Generator, dataset: str, clips: int) -> Video:
    """Segments one after another, with a pause between two words now and then."""
    words: list[str] = []
    spans: list[tuple[float, float]] = []
    scores: list[float] = []
    labels, segments = [], []
    time = 0.5
    for _ in range(clips):
        score, begin = float(rng.uniform(-3, 3)), time
        for word in make_words(rng, score):
            pause = rng.random() < 0.2
            for spoken, seconds in [(word, 0.3), ("sp", 0.1)][: 1 + pause]:
                words.append(spoken)
                spans.append((time, time + seconds))
                scores.append(score)
                time += seconds
        segments.append((begin, time))
        labels.append(_label(rng, dataset, score))
        time += 0.2
    intervals = np.array(spans)
    glove = np.concatenate([make_rows(rng, 1, 300, score) for score in scores])
    video: Video = {
        "words": (intervals, as_words(words)),
        "glove": (intervals, glove),
        "labels": (np.array(segments), np.array(labels, dtype=np.float32)),
    }
    for name, rate in RATES.items():
        begins = np.arange(0, time, 1 / rate)
        rows = make_rows(rng, len(begins), FILES[dataset][name][1], 0.0)
        number = np.clip(np.searchsorted(intervals[:, 0], begins, "right") - 1, 0, None)
        rows[:, 0] += np.array(scores)[number]
        video[name] = (np.stack([begins, begins + 1 / rate], axis=1), rows)
    # COVAREP has such values
    video["audio"][1][0, 1], video["audio"][1][1, 2] = np.nan, -np.inf
    return video


def _label(rng: np.random.Generator, dataset: str, score: float) -> np.ndarray:
    if dataset == "pom":
        # 1 to 7, every trait following the score a little
        return np.clip(4 + score + rng.normal(size=16), 1, 7)
    # of MOSI none; of MOSEI emotions, as often absent as present
    others = rng.normal(size=FILES[dataset]["labels"][1] - 1)
    return np.array([score, *np.clip(others, 0, 3)])
