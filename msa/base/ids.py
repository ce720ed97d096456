"""Ids of segments: `video[clip]`, or any text where no video is known."""

import re
import unicodedata
from collections.abc import Callable, Collection
from itertools import combinations

# of files that are aligned already each entry is a segment `video[i]`; "title [2020]" is a video
_INDEX = re.compile(r"(?<=\S)(\[\d+\])+$")
# by what ids of the same thing differ, and what is left without it
_DIFFERENCES: dict[str, Callable[[str], str]] = {
    "a file extension": lambda name: re.sub(r"(?<=.)\.[A-Za-z][A-Za-z0-9]{1,4}$", "", name),
    "a folder": lambda name: re.split(r"[/\\]", name)[-1],
    "upper and lower case": str.casefold,
    "blanks or encoding": lambda name: re.sub(
        r"[\s\u200b\ufeff]", "", unicodedata.normalize("NFKC", name)
    ),
    "a segment's number": lambda name: re.sub(r"(?<=.)(\[[^\[\]]*\]|(\$_\$|[_-])\d+)$", "", name),
    "leading zeros": lambda name: re.sub(r"(?<!\d)0+(?=\d)", "", name),
}


def is_segment(entry: str) -> bool:
    """Whether an entry of a file is named as a segment, `video[i]`."""
    return _INDEX.search(entry) is not None


def entry_video(entry: str) -> str:
    """The video of an entry of a file: itself, or of a segment `video[i]` what is before the [."""
    return _INDEX.sub("", entry)


def video_of(segment: str) -> str:
    """The video of a segment's id; the id itself where it names no video.

    Of `video[2][0]`, an interval of an entry that is a segment already, it is `video`.
    """
    return entry_video(segment.rpartition("[")[0] or segment)


def unlike(names: Collection[str], known: Collection[str], places: tuple[str, str]) -> str:
    """How names that are not among the known ones differ from them: one of each, likely cause.

    Args:
        names: some that are not known, at least one.
        known: those that there are.
        places: where the names stand, and the known ones.
    """
    here, there = places
    for number in range(1, len(_DIFFERENCES) + 1):
        best, text = 0, ""
        for kinds in combinations(_DIFFERENCES, number):
            alike = {_without(name, kinds): name for name in sorted(known, reverse=True)}
            pairs = [(n, alike[s]) for n in sorted(names) if (s := _without(n, kinds)) in alike]
            if len(pairs) > best:
                best, (name, other) = len(pairs), pairs[0]
                text = f"{here} {name!r}, {there} {other!r}: they differ by {' and '.join(kinds)}"
        if best:
            return text
    return f"{here} {min(names)!r}, {there} {min(known)!r}" if known else f"{here} {min(names)!r}"


def _without(name: str, kinds: Collection[str]) -> str:
    for kind in kinds:
        name = _DIFFERENCES[kind](name)
    return name
