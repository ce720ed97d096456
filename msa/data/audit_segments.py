"""Segments that are the same in something: an id, a video, a speaker, a time."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from msa.base.ids import video_of
from msa.data.findings import Finding
from msa.formats.segments import FOLDS

OVERLAP = 0.05  # seconds; what is less is a matter of rounding, or of frames
COUNTED_TWICE = {
    "train": "They count more than once in training",
    "valid": "They count more than once where the epoch is selected",
    "test": "They count more than once in the scores",
}
TOGETHER = "Put both into one fold, or leave one of them out"
Pairs = list[tuple[int, int]]


@dataclass(frozen=True)
class Pool:
    """The segments of all folds, n of them.

    Attributes:
        ids: of the segments, (n,).
        fold: numbers of `FOLDS`, (n,).
    """

    ids: Sequence[str]
    fold: Sequence[int]

    @cached_property
    def videos(self) -> list[str | None]:
        """The video of each segment; None where its id names none."""
        named = ((video_of(segment), segment) for segment in self.ids)
        return [video if video != segment else None for video, segment in named]

    @cached_property
    def sizes(self) -> list[int]:
        """How many segments each fold has."""
        return [list(self.fold).count(number) for number in range(len(FOLDS))]

    def share(self, pairs: Pairs, number: int) -> str:
        """How many segments of a fold the pairs end with, as "3 of 229 test segments have"."""
        have = "has" if len(pairs) == 1 else "have"
        return f"{len(pairs)} of {self.sizes[number]:,} {FOLDS[number]} segments {have}"

    def names(self, pairs: Pairs) -> list[tuple[str, str]]:
        """The ids of pairs."""
        return [(self.ids[one], self.ids[other]) for one, other in pairs]

    def finding(self, severity: str, kind: str, a: int, b: int, pairs: Pairs, text: str) -> Finding:
        """That pairs are alike, of each one segment in fold a and one in fold b, or in one fold."""
        one_fold = a == b
        return Finding(
            severity,
            f"{kind} in {'one fold' if one_fold else 'two folds'}",
            [FOLDS[b]] if one_fold else [FOLDS[a], FOLDS[b]],
            len(pairs),
            f"{self.share(pairs, b)} {text}",
            COUNTED_TWICE[FOLDS[b]] if one_fold else TOGETHER,
            self.names(pairs),
        )

    def across(self, keys: Sequence[Hashable]) -> Iterator[tuple[int, int, Pairs]]:
        """Of each two folds, with the first one's first segment the second's of the same key.

        A key of None is none.
        """
        first = self._first(keys)
        for a, b in combinations(range(len(FOLDS)), 2):
            pairs = [
                (first[a][key], i)
                for i, key in enumerate(keys)
                if self.fold[i] == b and key is not None and key in first[a]
            ]
            if pairs:
                yield a, b, pairs

    def within(self, keys: Sequence[Hashable]) -> Iterator[tuple[int, Pairs]]:
        """Of each fold, with the first segment of a key the later ones."""
        first = self._first(keys)
        for number in range(len(FOLDS)):
            pairs = [
                (first[number][key], i)
                for i, key in enumerate(keys)
                if self.fold[i] == number and key is not None and first[number][key] != i
            ]
            if pairs:
                yield number, pairs

    def _first(self, keys: Sequence[Hashable]) -> list[dict[Hashable, int]]:
        first: list[dict[Hashable, int]] = [{} for _ in FOLDS]
        for i, key in enumerate(keys):
            first[self.fold[i]].setdefault(key, i)
        return first


def group_findings(pool: Pool, groups: Sequence[str | None], kind: str) -> Iterator[Finding]:
    """Groups that are in two folds.

    Args:
        pool: the segments.
        groups: of each segment, (n,); None where it is not known.
        kind: what they are, "video" or "speaker".
    """
    for a, b, pairs in pool.across(groups):
        once = {groups[pair[1]]: pair for pair in reversed(pairs)}
        ones = [once[group] for group in sorted(once, key=str)]
        several = len(ones) > 1
        yield Finding(
            "error",
            f"one {kind} in two folds",
            [FOLDS[a], FOLDS[b]],
            len(ones),
            f"{len(ones)} {kind}{'s are' if several else ' is'} in {FOLDS[a]} and in {FOLDS[b]}",
            f"Keep all segments of a {kind} in one fold",
            [(str(groups[i]), pool.ids[j], pool.ids[i]) for j, i in ones],
        )


def id_findings(pool: Pool) -> Iterator[Finding]:
    """Ids that are there more than once."""
    keys = [name.strip() or None for name in pool.ids]
    for a, b, pairs in pool.across(keys):
        text = f"{pool.share(pairs, b)} the id of a {FOLDS[a]} segment"
        folds = [FOLDS[a], FOLDS[b]]
        yield Finding(
            "error", "one id in two folds", folds, len(pairs), text, TOGETHER, pool.names(pairs)
        )
    for number, pairs in pool.within(keys):
        text = f"{pool.share(pairs, number)} the id of an earlier one"
        advice = "Results cannot tell them apart: give each an id of its own"
        yield Finding(
            "warning", "one id twice", [FOLDS[number]], len(pairs), text, advice, pool.names(pairs)
        )


def time_findings(pool: Pool, times: np.ndarray) -> Iterator[Finding]:
    """Segments of one video that have the same times, or overlap.

    Args:
        pool: the segments.
        times: start and end of each, (n, 2) seconds; NaN where they are not known.
    """
    known = np.isfinite(times).all(axis=1)
    spans = [
        (video, start, end) if video and is_known else None
        for video, (start, end), is_known in zip(
            pool.videos, np.round(times, 3).tolist(), known.tolist(), strict=True
        )
    ]
    repeated = {(a, b): pairs for a, b, pairs in pool.across(spans)}
    repeated |= {(number, number): pairs for number, pairs in pool.within(spans)}
    once = [*dict.fromkeys(span for span in spans if span)]
    first = {span: i for i, span in reversed([*enumerate(spans)])}
    overlaps = _overlaps(pool, times, [first[span] for span in once])
    for kind, text, found in (
        ("same times", "the times of another one of their video", repeated),
        (
            "overlap",
            f"more than {OVERLAP} s in common with an earlier one of their video",
            overlaps,
        ),
    ):
        for (a, b), pairs in sorted(found.items()):
            severity = "error" if a != b else "warning" if FOLDS[b] == "test" else "note"
            where = "" if a == b else f", which is in {FOLDS[a]}"
            yield pool.finding(severity, kind, a, b, pairs, f"{text}{where}")


def _overlaps(
    pool: Pool, times: np.ndarray, numbers: Sequence[int]
) -> dict[tuple[int, int], Pairs]:
    """By folds, segments that overlap, each with the one of the other fold that ends last.

    Args:
        pool: the segments.
        times: as above.
        numbers: of the segments to compare, all of known videos and times.
    """
    pairs: dict[tuple[int, int], Pairs] = {}
    last: dict[tuple[str | None, int], int] = {}
    for i in sorted(numbers, key=lambda i: (str(pool.videos[i]), *times[i])):
        video, own = pool.videos[i], pool.fold[i]
        for fold in range(len(FOLDS)):
            j = last.get((video, fold))
            if j is None or min(times[i, 1], times[j, 1]) - times[i, 0] <= OVERLAP:
                continue
            pair = (j, i) if fold <= own else (i, j)
            pairs.setdefault((min(fold, own), max(fold, own)), []).append(pair)
        j = last.get((video, own))
        if j is None or times[i, 1] > times[j, 1]:
            last[video, own] = i
    return pairs
