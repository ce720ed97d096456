"""Clock: whether a sequence's times can be seconds of the same clock as the labels'.

Where they are not, rows are missing, or the wrong ones are there: milliseconds put one row of the
first seconds into every segment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from statistics import median

import numpy as np

from msa.base.errors import InputError

# times that reach so much farther, or less far, than the labels' are of another unit, unless rows
# follow one another within a second: then the video is long, and little of it labelled
OTHER_UNIT = 500
# so much farther is said: there are long videos of which little is labelled
FAR = 5
UNITS = {1e3: "milliseconds", 1e6: "microseconds", 1e7: "HTK's units of 100 ns"}


@dataclass(frozen=True)
class Span:
    """The times of one video's rows.

    Attributes:
        start: the first one, s.
        end: the last one, s.
        rows: how many rows there are.
        backwards: rows that do not end after they start.
    """

    start: float
    end: float
    rows: int
    backwards: int

    @property
    def step(self) -> float:
        """From one row to the next, in the mean, s."""
        return (self.end - self.start) / self.rows

    def __str__(self) -> str:
        return f"from {self.start:.1f} to {self.end:.1f} s"


def span(intervals: np.ndarray) -> Span | None:
    """The span of intervals, (n, 2) seconds; None of no rows."""
    if not len(intervals):
        return None
    backwards = np.count_nonzero(intervals[:, 1] <= intervals[:, 0])
    return Span(float(intervals.min()), float(intervals.max()), len(intervals), int(backwards))


def check_ends(where: str, spans: Mapping[str, Span]) -> None:
    """Raise an InputError where most rows do not end after they start."""
    rows = sum(one.rows for one in spans.values())
    backwards = sum(one.backwards for one in spans.values())
    if 2 * backwards > rows:
        raise InputError(
            f"{where}: expected start and end of each row in seconds, got {backwards} of {rows} "
            "rows that do not end after they start; does the second column hold durations, or are "
            "the two exchanged? write start and end"
        )


def check_clock(
    where: str,
    spans: Mapping[str, Span],
    other: str,
    references: Mapping[str, Span],
    covers: bool = True,
) -> list[str]:
    """What is odd in a sequence's times, in sentences.

    Args:
        where: file and name of the sequence, for messages.
        spans: its spans by video, of videos with rows.
        other: what it is compared with: the labels.
        references: spans of that.
        covers: whether it has a row in any segment, or for any word.

    Raises:
        InputError: it covers nothing; or in most videos the spans do not meet, or are of other
            units.
    """
    check_ends(where, spans)
    videos = [video for video in references if video in spans]
    if not videos:
        if covers:
            return []
        raise InputError(
            f"{where}: expected rows, got none in any of {len(references)} videos of {other}; "
            "extract them again, or leave the sequence out"
        )
    far = {video: _reach(spans[video], references[video]) for video in videos}
    apart = [v for v in videos if not _meet(spans[v], references[v])]
    unlike = [
        v
        for v in videos
        if far[v] <= 1 / OTHER_UNIT or (far[v] >= OTHER_UNIT and spans[v].step >= 1)
    ]
    wrong = [v for v in videos if v in {*apart, *unlike}]
    if not covers or 2 * len(wrong) > len(videos):
        video = (wrong or videos)[0]
        many = f", and so in {len(wrong)} of {len(videos)} videos"
        raise InputError(
            f"{where}: expected times in seconds on the clock of {other}, got rows "
            f"{spans[video]} where {other} last {references[video]}, in the video {video}"
            f"{many if wrong else '; none of its rows is within a segment'}"
            f"{_guess(spans[video], references[video], other)}"
        )
    remarks = []
    if unlike:
        remarks.append(
            f"{where}: in {len(unlike)} of {len(videos)} videos the times are hardly seconds as "
            f"those of {other} are: {', '.join(unlike)}"
        )
    if (reach := median(far.values())) >= FAR:
        remarks.append(
            f"{where}: in the median video its times reach {reach:.0f} times as far as those of "
            f"{other}: are they seconds, or numbers of frames?"
        )
    return remarks


def _meet(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _reach(one: Span, other: Span) -> float:
    """How many times as far its times reach; 1 where one has none after 0."""
    return one.end / other.end if one.end > 0 and other.end > 0 else 1.0


def _guess(one: Span, reference: Span, other: str) -> str:
    """What may be wrong with the times of one video, for the end of a message."""
    reach, offset = _reach(one, reference), one.start - reference.start
    alike = 1 / FAR < (one.end - one.start) / max(reference.end - reference.start, 1e-9) < FAR
    if alike and not _meet(one, reference):
        return f": one of them begins {abs(offset):.0f} s later; write both on one clock"
    if 1 / OTHER_UNIT < reach < OTHER_UNIT:
        return "; write the times again"
    factor = min(UNITS, key=lambda unit: abs(abs(log(reach)) - log(unit)))
    which = "its times" if reach > 1 else f"the times of {other}"
    return f": {which} look like {UNITS[factor]}; divide them by {factor:.0f}"
