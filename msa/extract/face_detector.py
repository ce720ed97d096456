"""BlazeFace: where faces are in a picture (Bazarevsky et al., 2019, arXiv:1907.05047).

Its network for the back camera, which finds small faces too. Coordinates are (x, y) in pixels from
the upper left corner of the picture.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from msa.extract.litert import Network

SIZE = 256  # of the network's input, pixels a side
GRIDS = ((16, 2), (8, 6))  # cells a side, anchors a cell
PROBABLE = 0.5
SAME_FACE = 0.3  # intersection over union


@dataclass(frozen=True)
class Face:
    """A face: its box, left, top, right, bottom (4,); and its eyes, the picture's left one first.

    Eyes are (2, 2), a row each.
    """

    box: np.ndarray
    eyes: np.ndarray

    @property
    def area(self) -> float:
        return float(np.prod(self.box[2:] - self.box[:2]))


def detector(network: Network) -> Callable[[np.ndarray], list[Face]]:
    """A function of a picture (h, w, 3) uint8 that gives its faces, the largest first."""
    places = anchors()

    def detect(rgb: np.ndarray) -> list[Face]:
        square, scale, offset = letterbox(rgb)
        values, logits = network(square)
        boxes, points, scores = decode(values[0], logits[0, :, 0], places)
        shift = np.tile(offset, 2 + points.shape[1])
        flat = np.concatenate([boxes, points.reshape(-1, 12)], 1)  # (n, 4 + 2·6)
        merged = (merge(flat, scores) * SIZE - shift) / scale
        faces = [Face(row[:4], row[4:8].reshape(2, 2)) for row in merged]
        return sorted(faces, key=lambda face: -face.area)

    return detect


def anchors() -> np.ndarray:
    """Centres (896, 2) from which the network counts, of a picture that is 1 wide and 1 high."""
    grids = []
    for cells, count in GRIDS:
        centres = (np.arange(cells) + 0.5) / cells
        x, y = np.meshgrid(centres, centres)
        grids.append(np.repeat(np.stack([x, y], -1).reshape(-1, 2), count, 0))
    return np.concatenate(grids)


def letterbox(rgb: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """The network's input (1, 256, 256, 3) in -1 to 1: the picture, with black beside it.

    Also given: pixels of the input for one of the picture, and where its corner lies (2,).
    """
    height, width = rgb.shape[:2]
    scale = SIZE / max(height, width)
    small = Image.fromarray(rgb).resize(
        (max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.BILINEAR
    )
    left, top = (SIZE - small.width) // 2, (SIZE - small.height) // 2
    square = np.zeros((SIZE, SIZE, 3), np.float32)
    square[top : top + small.height, left : left + small.width] = np.asarray(small)
    return square[None] / 127.5 - 1, scale, np.array([left, top], float)


def decode(
    values: np.ndarray, logits: np.ndarray, places: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the network found probable: boxes (n, 4), points (n, 6, 2) and scores (n,).

    Args:
        values: (896, 16), pixels from the anchor: centre, width and height, then six points.
        logits: (896,).
        places: anchors (896, 2).
    """
    scores = 1 / (1 + np.exp(-np.clip(logits, -80, 80)))
    probable = scores > PROBABLE
    pairs = values[probable].reshape(-1, 8, 2) / SIZE
    centre = pairs[:, 0] + places[probable]
    half = pairs[:, 1] / 2
    points = pairs[:, 2:] + places[probable][:, None]
    return np.concatenate([centre - half, centre + half], 1), points, scores[probable]


def merge(rows: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """One row for each face: the mean, by score, of all that overlap the best one.

    Args:
        rows: (n, 4 or more), a box first.
        scores: (n,).
    """
    merged = []
    left = np.argsort(-scores, kind="stable")
    while len(left):
        same = overlap(rows[left[0]], rows[left]) >= SAME_FACE
        same[0] = True  # a box of no area too
        merged.append(np.average(rows[left[same]], axis=0, weights=scores[left[same]]))
        left = left[~same]
    return np.array(merged).reshape(-1, rows.shape[1])


def overlap(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union (n,) of one box with others (n, 4 or more)."""
    sides = np.minimum(box[2:4], boxes[:, 2:4]) - np.maximum(box[:2], boxes[:, :2])
    shared = np.prod(np.maximum(sides, 0), 1)
    areas = np.prod(np.maximum(boxes[:, 2:4] - boxes[:, :2], 0), 1)
    union = np.prod(np.maximum(box[2:4] - box[:2], 0)) + areas - shared
    return shared / np.maximum(union, 1e-12)
