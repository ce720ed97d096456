"""What all intervals and p-values are made of: resamples of whole videos.

The segments of a video share speaker, topic and camera. Drawn one by one they would pass for
independent, and intervals would be too narrow; so videos are drawn, each with all its segments
(Davison and Hinkley, Bootstrap Methods and their Application, 1997, section 3.8). Where ids name
no videos, or each its own, this is the ordinary bootstrap of segments.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from msa.base.ids import video_of

# of up to thirty clusters tests reject too often: Cameron, Gelbach and Miller, Bootstrap-based
# improvements for inference with clustered errors, Review of Economics and Statistics 90, 2008
FEW = 30


def videos(ids: Sequence[str] | np.ndarray) -> np.ndarray:
    """The number (n,) of each segment's video, in the order in which they first appear."""
    return numbered([video_of(segment) for segment in ids])


def numbered(names: Sequence[str] | np.ndarray) -> np.ndarray:
    """The number (n,) of each name, in the order in which they first appear."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names])


def resamples(video: np.ndarray, r: int = 1000, seed: int = 0) -> np.ndarray:
    """How often each resample took each row, (r, n), for the `weights` of all scores.

    A resample draws as many videos as there are, with replacement; rows vary with their sizes. Of
    one video alone there is nothing to draw: no resamples, (0, n).

    Args:
        video: of each row, (n,), as `videos` numbers them.
        r: how many resamples.
        seed: of the draws.
    """
    k = video.max() + 1
    if k == 1:
        return np.empty((0, len(video)))
    numbers = np.random.default_rng(seed).integers(k, size=(r, k)) + k * np.arange(r)[:, None]
    taken = np.bincount(numbers.ravel(), minlength=r * k).reshape(r, k).astype(float)
    return taken[:, video]


def description(
    ids: Sequence[str] | np.ndarray, numbers: np.ndarray | None = None, unit: str = "video"
) -> dict[str, Any]:
    """What is drawn, for a result: `unit` and `n`, how many there are.

    Args:
        ids: of the segments, (n,).
        numbers: what each belongs to where that is more than a video, (n,).
        unit: what that is; the unit is a segment where each is of one of its own.
    """
    n = len(set((videos(ids) if numbers is None else numbers).tolist()))
    return {"unit": unit if n < len(ids) else "segment", "n": n}


def drawn(bootstrap: Mapping[str, Any]) -> str:
    """The same in words, such as "the 12 test videos, each with all its segments"."""
    whole = ", each with all its segments" if bootstrap["unit"] != "segment" else ""
    return f"the {bootstrap['n']} test {bootstrap['unit']}s{whole}"


def caution(bootstrap: Mapping[str, Any]) -> str:
    """A sentence where there are few of them, else nothing."""
    if not 1 < bootstrap["n"] <= FEW:
        return ""
    return f"So few {bootstrap['unit']}s make intervals too narrow and p-values too small. "
