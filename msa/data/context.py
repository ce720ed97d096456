"""Context: the utterances before a segment in its video, whose words come before its own."""

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from msa.base.errors import InputError
from msa.base.ids import video_of

# what is behind the video in `video[3]`, `video[2][0]` and `video[12.5:14]`
_PLACE = re.compile(r"(\[\d+(\.\d+)?(:\d+(\.\d+)?)?\])+")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def before(ids: Sequence[str], utterances: int) -> list[list[int]]:
    """Of each segment the last so many before it in its video, in their order.

    Args:
        ids: of the segments of one fold, `video[i]`, in any order; i tells which comes first.
        utterances: at most how many; there are fewer where a video begins.

    Raises:
        InputError: an id is of another form.
    """
    videos: dict[str, list[tuple[list[float], int]]] = {}
    for row, segment in enumerate(ids):
        video = video_of(segment)
        place = segment[len(video) :]
        if not _PLACE.fullmatch(place):
            raise InputError(
                "context: expected ids video[i], which tell what is said before a segment, got "
                f"{segment!r}; set context: 0"
            )
        videos.setdefault(video, []).append(([*map(float, _NUMBER.findall(place))], row))
    found: list[list[int]] = [[] for _ in ids]
    for segments in videos.values():
        order = [row for _, row in sorted(segments)]
        for i, row in enumerate(order):
            found[row] = order[max(i - utterances, 0) : i]
    return found


def with_context(
    ids: Sequence[str], bounds: np.ndarray, utterances: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The words of each segment behind those of the utterances before it.

    Args:
        ids: as of `before`, (n,).
        bounds: where each segment begins in the words, (n + 1,).
        utterances: as of `before`.

    Returns:
        Numbers of the words, segment after segment, (m,); where each segment begins in them, (n +
        1,); how many of each segment's are context, (n,).
    """
    spans = [np.arange(first, last) for first, last in pairwise(bounds)]
    parts = [[*earlier, row] for row, earlier in enumerate(before(ids, utterances))]
    numbers = [np.concatenate([spans[row] for row in rows]) for rows in parts]
    counts = np.array([len(of) for of in numbers], dtype=np.int64)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return np.concatenate([*numbers, np.arange(0)]), offsets, counts - np.diff(bounds)
