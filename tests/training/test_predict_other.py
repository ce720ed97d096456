"""Of its own test fold under another name a trained model says what it said."""

import json
import shutil

import numpy as np
import pytest

from msa.__main__ import main
from msa.config.check import configure
from msa.config.settings import run_settings
from msa.training.predict_other import seen_in

TASK = {"type": "regression", "targets": ["sentiment"], "range": [-3, 3]}
CONFIG = {
    "datasets": ["mine"],
    "models": ["ridge"],
    "seeds": [1],
    "recipes": {
        "mine": {
            "import": "table",
            "files": {"segments.csv": "my/segments.csv"},
            "align": "none",
            "holds": ["audio", "vision"],
            "task": TASK,
            "clean": {"standardize": ["audio"]},
        }
    },
}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Ridge on a table of segments, with its predictions for its own folds."""
    folder = tmp_path_factory.mktemp("other")
    data, card, run = folder / "mine", folder / "mine/card.json", folder / "runs/1"
    run.mkdir(parents=True)
    settings = run_settings(configure(CONFIG), "mine", "ridge", 1)
    (run / "settings.json").write_text(json.dumps(settings))
    layout = ["--layout", "table", "--holds", "audio", "vision", "--targets", "sentiment"]
    layout += ["--range", "-3", "3"]
    where = [run, "--data", data, "--clean", data / "clean", "--device", "cpu"]
    for step in (
        ["look-alike", "table", folder / "raw"],
        ["import-data", folder / "raw", *layout, "--output", data, "--card", card],
        ["clean", data, "--output", data / "clean", "--card", card, "--standardize", "audio"],
        ["train", *where],
        ["predict-folds", *where],
    ):
        assert main([str(argument) for argument in step]) == 0
    return folder


@pytest.fixture
def other(done, tmp_path):
    """The test fold of another data set, to be changed: here the same."""
    return shutil.copytree(done / "mine/test", tmp_path / "other")


def predict_other(done, other, *targets):
    arguments = ["--test", "theirs", "--data", other, "--targets", *(targets or TASK["targets"])]
    arguments += ["--cleaning", done / "mine/clean/cleaning.npz", "--trained", done / "mine/train"]
    return main([*map(str, ["predict-other", done / "runs/1", *arguments, "--device", "cpu"])])


def stored(done):
    return np.load(done / "runs/1/predictions/transfer-theirs.npz")


def test_it_is_cleaned_as_the_training_fold_taught(done, other, capsys):
    assert predict_other(done, other) == 0
    assert "leakage" not in capsys.readouterr().err
    clean, found = np.load(done / "runs/1/predictions/clean.npz"), stored(done)
    np.testing.assert_array_equal(found["prediction"], clean["test/prediction"])
    np.testing.assert_array_equal(found["truth"], clean["test/truth"])
    np.testing.assert_array_equal(found["ids"], clean["test/ids"])
    assert not found["seen"].any() and np.ptp(found["prediction"]) > 0


def test_targets_are_found_by_name_among_other_labels(done, other):
    label = np.load(other / "label.npy")
    np.save(other / "label.npy", np.hstack([label + 1, label]))
    assert predict_other(done, other, "happy", "sentiment") == 0
    np.testing.assert_array_equal(stored(done)["truth"], label.astype(np.float32))


def test_another_width_is_refused(done, other, capsys):
    np.save(other / "audio.npy", np.load(other / "audio.npy")[:, :5])
    assert predict_other(done, other) == 1
    said = capsys.readouterr().err
    assert "ridge, trained on mine, cannot be scored on theirs: " in said
    assert "audio: expected 6 columns as the model was trained with, got 5" in said


def test_what_training_has_seen_is_said(done, other, capsys):
    ids = np.load(other / "ids.npy")
    ids[2], ids[3] = "trainVideo0[new]", "trainVideo9[0]"
    np.save(other / "ids.npy", ids)
    assert predict_other(done, other) == 0
    assert stored(done)["seen"].tolist() == [i == 2 for i in range(10)]
    expected = "leakage: 1 of 10 test segments of theirs are of videos in the training fold of mine"
    assert expected in capsys.readouterr().err


def test_ids_without_a_video_are_compared_whole():
    assert seen_in(np.array(["a", "ab", "v[1]"]), np.array(["a", "v[0]"])).tolist() == [
        True,
        False,
        True,
    ]
