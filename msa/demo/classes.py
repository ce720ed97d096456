"""Two tiny synthetic classification data sets, in the layout that the stage split writes.

`humor`, in the manner of UR-FUNNY: a context and a punchline, one audio and one vision row a word.
A humorous punchline leaves the context's topic, which only word and context together show, and has
strong words; tone and face follow the class by a level, most in the punchline, and by a rise. What
`hcf` says of a word is read off it, as HKT's features of humor are: whether it is strong, its
sentiment, whether it is of a topic, and its length.

`emotion`, in the manner of CHERMA: precomputed text features, audio and vision, each of its own
rate. In each modality, column c is high for class c, and column 7 + c rises within the segment.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.atomic import atomic_folder, atomic_write
from msa.base.errors import InputError
from msa.data.aligned import copy_rows
from msa.demo.sequences import FUNCTION, SENTIMENT, TOPICS, draw_word
from msa.formats.segments import FOLDS

# one segment: its sequences, (steps, d) each, and its numbers beside them
Segment = tuple[dict[str, np.ndarray], dict[str, int]]

VIDEO = 5  # segments of one video
EMOTIONS = ("anger", "disgust", "fear", "happy", "neutral", "sad", "surprise")
STRONG = f"{SENTIMENT[-3]} {SENTIMENT[3]}".split()
PLAIN = f"{SENTIMENT[-1]} {SENTIMENT[1]}".split()
GRADES = {word: grade for grade, words in SENTIMENT.items() for word in words.split()}
TOPICAL = {word for topic in TOPICS for word in topic}


def make_humor(rng: np.random.Generator, label: int) -> Segment:
    """Make one segment of `words` (n, 1) bytes, with a row each, and `context`.

    `audio` is (n, 8), `vision` (n, 6), `hcf` (n, 4).
    """
    context, punchline = int(rng.integers(13)), int(rng.integers(4, 11))
    context_topic, other_topic = (TOPICS[i] for i in rng.permutation(len(TOPICS))[:2])
    topic = other_topic if rng.random() < (0.8 if label else 0.2) else context_topic
    words = [
        draw_word(rng, context_topic if rng.random() < 0.4 else FUNCTION) for _ in range(context)
    ]
    punchline_words = [draw_word(rng, topic) for _ in range(2)]
    for _ in range(2):
        strong = rng.random() < (0.77 if label else 0.23)
        punchline_words.append(str(rng.choice(STRONG if strong else PLAIN)))
    punchline_words += [draw_word(rng, FUNCTION) for _ in range(punchline - len(punchline_words))]
    words += [punchline_words[i] for i in rng.permutation(punchline)]
    weight = np.repeat([0.3, 1.0], [context, punchline])[:, None]  # (n, 1)
    rise = np.concatenate([np.zeros(context), np.linspace(-1.5, 1.5, punchline)])[:, None]
    segment = {"words": np.array(words, "S16")[:, None]}
    for name, width in (("audio", 8), ("vision", 6)):
        level, slope = 0.7 * (2 * label - 1) + rng.normal(size=2)
        rows = rng.normal(size=(len(words), width))
        rows[:, :3] += (level * weight + 0.4 * slope * rise) * [1.0, 0.7, -0.5]
        segment[name] = rows.astype(np.float32)
    grades = [GRADES.get(word, 0) for word in words]
    hcf = [
        (abs(grade) == 3, grade / 3, word in TOPICAL, len(word) / 10)
        for word, grade in zip(words, grades, strict=True)
    ]
    return segment | {"hcf": np.array(hcf, np.float32)}, {"context": context}


def make_emotion(rng: np.random.Generator, label: int) -> Segment:
    """Make one segment of `embedding` (3-12, 24), `audio` (5-20, 16) and `vision` (16, 20)."""
    segment = {}
    for name, width, low, high in (
        ("embedding", 24, 3, 12),
        ("audio", 16, 5, 20),
        ("vision", 20, 16, 16),
    ):
        steps = int(rng.integers(low, high + 1))
        rows = rng.normal(size=(steps, width)) + rng.normal(size=width)
        rows[:, label] += 1.65
        rows[:, len(EMOTIONS) + label] += 0.45 * np.linspace(-1.5, 1.5, steps)
        segment[name] = rows.astype(np.float32)
    return segment, {}


@dataclass(frozen=True)
class Kind:
    """What a data set is made of.

    Attributes:
        make: makes one segment of a class.
        shares: segments of each class; a fold has a multiple of them.
        folds: fold to that multiple.
    """

    make: Callable[[np.random.Generator, int], Segment]
    shares: tuple[int, ...]
    folds: dict[str, int]


KINDS = {
    # serious, humorous
    "humor": Kind(make_humor, (11, 9), {"train": 16, "valid": 3, "test": 5}),
    "emotion": Kind(make_emotion, (11, 8, 6, 13, 14, 10, 8), {"train": 6, "valid": 1, "test": 2}),
}


def generate(kind: Kind, seed: int) -> dict[str, dict[str, np.ndarray]]:
    """Make the data set: fold to arrays, each the content of a file of that name.

    Sequences are (rows, d), `offsets` has one field a sequence, (n + 1,), `label` is (n, 1) float64
    class numbers, `ids` and, for humor, `context` are (n,). Some values of audio are NaN.
    """
    rng = np.random.default_rng(seed)
    folds = {}
    segment_count = 0  # segments of the folds before
    for fold, times in kind.folds.items():
        counts = np.array(kind.shares) * times
        labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
        segments = [kind.make(rng, int(label)) for label in labels]
        names = list(segments[0][0])
        offsets = np.zeros(len(labels) + 1, [(name, np.int64) for name in names])
        for name in names:
            offsets[name][1:] = np.cumsum([len(rows[name]) for rows, _ in segments])
        numbers = segment_count + np.arange(len(labels))
        segment_count += len(labels)
        folds[fold] = arrays = {
            **{name: np.concatenate([rows[name] for rows, _ in segments]) for name in names},
            **{key: np.array([extra[key] for _, extra in segments]) for key in segments[0][1]},
            "offsets": offsets,
            "label": labels[:, None].astype(np.float64),
            "ids": np.array([f"vid{n // VIDEO + 1}[{n % VIDEO}]" for n in numbers]),
        }
        arrays["audio"][rng.choice(len(arrays["audio"]), 5, replace=False), -1] = np.nan
    return folds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `python -m msa demo-classes`."""
    parser.add_argument("kind", choices=KINDS, help="2 or 7 classes")
    parser.add_argument("out_dir", type=Path, help="folder for the folds' folders and card.json")
    parser.add_argument("--seed", type=int, default=0, help="other numbers of the same kind")


def main(args: argparse.Namespace) -> None:
    """Write the folders train, valid and test, and card.json."""
    if args.seed < 0:
        raise InputError(f"--seed: expected 0 or more, got {args.seed}")
    if args.out_dir.exists() and not args.out_dir.is_dir():
        raise InputError(f"{args.out_dir}: expected a folder, got a file")
    folds = generate(KINDS[args.kind], args.seed)
    counts: dict[str, dict[str, Any]] = {}
    for fold, arrays in folds.items():
        names = arrays["offsets"].dtype.names or ()
        with atomic_folder(args.out_dir / fold) as folder:
            counts[fold] = {}
            for name, array in arrays.items():
                path = folder / f"{name}.npy"
                if name in names:
                    counts[fold][name] = copy_rows(array, np.arange(len(array)), path)
                else:
                    np.save(path, array)
    segments = {fold: len(arrays["ids"]) for fold, arrays in folds.items()}
    card = {
        "segments": segments,
        "expected": {},
        "videos": {fold: count // VIDEO for fold, count in segments.items()},
        "videos_without_segments": {fold: [] for fold in FOLDS},
        "route": "import",
        "pauses": "none",
        "sequences": counts,
        "dropped": [],
    }
    with atomic_write(args.out_dir / "card.json") as file:
        json.dump(card, file, indent=1)
