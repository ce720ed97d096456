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


def own(folder, **times):
    """One video of six words, one a second, and audio at some times, the way of the recipe."""
    second = np.stack([np.arange(6.0), np.arange(6.0) + 1], 1)
    audio = times.get("audio", second)
    csd.write(folder / "words.csd", "words", {"v": (second, ["so", "sil", "so", "so", "so", ""])})
    csd.write(folder / "audio.csd", "audio", {"v": (audio, np.ones((len(audio), 3)))})
    csd.write(folder / "labels.csd", "labels", {"v": ([[0.0, 3.0], [3.0, 6.0]], [[1.0], [1.0]])})
    cleaning = folder / "cleaning.npz"
    write_cleanings(cleaning, {"audio": fit_cleaning(np.ones((2, 3)), "zero", False)})
    names = ("words", "audio", "labels") if times.get("labels") else ("words", "audio")
    files = {name: folder / f"{name}.csd" for name in names}
    forms = {"text": None, "audio": "audio"}
    return prepare(files, forms, RECIPE, cleaning, None, folder / "out", "cpu")


@pytest.mark.parametrize("labels", [True, False])
def test_words_without_rows_are_counted(tmp_path, labels):
    """Of four words; "sil" and an empty one are pauses."""
    found = own(tmp_path, audio=np.array([[0.0, 1.0], [2.0, 3.0], [4.5, 6.0]]), labels=labels)
    lack = {"total": 4, "without_rows": 1}
    assert found.coverage["audio"] == {"unit": "words", "videos": {"v": lack}, **lack}


@pytest.mark.parametrize(("labels", "other"), [(True, "the labels"), (False, "words")])
@pytest.mark.parametrize(("factor", "shift"), [(1000, 0), (1, 3600)])
def test_another_clock_is_refused(tmp_path, factor, shift, labels, other):
    times = np.stack([np.arange(60) / 10, np.arange(1, 61) / 10], 1) * factor + shift
    first, last = f"{times.min():.1f}", f"{times.max():.1f}"
    with pytest.raises(
        InputError,
        match=f"audio: expected .* clock of {other}, got rows from "
        f"{first} to {last} s where {other} last from 0.0 to 6.0 s",
    ):
        own(tmp_path, audio=times, labels=labels)


def test_a_path_may_have_an_equals_sign(tmp_path):
    path = tmp_path / "lr=0.1" / "words.csd"
    assert find([str(path)]) == find([f"words={path}"]) == {"words": path}
