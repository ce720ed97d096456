"""Plan: which rows of a video make which segment, by the CMU-MultimodalSDK's rules.

The SDK scans all rows of a video for every interval. Here the overlaps come from binary searches,
and the means from one sparse product.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

TOLERANCE = 1e-5  # seconds, the SDK's epsilon
MARGIN = 4 * TOLERANCE
ROUTES = {
    "words": "every row becomes a word's: the mean over the word, zeros where there is none",
    "labels": "each sequence keeps its own rows; a segment without one of them is dropped",
    "none": "each sequence keeps its own rows; one of them may be missing from a segment",
}


@dataclass(frozen=True)
class Overlaps:
    """Which rows overlap which reference interval, reference by reference.

    Attributes:
        counts: rows of each reference interval, (m,).
        rows: row numbers, ordered by start within a reference interval, (p,).
        clipped: the rows' intervals clipped to the reference, (p, 2) seconds.
    """

    counts: np.ndarray
    rows: np.ndarray
    clipped: np.ndarray

    @property
    def offsets(self) -> np.ndarray:
        """Where each reference interval begins in `rows`, and the end: (m + 1,)."""
        return np.concatenate([[0], np.cumsum(self.counts)])


def overlaps(reference: np.ndarray, intervals: np.ndarray) -> Overlaps:
    """Find the rows that overlap each reference interval, with the SDK's tolerance.

    Args:
        reference: (m, 2) seconds.
        intervals: (n, 2) seconds, in any order.
    """
    order = np.argsort(intervals[:, 0], kind="stable")
    start, end = (column[order] for column in intervals.T)
    reference_start, reference_end = reference.T
    # a row overlaps if it starts within the reference, or if the reference starts within it: two
    # joins of ranges, which find few others whatever lasts long; the exact test comes after
    begins = reference_start.astype(np.float64) - MARGIN
    first = np.searchsorted(start, begins, "left")
    last = np.searchsorted(start, reference_end.astype(np.float64) + MARGIN, "right")
    owner_within, row_within = _ranges(first, last)
    by_begin = np.argsort(begins, kind="stable")
    row_around, place = _ranges(
        np.searchsorted(begins[by_begin], start, "right"),
        np.searchsorted(begins[by_begin], end, "right"),
    )
    owner = np.concatenate([by_begin[place], owner_within])
    row = np.concatenate([row_around, row_within])
    # rows around a reference's start begin before those within it
    by_owner = np.argsort(owner, kind="stable")
    owner, row = owner[by_owner], row[by_owner]

    tolerance = reference.dtype.type(TOLERANCE)
    touches = (reference_end[owner] - start[row] > -tolerance) & (
        end[row] - reference_start[owner] > -tolerance
    )
    owner, row = owner[touches], row[touches]
    clipped = np.stack(
        [
            np.maximum(start[row], reference_start[owner]),
            np.minimum(end[row], reference_end[owner]),
        ],
        axis=1,
    )
    lasting = np.abs(clipped[:, 0] - clipped[:, 1]) > tolerance
    owner, row = owner[lasting], row[lasting]
    return Overlaps(np.bincount(owner, minlength=len(reference)), order[row], clipped[lasting])


def _ranges(first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number of the range and member of it, for all members of the ranges [first, last)."""
    counts = np.maximum(last - first, 0)
    number = np.repeat(np.arange(len(counts)), counts)
    skipped = np.cumsum(counts) - counts
    return number, np.arange(len(number)) - np.repeat(skipped - first, counts)


def _lasting(intervals: np.ndarray) -> np.ndarray:
    """Numbers of the reference intervals that the SDK does not drop as too short."""
    lengths = np.abs(intervals[:, 0] - intervals[:, 1])
    return np.flatnonzero(lengths >= intervals.dtype.type(TOLERANCE))


@dataclass(frozen=True)
class VideoPlan:
    """What to take of one video, from its intervals alone.

    Attributes:
        segments: numbers of the label intervals that stay, (s,).
        counts: rows of each segment, by sequence, (s,).
        rows: by sequence, which rows make the segments, (sum of counts,): row numbers of the
            sequence, or with `words` numbers of words.
        words: with the route "words", the overlaps of each sequence with the lasting words.
        numbers: the lasting words' row numbers.
        lasting: how many label intervals last.
        lacking: by sequence, how many of these have none of its rows.
        dropped: label interval number to reason.
    """

    segments: np.ndarray
    counts: dict[str, np.ndarray]
    rows: dict[str, np.ndarray]
    words: dict[str, Overlaps] = field(default_factory=dict)
    numbers: np.ndarray = field(default_factory=lambda: np.arange(0))
    dropped: dict[int, str] = field(default_factory=dict)
    lasting: int = 0
    lacking: dict[str, int] = field(default_factory=dict)


def plan(labels: np.ndarray, sequences: Mapping[str, np.ndarray], route: str) -> VideoPlan:
    """Decide which rows of one video make which segment.

    Args:
        labels: the label intervals, (s, 2) seconds.
        sequences: by name the intervals, (n, 2) seconds; the route "words" needs `words`.
        route: one of `ROUTES`.
    """
    lasting = _lasting(labels)
    words: dict[str, Overlaps] = {}
    numbers = np.arange(0)
    segment_overlaps: dict[str, Overlaps] = {}
    for name, intervals in sequences.items():
        if route != "words":
            segment_overlaps[name] = overlaps(labels[lasting], intervals)
            continue
        if not len(numbers):
            numbers = _lasting(sequences["words"])
        word_intervals = sequences["words"][numbers]
        spans = word_intervals
        has_rows = np.ones(len(numbers), dtype=bool)
        if name != "words":
            words[name] = word_overlaps = overlaps(word_intervals, intervals)
            has_rows = word_overlaps.counts > 0
            spans = word_intervals.astype(np.result_type(word_intervals, word_overlaps.clipped))
            begins = word_overlaps.offsets[:-1][has_rows]
            if len(begins):
                # a word's row lasts from its first row's start to its last row's end
                start, end = word_overlaps.clipped.T
                spans[has_rows, 0] = np.minimum.reduceat(np.minimum(start, end), begins)
                spans[has_rows, 1] = np.maximum.reduceat(np.maximum(start, end), begins)
        # the SDK imputes after aligning: equal starts put imputed words last
        order = np.concatenate([np.flatnonzero(has_rows), np.flatnonzero(~has_rows)])
        of_order = overlaps(labels[lasting], spans[order])
        segment_overlaps[name] = Overlaps(of_order.counts, order[of_order.rows], of_order.clipped)

    counts = {name: overlap.counts for name, overlap in segment_overlaps.items()}
    lacking = {name: np.flatnonzero(count == 0) for name, count in counts.items()}
    dropped = dict.fromkeys(
        map(int, np.setdiff1d(np.arange(len(labels)), lasting)),
        f"its label lasts less than {TOLERANCE} s",
    )
    keep = np.ones(len(lasting), dtype=bool)
    if route == "none":
        keep = np.any(list(counts.values()), axis=0)
    else:
        for missing in lacking.values():
            keep[missing] = False
    for i in np.flatnonzero(~keep):
        names = [name for name, missing in lacking.items() if i in missing]
        if route == "words" and "words" in names:
            names = ["words"]  # what is aligned to words has rows where they are alone
        dropped[int(lasting[i])] = f"no rows of {', '.join(names)} within it"
    return VideoPlan(
        lasting[keep],
        {name: count[keep] for name, count in counts.items()},
        {
            name: segment_overlaps[name].rows[np.repeat(keep, counts[name])]
            for name in segment_overlaps
        },
        words,
        numbers,
        dropped,
        len(lasting),
        {name: len(missing) for name, missing in lacking.items()},
    )


def collapse(features: np.ndarray, words: Overlaps) -> np.ndarray:
    """Mean of each word's rows; zeros for a word without rows.

    Args:
        features: (n, d) float.
        words: the overlaps of the m words with the n rows.

    Returns:
        (m, d), of the features' type: the SDK takes means in it, row after row.
    """
    # takes as long as all other imports of alignment together, and only words need it
    from scipy.sparse import csr_array

    ones = np.ones(len(words.rows), dtype=features.dtype)
    members = csr_array((ones, words.rows, words.offsets), (len(words.counts), len(features)))
    return (members @ features) / np.maximum(words.counts, 1)[:, None].astype(features.dtype)


def take_rows(features: np.ndarray, name: str, video: VideoPlan) -> np.ndarray:
    """The aligned rows of one sequence of one video, segment after segment: (rows, d)."""
    if name in video.words:
        features = collapse(features, video.words[name])
    elif len(video.numbers):
        features = features[video.numbers]
    return features.take(video.rows[name], axis=0)
