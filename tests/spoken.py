"""What the tests of words share: speech of espeak-ng with its own word times, made once."""

from functools import cache

import numpy as np
import pytest

from msa.demo import espeak
from msa.extract.transcript import Token

needs_espeak = pytest.mark.skipif(not espeak.available(), reason="libespeak-ng is not installed")
TEXT = "I really loved this movie because the actors were wonderful."
OTHER = "We waited forty minutes for cold soup, and nobody said sorry."


@cache
def say(text: str = TEXT, voice: str = "en-us") -> tuple[np.ndarray, np.ndarray]:
    """Samples (n,) int16 at 16 kHz, times of the words (words, 2) in seconds."""
    samples, times = espeak.speak(text, voice)
    samples.setflags(write=False)
    return samples, times


def tokens(text: str = TEXT, start: float | None = None, end: float | None = None) -> list[Token]:
    return [Token(word, start, end) for word in text.split()]


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(16_000 * seconds), np.int16)
