import numpy as np
import pytest

from msa.base.errors import InputError
from msa.data.clean import fit_cleaning, write_cleanings
from msa.data.own_input import find, prepare
from msa.formats import csd

RECIPE = {"align": "words", "pauses": "drop", "task": {"targets": ["sentiment"]}}
TIMES = {
    "good": np.array([[0.0, 1.0], [1.0, 2.5]]),
    "empty": np.zeros((0, 2)),
    "point": np.array([[1.0, 1.0]]),
}


def prepared(folder, *videos):
    """Own words and audio of some videos of TIMES, without labels."""
    times = {video: TIMES[video] for video in videos}
    words = {video: (of, np.full((len(of), 1), b"so")) for video, of in times.items()}
    audio = {video: (of, np.ones((len(of), 3), np.float32)) for video, of in times.items()}
    csd.write(folder / "words.csd", "words", words)
    csd.write(folder / "audio.csd", "audio", audio)
    write_cleanings(
        folder / "cleaning.npz", {"audio": fit_cleaning(np.ones((2, 3)), "zero", False)}
    )
    files = {name: folder / f"{name}.csd" for name in ("words", "audio")}
    out, forms = folder / "out", {"text": None, "audio": "audio"}
    return prepare(files, forms, RECIPE, folder / "cleaning.npz", None, out, "cpu")


def test_videos_that_last_no_time_are_left_out_and_said(tmp_path):
    found = prepared(tmp_path, *TIMES)
    assert found.ids.tolist() == ["good[0]"] and found.times.tolist() == [["0.0", "2.5"]]
    reasons = {"empty": "it has no rows", "point": "its rows last no time"}
    assert dict(found.dropped) == reasons


def test_no_video_that_lasts_some_time(tmp_path):
    with pytest.raises(InputError, match=r"words.csd: expected a video that lasts .*'it has no ro"):
        prepared(tmp_path, "empty")


def test_a_path_may_have_an_equals_sign(tmp_path):
    path = tmp_path / "lr=0.1" / "words.csd"
    assert find([str(path)]) == find([f"words={path}"]) == {"words": path}
