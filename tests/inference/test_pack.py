"""A packed system says what it said where it was trained, wherever it is opened."""

import shutil

import pytest
from running import copy_project, run_stage

from msa.__main__ import main

MODELS = {"ridge": {}, "lmf": {"epochs": 1}, "text_only": {"epochs": 1}}


@pytest.fixture(scope="module")
def done(tmp_path_factory, train_demo):
    """Three models on the demo, and what each predicts for its test fold."""
    folder = train_demo(tmp_path_factory.mktemp("pack"), MODELS)
    for model in MODELS:
        predict(folder / f"{model}.json", folder, folder / f"{model}.csv", folder / "config.yaml")
    return folder


def predict(run, done, output, config="nowhere.yaml", status=0):
    arguments = ["--run", run, "--input", done / "data/demo/test", "--output", output]
    arguments += ["--configfile", config, "--device", "cpu"]
    assert main(["predict", *map(str, arguments)]) == status


def pack(done, output, *more, model="lmf", status=0):
    arguments = [done / f"{model}.json", output, "--configfile", done / "config.yaml", *more]
    assert main(["pack", *map(str, arguments)]) == status
    return output


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("form", ["folder", "zip"])
def test_a_pack_predicts_the_same_bits(model, form, done, tmp_path, monkeypatch):
    place = pack(done, tmp_path / ("out" if form == "folder" else "out.zip"), model=model)
    monkeypatch.chdir(tmp_path)
    predict(place, done, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == (done / f"{model}.csv").read_bytes()


def test_in_another_clone(done, tmp_path):
    """Without a configuration, data or network; from the .zip, unpacked there."""
    packed = pack(done, tmp_path / "lmf.zip")
    shutil.copytree(done / "data/demo/test", tmp_path / "input")
    clone = copy_project(tmp_path / "clone")
    (clone / "config.yaml").unlink()
    run_stage("unpack", packed, "lmf", cwd=clone)
    run_stage(
        *("predict", "--run", "lmf", "--input", tmp_path / "input"),
        *("--output", "out.csv", "--device", "cpu"),
        cwd=clone,
    )
    assert (clone / "out.csv").read_bytes() == (done / "lmf.csv").read_bytes()
