"""Labels of one's own videos, and tables that are none."""

import numpy as np
import pytest

from msa.base.errors import InputError
from msa.extract.labels import read_labels

SECONDS = {"a b": 4.0, "c": 6.5, "d": None}


def written(tmp_path, text):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    return path


def test_segments_and_whole_videos(tmp_path):
    path = written(
        tmp_path, "video,start,end,sentiment,joy\na b,0.5,2,1,0\na b,2,3.5,-2,\nc,,,3,1\n"
    )
    targets, found = read_labels(path, SECONDS)
    assert targets == ["sentiment", "joy"]
    np.testing.assert_array_equal(found["a b"][0], [[0.5, 2], [2, 3.5]])
    np.testing.assert_array_equal(found["a b"][1], [[1, 0], [-2, np.nan]])
    np.testing.assert_array_equal(found["c"][0], [[0, 6.5]])


def test_numbers_are_ids_too(tmp_path):
    _, found = read_labels(written(tmp_path, "video,sentiment\n007,1\n"), {"007": 2.0})
    np.testing.assert_array_equal(found["007"][0], [[0, 2]])


def test_what_could_not_be_read_has_no_end(tmp_path):
    """One empty file among two hundred stops nobody."""
    path = written(tmp_path, "video,start,end,x\nc,,,1\nd,,,2\nd,0,1,3\n")
    _, found = read_labels(path, SECONDS)
    np.testing.assert_array_equal(found["d"][0], [[0, 1]])
    _, found = read_labels(written(tmp_path, "video,x\nc,1\nd,2\n"), SECONDS)
    assert set(found) == {"c"}


def test_targets_are_found_by_their_names(tmp_path):
    """In whatever order they stand, with whatever else beside them."""
    path = written(tmp_path, "video,joy,raters,sentiment\nc,1,9,-2\n")
    targets, found = read_labels(path, SECONDS, ["sentiment", "joy"])
    assert targets == ["sentiment", "joy"]
    np.testing.assert_array_equal(found["c"][1], [[-2, 1]])
    for labelled in (True, False):
        with pytest.raises(InputError, match="columns video, start, end and joy, anger, got video"):
            read_labels(path, SECONDS, ["joy", "anger"], labelled)
    targets, found = read_labels(path, SECONDS, ["anger"], labelled=False)
    assert targets == [] and found["c"][1].shape == (1, 0)
    with pytest.raises(InputError, match="columns video, start, end and anger, got video, joy"):
        read_labels(path, SECONDS, ["anger"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "video,start,end,x\nc,1,2,3,4\n",
            "expected 4 cells in each line, as in the first, got mo",
        ),
        ("video,start,end,x\nc,-1,2,3\n", "within the video's 6.5 s, got -1"),
        ("video,start,end\nc,,\n", "expected the columns video, start, end and one a target"),
        ("clip,sentiment\nc,1\n", "expected the columns video, start, end and one a target"),
        ("video,sentiment\nc,good\n", 'line 2: sentiment: expected a number, got "good"'),
        ("video,start,end,x\nc,0,0:30,1\n", 'line 2: end: expected a number, got "0:30"'),
        ("video,x\nc,1\nc.mp4,1\n", r"line 3: the video c\.mp4 is not among the 3"),
        ("video,start,end,x\nc,3,2,1\n", "c: expected segments that start before they end"),
        ("video,start,end,x\nc,7,9,1\n", "within the video's 6.5 s, got 7(.0)? to 9(.0)?"),
        ("video,start,end,x\nd,2,1,1\n", "d: expected segments that start before they end"),
        ("", "expected a table of labels"),
    ],
)
def test_what_is_no_such_table(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_labels(written(tmp_path, text), SECONDS)
    with pytest.raises(InputError, match=r"other\.csv: expected a table of labels"):
        read_labels(tmp_path / "other.csv", SECONDS)


def test_no_segment_has_no_end(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("video,start,end\na,0,inf\n")
    with pytest.raises(InputError, match='line 2: end: expected a number, got "inf"'):
        read_labels(path, {"a": 3.0}, labelled=False)
