"""kill -9 at any moment, and run again: the same as undisturbed."""

import hashlib
import json
import random
import shutil

import numpy as np
import pandas as pd
import pytest
from killing import run

from msa.config.check import configure
from msa.config.settings import run_settings

# a stage -> how often it is killed at a random moment
KILLS = {"align": 3, "split": 4, "clean": 4, "encode": 3, "predict-folds": 3}
pytestmark = pytest.mark.slow

TIMES = ["seconds", "rows_per_s"]


def content(folder):
    """Digest of every file, temporary ones and TensorBoard's left out."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {"tensorboard"} & set(path.parts)
    }


def assert_same_run(first, second):
    """Weights and predictions to the bit, and the history but for the times."""
    for name in ("model.safetensors", "predictions/clean.npz"):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    with np.load(first / "epochs.npz") as one, np.load(second / "epochs.npz") as other:
        assert all(np.array_equal(one[key], other[key]) for key in ("epoch", "valid", "test"))
    one, other = (pd.read_csv(run / "history.csv").drop(columns=TIMES) for run in (first, second))
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    one, other = (json.loads((run / "training.json").read_text()) for run in (first, second))
    for record in (one, other):
        del record["wall_time_s"], record["rows_per_s"]
    assert one == other


def settings(epochs):
    config = configure({"datasets": ["demo"], "models": ["lmf"], "seeds": [1]})
    found = run_settings(config, "demo", "lmf", 1)
    found["hyperparameters"] |= {"epochs": epochs, "patience": None, "batch_size": 4}
    return found


def stages(folder, files, encoder, epochs=8):
    """The chain's command lines in a folder, by stage."""
    where = folder / "data"
    sequences = [f"{name}={files}/{name}.csd" for name in ("words", "audio", "vision")]
    reads = [folder / "run", "--data", where, "--clean", where / "clean"]
    reads += ["--features", folder / "features", "--device", "cpu"]
    card = ["--card", where / "card.json"]
    (folder / "run").mkdir(parents=True)
    (folder / "run" / "settings.json").write_text(json.dumps(settings(epochs)))
    return {
        "align": [
            *("align", "--sequence", *sequences, "--labels", files / "labels.csd"),
            *("--to", "words", "--threads", "2", "--output", folder / "aligned"),
        ],
        "split": [
            *("split", folder / "aligned", "--folds", files / "folds.json"),
            *("--output", where, *card),
        ],
        "clean": ["clean", where, "--output", where / "clean", *card],
        "encode": [
            *("encode", where, "--encoder", encoder, "--device", "cpu"),
            *("--output", folder / "features"),
        ],
        "train": ["train", *reads, "--state", folder / "state" / "run.pt"],
        "predict-folds": ["predict-folds", *reads],
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, demo_files, demo_encoder):
    """A chain that ran without a kill, its command lines, and the seconds of each stage."""
    folder = tmp_path_factory.mktemp("undisturbed")
    lines, seconds = stages(folder, demo_files, demo_encoder), {}
    for name, line in lines.items():
        log = folder / f"{name}.log"
        assert run(line, log) == 0, log.read_text()
        seconds[name] = float(log.with_name(f"{log.name}.seconds").read_text())
    return folder, seconds


@pytest.fixture
def killed(tmp_path, demo_files, demo_encoder, undisturbed):
    """A folder for a chain of the same command lines; what a stage needs is copied."""
    folder = tmp_path / "killed"
    return folder, stages(folder, demo_files, demo_encoder)


def copy(source, target, *names):
    for name in names:
        shutil.copytree(source / name, target / name, dirs_exist_ok=True)


def test_killed_stages_make_the_same(killed, undisturbed, tmp_path):
    (whole, seconds), (folder, lines) = undisturbed, killed
    moments, kills = random.Random(0), 0
    for name, line in lines.items():
        if name == "train":
            copy(whole, folder, "run")
            shutil.rmtree(folder / "run" / "predictions")
            continue
        done = 0
        while done < KILLS[name]:
            status = run(line, tmp_path / "log", moments.uniform(0, 0.9 * seconds[name]))
            assert status in (0, -9), (tmp_path / "log").read_text()
            done += status == -9
        assert run(line, tmp_path / "log") == 0, (tmp_path / "log").read_text()
        kills += done
    assert kills == sum(KILLS.values())
    for name in ("aligned", "data", "features", "run"):
        # nothing of the killed ones is left either
        assert content(folder / name) == content(whole / name)


def test_training_killed_at_random_moments(killed, undisturbed, tmp_path):
    (whole, seconds), (folder, lines) = undisturbed, killed
    copy(whole, folder, "data", "features")
    moments, kills = random.Random(1), 0
    while kills < 10:
        status = run(lines["train"], tmp_path / "log", moments.uniform(0.3, 1) * seconds["train"])
        assert status in (0, -9), (tmp_path / "log").read_text()
        kills += status == -9
    assert run(lines["train"], tmp_path / "log") == 0
    assert (tmp_path / "log").read_text().count("going on after epoch") >= 3
    assert_same_run(whole / "run", folder / "run")
    assert not list(folder.rglob("*.part")) and not list((folder / "state").iterdir())


def test_training_killed_at_every_rename(killed, undisturbed, tmp_path):
    """Before and after each state and each output comes to its place."""
    (whole, _), (folder, lines) = undisturbed, killed
    copy(whole, folder, "data", "features")
    renames = int((whole / "train.log.renames").read_text())
    assert renames == 8 + 5
    for number in range(1, renames + 1):
        for moment in ("before", "after"):
            shutil.rmtree(folder / "state", ignore_errors=True)
            shutil.rmtree(folder / "run/predictions", ignore_errors=True)
            for path in (folder / "run").iterdir():
                if path.is_file() and path.name != "settings.json":
                    path.unlink()
            status = run(lines["train"], tmp_path / "log", die_at=(number, moment))
            assert status == -9
            assert run(lines["train"], tmp_path / "log") == 0
            assert_same_run(whole / "run", folder / "run")
            assert not list(folder.rglob("*.part")) and not list((folder / "state").iterdir())
