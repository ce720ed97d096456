"""Transcripts of videos: which file is one's, and the words in it with the times that it gives.

Words of their own times (.json, .csv, .ctm, .TextGrid) are taken as they are; those of cues (.srt,
.vtt) lie somewhere in the cue, and those of a plain text somewhere in the video.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np

from msa.base.errors import InputError
from msa.base.pauses import PAUSES
from msa.extract.parts import Words
from msa.extract.subtitles import subtitles
from msa.extract.word_files import Entry, ctm, json_words, table, text_grid

READERS = {
    ".json": json_words,
    ".csv": table,
    ".ctm": ctm,
    ".textgrid": text_grid,
    ".srt": subtitles,
    ".vtt": subtitles,
}
ENDINGS = (*READERS, ".txt")  # the first that is there is read
CUES = (".srt", ".vtt")
LANGUAGE = re.compile(r"\.[a-z]{2,3}(-\w+)?$")  # clip.en.vtt
SHORTEST = 0.02  # seconds of a word whose end nobody says


@dataclass(frozen=True)
class Token:
    """A word as written.

    Attributes:
        text: without spaces in it.
        start, end: seconds, its own or its cue's; None in a plain text, and where a file of words
            has none for this one.
        timed: they are its own.
    """

    text: str
    start: float | None = None
    end: float | None = None
    timed: bool = False


def find_transcripts(video: Path, folder: Path | None = None) -> list[Path]:
    """Files called as a video, in its folder or another, the one to read first.

    `clip.mp4` has clip.json, clip.csv, clip.ctm, clip.TextGrid, clip.srt, clip.vtt, clip.txt in
    this order, then those with a language, as clip.en.vtt.
    """

    def stem(path: Path) -> str:
        return unicodedata.normalize("NFC", path.stem)

    ranked = []
    for path in (folder or video.parent).iterdir():
        ending = path.suffix.lower()
        if ending not in ENDINGS or not path.is_file():
            continue
        with_language = stem(path) != stem(video)
        if not with_language or LANGUAGE.sub("", stem(path)) == stem(video):
            ranked.append((with_language, ENDINGS.index(ending), path.name, path))
    return [path for *_, path in sorted(ranked)]


def read_transcript(path: Path) -> list[Token]:
    """The words of a file, in the order of their times.

    Entries of one word and several are told by the most: a file of words may hold "New York", whose
    time is divided, and a file of cues may hold "Yes".

    Raises:
        InputError: the file is none of its format, or has no word; the message names its line.
    """
    text = read_text(path)
    reader = READERS.get(path.suffix.lower())
    tokens = (
        list(_tokens(reader(path, text), path.suffix.lower() not in CUES))
        if reader
        else [Token(word) for word in text.split()]
    )
    if not tokens:
        raise InputError(f"{path}: expected the words of a video, found none")
    return tokens


def read_text(path: Path) -> str:
    """A text in UTF-8, or in UTF-16 with its mark, as Praat writes it."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(
            f"{path}: line {line}: expected text in UTF-8, found the byte "
            f"{data[error.start]:#04x}; save it as UTF-8"
        ) from error


def _tokens(entries: Sequence[Entry], may_be_words: bool) -> Iterator[Token]:
    entries = [entry for entry in entries if entry.text.strip() not in PAUSES]
    if all(entry.start is not None for entry in entries):
        entries = sorted(entries, key=lambda entry: entry.start or 0)
    single = sum(len(entry.text.split()) == 1 for entry in entries)
    timed = may_be_words and 2 * single > len(entries)
    for entry in entries:
        words = entry.text.split()
        if entry.start is None or entry.end is None:
            yield from (Token(word) for word in words)
        elif timed:
            bounds = np.linspace(entry.start, entry.end, len(words) + 1).tolist()
            for word, (start, end) in zip(words, pairwise(bounds), strict=True):
                yield Token(word, start, end, True)
        else:
            yield from (Token(word, entry.start, entry.end) for word in words)


def given(tokens: Sequence[Token]) -> Words | None:
    """Words with the times that their file gives, or None where it gives those of cues, or none.

    Words without times among others that have them divide the time between their neighbours.
    """
    if not any(token.timed for token in tokens):
        return None
    times = np.array(list(_divided(tokens)))
    unknown = [token.text for token in tokens if not token.timed]
    notes = [f"{len(unknown)} words have no times of their own, put between their neighbours"]
    return Words(
        [token.text for token in tokens], closed(times), "given", notes=notes if unknown else []
    )


def _divided(tokens: Sequence[Token]) -> Iterator[tuple[float, float]]:
    last = max(token.end or 0 for token in tokens)
    for (start, end), group in groupby(spans(tokens, last), key=lambda span: span):
        # only words without times share a span
        bounds = np.linspace(start, end, sum(1 for _ in group) + 1).tolist()
        yield from pairwise(bounds)


def spans(tokens: Sequence[Token], seconds: float) -> list[tuple[float, float]]:
    """In what stretch of a video of so many seconds each word must lie.

    What has no times lies between its neighbours that have some.
    """
    starts = [token.start for token in tokens]
    ends = [token.end for token in tokens]
    after = seconds
    following = []
    for start in reversed(starts):
        after = after if start is None else start
        following.append(after)
    stretches = []
    before = 0.0
    for start, end, upto in zip(starts, ends, reversed(following), strict=True):
        if start is None or end is None:
            stretches.append((before, max(before, upto)))
        else:
            stretches.append((start, end))
            before = end
    return stretches


def closed(times: np.ndarray) -> np.ndarray:
    """Times (n, 2) of which each ends after it starts.

    One that does not, or whose end is not known (NaN), ends where the next starts, and lasts 20 ms
    at least.
    """
    starts, ends = times[:, 0], times[:, 1].copy()
    following = np.append(starts[1:], -np.inf)
    wrong = ~(ends > starts)
    ends[wrong] = np.maximum(following, starts + SHORTEST)[wrong]
    return np.stack([starts, ends], axis=1)
