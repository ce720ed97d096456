"""Follow one face through a video: 468 points in each frame (Kartynnik et al., 2019,
arXiv:1907.06724).

A face is looked for when there is none to follow, and every two seconds for how many there are.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from msa.extract.face_detector import Face
from msa.extract.litert import Network
from msa.extract.parts import Frame

SIZE = 192  # of the network's input, pixels a side
MARGIN = 1.5  # sides of what the network sees, in those of the face
PRESENT = 0.5
TURNED, MOVED, GROWN = np.radians(5), 0.05, 0.1  # moved by sides, grown in logs
LOOK_AGAIN = 2.0  # seconds
EYES = [33, 263]  # their outer corners, the picture's left one first


@dataclass(frozen=True)
class Region:
    """A square of a picture: centre (2,), side in pixels, and the angle of its upper side."""

    centre: np.ndarray
    side: float
    angle: float


@dataclass(frozen=True)
class Sight:
    """A frame, and the face that is followed in it.

    `points` (468, 3) are x and y in pixels of the frame and the depth in the same unit, away from
    the camera; (0, 3) where no face is seen. `faces` is how many were counted last.
    """

    frame: Frame
    points: np.ndarray
    presence: float
    faces: int


Measured = tuple[np.ndarray, float]  # points, presence


def follow(
    frames: Iterable[Frame],
    detect: Callable[[np.ndarray], list[Face]],
    measure: Callable[[np.ndarray, Region], Measured],
) -> Iterator[Sight]:
    """Follow the largest face until it is lost, then the one that is largest there.

    Args:
        frames: in order.
        detect: gives the faces of a picture, the largest first.
        measure: gives points and presence of the face in a region of a picture.
    """
    region: Region | None = None
    looked, faces = -np.inf, 0
    for frame in frames:
        found = _settled(frame.rgb, region, measure) if region else None
        if found is None or frame.start - looked >= LOOK_AGAIN:
            detected = detect(frame.rgb)
            looked, faces = frame.start, len(detected)
            # what is followed is no face any more
            if found and detected and not any(_inside(face, found[0]) for face in detected):
                found = None
            for face in detected:
                found = found or _settled(frame.rgb, region_of_face(face), measure)
        if found is None:
            region = None
            yield Sight(frame, np.empty((0, 3)), 0.0, 0)
        else:
            region = region_of_points(found[0])
            yield Sight(frame, *found, max(faces, 1))


def _settled(
    rgb: np.ndarray, region: Region, measure: Callable[[np.ndarray, Region], Measured]
) -> Measured | None:
    """Points and presence of the face in a region; None where there is none.

    Where the face is no longer as the region has it, it is measured once more from where it is:
    the network takes heads for more upright and central than they are.
    """
    measured = measure(rgb, region)
    if measured[1] >= PRESENT and _differ(region, better := region_of_points(measured[0])):
        measured = measure(rgb, better)
    return measured if measured[1] >= PRESENT else None


def _differ(one: Region, other: Region) -> bool:
    turn = abs((other.angle - one.angle + np.pi) % (2 * np.pi) - np.pi)
    moved = np.linalg.norm(other.centre - one.centre) / one.side
    return bool(turn > TURNED or moved > MOVED or abs(np.log(other.side / one.side)) > GROWN)


def _inside(face: Face, points: np.ndarray) -> bool:
    """Whether a detected face lies where the points are."""
    centre = face.box.reshape(2, 2).mean(0)
    return bool(np.all((points[:, :2].min(0) <= centre) & (centre <= points[:, :2].max(0))))


def region_of_face(face: Face) -> Region:
    """What the network of points is to see of a detected face."""
    corners = face.box.reshape(2, 2)
    return Region(
        corners.mean(0), MARGIN * float((corners[1] - corners[0]).max()), _angle(*face.eyes)
    )


def region_of_points(points: np.ndarray) -> Region:
    """Where the face of these points (468, 3) will be in the next frame."""
    angle = _angle(*points[EYES, :2])
    turned = points[:, :2] @ _rotation(angle)  # upright
    low, high = turned.min(0), turned.max(0)
    centre = _rotation(angle) @ ((low + high) / 2)
    return Region(centre, MARGIN * float((high - low).max()), angle)


def measurer(network: Network) -> Callable[[np.ndarray, Region], Measured]:
    """A function of a picture and a region that gives points (468, 3) and presence, 0 to 1."""

    def measure(rgb: np.ndarray, region: Region) -> Measured:
        inputs = crop(rgb, region, SIZE).astype(np.float32)[None] / 255
        coordinates, logit = network(inputs)
        points = coordinates.reshape(-1, 3).astype(float)  # pixels of the input
        scale = region.side / SIZE
        flat = region.centre + scale * (points[:, :2] - SIZE / 2) @ _rotation(region.angle).T
        presence = 1 / (1 + np.exp(-np.clip(logit.item(), -80, 80)))
        return np.concatenate([flat, scale * points[:, 2:]], 1), float(presence)

    return measure


def crop(rgb: np.ndarray, region: Region, size: int) -> np.ndarray:
    """A region turned upright (size, size, 3) uint8; black where the picture ends."""
    image = Image.fromarray(rgb)
    shrink = max(1, int(region.side / size))  # else a fine pattern would leave odd pixels
    if shrink > 1:
        image = image.reduce(shrink)
    matrix = region.side / size / shrink * _rotation(region.angle)
    offset = region.centre / shrink - matrix @ [size / 2, size / 2]
    rows = np.concatenate([matrix, offset[:, None]], 1)  # (2, 3)
    return np.asarray(
        image.transform(
            (size, size),
            Image.Transform.AFFINE,
            tuple(rows.ravel().tolist()),
            Image.Resampling.BILINEAR,
        )
    )


def _angle(left: np.ndarray, right: np.ndarray) -> float:
    """Of the line from one point to another, clockwise as one looks at the picture."""
    across, down = right - left
    return float(np.arctan2(down, across))


def _rotation(angle: float) -> np.ndarray:
    """Turns (x, y), with y downwards, clockwise as one looks at the picture."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin], [sin, cos]])
