"""Segments of what nobody has segmented: stretches of speech between pauses.

They come near the utterances that data sets of sentiment label (Zadeh et al., "MOSI: Multimodal
Corpus of Sentiment Intensity and Subjectivity Analysis in Online Opinion Videos", 2016).
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

PAUSE = 0.5  # seconds
LONGEST = 15.0  # seconds


def between_pauses(times: np.ndarray, pause: float = PAUSE, longest: float = LONGEST) -> np.ndarray:
    """Join what is said into segments.

    One that lasts too long is cut at the longest pause in its middle half, again and again; what
    has no pause is cut into equal parts.

    Args:
        times: start and end of words, or of stretches of speech, (n, 2) seconds.
        pause: so long nobody speaks between two segments.
        longest: that a segment lasts.

    Returns:
        Start and end of each segment, (k, 2) seconds.
    """
    times = times[np.argsort(times[:, 0], kind="stable")]
    ends = np.maximum.accumulate(times[:, 1])
    first = np.flatnonzero(times[1:, 0] - ends[:-1] >= pause) + 1
    stretches = np.split(np.column_stack([times[:, 0], ends]), first) if len(times) else []
    cut = [part for stretch in stretches for part in _cut(stretch, longest)]
    return np.round(np.array(cut).reshape(-1, 2), 3)


def pieces(seconds: float, length: float) -> np.ndarray:
    """Pieces of one length from 0 to the end, (k, 2) seconds; the last one may be shorter."""
    starts = np.arange(0, seconds, min(length, seconds))
    return np.column_stack([starts, np.append(starts[1:], seconds)])


def _cut(stretch: np.ndarray, longest: float) -> Iterator[tuple[float, float]]:
    """A stretch (n, 2), in parts that are short enough."""
    begin, end = stretch[0, 0], stretch[-1, 1]
    if end - begin <= longest:
        yield begin, end
        return
    starts, ends = stretch[1:, 0], stretch[:-1, 1]
    middle = (starts + ends) / 2
    off = np.abs(middle - (begin + end) / 2) / (end - begin)
    if not len(starts):
        edges = np.linspace(begin, end, int(np.ceil((end - begin) / longest)) + 1)
        yield from pairwise(edges.tolist())
        return
    # of those in the middle half, else of all; of equal ones that nearest to the middle
    near = off <= max(0.25, off.min())
    gaps = np.where(near, np.round(starts - ends, 6), -np.inf)
    at = int(np.lexsort((off, -gaps))[0]) + 1
    yield from _cut(stretch[:at], longest)
    yield from _cut(stretch[at:], longest)
