"""Which face is followed, when faces are looked for, and where its points lie."""

import numpy as np
import pytest

from msa.extract.face_detector import Face
from msa.extract.face_tracker import (
    Region,
    crop,
    follow,
    measurer,
    region_of_face,
    region_of_points,
)
from msa.extract.parts import Frame

BLANK = np.zeros((100, 200, 3), np.uint8)


def frames(count, rate=5):
    for i in range(count):
        yield Frame(i / rate, (i + 1) / rate, np.full((100, 200, 3), i, np.uint8))


def face(x, y, size):
    box = np.array([x - size / 2, y - size / 2, x + size / 2, y + size / 2], float)
    return Face(box, np.array([[x - size / 4, y], [x + size / 4, y]]))


def points_at(centre, side):
    """A mesh as far as following reads it: a square, its eyes level."""
    points = np.tile([*centre, 0.0], (468, 1))
    points[:4, :2] += side / 2 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    points[33, 0] -= side / 4
    points[263, 0] += side / 4
    return points


class Scene:
    """What there is in each frame, (x, y, size) each; counts what is asked."""

    def __init__(self, faces_of_frame):
        self.faces_of_frame, self.looked, self.measured = faces_of_frame, [], 0

    def detect(self, rgb):
        self.looked.append(int(rgb[0, 0, 0]))
        faces = [face(x, y, 1.2 * size) for x, y, size in self.faces_of_frame[rgb[0, 0, 0]]]
        return sorted(faces, key=lambda face: -face.area)

    def measure(self, rgb, region):
        self.measured += 1
        for x, y, size in self.faces_of_frame[rgb[0, 0, 0]]:
            if np.hypot(*(region.centre - [x, y])) < 20:
                return points_at((x, y), size), 0.9
        return points_at(region.centre, region.side / 1.5), 0.1

    def follow(self):
        return list(follow(frames(len(self.faces_of_frame)), self.detect, self.measure))


def places(sights):
    return [round(s.points[100, 0]) if len(s.points) else None for s in sights]


def test_a_face_that_is_followed_is_looked_for_every_two_seconds_alone():
    scene = Scene([[(50 + i, 50, 40)] for i in range(25)])
    sights = scene.follow()
    assert places(sights) == list(range(50, 75))
    assert scene.looked == [0, 10, 20]
    assert {s.faces for s in sights} == {1} and {s.presence for s in sights} == {0.9}


def test_the_largest_is_followed_until_it_is_lost():
    left, right = (50, 50, 40), (150, 50, 30)
    closer = (150, 50, 60)  # larger than whom is followed
    scene = Scene([[left, right]] * 2 + [[left, closer]] * 10 + [[closer]] * 2)
    sights = scene.follow()
    assert places(sights) == [50] * 12 + [150] * 2
    assert scene.looked == [0, 10, 12]
    assert [s.faces for s in sights] == [2] * 12 + [1] * 2


def test_without_a_face_every_frame_is_looked_at():
    there = [(50, 50, 40)]
    scene = Scene([[], [], there, there, [], there])
    sights = scene.follow()
    assert places(sights) == [None, None, 50, 50, None, 50]
    assert scene.looked == [0, 1, 2, 4, 5]
    assert [s.faces for s in sights] == [0, 0, 1, 1, 0, 1]
    assert [s.presence for s in sights] == [0, 0, 0.9, 0.9, 0, 0.9]


def test_what_has_no_points_is_no_face():
    scene = Scene([[(50, 50, 40), (150, 50, 30)]])
    wrong = scene.measure

    def measure(rgb, region):
        points, presence = wrong(rgb, region)
        return points, presence if points[100, 0] > 100 else 0.2

    (sight,) = follow(frames(1), scene.detect, measure)
    assert places([sight]) == [150]


def test_what_is_followed_and_is_none_of_the_faces_is_left():
    scene = Scene([[(50, 50, 40)]] * 10 + [[(150, 50, 40)]] * 2)
    sure = scene.measure

    def measure(rgb, region):  # sees a face wherever it is told to
        points, presence = sure(rgb, region)
        return (points, 0.9) if presence < 0.5 else (points, presence)

    assert places(follow(frames(12), scene.detect, measure)) == [50] * 10 + [150] * 2


def test_a_face_that_is_elsewhere_than_thought_is_measured_again():
    """The detector's box, and where it was before, are other squares than that of its points."""
    near, far = (50, 50, 40), (55, 50, 40)
    scene = Scene([[near], [near], [far], [far]])
    scene.follow()
    assert scene.measured == 2 + 1 + 2 + 1


@pytest.mark.parametrize("degrees", [0, 30, 90, -135])
def test_a_region_turns_with_the_eyes(degrees):
    turn = np.radians(degrees)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    upright = points_at((0, 0), 40)
    upright[:4, 1] += 8  # more below the eyes
    points = upright.copy()
    points[:, :2] = upright[:, :2] @ matrix.T + [100, 60]
    region = region_of_points(points)
    assert np.isclose(region.angle, turn)
    assert np.isclose(region.side, 60)
    assert np.allclose(region.centre, matrix @ [0, 8] + [100, 60])


def test_a_region_of_a_detected_face():
    wide = Face(np.array([10, 20, 50, 40], float), np.array([[20, 25], [30, 35]], float))
    region = region_of_face(wide)
    assert region.side == 60 and region.centre.tolist() == [30, 30]
    assert np.isclose(region.angle, np.pi / 4)


def test_a_crop_is_upright_and_black_beyond_the_picture():
    rgb = np.zeros((60, 80, 3), np.uint8)
    rgb[:, 40:] = 255
    quarter = Region(np.array([40.0, 30.0]), 20.0, np.pi / 2)
    turned = crop(rgb, quarter, 20)
    # the picture's right is above where the upper side faces right
    assert np.all(turned[:9] == 255) and np.all(turned[11:] == 0)
    beyond = crop(np.full((60, 80, 3), 255, np.uint8), Region(np.array([0.0, 30.0]), 40.0, 0.0), 10)
    assert np.all(beyond[:, :4] == 0) and np.all(beyond[:, 6:] == 255)


def test_a_crop_keeps_what_it_can_show():
    rgb = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    same = crop(rgb, Region(np.array([40.0, 30.0]), 20.0, 0.0), 20)
    assert np.array_equal(same, rgb[20:40, 30:50])
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::2] = 200
    small = crop(stripes, Region(np.array([200.0, 200.0]), 320.0, 0.0), 20)
    assert np.all(small == 100)  # too fine to be seen


@pytest.mark.parametrize("side", [40.0, 150.0, 700.0])
@pytest.mark.parametrize("degrees", [0, 35, 90])
def test_points_lie_where_the_network_sees_them(side, degrees):
    """A network that gives the brightest place of its input finds the spot in the picture."""
    rows, columns = np.mgrid[:480, :640] + 0.5
    spot = np.exp(-((columns - 300) ** 2 + (rows - 200) ** 2) / (side / 10) ** 2)
    rgb = np.repeat((255 * spot).astype(np.uint8)[..., None], 3, 2)

    def network(batch):
        weights = batch[0, :, :, 0].astype(float)
        v, u = np.mgrid[:192, :192] + 0.5
        place = [(weights * u).sum(), (weights * v).sum(), 19.2 * weights.sum()]
        return [np.tile(place / weights.sum(), 468)[None], np.zeros((1, 1, 1, 1))]

    region = Region(np.array([305.0, 190.0]), side, np.radians(degrees))
    points, presence = measurer(network)(rgb, region)
    assert points.shape == (468, 3) and presence == 0.5
    assert np.allclose(points[:, :2], [300, 200], atol=side / 192)
    assert np.allclose(points[:, 2], side / 10)
