"""What is said of a video whose faces were followed."""

import numpy as np
import pytest

from msa.base.errors import InputError
from msa.extract.face_rows import Watch
from msa.extract.face_tracker import Sight
from msa.extract.parts import Frame


def watched(counts):
    """A video with so many faces in each frame, of which the first is described as its number."""
    watch = Watch()
    rgb = np.zeros((2, 2, 3), np.uint8)
    sights = [
        Sight(Frame(1 + i / 5, 1 + (i + 1) / 5, rgb), np.zeros((468 * (n > 0), 3)), 1.0, n)
        for i, n in enumerate(counts)
    ]
    features = [np.full(3, sight.frame.start) for sight in watch.faces(sights)]
    return watch.rows(features, 3)


def test_frames_without_a_face_have_no_row():
    rows = watched([1, 0, 1, 0, 0])
    assert rows.features.dtype == np.float32
    assert np.allclose(rows.features, [[1.0] * 3, [1.4] * 3])
    assert np.allclose(rows.times, [[1.0, 1.2], [1.4, 1.6]])
    assert rows.notes == []
    assert rows.facts == {
        "faces": 1,
        "frames": 5,
        "share_with_face": 0.4,
        "share_with_more_faces": 0.0,
    }


def test_a_video_without_any_face_is_a_row_of_zeros():
    rows = watched([0, 0, 0, 0])
    assert rows.features.tolist() == [[0, 0, 0]]
    assert np.allclose(rows.times, [[1.0, 1.8]])
    assert rows.notes == ["no face in any of 4 frames: one row of zeros"]
    assert rows.facts["share_with_face"] == 0 and rows.facts["faces"] == 0


def test_more_than_one_face_in_more_than_a_fifth_of_the_frames_is_said():
    assert watched([2, 1, 1, 1, 1]).notes == []
    rows = watched([2, 3, 1, 1, 0])
    assert rows.notes == [
        "more than one face in 40% of the frames: the largest is followed, who speaks is not known"
    ]
    assert rows.facts["faces"] == 3 and rows.facts["share_with_more_faces"] == 0.4


def test_no_frames():
    with pytest.raises(InputError, match="expected at least one frame, got none"):
        watched([])
