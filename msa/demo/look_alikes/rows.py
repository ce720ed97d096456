"""Made-up words, rows and ids that the look-alikes share."""

import numpy as np

from msa.demo.sequences import FUNCTION, SENTIMENT, draw_word

# segments of a fold, and of a video
SEGMENTS = {"train": 24, "valid": 8, "test": 10}
CLIPS = 4


def make_words(rng: np.random.Generator, score: float) -> list[str]:
    """3 to 12 words, some of which tell the sentiment, -3 to 3."""
    level = int(np.rint(score))
    sentiment_words = SENTIMENT[level].split() if level in SENTIMENT else FUNCTION
    return [
        draw_word(rng, sentiment_words if rng.random() < 0.4 else FUNCTION)
        for _ in range(rng.integers(3, 13))
    ]


def make_rows(rng: np.random.Generator, rows: int, width: int, score: float) -> np.ndarray:
    """Noise (rows, width) float32 whose first column follows the score."""
    array = rng.normal(size=(rows, width)).astype(np.float32)
    array[:, 0] += score
    return array


def segment_ids(fold: str) -> list[str]:
    """The ids `video[clip]` of a fold's segments; no video is in two folds."""
    return [f"{fold}Video{i // CLIPS}[{i % CLIPS}]" for i in range(SEGMENTS[fold])]
