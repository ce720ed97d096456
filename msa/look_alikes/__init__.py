"""Look-alikes: tiny files in exactly the layouts that others circulate, with made-up content.

One module a layout, with `write(folder, rng)`, which writes its files into a folder and returns
what to import: the file, or the folder.
"""

import numpy as np

from msa.demo import FUNCTION, SENTIMENT, pick

# layout -> module
LOOK_ALIKES = {
    "csd": "msa.look_alikes.csd",
    "mmsa": "msa.look_alikes.mmsa",
    "mult": "msa.look_alikes.mult",
    "mag": "msa.look_alikes.mag",
    "misa": "msa.look_alikes.misa",
    "hkt": "msa.look_alikes.hkt",
    "lmf": "msa.look_alikes.lmf",
    "cm_bert": "msa.look_alikes.cm_bert",
    "msaf": "msa.look_alikes.msaf",
    "cherma": "msa.look_alikes.cherma",
}
# segments of a fold, and of a video
SEGMENTS = {"train": 24, "valid": 8, "test": 10}
CLIPS = 4


def make_words(rng: np.random.Generator, score: float) -> list[str]:
    """3 to 12 words, some of which tell the sentiment, -3 to 3."""
    level = int(np.rint(score))
    telling = SENTIMENT[level].split() if level in SENTIMENT else FUNCTION
    return [
        pick(rng, telling if rng.random() < 0.4 else FUNCTION) for _ in range(rng.integers(3, 13))
    ]


def make_rows(rng: np.random.Generator, rows: int, width: int, score: float) -> np.ndarray:
    """Noise (rows, width) float32 whose first column follows the score."""
    made = rng.normal(size=(rows, width)).astype(np.float32)
    made[:, 0] += score
    return made


def segment_ids(fold: str) -> list[str]:
    """The ids `video[clip]` of a fold's segments; no video is in two folds."""
    return [f"{fold}Video{i // CLIPS}[{i % CLIPS}]" for i in range(SEGMENTS[fold])]
