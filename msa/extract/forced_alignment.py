"""When each word of a known English text is said: forced alignment with pocketsphinx.

Long sound without cues is taken in windows, each against a grammar of the words to come, of which
any beginning may be said; the words of a window's beginning are kept, and the next window begins
behind them.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np

from msa.base.errors import InputError
from msa.extract.media import RATE
from msa.extract.parts import Words
from msa.extract.pronounce import letter_names, phones, spoken
from msa.extract.speech import speech
from msa.extract.sphinx import FRAME, FRAMES, FREE, Segment, aligner, decode
from msa.extract.transcript import Token, spans

SHORTEST = 0.1  # seconds of sound
MARGIN = 0.3  # seconds that a cue may be off
WINDOW, KEPT = 60 * FRAMES, 45 * FRAMES
AHEAD = 350  # words that a window may hold
LEAST = FRAMES  # that a window goes on by
LIMIT = 35.0  # of the fit; docs/own_videos.md says what it was chosen on
ACRONYM = 4  # letters of the longest unknown word that may be said by its letters' names


class Unfit(InputError):
    """The text is not what the sound says.

    Attributes:
        score: its fit, None where no path leads through the words at all.
    """

    def __init__(self, message: str, score: float | None = None) -> None:
        super().__init__(message)
        self.score = score


def align(samples: np.ndarray, tokens: Sequence[Token], limit: float = LIMIT) -> Words:
    """Words with their times.

    Args:
        samples: (n,) int16, 16,000 a second.
        tokens: the text; where tokens have the times of their cue, they are looked for in there.
        limit: largest fit; `math.inf` to take any text that has a path.

    Returns:
        The tokens as written, less those that nobody says. The fit is the mean over frames of how
        much better any sounds would do than those of the words, in log units of base 1.0001 as
        pocketsphinx scales them: up to 4 for a right text that is read, 16 in loud noise, 33 where
        espeak-ng speaks; from 35 on for nearly all wrong ones.

    Raises:
        Unfit: the sound is too short, or does not say the text.
        InputError: pocketsphinx is not installed, or the text is not in Latin letters.
    """
    if len(samples) < SHORTEST * RATE:
        raise Unfit(
            f"expected at least {SHORTEST} s of sound to align words to, got "
            f"{len(samples) / RATE:.3f} s"
        )
    parts = [spoken(token.text) for token in tokens]
    notes = _left_out([t.text for t, words in zip(tokens, parts, strict=True) if not words])
    numbers = [i for i, words in enumerate(parts) if words]
    if not numbers:
        raise Unfit("expected a text, got none that is said")
    if not len(speech(samples)):
        raise Unfit("expected speech in the sound, found none")
    decoder = aligner()
    notes += _learn(decoder, [word for words in parts for word in words])
    gaps = _Gaps(decoder)
    times = np.full((len(tokens), 2), np.nan)
    without_path = []
    cues = spans(tokens, len(samples) / RATE)
    for (start, end), cue in groupby(numbers, key=lambda i: cues[i]):
        members = list(cue)
        begin = max(0, round((start - MARGIN) * RATE))
        sound = samples[begin : max(begin, round((end + MARGIN) * RATE))]
        path = _path(decoder, sound, [word for i in members for word in parts[i]])
        if path is None:
            without_path.append((start, members))
            continue
        gaps.add(sound, path)
        words = (one for one in path if not one.filler)
        for i in members:
            own = [next(words) for _ in parts[i]]
            times[i] = begin / RATE + np.array([own[0].begin, own[-1].end]) / FRAMES
    lost = sum(len(members) for _, members in without_path)
    if 2 * lost > len(numbers):
        raise Unfit("the sound does not say the text: no path leads through its words")
    if without_path:
        notes.append(
            f"{lost} words left out, of {len(without_path)} cues in which the sound does not say "
            f"them, the first at {without_path[0][0]:.1f} s"
        )
    fit = gaps.mean()
    if fit > limit:
        raise Unfit(
            f"the sound does not say the text: any sounds fit better by {fit:.0f} a frame, "
            f"expected at most {limit:.0f}",
            fit,
        )
    kept = [i for i in numbers if not np.isnan(times[i, 0])]
    return Words([tokens[i].text for i in kept], times[kept], "aligned", fit, notes)


def _left_out(texts: Sequence[str]) -> list[str]:
    counts = Counter(texts)
    named = ", ".join(f"{text!r}" for text in counts)
    return [f"{len(texts)} tokens left out that nobody says: {named}"] if texts else []


def _learn(decoder: Any, words: Sequence[str]) -> list[str]:
    """Teach a decoder the words that it does not know; what there is to say of that."""
    unknown = [word for word in dict.fromkeys(words) if decoder.lookup_word(word) is None]
    for word in unknown:
        ways = {phones(word), letter_names(word)} if len(word) <= ACRONYM else {phones(word)}
        for number, way in enumerate(sorted(ways), start=1):
            decoder.add_word(word if number == 1 else f"{word}({number})", way, True)
    listed = ", ".join(unknown)
    return [f"words not in the dictionary, said by their letters: {listed}"] if unknown else []


def _path(decoder: Any, sound: np.ndarray, words: Sequence[str]) -> list[Segment] | None:
    """Words and what is between them, in frames from the sound's begin; None where none fits."""
    path: list[Segment] = []
    at = done = 0  # frames and words behind us
    spoken_in = speech(sound)
    while done < len(words):
        # a decoder finds a word in silence alone
        ahead = spoken_in[spoken_in[:, 1] * FRAMES > at]
        if not len(ahead):
            return None
        at = max(at, round((ahead[0, 0] - MARGIN) * FRAMES))
        last = len(sound) - at * FRAME <= WINDOW * FRAME
        window = sound[at * FRAME :] if last else sound[at * FRAME : (at + WINDOW) * FRAME]
        if len(window) < SHORTEST * RATE:
            return None
        _expect(decoder, words[done:] if last else words[done : done + AHEAD], whole=last)
        segments = decode(decoder, window)
        if segments is None:
            return None
        # a window ends before the first word that is not all in the part kept
        beyond = (one.begin for one in segments if one.end > KEPT and not one.filler)
        end = WINDOW if last else max(LEAST, min(KEPT, next(beyond, KEPT)))
        kept = [one for one in segments if one.end <= end]
        path += [Segment(one.word, at + one.begin, at + one.end, one.score) for one in kept]
        done += sum(not one.filler for one in kept)
        at += end
    return path


def _expect(decoder: Any, words: Sequence[str], whole: bool) -> None:
    """Set a decoder for these words one after the other, all or the first of them."""
    n = len(words)
    steps: list[tuple] = [(i, i + 1, 1.0, word) for i, word in enumerate(words)]
    ends = [] if whole else [(i, n, 1.0) for i in range(n)]
    grammar = decoder.create_fsg("words", 0, n, [*steps, *ends])
    decoder.add_fsg("words", grammar)
    decoder.activate_search("words")


class _Gaps:
    """How much better any sounds fit than the words, over all stretches."""

    def __init__(self, decoder: Any) -> None:
        self.decoder = decoder
        self.words = np.zeros(2)  # their total, and of how many frames
        self.all = np.zeros(2)

    def add(self, sound: np.ndarray, path: Sequence[Segment]) -> None:
        """Count a stretch and what is in it."""
        self.decoder.activate_search(FREE)
        scores = [0.0]  # of the frames before each frame
        for begin in range(0, len(sound), WINDOW * FRAME):
            for one in decode(self.decoder, sound[begin : begin + WINDOW * FRAME]) or []:
                length = one.end - one.begin
                scores += [scores[-1] + one.score / length * (i + 1) for i in range(length)]
        for one in path:
            end = min(one.end, len(scores) - 1)
            begin = min(one.begin, end)
            gap = np.array([scores[end] - scores[begin] - one.score, one.end - one.begin])
            self.all += gap
            self.words += 0 if one.filler else gap

    def mean(self) -> float:
        """A frame's, of the words or of all, whichever is worse: few words always fit somewhere."""
        return max(total / max(1.0, frames) for total, frames in (self.words, self.all))
