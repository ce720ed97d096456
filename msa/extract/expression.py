"""Expressions of a face, as the package `fer` tells them: seven probabilities a frame.

The network was trained on FER-2013, whose terms of use are not clear; so it must be asked for.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from msa.extract import face_weights
from msa.extract.face_rows import Watch, sights
from msa.extract.face_tracker import MARGIN, Region, crop, region_of_points
from msa.extract.litert import load
from msa.extract.parts import Frame, Rows

LICENCE = "MIT; trained on FER-2013, whose terms are not clear"
COMMERCIAL = "unknown"
NAMES = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
SIZE = 64  # of the network's input, pixels a side
GREY = np.array([0.299, 0.587, 0.114])  # of red, green, blue (ITU-R BT.601)


def describe(frames: Iterable[Frame], weights: Path, expression_weights: Path) -> Rows:
    """Give the probabilities NAMES (7) of each frame's face; frames without one have no row.

    Args:
        frames: in order.
        weights: folder of the networks that find the face (`fetch-face-weights`).
        expression_weights: folder of this network (`fetch-face-weights expression`).

    Raises:
        InputError: there are no frames; weights are missing, or others.
    """
    (path,) = face_weights.require(expression_weights, "expression")
    network, watch = load(path), Watch()
    features = [
        network(grey(sight.frame.rgb, region_of_points(sight.points)))[0][0]
        for sight in watch.faces(sights(frames, weights))
    ]
    return watch.rows(features, len(NAMES))


def grey(rgb: np.ndarray, region: Region) -> np.ndarray:
    """The network's input (1, 64, 64, 1) in -1 to 1: the face alone, upright."""
    close = replace(region, side=region.side / MARGIN)
    pixels = crop(rgb, close, SIZE) @ GREY
    return ((pixels / 255 - 0.5) * 2).astype(np.float32)[None, :, :, None]
