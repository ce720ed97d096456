"""Painting on pixels whose place on a surface is known; edges are smooth over about a pixel."""

from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]  # red, green, blue in 0 to 1


def edge(distance: np.ndarray, soft: float) -> np.ndarray:
    """1 where the distance to an edge is positive, 0 where it is negative, a slope between."""
    return np.clip(distance / soft + 0.5, 0, 1)


def mound(distance: np.ndarray, width: float) -> np.ndarray:
    """1 at no distance, falling off to both sides."""
    return np.exp(-((distance / width) ** 2))


@dataclass(frozen=True)
class Surface:
    """A rectangle of pixels, painted in place.

    Pixels are (3, h, w) float32, which adds faster than colours last; `u` and `v` (h, w) say where
    on the surface they lie, `seen` how much of them it covers, 0 to 1; `soft` is the length of a
    pixel.
    """

    pixels: np.ndarray
    u: np.ndarray
    v: np.ndarray
    seen: np.ndarray
    soft: float

    def part(self, left: float, right: float, top: float, bottom: float) -> "Surface":
        """The smallest rectangle that has all that is seen between these; it may be empty."""
        u, v = self.u, self.v
        mask = (u > left) & (u < right) & (v > top) & (v < bottom) & (self.seen > 0)
        rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
        cut = tuple(
            slice(hits[0], hits[-1] + 1) if len(hits) else slice(0) for hits in (rows, columns)
        )
        return Surface(self.pixels[:, *cut], u[cut], v[cut], self.seen[cut], self.soft)

    def paint(self, mask: np.ndarray, colour: Colour, light: float | np.ndarray = 1.0) -> None:
        """Lay a colour on, times a light (h, w), where the mask (h, w) is 1."""
        mask = mask * self.seen
        for plane, value in zip(self.pixels, colour, strict=True):
            plane += mask * (value * light - plane)

    def shade(self, amount: np.ndarray) -> None:
        """Darken by a share (h, w), or lighten where it is below 0."""
        self.pixels[:] *= 1 - self.seen * amount

    def edge(self, distance: np.ndarray) -> np.ndarray:
        """As the function of this name, over a pixel."""
        return edge(distance, self.soft)

    def blot(self, u: float, v: float, width: float, height: float) -> np.ndarray:
        """1 at a point, falling off to all sides."""
        return np.exp(-(((self.u - u) / width) ** 2) - ((self.v - v) / height) ** 2)
