"""Files of words and their times: JSON of recognizers, tables, CTM of Kaldi, TextGrids of Praat."""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from msa.base.errors import InputError

# where recognizers keep words, or segments of them: OpenAI's, WhisperX, transformers, Vosk, Gentle
LISTS = ("words", "segments", "chunks", "result")
TEXT, START, END = ("word", "text", "label"), ("start", "begin"), ("end", "stop")
TIERS = ("words", "word")
CTM_FIELDS = "a line of recording, channel, start, duration, word"


@dataclass(frozen=True)
class Entry:
    """A word, or several, between two times in seconds; None where the file has none."""

    text: str
    start: float | None
    end: float | None


def entry(where: str, text: str, start: Any, end: Any) -> Entry:
    """An entry whose times are numbers.

    Raises:
        InputError: they are none, negative, or the end comes first.
    """
    begin, stop = _seconds(where, start), _seconds(where, end)
    if stop < begin:
        raise InputError(f"{where}: expected an end not before the start, found {start} and {end}")
    return Entry(text, begin, stop)


def _seconds(where: str, value: Any) -> float:
    try:
        seconds = float(str(value).replace(",", "."))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise InputError(f"{where}: expected seconds from 0 on, found {value!r:.40}")
    return seconds


def json_words(path: Path, text: str) -> list[Entry]:
    """Objects with text, start and end, in a list or in that of a recognizer's result."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise InputError(f"{path}: line {line}: expected JSON, found: {error}") from error
    return list(_objects(str(path), content))


def _objects(where: str, content: Any) -> Iterator[Entry]:
    if isinstance(content, dict):
        key = next((key for key in LISTS if isinstance(content.get(key), list)), None)
        if key is not None:
            yield from _objects(f"{where}: {key}", content[key])
            return
    if not isinstance(content, list):
        raise InputError(
            f"{where}: expected a list of words with start and end, or an object with one of "
            f"{', '.join(LISTS)}, found {type(content).__name__}"
        )
    for number, item in enumerate(content):
        place = f"{where}[{number}]"
        fields = item if isinstance(item, dict) else {}
        if fields.get("words"):
            yield from _objects(f"{place}: words", fields["words"])
            continue
        text = next((fields[key] for key in TEXT if isinstance(fields.get(key), str)), None)
        if text is None:
            raise InputError(f"{place}: expected an object with {' or '.join(TEXT)}")
        start, end = fields.get("timestamp") or (fields.get("start"), fields.get("end"))
        # a word that a recognizer could not place, and the last one of Whisper, has no time
        if start is None:
            yield Entry(text, None, None)
        else:
            yield entry(place, text, start, start if end is None else end)


def table(path: Path, text: str) -> list[Entry]:
    """A line a word: columns word, start and end; of an aligner's with phones, the words alone."""
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        columns = [name.strip().lower() for name in next(reader, [])]
        places = []
        for names in (TEXT, START, END):
            if not (known := [name for name in names if name in columns]):
                raise InputError(
                    f"{path}: line 1: expected the columns word, start and end, found "
                    f"{', '.join(columns) or 'none'}"
                )
            places.append(columns.index(known[0]))
        kind = columns.index("type") if "type" in columns else None
        entries = []
        for row in reader:
            if not any(row):
                continue
            where = f"{path}: line {reader.line_num}"
            if len(row) < len(columns):
                raise InputError(f"{where}: expected {len(columns)} cells, found {len(row)}")
            if kind is None or row[kind].strip().lower() in TIERS:
                entries.append(entry(where, *(row[place].strip() for place in places)))
    except csv.Error as error:
        raise InputError(f"{path}: line {reader.line_num}: expected CSV, found: {error}") from error
    return entries


def ctm(path: Path, text: str) -> list[Entry]:
    """Recording, channel, start, duration and word; of many recordings, the file's own."""
    lines = [
        (f"{path}: line {number}", line.split())
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip() and not line.startswith(";;")
    ]
    recordings = {fields[0] for _, fields in lines}
    if len(recordings) > 1:
        if path.stem not in recordings:
            raise InputError(
                f"{path}: expected one recording, or {path.stem} among them, found "
                f"{', '.join(sorted(recordings)[:3])}"
            )
        lines = [(where, fields) for where, fields in lines if fields[0] == path.stem]
    entries = []
    for where, fields in lines:
        if len(fields) < 5:
            raise InputError(f"{where}: expected {CTM_FIELDS}, found {' '.join(fields)!r:.60}")
        start, duration = (_seconds(where, field) for field in fields[2:4])
        entries.append(Entry(fields[4], start, start + duration))
    return entries


# texts in quotes, of which "" is one quote, and numbers and flags that stand alone
GRID = re.compile(
    r'"((?:[^"]|"")*)"|(?<!\S)([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?!\S)|(?<!\S)(<\w+>)(?!\S)'
)


def text_grid(path: Path, text: str) -> list[Entry]:
    """Intervals of the tier called words, or of the only one, in Praat's long or short form."""
    values: Iterator[tuple[int, str]] = (
        (text.count("\n", 0, match.start()) + 1, next(g for g in match.groups() if g is not None))
        for match in GRID.finditer(text)
    )
    tiers: dict[str, list[Entry]] = {}
    line = 1
    try:
        head = [value for _, value in islice(values, 6)]
        if head[:2] != ["ooTextFile", "TextGrid"] or head[4] != "<exists>":
            raise InputError(f"{path}: line 1: expected a TextGrid of Praat, found another file")
        for _ in range(int(head[5])):
            (line, kind), (_, name), _, _, (_, size) = islice(values, 5)
            entries = []
            for _ in range(int(size)):
                if kind != "IntervalTier":
                    list(islice(values, 2))
                    continue
                (line, start), (_, end), (_, words) = islice(values, 3)
                words = words.replace('""', '"')
                entries.append(entry(f"{path}: line {line}", words, start, end))
            if kind == "IntervalTier":
                tiers[name] = entries
    except (ValueError, IndexError) as error:
        raise InputError(
            f"{path}: after line {line}: expected a tier or an interval with two times and a text, "
            "found the end or something else"
        ) from error
    named = [n for n in tiers if re.split(r"[\s_-]+", n.strip().lower())[-1] in TIERS]
    chosen = named if named else list(tiers)
    if len(chosen) != 1:
        raise InputError(
            f"{path}: expected one tier of intervals, or one called words, found "
            f"{', '.join(tiers) or 'none'}"
        )
    return tiers[chosen[0]]
