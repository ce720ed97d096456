"""The 38 measures of a face, on heads made by hand, and on a drawn one where networks are."""

from dataclasses import replace

import numpy as np
import pytest

from msa.demo.face import Looks, Portrait, Pose
from msa.extract import mesh
from msa.extract.face_tracker import Sight
from msa.extract.parts import Frame

FRAME = Frame(0.0, 0.2, np.zeros((240, 320, 3), np.uint8))


def make_head():
    """A head (468, 3) that looks into the camera: x right, y up, z forward, between the eyes 0.

    The eyes are 1 apart; every point is there, those that are measured where a face has them.
    """
    rng = np.random.default_rng(0)
    head = rng.normal(0, 0.1, (468, 3))

    def put(points, x, y, z=0.0):
        for side, point in zip((-1, 1), points, strict=True):
            head[point] = [side * x, y, z]

    put(mesh.OUTER_EYE, 0.7, 0.0)
    put(mesh.INNER_EYE, 0.3, 0.0)
    put(mesh.UPPER_LID, 0.5, 0.08)
    put(mesh.LOWER_LID, 0.5, -0.04)
    put(mesh.BROWS["inner"], 0.2, 0.25)
    put(mesh.BROWS["middle"], 0.5, 0.3)
    put(mesh.BROWS["outer"], 0.8, 0.2)
    put(mesh.SIDES, 1.1, -0.2, -0.8)
    put(mesh.CHEEKS, 0.6, -0.5, 0.1)
    put(mesh.NOSTRILS, 0.3, -0.55, 0.3)
    put(mesh.MOUTH_CORNERS, 0.4, -1.0, 0.1)
    head[mesh.FOREHEAD], head[mesh.CHIN], head[mesh.NOSE] = (
        [0, 1, 0.2],
        [0, -1.7, 0.2],
        [0, -0.7, 0.4],
    )
    for point, y in zip([*mesh.UPPER_LIP, *mesh.LOWER_LIP], (-0.9, -1.0, -1.05, -1.2), strict=True):
        head[point] = [0, y, 0.3]
    return head


def turned(head, yaw=0, pitch=0, roll=0):
    """As `angles` has it: pitch, then yaw, then roll, about the camera's axes."""
    a, b, c = np.radians([yaw, pitch, roll])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), np.sin(b)], [0, -np.sin(b), np.cos(b)]])
    about_y = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return head @ (about_z @ about_y @ about_x).T


def sight(head, unit=40.0, centre=(160, 120)):
    points = head * unit * [1, -1, -1] + [*centre, 0]
    return Sight(FRAME, points, 0.9, 2)


def columns(seen):
    return dict(zip(mesh.NAMES, mesh.measures(seen), strict=True))


def test_there_are_38_names():
    assert len(set(mesh.NAMES)) == 38
    assert len(set(mesh.POINT_NAMES)) == 1404


@pytest.mark.parametrize("yaw", [-40, 0, 25])
@pytest.mark.parametrize("pitch", [-20, 0, 15])
def test_yaw_and_pitch_of_an_upright_head(yaw, pitch):
    axes = mesh.head_axes(turned(make_head(), yaw, pitch))
    assert np.allclose(mesh.angles(axes)[:2], [yaw, pitch])


@pytest.mark.parametrize("roll", [-170, -90, 30, 90])
def test_roll(roll):
    assert np.allclose(mesh.angles(mesh.head_axes(turned(make_head(), roll=roll))), [0, 0, roll])


def test_where_a_head_looks_is_said_in_the_cameras_axes_whatever_its_roll():
    """A head on its side that looks past its own brow looks to the side."""
    assert np.allclose(
        mesh.angles(mesh.head_axes(turned(make_head(), pitch=20, roll=90)))[:2], [-20, 0]
    )
    assert np.allclose(
        mesh.angles(mesh.head_axes(turned(make_head(), yaw=20, roll=90)))[:2], [0, 20]
    )


def test_axes_are_at_right_angles():
    axes = mesh.head_axes(turned(make_head(), 10, 20, 30))
    assert np.allclose(axes @ axes.T, np.eye(3))
    assert np.isclose(np.linalg.det(axes), 1)


def test_measures_by_hand():
    got = columns(sight(make_head()))
    want = {
        "presence": 0.9,
        "faces": 2,
        "size": 40 / 240,
        "yaw": 0,
        "pitch": 0,
        "roll": 0,
        "eye_open_right": 0.12,
        "eye_open_left": 0.12,
        "lower_lid_up_left": -0.04,
        "brow_inner_up_right": 0.25,
        "brow_middle_up_left": 0.3,
        "brow_outer_up_left": 0.2,
        "brows_apart": 0.4,
        "mouth_width": 0.8,
        "mouth_open": 0.05,
        "upper_lip": 0.1,
        "lower_lip": 0.15,
        "upper_lip_up": -0.2,
        "lower_lip_up": 0.5,
        "lips_forward": 0.2,
        "mouth_corner_up_right": -0.3,
        "mouth_corner_out_right": 0.4,
        "mouth_corner_out_left": 0.4,
        "jaw_down": 1.0,
        "jaw_left": 0,
        "jaw_forward": 0.2,
        "cheek_up_right": -0.5,
        "cheek_forward_left": 0.1,
        "nose_width": 0.6,
    }
    assert {name: got[name] for name in want} == pytest.approx(want, abs=1e-9)


@pytest.mark.parametrize(
    ("points", "move", "name"),
    [
        ([61], [0, 0.1, 0], "mouth_corner_up_right"),
        ([291], [0, 0.1, 0], "mouth_corner_up_left"),
        ([14, 17], [0, -0.1, 0], "mouth_open"),
        ([386], [0, 0.1, 0], "eye_open_left"),
        ([52], [0, 0.1, 0], "brow_middle_up_right"),
        ([50], [0, 0.1, 0], "cheek_up_right"),
    ],
)
def test_a_move_of_a_part_is_in_its_column(points, move, name):
    head = make_head()
    before = columns(sight(head))
    head[points] += move
    assert columns(sight(head))[name] - before[name] == pytest.approx(0.1)


def test_parts_do_not_move_with_the_head():
    head = make_head()
    still = mesh.measures(sight(head))
    moved = mesh.measures(sight(turned(head, 30, -10, 75), unit=17.0, centre=(30, 200)))
    assert np.allclose(moved[8:], still[8:])
    assert np.isclose(moved[mesh.NAMES.index("size")], 17 / 240)


def test_places_are_shares_of_the_picture():
    head = make_head()
    got = columns(sight(head - head.mean(0), centre=(80, 180)))
    assert (got["x"], got["y"]) == pytest.approx((0.25, 0.75))


def test_points_are_shares_of_the_picture_too():
    points = np.zeros((468, 3))
    points[1] = [160, 120, -32]
    got = dict(zip(mesh.POINT_NAMES, mesh.coordinates(Sight(FRAME, points, 1.0, 1)), strict=True))
    assert (got["x1"], got["y1"], got["z1"]) == (0.5, 0.5, -0.1)
    assert sum(map(abs, got.values())) == 1.1


def film(poses, rate=5):
    portrait = Portrait(Looks())
    for i, pose in enumerate(poses):
        yield Frame(i / rate, (i + 1) / rate, portrait.draw(pose))


def test_a_drawn_face(face_weights):
    rest = Pose()
    rows = mesh.describe(
        film(
            [
                *(rest, replace(rest, smile=1.0), replace(rest, smile=-1.0)),
                *(replace(rest, opening=0.8), replace(rest, brows=1.0)),
                *(replace(rest, yaw=20.0), replace(rest, roll=-15.0)),
            ]
        ),
        face_weights,
    )
    assert rows.features.shape == (7, 38) and rows.features.dtype == np.float32
    assert np.allclose(rows.times, [[i / 5, (i + 1) / 5] for i in range(7)])
    assert rows.facts["share_with_face"] == 1 and rows.notes == []
    column = dict(zip(mesh.NAMES, rows.features.T, strict=True))
    plain, smile, frown, opened, brows, turn, lean = range(7)
    assert np.all(column["presence"] > 0.9) and np.all(column["faces"] == 1)
    for side in ("right", "left"):
        corner = column[f"mouth_corner_up_{side}"]
        assert corner[frown] < corner[plain] < corner[smile]
        assert column[f"brow_middle_up_{side}"][brows] > column[f"brow_middle_up_{side}"][plain]
    assert column["mouth_width"][smile] > 1.1 * column["mouth_width"][plain]
    assert column["mouth_open"][opened] > column["mouth_open"][plain] + 0.2
    assert column["yaw"][turn] - column["yaw"][plain] == pytest.approx(20, abs=7)
    assert column["roll"][lean] == pytest.approx(-15, abs=4)


def test_points_of_a_drawn_face(face_weights):
    rows = mesh.describe(film([Pose(x=0.6)]), face_weights, points=True)
    assert rows.features.shape == (1, 1404)
    x, y, _ = rows.features.reshape(468, 3).mean(0)
    assert 0.55 < x < 0.65 and 0.45 < y < 0.65


def test_the_same_frames_give_the_same_bytes(face_weights):
    first, second = (mesh.describe(film([Pose(), Pose(yaw=5)]), face_weights) for _ in range(2))
    assert first.features.tobytes() == second.features.tobytes()


def test_a_video_without_a_face(face_weights):
    blank = (Frame(i / 5, (i + 1) / 5, FRAME.rgb) for i in range(3))
    rows = mesh.describe(blank, face_weights)
    assert rows.features.shape == (1, 38) and not rows.features.any()
    assert rows.times.tolist() == [[0.0, 3 / 5]]


@pytest.mark.parametrize("degrees", [0, 30, 60, 90])
def test_a_photo_turned_in_its_plane(face_weights, photo, degrees):
    turned_photo = np.asarray(photo.rotate(degrees))
    rows = mesh.describe([Frame(0, 0.2, turned_photo)], face_weights)
    got = dict(zip(mesh.NAMES, rows.features[0], strict=True))
    assert got["presence"] > 0.9 and got["faces"] == 1
    assert got["roll"] == pytest.approx(degrees - 2.7, abs=3)  # she leans a little
    assert got["mouth_width"] == pytest.approx(1.08, abs=0.06)
