"""Times of words by forced alignment, against those that espeak-ng says of its own speech.

Four clips and one of three minutes, as a whole and by cues. Without espeak-ng or pocketsphinx there
are no rows.
"""

import importlib.util
import sys
import time
from typing import Any

import numpy as np

from benchmarks.timing import row
from msa.demo import espeak
from msa.extract.forced_alignment import align
from msa.extract.transcript import Token

CLIPS = (
    ("en-us", 160, "I really loved this movie, because the actors were wonderful."),
    ("en-us+f3", 150, "The plot was boring and far too long, so we left before it was over."),
    ("en-us+m3", 170, "Honestly, the director tried something new, and I respect the effort."),
    ("en-us+m7", 140, "If you like quiet stories about families, this one is worth your time."),
)
LONG = 180.0  # seconds
GOALS = {"start": ("at most 20 ms", "95 % under 120 ms"), "end": (None, None)}


def run(seconds: float = LONG) -> list[dict[str, Any]]:
    """Errors in milliseconds, and seconds of computing a second of sound."""
    if not espeak.available() or importlib.util.find_spec("pocketsphinx") is None:
        print("word_times: needs espeak-ng and pocketsphinx, left out", file=sys.stderr)
        return []
    clips = [(text, *espeak.speak(text, voice, speed)) for voice, speed, text in CLIPS]
    rows = _rows("4 clips", [_aligned(text, sound, times) for text, sound, times in clips])
    turns = int(np.ceil(seconds / sum(len(sound) / espeak.RATE for _, sound, _ in clips)))
    begins = np.cumsum([0, *(len(sound) for _, sound, _ in clips * turns)]) / espeak.RATE
    text = " ".join(text for text, _, _ in clips * turns)
    sound = np.concatenate([sound for _, sound, _ in clips * turns])
    spoken = zip(clips * turns, begins, strict=False)
    times = np.concatenate([times + begin for (_, _, times), begin in spoken])
    return rows + _rows(f"{len(sound) / espeak.RATE:.0f} s", [_aligned(text, sound, times)])


def _aligned(text: str, sound: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Errors of starts and ends (words, 2) in seconds, seconds of computing, and of the sound."""
    begin = time.process_time()
    words = align(sound, [Token(word) for word in text.split()])
    used = time.process_time() - begin
    errors = np.abs(words.times - times)
    return errors[~np.isnan(errors).any(axis=1)], used, len(sound) / espeak.RATE


def _rows(title: str, results: list[tuple[np.ndarray, float, float]]) -> list[dict[str, Any]]:
    errors = 1000 * np.concatenate([errors for errors, _, _ in results])
    rows = []
    for column, side in enumerate(("start", "end")):
        one = errors[:, column]
        middle, high = GOALS[side]
        name = f"word times, {title}: {side}"
        rows += [
            row(f"{name}, median", float(np.median(one)), "ms", wanted=middle),
            row(f"{name}, 95 %", float(np.percentile(one, 95)), "ms", wanted=high),
            row(f"{name}, under 50 ms", 100 * float((one < 50).mean()), "%"),
        ]
    used = sum(seconds for _, seconds, _ in results)
    length = sum(seconds for _, _, seconds in results)
    return [*rows, row(f"word times, {title}: computing", used / length, "s a second of sound")]
