"""A drawn face that moves: nobody's photo, and yet the networks of `msa.extract` find it.

Features are painted on an ellipsoid that turns. Lengths are in half the width of the face, x to the
right of the picture and y down from between the eyes.
"""

from dataclasses import dataclass

import numpy as np

from msa.demo.painting import Colour, Surface, edge, mound

MOUTH = 0.78  # below the eyes
REACH = 1.8  # of what moves with the head, from between the eyes
SIDES = (-1, 1)


@dataclass(frozen=True)
class Looks:
    """Whom to draw: colours; how far the eyes are apart, how long the face, how wide the mouth."""

    skin: Colour = (0.88, 0.69, 0.57)
    hair: Colour = (0.23, 0.15, 0.10)
    iris: Colour = (0.30, 0.22, 0.15)
    lips: Colour = (0.72, 0.36, 0.34)
    shirt: Colour = (0.25, 0.33, 0.45)
    wall: Colour = (0.70, 0.72, 0.72)
    eyes_apart: float = 0.43
    length: float = 1.34
    mouth_width: float = 0.40


@dataclass(frozen=True)
class Pose:
    """How to draw it: smile -1 to 1; mouth open, brows up and eyes closed, 0 to 1.

    Turns are in degrees, with the signs of the columns of `msa.extract.mesh`. The point between the
    eyes is at x and y, in shares of the picture.
    """

    smile: float = 0.0
    opening: float = 0.0
    brows: float = 0.0
    blink: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    x: float = 0.5
    y: float = 0.47


class Portrait:
    """Somebody before a camera, who can be drawn in any pose."""

    def __init__(self, looks: Looks, width: int = 320, height: int = 240, size: float = 0.25):
        """Args:
        looks: whom.
        width, height: pixels of the picture.
        size: half the width of the face, in shares of the height.
        """
        self.looks = looks
        self.width, self.height = width, height
        self.unit = size * height  # pixels
        self.behind = self._body()
        self.rest = _bytes(self.behind)

    def draw(self, pose: Pose) -> np.ndarray:
        """A picture (height, width, 3) uint8."""
        rows, columns = (
            slice(max(0, int(middle - REACH * self.unit)), int(middle + REACH * self.unit))
            for middle in (pose.y * self.height, pose.x * self.width)
        )
        pixels = self.behind[:, rows, columns].copy()
        x, y = self._places(pose.x, pose.y, rows, columns)
        head = self._head(pixels, x, y, pose)
        face = self._skin(head, pose)
        for side in SIDES:
            self._eye(face, pose, side)
            self._brow(face, side, pose.brows)
        self._nose(face, pose.smile)
        self._mouth(face, pose.smile, pose.opening)
        picture = self.rest.copy()
        picture[rows, columns] = _bytes(pixels)
        return picture

    def _places(
        self, x: float, y: float, rows: slice = slice(None), columns: slice = slice(None)
    ) -> tuple[np.ndarray, np.ndarray]:
        """How far pixels are from a point of the picture, to the right and down, (h, w) each."""
        across = (
            np.arange(self.width, dtype=np.float32)[columns] + 0.5 - x * self.width
        ) / self.unit
        down = (np.arange(self.height, dtype=np.float32)[rows] + 0.5 - y * self.height) / self.unit
        return tuple(np.meshgrid(across, down))

    def _body(self) -> np.ndarray:
        """Wall, shoulders and neck, which do not move."""
        middle, looks = Pose(), self.looks
        x, y = self._places(middle.x, middle.y)
        pixels = np.multiply.outer(np.array(looks.wall, np.float32), 1.04 - 0.03 * np.hypot(x, y))
        body = Surface(pixels, x, y, np.ones_like(x), 1 / self.unit)
        shoulders = 1 - (np.abs(x) / 2) ** 2.6 - ((y - 3.0) / 1.25) ** 2
        body.paint(body.edge(shoulders), looks.shirt)
        neck = body.edge(0.44 + 0.12 * np.clip(y - 1, 0, 1) ** 2 - np.abs(x))
        neck *= body.edge(y - 0.6) * body.edge(2 - 0.3 * x * x - y)
        body.paint(neck, looks.skin, 0.5 + 0.2 * np.clip(y - 1.2, 0, 1))  # the chin's shadow
        return pixels

    def _head(self, pixels: np.ndarray, x: np.ndarray, y: np.ndarray, pose: Pose) -> Surface:
        """Pixels by where they are from between the eyes, upright; hair and ears are painted."""
        cos, sin = np.cos(np.radians(pose.roll)), np.sin(np.radians(pose.roll))
        x, y = np.float32(cos) * x - np.float32(sin) * y, np.float32(sin) * x + np.float32(cos) * y
        head = Surface(pixels, x, y, np.ones_like(x), 1 / self.unit)
        hair = head.edge((1 - (x / 1.17) ** 2 - ((y + 0.12) / 1.45) ** 2) / 2)
        gloss = 1 + 0.5 * head.blot(-0.4, -1.1, 0.5, 0.25)
        head.paint(hair * edge(0.75 - y, 0.1), self.looks.hair, gloss)
        turn = np.sin(np.radians(pose.yaw))
        for side in SIDES:
            ear = 1 - ((x - side + 0.1 * turn) / 0.13) ** 2 - ((y - 0.18) / 0.28) ** 2
            head.paint(edge(ear, 8 * head.soft), self.looks.skin, 0.8)
        return head

    def _skin(self, head: Surface, pose: Pose) -> Surface:
        """The front of the head, by where its pixels lie when it looks straight ahead."""
        looks, x, y = self.looks, head.u, head.v
        length = looks.length + np.float32(0.16 * pose.opening) * (y > 0)
        y = y / length
        x = x / (1 - 0.16 * np.clip(y, 0, 1) ** 2)  # to the chin it narrows
        depth = 1 - x * x - y * y
        z = np.sqrt(np.clip(depth, 0, 1))
        yaw, pitch = np.radians([pose.yaw, pose.pitch]).astype(np.float32)
        u = np.cos(yaw) * x - np.sin(yaw) * z
        ahead = np.sin(yaw) * x + np.cos(yaw) * z
        v = looks.length * (np.cos(pitch) * y + np.sin(pitch) * ahead)
        hairline = 0.32 * u * u - 0.88 + 0.02 * np.sin(19 * u)
        seen = head.edge(depth / 2) * edge(v - hairline, 3 * head.soft)
        face = Surface(head.pixels, u, v, seen, head.soft)
        # from above, a little from the left
        light = 0.68 + 0.36 * np.clip(0.8 * z - 0.3 * y - 0.16 * x, 0, 1)
        face.paint(np.ones_like(u), looks.skin, light)
        return face

    def _eye(self, face: Surface, pose: Pose, side: int) -> None:
        place = side * self.looks.eyes_apart
        eye = face.part(place - 0.5, place + 0.5, -0.4, 0.4)
        eye.shade(0.16 * eye.blot(0.9 * place, -0.06, 0.27, 0.17))
        across = (eye.u - place) / 0.205
        arc = np.clip(1 - across * across, 0, 1)
        upper = -0.095 * (1 - 0.95 * pose.blink) * arc**0.8
        lower = (0.065 - 0.02 * max(pose.smile, 0)) * arc
        ball = eye.edge(eye.v - upper) * eye.edge(lower - eye.v)
        ball *= edge(1 - np.abs(across), 4 * eye.soft)
        eye.paint(ball, (0.93, 0.91, 0.89))
        centre = np.hypot(eye.u - place, eye.v + 0.012)
        eye.paint(ball * eye.edge(0.098 - centre), self.looks.iris)
        eye.paint(ball * eye.edge(0.045 - centre), (0.03, 0.03, 0.03))
        glint = np.hypot(eye.u - place + 0.035, eye.v + 0.045)
        eye.paint(ball * eye.edge(0.022 - glint), (1, 1, 1))
        lids = edge(1.06 - np.abs(across), 0.1)
        skin = self.looks.skin
        eye.paint(0.85 * lids * mound(eye.v - upper + 0.008, 0.02), (0.10, 0.07, 0.06))  # lashes
        eye.paint(0.35 * lids * mound(eye.v - upper + 0.075, 0.022), skin, 0.5)
        eye.paint(0.35 * lids * mound(eye.v - lower - 0.005, 0.018), skin, 0.45)

    def _brow(self, face: Surface, side: int, raised: float) -> None:
        place = side * 0.45
        brow = face.part(place - 0.35, place + 0.35, -0.6, -0.1)
        outwards = side * (brow.u - place) / 0.27
        height = 0.29 + 0.10 * raised + 0.06 * (1 - outwards**2) - 0.03 * outwards
        thickness = 0.042 * np.clip(1 - 0.55 * outwards, 0.3, 1.55)
        mask = brow.edge(thickness - np.abs(brow.v + height)) * edge(1 - np.abs(outwards), 0.15)
        brow.paint(0.9 * mask, self.looks.hair, 0.9)

    def _nose(self, face: Surface, smile: float) -> None:
        nose = face.part(-0.75, 0.75, -0.4, 1.0)
        nose.shade(
            0.22 * nose.blot(0, 0.545, 0.16, 0.045)
            - 0.10 * nose.blot(0, 0.17, 0.055, 0.25)
            - 0.12 * nose.blot(0, 0.41, 0.10, 0.08)
        )
        for side in SIDES:
            fold = side * nose.u - 0.24 - 0.30 * (nose.v - 0.42)  # from the nose to the mouth
            depth = 0.09 + 0.10 * max(smile, 0)
            nose.shade(
                0.16 * nose.blot(0.15 * side, 0.02, 0.06, 0.20)
                - 0.06 * nose.blot(0.45 * side, 0.40, 0.22, 0.18)
                + 0.10 * nose.blot(0.19 * side, 0.47, 0.05, 0.09)
                + depth * mound(fold, 0.045) * edge(nose.v - 0.46, 0.1) * edge(0.76 - nose.v, 0.1)
            )
            nose.shade(0.55 * nose.blot(0.085 * side, 0.515, 0.045, 0.024))

    def _mouth(self, face: Surface, smile: float, opening: float) -> None:
        width = self.looks.mouth_width * (1 + 0.2 * smile - 0.1 * opening)
        mouth = face.part(-0.75, 0.75, MOUTH - 0.4, MOUTH + 0.6)
        v = mouth.v
        across = np.clip(mouth.u / width, -1, 1)
        arc = np.clip(1 - across * across, 0, 1)
        line = MOUTH - 0.15 * smile * (across * across - 0.4)
        gap = 0.34 * opening * np.sqrt(arc)
        top, low = line - 0.25 * gap, line + 0.75 * gap
        thin = 1 - 0.22 * max(smile, 0)
        bow = 1 - 0.25 * mound(mouth.u, 0.06)
        upper, lower = top - 0.105 * thin * bow * arc**0.8, low + 0.135 * thin * arc**0.7
        within = mouth.edge(width - np.abs(mouth.u))
        mouth.shade(0.18 * mouth.blot(0, MOUTH + 0.25 + 0.26 * opening, 0.22, 0.06))
        lips = within * mouth.edge(v - upper) * mouth.edge(lower - v)
        mouth.paint(lips, self.looks.lips)
        mouth.paint(0.3 * lips * mouth.edge(v - low) * mound(v - low - 0.06, 0.03), (1, 0.85, 0.82))
        inside = within * mouth.edge(v - top) * mouth.edge(low - v)
        mouth.paint(inside, (0.22, 0.07, 0.07))
        teeth = mouth.edge(top + np.minimum(0.55 * gap, 0.1) - v)
        mouth.paint(inside * teeth * mouth.edge(0.85 * width - np.abs(mouth.u)), (0.93, 0.91, 0.87))
        closed = max(0, 1 - 4 * opening)
        mouth.paint(0.75 * closed * within * mound(v - line, 0.018), (0.35, 0.13, 0.13))
        for side in SIDES:
            corner = mouth.blot(side * (width + 0.01), MOUTH - 0.09 * smile, 0.05, 0.05)
            mouth.shade(0.28 * corner)


def _bytes(pixels: np.ndarray) -> np.ndarray:
    """Colours (3, h, w) in 0 to 1 as a picture (h, w, 3) uint8."""
    return (np.clip(pixels, 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
