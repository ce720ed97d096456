"""The drawn face: it moves as it is told, and networks that learned from photos find it."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from msa.demo.acting import act, film, someone
from msa.demo.face import Looks, Portrait, Pose
from msa.demo.painting import Surface, edge
from msa.extract import mesh
from msa.extract.parts import Frame


def test_a_picture_is_the_same_every_time_and_leaves_nothing_behind():
    portrait = Portrait(Looks())
    first = portrait.draw(Pose())
    assert first.shape == (240, 320, 3) and first.dtype == np.uint8
    portrait.draw(Pose(smile=1, x=0.4))
    assert np.array_equal(portrait.draw(Pose()), first)


@pytest.mark.parametrize(
    "change", [{name: 0.7} for name in ("smile", "opening", "brows", "blink")] + [{"yaw": 5}]
)
def test_what_moves_changes_the_face_alone(change):
    portrait = Portrait(Looks(), 160, 120)
    moved = portrait.draw(Pose(**change)) != portrait.draw(Pose())
    assert moved.any()
    columns = np.flatnonzero(moved.any((0, 2)))
    assert columns.min() > 80 - 1.3 * 30 and columns.max() < 80 + 1.3 * 30


def test_half_beyond_the_picture():
    assert Portrait(Looks(), 160, 120).draw(Pose(x=0.02, y=1.1)).shape == (120, 160, 3)
    gone = Portrait(Looks(), 160, 120).draw(Pose(x=3, y=3))
    assert np.array_equal(gone, Portrait(Looks(), 160, 120).rest)


def test_a_part_is_the_smallest_rectangle():
    u, v = np.meshgrid(np.arange(6.0), np.arange(5.0))
    surface = Surface(np.zeros((3, 5, 6), np.float32), u, v, np.ones((5, 6)), 1.0)
    part = surface.part(0.5, 3.5, 1.5, 9)
    assert part.u.tolist() == [[1, 2, 3]] * 3 and part.v[:, 0].tolist() == [2, 3, 4]
    part.paint(np.full((3, 3), 0.5), (1.0, 0.0, 0.5))
    assert surface.pixels[:, 3, 2].tolist() == [0.5, 0, 0.25]
    assert np.count_nonzero(surface.pixels[0]) == 9
    assert surface.part(7, 9, 0, 1).u.shape == (0, 0)


def test_an_edge_is_a_pixel_wide():
    assert edge(np.array([-1, -0.5, 0, 0.5, 1]), 1.0).tolist() == [0, 0, 0.5, 1, 1]


def test_acting():
    rng = np.random.default_rng(0)
    smile, opening = np.linspace(-1, 1, 250), np.linspace(0, 1, 250)
    poses = act(rng, smile, opening, 25)
    assert [pose.smile for pose in poses] == smile.tolist()
    assert [pose.opening for pose in poses] == opening.tolist()
    yaws = np.array([pose.yaw for pose in poses])
    assert np.ptp(yaws) > 1 and np.abs(np.diff(yaws)).max() < 2  # degrees
    blinks = np.array([pose.blink for pose in poses])
    assert blinks.max() == 1 and 0.5 < np.mean(blinks == 0) < 1
    assert poses == act(np.random.default_rng(0), smile, opening, 25)


def test_people_differ():
    rng = np.random.default_rng(0)
    pictures = {
        hashlib.sha256(next(film(someone(rng), [Pose()])).tobytes()).hexdigest() for _ in range(5)
    }
    assert len(pictures) == 5


@pytest.mark.parametrize("seed", [0, 1])
def test_the_mesh_sees_what_the_mouth_does(face_weights, seed):
    rng = np.random.default_rng(seed)
    smile, opening = rng.uniform([[-1], [0]], [[1], [0.8]], (2, 12))
    pictures = film(someone(rng), act(rng, smile, opening, 5))
    frames = (Frame(i / 5, (i + 1) / 5, rgb) for i, rgb in enumerate(pictures))
    rows = mesh.describe(frames, face_weights)
    assert rows.facts == {
        "faces": 1,
        "frames": 12,
        "share_with_face": 1.0,
        "share_with_more_faces": 0.0,
    }
    column = dict(zip(mesh.NAMES, rows.features.T, strict=True))
    assert np.corrcoef(smile, column["mouth_width"])[0, 1] > 0.8
    assert np.corrcoef(smile, column["mouth_corner_up_left"])[0, 1] > 0.6
    assert np.corrcoef(opening, column["mouth_open"])[0, 1] > 0.8


def test_two_people_are_counted_and_the_larger_is_followed(face_weights):
    large, small = Portrait(Looks(), 320, 240), Portrait(Looks(), 320, 240, size=0.15)
    frames = []
    for i in range(3):
        rgb = np.concatenate(
            [large.draw(Pose()), small.draw(replace(Pose(), smile=1.0, opening=0.5))], 1
        )
        frames.append(Frame(i / 5, (i + 1) / 5, rgb))
    rows = mesh.describe(frames, face_weights)
    column = dict(zip(mesh.NAMES, rows.features.T, strict=True))
    assert np.all(column["faces"] == 2) and np.all(column["x"] < 0.5)
    assert rows.notes[0].startswith("more than one face in 100% of the frames")
