"""The embedded default data set: synthetic video blogs with the faults that real ones have.

Each segment has three partly independent causes (words, tone of voice, face) and one label that
follows all of them, so fusion beats any single modality. Words carry theirs by graded sentiment
words, "not"/"never" and intensifiers; tone and face theirs by a level over the segment, which
pooling sees, and by a ramp within it, which pooling does not see.
"""

import argparse
import json
import uuid
from pathlib import Path

import numpy as np

from msa.base.atomic import atomic_write
from msa.base.errors import InputError
from msa.formats import csd

Rows = tuple[np.ndarray, np.ndarray]  # intervals (n, 2) seconds, features (n, d)

# vid60 is in no fold
FOLDS = {"train": range(1, 40), "valid": range(40, 48), "test": range(48, 60)}
VIDEOS = [f"vid{i}" for i in range(1, 61)]
# the first three columns of either carry sentiment
AUDIO = ["pitch", "loudness", "brightness", "channel", *(f"cepstrum{i}" for i in range(8))]
VISION = ["smile", "brow", "cheek", *(f"pose{i}" for i in range(5))]

SENTIMENT = {
    1: "good nice fine okay decent pleasant solid useful",
    2: "great fun lovely happy charming clever impressive delightful",
    3: "love amazing excellent perfect wonderful fantastic brilliant superb",
    -1: "bad slow odd dull weak bland plain cheap",
    -2: "boring poor annoying ugly disappointing silly clumsy predictable",
    -3: "hate terrible awful horrible worst disgusting unbearable pathetic",
}
INTENSIFIERS = ["really", "very", "so", "totally", "extremely", "absolutely"]
NEGATIONS = ["not", "never"]
FUNCTION = (
    "the i it and a to of was is that you in this but for with on they my at have we there be he "
    "just like about all one what had if or me because as when he's she them some were out know "
    "do up can think from get no would who then really by how more which time see your his her "
    "said could also now much first did been into than thing our make only back way after well "
    "here even those other two over still actually tomorrow right most where going little kind "
    "again before something while people today though every came say want lot saw felt guess "
    "quite end around both under old new big small long morning friend family week year money "
    "house city music sister brother online anyway maybe"
).split()
TOPICS = [
    topic.split()
    for topic in (
        "movie film story actor scene director plot ending character cinema script sequel trailer",
        "phone screen battery camera button charger display speaker app update case signal price",
        "restaurant food waiter menu dish table dessert sauce kitchen chef drink dinner portion",
        "book author chapter page novel reader writer series library cover paragraph hero mystery",
        "car engine seat road wheel driver brake trunk mileage dealer window traffic highway",
        "hotel room bed lobby pool breakfast staff towel view shower balcony reception guest",
    )
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `python -m msa demo`."""
    parser.add_argument("out_dir", type=Path, help="folder for the four .csd files and folds.json")
    parser.add_argument("--seed", type=int, default=0, help="other numbers, same faults")


def main(args: argparse.Namespace) -> None:
    """Write words.csd, audio.csd, vision.csd, labels.csd and folds.json."""
    if args.seed < 0:
        raise InputError(f"--seed: expected 0 or more, got {args.seed}")
    if args.out_dir.exists() and not args.out_dir.is_dir():
        raise InputError(f"{args.out_dir}: expected a folder, got a file")
    names = {"words": ["word"], "audio": AUDIO, "vision": VISION, "labels": ["sentiment"]}
    for root, sequences in generate(args.seed).items():
        metadata = {
            "alignment compatible": True,
            "computational sequence description": f"synthetic video blogs: {root}",
            "computational sequence version": 1.0,
            "contact": "none",
            "creator": "python -m msa demo",
            "dataset bib citation": "none",
            "dataset name": "demo",
            "dataset version": 1.0,
            "dimension names": names[root],
            "featureset bib citation": "none",
            "uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"msa/demo/{args.seed}/{root}")),
        }
        csd.write(args.out_dir / f"{root}.csd", root, sequences, metadata)
    with atomic_write(args.out_dir / "folds.json") as file:
        json.dump({fold: [f"vid{i}" for i in ids] for fold, ids in FOLDS.items()}, file, indent=1)


def generate(seed: int) -> dict[str, dict[str, Rows]]:
    """Make the data set: for words, audio, vision and labels, video id to rows.

    Intervals are (n, 2) float32, seconds. Words are (n, 1) bytes, audio (n, 12) at 20 Hz and vision
    (n, 8) at 10 Hz float32, labels (n, 1) float32 in [-3, 3].
    """
    rng = np.random.default_rng(seed)
    videos = {video: make_video(rng) for video in VIDEOS}
    sequences = {
        name: {video: rows[name] for video, rows in videos.items()}
        for name in ("words", "audio", "vision", "labels")
    }
    plant_faults(rng, sequences)
    return sequences


def make_video(rng: np.random.Generator) -> dict[str, Rows]:
    """Make one video of 8 to 16 segments with gaps between them, without faults."""
    topic = TOPICS[rng.integers(len(TOPICS))]
    words: list[str] = []
    word_spans, spans, labels, tones, faces = [], [], [], [], []
    clock = 0.0
    for _ in range(rng.integers(8, 17)):
        clock += rng.uniform(0.3, 1.5)
        shared, noise, *own = rng.normal(size=7)
        wording, *causes = 0.35 * shared + 0.94 * np.array(own)
        sentence, polarity = make_sentence(rng, topic, wording)
        edges = clock + np.cumsum([0, *rng.uniform(0.15, 0.5, len(sentence))])
        clock = edges[-1]
        words += sentence
        word_spans.append(np.stack([edges[:-1], edges[1:]], 1))  # (words, 2)
        spans.append([edges[0], clock])
        tones.append(causes[:2])
        faces.append(causes[2:])
        tone, face = (0.9 * level + 0.44 * ramp for level, ramp in (causes[:2], causes[2:]))
        sentiment = 1.4 * (0.8 * polarity + 0.53 * tone + 0.53 * face + 0.2 * noise)
        labels.append(np.clip(np.round(sentiment * 5) / 5, -3, 3) + 0.0)  # no -0.0
    times = np.array(spans, np.float32)
    audio = make_signal(rng, 20, len(AUDIO), times, np.array(tones))
    audio[1][:, 0] = 180 + 30 * audio[1][:, 0]  # Hz, so that one column dwarfs the others
    audio[1][:, 3] = 1
    return {
        "words": (np.concatenate(word_spans).astype(np.float32), np.array(words, "S")[:, None]),
        "audio": audio,
        "vision": make_signal(rng, 10, len(VISION), times, np.array(faces)),
        "labels": (times, np.array(labels, np.float32)[:, None]),
    }


def make_sentence(
    rng: np.random.Generator,
    topic: list[str],
    wording: float,
    words_between: tuple[int, int] = (6, 18),
) -> tuple[list[str], float]:
    """Make some words, and pauses, of a sentiment near `wording`; return it with them."""
    shortest, longest = words_between
    length = int(rng.integers(shortest, longest + 1))
    count = 1 + length // 6
    phrases, polarity = [], 0.0
    for _ in range(count):
        sign = 1 if rng.random() < 1 / (1 + np.exp(-3 * wording)) else -1
        grade = sign * int(rng.integers(1, 4))
        strength = float(grade)
        phrase = [draw_word(rng, SENTIMENT[grade].split())]
        if rng.random() < 0.2:
            phrase.insert(0, INTENSIFIERS[rng.integers(len(INTENSIFIERS))])
            strength *= 1.4
        if rng.random() < 0.12:
            phrase.insert(0, NEGATIONS[rng.integers(2)])
            strength *= -1
        phrases.append(phrase)
        polarity += strength
    fill = max(length - sum(map(len, phrases)), 0)
    chunks = phrases + [
        [draw_word(rng, topic if rng.random() < 0.3 else FUNCTION)] for _ in range(fill)
    ]
    words = [word for i in rng.permutation(len(chunks)) for word in chunks[i]]
    pauses = [["sp"] if rng.random() < 0.08 else [] for _ in words]
    spoken = [item for word, pause in zip(words, pauses, strict=True) for item in (word, *pause)]
    return spoken, polarity / (2.8 * count**0.5)  # of about unit variance


def draw_word(rng: np.random.Generator, words: list[str]) -> str:
    """Draw a word, the earlier ones more often, as in real text."""
    weights = 1 / (np.arange(len(words)) + 1)
    return words[rng.choice(len(words), p=weights / weights.sum())]


def make_signal(
    rng: np.random.Generator, rate: int, width: int, spans: np.ndarray, causes: np.ndarray
) -> Rows:
    """Make a modality of one video: noise, and in each segment its level and ramp.

    `rate` is in rows a second; `spans` (s, 2) seconds and `causes` (s, 2) level and ramp are those
    of the s segments.
    """
    starts = np.arange(int((spans[-1, 1] + 0.5) * rate)) / rate
    features = rng.normal(size=(len(starts), width)) + rng.normal(0, 0.3, width)  # speaker's own
    for (start, end), (level, ramp) in zip(spans, causes, strict=True):
        inside = (starts >= start) & (starts < end)
        position = np.linspace(-1.5, 1.5, np.count_nonzero(inside))  # unit variance, about
        signal = level + 0.3 * rng.normal() + ramp * position
        features[inside, :3] += np.outer(signal, [1.0, 0.7, -0.5])
    intervals = np.stack([starts, starts + 1 / rate], 1)
    return intervals.astype(np.float32), features.astype(np.float32)


def plant_faults(rng: np.random.Generator, sequences: dict[str, dict[str, Rows]]) -> None:
    """Put the faults of the published files into the demo's, in place."""
    words, audio, vision, labels = sequences.values()
    del vision["vid1"]  # alignment drops it, and by whole ids keeps vid10 to vid19
    audio["vid2"][1][100:120, 5] = np.nan
    audio["vid48"][1][60:70, 1] = np.nan
    audio["vid3"][1][40:45, 2] = -np.inf
    for videos in (words, audio, vision):
        intervals, features = videos["vid4"]
        order = rng.permutation(len(intervals))
        videos["vid4"] = intervals[order], features[order]
    words["vid5"][0][2, 1] = words["vid5"][0][2, 0]  # of zero length
    start, end = labels["vid6"][0][1]
    intervals, features = vision["vid6"]
    outside = (intervals[:, 1] < start - 0.05) | (intervals[:, 0] > end + 0.05)
    vision["vid6"] = intervals[outside], features[outside]  # the camera was off in one segment
    intervals, features = labels["vid7"]
    short = np.array([[0.1, 0.1 + 5e-6]], np.float32)
    labels["vid7"] = np.concatenate([short, intervals]), np.concatenate([features[:1], features])
