"""Face mesh: 38 named measures of one face a frame, or its 468 points.

Measures of the face's parts are in the head's own axes and in units of the distance between the
eyes, so that neither the size nor the turn of the head moves them, as far as the network knows.
Right and left are the person's own. Points are numbered as in MediaPipe's face mesh.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from msa.extract.face_rows import Watch, sights
from msa.extract.face_tracker import Sight
from msa.extract.parts import Frame, Rows

LICENCE = "Apache-2.0"
COMMERCIAL = "yes"

# points, the person's right one first
OUTER_EYE, INNER_EYE = [33, 263], [133, 362]
UPPER_LID, LOWER_LID = [159, 386], [145, 374]
BROWS = {"inner": [55, 285], "middle": [52, 282], "outer": [46, 276]}
SIDES = [234, 454]  # of the face, before the ears
CHEEKS = [50, 280]
NOSTRILS = [64, 294]
MOUTH_CORNERS = [61, 291]
FOREHEAD, CHIN, NOSE = 10, 152, 2  # the last is below the nostrils
# from above to below
UPPER_LIP, LOWER_LIP = [0, 13], [14, 17]

PAIR = ("right", "left")
NAMES = [
    *("presence", "faces", "x", "y", "size", "yaw", "pitch", "roll"),
    *(f"eye_open_{side}" for side in PAIR),
    *(f"lower_lid_up_{side}" for side in PAIR),
    *(f"brow_{part}_up_{side}" for part in BROWS for side in PAIR),
    "brows_apart",
    *("mouth_width", "mouth_open", "upper_lip", "lower_lip"),
    *("upper_lip_up", "lower_lip_up", "lips_forward"),
    *(f"mouth_corner_up_{side}" for side in PAIR),
    *(f"mouth_corner_out_{side}" for side in PAIR),
    *("jaw_down", "jaw_left", "jaw_forward"),
    *(f"cheek_up_{side}" for side in PAIR),
    *(f"cheek_forward_{side}" for side in PAIR),
    "nose_width",
]
POINT_NAMES = [f"{axis}{i}" for i in range(468) for axis in "xyz"]


def describe(frames: Iterable[Frame], weights: Path, points: bool = False) -> Rows:
    """Describe the face of each frame; frames without one have no row.

    Args:
        frames: in order.
        weights: folder that `fetch-face-weights` makes.
        points: give x, y and z of the 468 points (1404 columns) in place of the 38 measures.

    Returns:
        A row for each frame with a face. Without any face it is one row of zeros that lasts as
        long as the frames, since a sequence must have a row of each of its videos.

    Raises:
        InputError: there are no frames; the weights are missing, or others.
    """
    watch = Watch()
    columns, width = (coordinates, len(POINT_NAMES)) if points else (measures, len(NAMES))
    return watch.rows([columns(sight) for sight in watch.faces(sights(frames, weights))], width)


def measures(sight: Sight) -> np.ndarray:
    """The columns NAMES (38,) of a sight with a face.

    Places are shares of the frame's width and height, the size is the distance between the eyes
    by the frame's height; angles are degrees. All others are in that distance.
    """
    height, width = sight.frame.rgb.shape[:2]
    points = sight.points * [1, -1, -1]  # x to the right, y up, z to the camera
    axes = head_axes(points)
    eyes = (points[OUTER_EYE] + points[INNER_EYE]) / 2  # (2, 3)
    unit = np.linalg.norm(eyes[1] - eyes[0])
    x, y, z = ((points - eyes.mean(0)) @ axes.T / unit).T  # (468,) each
    outwards = np.array([-1, 1])
    place = points[:, :2].mean(0) * [1, -1] / [width, height]
    lips = [UPPER_LIP[0], UPPER_LIP[1], LOWER_LIP[0], LOWER_LIP[1]]
    return np.concatenate(
        [
            [sight.presence, sight.faces, *place, unit / height, *angles(axes)],
            y[UPPER_LID] - y[LOWER_LID],
            y[LOWER_LID] - (y[OUTER_EYE] + y[INNER_EYE]) / 2,
            *(y[brow] for brow in BROWS.values()),
            [x[BROWS["inner"][1]] - x[BROWS["inner"][0]]],
            [x[MOUTH_CORNERS[1]] - x[MOUTH_CORNERS[0]]],
            -np.diff(y[lips])[[1, 0, 2]],
            [y[UPPER_LIP[0]] - y[NOSE], y[LOWER_LIP[1]] - y[CHIN]],
            [z[lips].mean() - z[MOUTH_CORNERS].mean()],
            y[MOUTH_CORNERS] - y[NOSE],
            x[MOUTH_CORNERS] * outwards,
            [y[NOSE] - y[CHIN], x[CHIN], z[CHIN]],
            y[CHEEKS],
            z[CHEEKS],
            [x[NOSTRILS[1]] - x[NOSTRILS[0]]],
        ]
    )


def coordinates(sight: Sight) -> np.ndarray:
    """The columns POINT_NAMES (1404,): x and z by the frame's width, y by its height."""
    height, width = sight.frame.rgb.shape[:2]
    return (sight.points / [width, height, width]).ravel()


def head_axes(points: np.ndarray) -> np.ndarray:
    """The head's right, up and forward directions (3, 3), a row each, as it looks from outside.

    Args:
        points: (468, 3); x to the right of the picture, y up, z to the camera.
    """
    right = (points[OUTER_EYE[1]] - points[OUTER_EYE[0]]) + (points[SIDES[1]] - points[SIDES[0]])
    right = right / np.linalg.norm(right)
    up = points[FOREHEAD] - points[CHIN]
    up = up - up @ right * right
    up = up / np.linalg.norm(up)
    return np.stack([right, up, np.cross(right, up)])


def angles(axes: np.ndarray) -> np.ndarray:
    """Yaw, pitch and roll (3,) in degrees of a head with these axes.

    Yaw is positive where the face looks to the picture's right, pitch where it looks up, roll
    where it leans to the picture's left.
    """
    right, _, forward = axes
    yaw = np.arctan2(forward[0], forward[2])
    pitch = np.arctan2(forward[1], np.hypot(forward[0], forward[2]))
    return np.degrees([yaw, pitch, np.arctan2(right[1], right[0])])
