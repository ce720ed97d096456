"""Acting: whom the demo draws, and how a head moves while somebody talks."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from msa.demo.face import Looks, Portrait, Pose
from msa.demo.painting import Colour

SKINS = [(0.93, 0.76, 0.66), (0.88, 0.69, 0.57), (0.76, 0.56, 0.43), (0.56, 0.39, 0.29)]
HAIR = [(0.10, 0.08, 0.07), (0.23, 0.15, 0.10), (0.44, 0.28, 0.15), (0.55, 0.53, 0.50)]
IRISES = [(0.24, 0.16, 0.10), (0.32, 0.36, 0.20), (0.28, 0.40, 0.52)]
# degrees, and shares of the picture, to either side
SWAY = {"yaw": 7.0, "pitch": 3.0, "roll": 4.0, "x": 0.015, "y": 0.012}
BLINK = 0.16  # seconds


def someone(rng: np.random.Generator) -> Looks:
    """Looks by chance."""
    skin = SKINS[rng.integers(len(SKINS))]
    red, green, blue = skin
    return Looks(
        skin=skin,
        hair=HAIR[rng.integers(len(HAIR))],
        iris=IRISES[rng.integers(len(IRISES))],
        lips=(0.82 * red, 0.52 * green, 0.58 * blue),
        shirt=_colour(rng, 0.15, 0.7),
        wall=_colour(rng, 0.55, 0.8),
        eyes_apart=rng.uniform(0.41, 0.45),
        length=rng.uniform(1.28, 1.40),
        mouth_width=rng.uniform(0.37, 0.43),
    )


def _colour(rng: np.random.Generator, low: float, high: float) -> Colour:
    red, green, blue = rng.uniform(low, high, 3).tolist()
    return red, green, blue


def act(
    rng: np.random.Generator, smile: np.ndarray, opening: np.ndarray, rate: float
) -> list[Pose]:
    """Poses of somebody who talks: the head sways and the eyes blink by chance.

    Args:
        rng: chance.
        smile: (n,), -1 to 1; brows go up and down with it a little.
        opening: of the mouth (n,), 0 to 1.
        rate: poses a second.
    """
    time = np.arange(len(smile)) / rate
    sway = {name: reach * _drift(rng, time) for name, reach in SWAY.items()}
    blinks = np.cumsum(rng.uniform(2, 5, 1 + len(smile)))
    blinks = blinks[blinks < time[-1] + BLINK]
    closed = np.zeros(len(time))
    for middle in blinks:
        closed = np.maximum(closed, np.clip(2 - 4 * np.abs(time - middle) / BLINK, 0, 1))
    rest = Pose()
    return [
        replace(
            rest,
            smile=float(smile[i]),
            opening=float(opening[i]),
            brows=float(np.clip(0.3 + 0.3 * smile[i], 0, 1)),
            blink=float(closed[i]),
            **{name: getattr(rest, name) + float(values[i]) for name, values in sway.items()},
        )
        for i in range(len(time))
    ]


def _drift(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    """A slow and smooth wander (n,) within -1 and 1."""
    rates, phases = rng.uniform(0.1, 0.6, 3), rng.uniform(0, 2 * np.pi, 3)
    return np.sin(2 * np.pi * np.outer(time, rates) + phases).mean(1)


def film(
    looks: Looks, poses: list[Pose], width: int = 320, height: int = 240
) -> Iterator[np.ndarray]:
    """The pictures (height, width, 3) uint8 of somebody in these poses."""
    portrait = Portrait(looks, width, height)
    return map(portrait.draw, poses)
