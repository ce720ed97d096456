"""Targets of a joint network with the same settings: one training, the runs of a training each."""

import json
import re
import shutil

import numpy as np
import pytest
import yaml
from running import copy_project, run_stage, snakemake

from msa.base.provenance import json_digest
from msa.training.share_training import share

SAME = ["confident", "passionate", "credible", "thorough", "persuasive"]
CONFIG = {
    "datasets": ["pom_lmf"],
    "models": ["lmf"],
    "seeds": [1],
    "settings": {"pom_lmf/lmf": {"epochs": 4, "patience": 1}},
    "search": {"pom_lmf/lmf": {"trials": 12}},
}


MADE = ("model.safetensors", "history.csv", "epochs.npz", "predictions/clean.npz")


def settings_of(target, **changes):
    return {"target": target, "seed": 1, "hyperparameters": {"epochs": 3}} | changes


@pytest.fixture
def runs(tmp_path):
    """A run that was trained, and one that was not."""
    for target in ("happy", "sad"):
        (tmp_path / target).mkdir()
        (tmp_path / target / "settings.json").write_text(json.dumps(settings_of(target)))
    first = tmp_path / "happy"
    (first / "predictions").mkdir()
    for name in MADE:
        (first / name).write_text(name)
    provenance = {"config_digest": json_digest(settings_of("happy")), "data_digest": "d"}
    record = {"wall_time_s": 5.0, "selected_epoch": 2, "provenance": provenance}
    (first / "training.json").write_text(json.dumps(record))
    return first, tmp_path / "sad"


def test_everything_is_the_first_run_s_but_its_target_and_its_time(runs):
    first, run = runs
    share(first, run)
    assert {path.name for path in run.iterdir()} == {path.name for path in first.iterdir()}
    for name in MADE:
        assert (run / name).read_bytes() == (first / name).read_bytes()
    record = json.loads((run / "training.json").read_text())
    digest = json_digest(settings_of("sad"))
    provenance = {"config_digest": digest, "data_digest": "d", "seed": 1}
    assert record == {
        **{"wall_time_s": 0.0, "selected_epoch": 2, "provenance": provenance},
        "trained_with": {"target": "happy"},
    }


def test_a_run_of_another_seed_keeps_its_own(runs):
    first, run = runs
    (run / "settings.json").write_text(json.dumps(settings_of("happy", seed=2)))
    share(first, run, ["seed"])
    record = json.loads((run / "training.json").read_text())
    assert record["trained_with"] == {"seed": 1} and record["provenance"]["seed"] == 2


@pytest.mark.parametrize("changes", [{"seed": 2}, {"hyperparameters": {"epochs": 4}}])
def test_other_settings_are_refused(changes, runs):
    first, run = runs
    (run / "settings.json").write_text(json.dumps(settings_of("sad", **changes)))
    failed = run_stage("share-training", first, run, check=False)
    assert failed.returncode == 1
    assert f"error: {run}/settings.json: expected the settings of {first} with" in failed.stderr
    assert [path.name for path in run.iterdir()] == ["settings.json"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """POM's look-alike, ready for training."""
    project = copy_project(tmp_path_factory.mktemp("share") / "project")
    run_stage("look-alike", "pom_lmf", project / "data/pom_lmf/raw")
    (project / "quick.yaml").write_text(yaml.safe_dump(CONFIG))
    snakemake(project, "data/pom_lmf/clean/card.json", "--configfile", "quick.yaml")
    return project


def planned(project, *targets, **changes):
    (project / "quick.yaml").write_text(yaml.safe_dump(CONFIG | changes))
    text = snakemake(project, "-n", *targets, "--configfile", "quick.yaml").stdout
    table = text[text.index("Job stats:") :].split("\n\n")[0]
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", table, re.M)}


@pytest.mark.slow
def test_the_plan_trains_once_what_is_the_same(project):
    jobs = planned(project, "results/pom_lmf/lmf.json")
    assert (jobs["train"], jobs["share_training"], jobs["settings"]) == (12, 4, 16)
    # a training's predictions are shared too
    assert jobs["score"] == 16 and "predict" not in jobs
    jobs = planned(project, "results/pom_lmf/lmf.no-audio.json", ablate={"lmf": ["audio"]})
    assert (jobs["train"], jobs["share_training"]) == (12, 4)
    together = {"seeds": [1, 2], "batch_seeds": True}
    jobs = planned(project, "results/pom_lmf/lmf.json", **together)
    assert (jobs["train_seeds"], jobs["share_training"]) == (12, 8)
    # one search for all traits, and 12 settings of it at most to train
    jobs = planned(project, "results/pom_lmf/lmf.best.json")
    assert (jobs["trials"], jobs["best_settings"], jobs["train"]) == (2, 16, 16)
    narrow = {"search": {"lmf": {"trials": 12, "space": {"batch_size": [8, 16]}}}}
    assert planned(project, "results/pom_lmf/lmf.search.csv", **narrow)["trials"] == 32


@pytest.mark.slow
def test_a_shared_run_is_that_of_a_training_of_its_own(project):
    (project / "quick.yaml").write_text(yaml.safe_dump(CONFIG))
    home = project / "runs/pom_lmf/lmf/main"
    snakemake(
        project,
        *(f"{home.relative_to(project)}/{t}/1/predictions/clean.npz" for t in SAME[:2]),
        *("--configfile", "quick.yaml"),
    )
    first, shared = (home / target / "1" for target in SAME[:2])
    assert json.loads((shared / "training.json").read_text())["trained_with"] == {
        "target": "confident"
    }
    alone = project / "alone"
    alone.mkdir()
    shutil.copy(shared / "settings.json", alone)
    data = project / "data/pom_lmf"
    run_stage("train", alone, "--data", data, "--clean", data / "clean", "--device", "cpu")
    assert (alone / "model.safetensors").read_bytes() == (shared / "model.safetensors").read_bytes()
    ours, theirs = (np.load(run / "epochs.npz")["test"] for run in (shared, alone))
    np.testing.assert_array_equal(ours, theirs)
    ours, theirs = (
        np.loadtxt(run / "history.csv", delimiter=",", skiprows=1)[:, :5] for run in (shared, alone)
    )
    np.testing.assert_array_equal(ours, theirs)
    records = [json.loads((run / "training.json").read_text()) for run in (shared, alone)]
    for key in ("selected_epoch", "epochs", "best_valid_loss", "parameters", "rows"):
        assert records[0][key] == records[1][key]
    for key in ("config_digest", "data_digest", "code_digest"):
        assert records[0]["provenance"][key] == records[1]["provenance"][key]
    predictions = [(run / "predictions/clean.npz").read_bytes() for run in (first, shared)]
    assert predictions[0] == predictions[1]
