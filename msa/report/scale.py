"""How predictions of a target become places, colours and words on a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

HUES = 8  # of classes


@dataclass(frozen=True)
class Reading:
    """What of a target is shown of one table, n segments.

    Attributes:
        value: of a regression, a binary task's probability of 1, or the chosen class's, (n,).
        spread: its deviation between seeds, NaN where there is one seed, (n,).
        chosen: the class (n,); None where there are none.
    """

    value: np.ndarray
    spread: np.ndarray
    chosen: np.ndarray | None = None


class Scale:
    """How a target's values become places, colours and words.

    Attributes:
        low, high: of the axis.
        middle: which the bars start from.
        classes: their names, or None.
    """

    def __init__(self, task: Mapping[str, Any], target: str) -> None:
        self.task, self.target = task, target
        self.classes = task["classes"] if task["type"] == "classification" else None
        self.low, self.high = map(float, task["range"] if task["type"] == "regression" else (0, 1))
        self.signed = self.low < 0 < self.high or task["type"] == "binary"
        self.middle = 0.5 if task["type"] == "binary" else max(self.low, min(0.0, self.high))

    def read(self, frame: pd.DataFrame) -> Reading:
        """Of a table as predict makes it."""
        if self.task["type"] == "regression":
            name = self.target
        elif self.task["type"] == "binary":
            name = f"{self.target}_1"
        else:
            chosen = frame[self.target].to_numpy()
            value, spread = (
                np.array([frame[f"{self.target}_{c}{end}"].iloc[i] for i, c in enumerate(chosen)])
                for end in ("", "_std")
            )
            return Reading(value.astype(float), spread.astype(float), chosen)
        return Reading(frame[name].to_numpy(float), frame[f"{name}_std"].to_numpy(float))

    def mean(self, frames: Sequence[pd.DataFrame]) -> Reading:
        """That of several tables of the same rows."""
        numbers = [frame.select_dtypes("number") for frame in frames]
        whole = sum(numbers[1:], start=numbers[0]) / len(numbers)
        if self.classes:
            shares = whole[[f"{self.target}_{name}" for name in self.classes]].to_numpy()
            whole[self.target] = np.array(self.classes)[shares.argmax(axis=1)]
        return self.read(whole)

    def place(self, value: float) -> float:
        """Per cent of the axis from above."""
        share = (value - self.low) / (self.high - self.low)
        return round(100 * (1 - min(max(share, 0.0), 1.0)), 2)

    def text(self, value: float, chosen: str | None = None) -> str:
        if self.task["type"] == "regression":
            shown = f"{value:+.2f}" if self.signed else f"{value:.2f}"
            return shown.replace("-", "\N{MINUS SIGN}")
        return f"{chosen or 'yes'} {value:.0%}"

    def spread(self, value: float) -> str:
        """Nothing where there is none to be seen."""
        if not value >= 0.005:
            return ""
        return f"± {value:.2f}" if self.task["type"] == "regression" else f"± {100 * value:.0f}"

    def tone(self, value: float, chosen: str | None = None) -> tuple[str, int]:
        """The name of a colour, and how much of it, in per cent."""
        if self.classes:
            return f"hue{self.classes.index(chosen) % HUES}", round(100 * value)
        reach = max(self.high - self.middle, self.middle - self.low)
        share = min(abs(value - self.middle) / reach, 1.0)
        return "pos" if value >= self.middle else "neg", round(100 * share)

    def side(self, reading: Reading) -> np.ndarray:
        """What two models agree in: sign, class, or whole number, (n,)."""
        if reading.chosen is not None:
            return reading.chosen
        return reading.value > self.middle if self.signed else np.rint(reading.value)

    def ticks(self) -> list[tuple[float, str]]:
        """Places and texts of the axis."""
        if self.task["type"] != "regression":
            return [(self.place(share), f"{share:.0%}") for share in (0, 0.5, 1)]
        whole = self.high - self.low <= 8 and self.low == int(self.low)
        few = self.low, self.middle, self.high
        numbers = np.arange(self.low, self.high + 1) if whole else few
        return [(self.place(n), self.short(n)) for n in dict.fromkeys(map(float, numbers))]

    def short(self, value: float) -> str:
        """A number of the axis."""
        if self.task["type"] != "regression":
            return f"{value:.0%}"
        sign = "+" if self.signed and value else ""
        return f"{value:{sign}.3g}".replace("-", "\N{MINUS SIGN}")


def legend(scale: Scale) -> list[dict[str, Any]]:
    """Samples of the colours with what they stand for."""
    if scale.classes:
        return [
            {"tone": scale.tone(1, name)[0], "share": 80, "text": name} for name in scale.classes
        ]
    if scale.task["type"] == "binary":
        values = [0.0, 0.25, 0.5, 0.75, 1.0]
    else:
        values = np.linspace(scale.low, scale.high, 7 if scale.signed else 5).tolist()
    samples = [(scale.tone(value), scale.short(value)) for value in values]
    return [{"tone": tone, "share": share, "text": text} for (tone, share), text in samples]
