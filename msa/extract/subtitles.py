"""Subtitles, .srt and .vtt: cues of words that are said, without what only describes the sound."""

import html
import re
from pathlib import Path

from msa.base.errors import InputError
from msa.extract.word_files import Entry

TIME = r"(?:(\d+):)?(\d{1,2}):(\d\d)[.,](\d{1,3})"
CUE = re.compile(rf"\s*{TIME}\s*-->\s*{TIME}(?:\s.*)?$")
WORD_TIME = re.compile(r"<\d+:\d\d[:.\d]*>")  # inside a line: captions that roll
MARKUP = re.compile(r"<[^>]*>|\{[^}]*\}")
# who speaks, [applause], (sighs), notes around what is sung
NOT_SAID = re.compile(r"(?m:^[\s♪♫-]*[A-Z][A-Z .'-]+:(?=\s))|\[[^\]]*\]|\([^)]*\)|[♪♫]|>>+")


def subtitles(path: Path, text: str) -> list[Entry]:
    """The cues; of captions that roll, as YouTube's, each line once.

    Raises:
        InputError: a line with an arrow has no two times, or there is no cue.
    """
    lines = text.split("\n")
    rolling = WORD_TIME.search(text) is not None
    entries = []
    shown: list[str] = []
    for number, line in enumerate(lines):
        if "-->" not in line:
            continue
        times = CUE.match(line)
        if times is None:
            raise InputError(
                f"{path}: line {number + 1}: expected two times as in 00:01:02.500 --> "
                f"00:01:04.000, found {line.strip()!r:.60}"
            )
        start, end = _seconds(*times.groups()[:4]), _seconds(*times.groups()[4:])
        if end < start:
            raise InputError(
                f"{path}: line {number + 1}: expected an end not before the start, found "
                f"{line.strip()!r:.60}"
            )
        body = [html.unescape(MARKUP.sub("", words)).strip() for words in _body(lines, number + 1)]
        new = [words for words in body if not (rolling and words in shown)]
        shown = body
        said = NOT_SAID.sub(" ", "\n".join(new)).split()
        words = " ".join(word for word in said if any(letter.isalnum() for letter in word))
        if words:
            entries.append(Entry(words, start, end))
    if not entries:
        raise InputError(f"{path}: expected cues of subtitles, found none")
    return entries


def _body(lines: list[str], begin: int) -> list[str]:
    """The lines of a cue: up to an empty one, or to the next cue and its number.

    A line of one space, as captions that roll have, is not empty.
    """
    end = begin
    while end < len(lines) and lines[end] and "-->" not in lines[end]:
        end += 1
    before_cue = end < len(lines) and "-->" in lines[end]
    return lines[begin : end - (before_cue and lines[end - 1].strip().isdigit())]


def _seconds(hours: str | None, minutes: str, seconds: str, fraction: str) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction}")
