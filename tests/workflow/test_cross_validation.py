"""A cross-validation through Snakemake: its folds, its pooled scores, and what reads its result."""

import json
import re

import numpy as np
import pytest
import yaml
from running import run_stage, snakemake

from msa.base.ids import video_of
from msa.formats import csd
from msa.formats.segments import FOLDS
from msa.results.leaderboard import read_result

VIDEOS, SEGMENTS = 12, 4
CONFIG = {
    "datasets": ["mine"],
    "models": ["ridge", "mean"],
    "seeds": [1],
    "recipes": {
        "mine": {
            "sequences": {"audio": "my/audio.csd", "labels": "my/labels.csd"},
            "align": "labels",
            "folds": {"by": "speaker", "speakers": "my/speakers.csv", "k": 2},
            "task": {"type": "regression", "targets": ["sentiment"], "range": [-3, 3]},
            "clean": {"standardize": ["audio"]},
        }
    },
}


@pytest.fixture
def crossed(project):
    """The results of two baselines on twelve videos of six speakers."""
    rng = np.random.default_rng(0)
    times = np.stack([np.arange(SEGMENTS), np.arange(SEGMENTS) + 1.0], axis=1)
    labels = {f"v{v:02d}": rng.uniform(-3, 3, (SEGMENTS, 1)) for v in range(VIDEOS)}
    audio = {v: np.hstack([y, y**2]) + rng.normal(size=(SEGMENTS, 2)) for v, y in labels.items()}
    (project / "my").mkdir()
    for name, rows in {"audio": audio, "labels": labels}.items():
        csd.write(project / f"my/{name}.csd", name, {v: (times, x) for v, x in rows.items()})
    speakers = "".join(f"v{v:02d},s{v % 6}\n" for v in range(VIDEOS))
    (project / "my/speakers.csv").write_text(f"id,speaker\n{speakers}")
    (project / "mine.yaml").write_text(yaml.safe_dump(CONFIG))
    snakemake(project, "--configfile", "mine.yaml")
    return project


def ids(project, deal, fold):
    return np.load(project / f"data/mine.fold{deal}/{fold}/ids.npy").tolist()


@pytest.mark.slow
def test_a_cross_validation(crossed):
    speaker = {f"v{v:02d}": f"s{v % 6}" for v in range(VIDEOS)}
    tested = []
    for deal in (1, 2):
        folds = {fold: ids(crossed, deal, fold) for fold in FOLDS}
        groups = [{speaker[video_of(i)] for i in segments} for segments in folds.values()]
        assert sum(map(len, groups)) == len(set.union(*groups)) == 6
        assert sum(map(len, folds.values())) == VIDEOS * SEGMENTS
        tested += folds["test"]
        # what standardises is the deal's own training part
        rows = np.load(crossed / f"data/mine.fold{deal}/clean/train/audio.npy")
        np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-6)
    assert sorted(tested) == sorted(f"{v}[{i}]" for v in speaker for i in range(SEGMENTS))

    parts = [
        np.load(crossed / f"runs/mine.fold{deal}/ridge/main/all/1/predictions/clean.npz")
        for deal in (1, 2)
    ]
    truth, prediction = (
        np.concatenate([part[f"test/{name}"][:, 0] for part in parts])
        for name in ("truth", "prediction")
    )
    result = read_result(crossed / "results/mine/ridge.json")
    scores = result["targets"]["sentiment"]
    assert scores["mae"]["mean"] == pytest.approx(np.abs(truth - prediction).mean())
    assert scores["corr"]["mean"] == pytest.approx(np.corrcoef(truth, prediction)[0, 1])
    per_fold = result["folds"]["targets"]["sentiment"]["mae"]["per_fold"]
    assert list(per_fold.values()) == pytest.approx(
        [np.abs(part["test/truth"] - part["test/prediction"]).mean() for part in parts]
    )
    assert result["bootstrap"] == {"unit": "speaker", "n": 6}
    assert result["rows"]["test"] == VIDEOS * SEGMENTS and result["oracle"] is None

    what_reads_it(crossed)


def what_reads_it(project):
    text = "2-fold cross-validation by speaker (seed 0, 0.1 of the training speakers"
    assert text in (project / "results/mine/leaderboard.md").read_text()
    assert text in (project / "results/mine/table.md").read_text()
    page = (project / "results/report/index.html").read_text()
    assert text in page and "Of the first of 2 folds" in page
    comparisons = json.loads((project / "results/mine/comparisons.json").read_text())
    assert comparisons["bootstrap"] == {"unit": "speaker", "n": 6}
    assert comparisons["targets"]["sentiment"]["mae"][0]["p"] < 0.05
    again = run_stage("rescore", "results/mine/ridge.json", cwd=project)
    assert "all means are as stored" in again.stdout
    own = ("--input", "audio=my/audio.csd", "--output", "own.csv", "--configfile", "mine.yaml")
    refused = run_stage(
        "predict", "--run", "results/mine/ridge.json", *own, cwd=project, check=False
    )
    assert refused.returncode == 1 and "it is cross-validated" in refused.stderr
    plan = ("--configfile", "mine.yaml", "-n")
    assert "Nothing to be done" in snakemake(project, *plan).stdout
    # a fold is a data set of its own
    planned = snakemake(project, *plan, "results/mine.fold1/ridge.json").stdout
    assert re.search(r"^summarize +1$", planned, re.M)
    assert not re.search(r"^(train|split|predict) ", planned, re.M)


def test_imported_folds_are_dealt_too(project):
    config = {**CONFIG, "datasets": ["mine"], "models": ["mean"]}
    config["recipes"] = {"mine": {"extends": "demo_humor", "folds": {"by": "video", "k": 3}}}
    (project / "mine.yaml").write_text(yaml.safe_dump(config))
    plan = ("-n", "--configfile", "mine.yaml", "--", "results/mine/mean.json")
    planned = snakemake(project, *plan).stdout
    counts = {"demo_classes": 1, "deal": 3, "refold": 3, "train": 3, "pool": 1}
    for rule, count in counts.items():
        assert re.search(rf"^{rule} +{count}$", planned, re.M), rule
