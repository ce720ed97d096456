"""What extractors give: words or rows with their times, and what there is to say of them."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Frame:
    """One picture: seconds from the container's start, and its pixels (h, w, 3) uint8."""

    start: float
    end: float
    rgb: np.ndarray


@dataclass(frozen=True)
class Words:
    """Words (n) as written, their start and end in seconds (n, 2).

    `origin` is given, aligned or recognized; `fit` is how far the sound is from these words, in
    log units a frame, the smaller the better.
    """

    texts: list[str]
    times: np.ndarray
    origin: str
    fit: float | None = None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Rows:
    """Features (n, d) float32 and their start and end in seconds (n, 2)."""

    features: np.ndarray
    times: np.ndarray
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
