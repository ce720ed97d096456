"""What the runs of a model left."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scored import EMOTIONS, TASK, of_one, run

from msa.report.trained import Model, outputs, read_models


def write(folder, made):
    """The files of a run that `outputs` reads."""
    path = folder / made.target / made.seed
    (path / "predictions").mkdir(parents=True)
    (path / "settings.json").write_text(json.dumps(made.settings))
    arrays = {
        f"{fold}/{part}": values
        for fold in ("valid", "test")
        for part, values in made.test._asdict().items()
    }
    np.savez(path / "predictions/clean.npz", **arrays)
    return path


@pytest.mark.parametrize("target", ["happy", "sad"])
def test_a_model_an_emotion_has_the_outputs_of_each(target, tmp_path):
    joint = [run(seed, EMOTIONS) for seed in (1, 2)]
    each = [of_one(seed, name, "lmf") for name in EMOTIONS["targets"] for seed in (1, 2)]
    j = EMOTIONS["targets"].index(target)
    for runs in (joint, each):
        paths = [write(tmp_path / str(len(runs)), made) for made in runs]
        truth, mean = outputs(Model({}, paths, runs[0].settings["task"]), target)
        np.testing.assert_array_equal(truth, joint[0].test.truth[:, j])
        expected = np.mean([r.test.prediction[:, 2 * j : 2 * j + 2] for r in joint], axis=0)
        np.testing.assert_array_equal(mean, expected)


def test_a_regression_and_classes(tmp_path):
    path = write(tmp_path, made := run(1))
    truth, mean = outputs(Model({}, [path], TASK), "sentiment")
    np.testing.assert_array_equal(mean, made.test.prediction)
    np.testing.assert_array_equal(truth, made.test.truth[:, 0])
    task = {"type": "classification", "targets": ["mood"], "classes": ["a", "b", "c"]}
    of_three = made.test._replace(
        truth=np.zeros((40, 1)), prediction=np.random.default_rng(0).normal(size=(40, 3))
    )
    path = write(
        tmp_path / "three", replace(made, settings=made.settings | {"task": task}, test=of_three)
    )
    _, mean = outputs(Model({}, [path], task), "mood")
    np.testing.assert_array_equal(mean, of_three.prediction)


def test_probes_on_the_leaderboard_are_no_models(tmp_path, monkeypatch):
    text = "model,mae_mean,kind\nridge: text alone,0.5,probe\nridge,0.75,system\n"
    (tmp_path / "leaderboard.csv").write_text(text)
    (tmp_path / "settings.json").write_text(json.dumps({"task": TASK}))
    monkeypatch.setattr("msa.report.trained.read_result", lambda path: {"model": path.stem})
    monkeypatch.setattr("msa.report.trained.run_folders", lambda result, runs: [tmp_path])
    [model] = read_models(tmp_path, tmp_path)
    assert model.result == {"model": "ridge"}
