"""A result again, from saved predictions."""

import json
import shutil
from argparse import ArgumentParser

import numpy as np
import pytest
from scored import TASK, rows, run

from msa.base.errors import InputError
from msa.results.metrics import METRICS_VERSION, regression
from msa.results.rescore import add_arguments, main, rescore
from msa.results.summarize import summarize


@pytest.fixture
def stored(tmp_path):
    """Two runs on disk, and their result."""
    runs = [run(seed) for seed in (1, 2)]
    for one in runs:
        folder = tmp_path / "runs/demo/lmf/main/all" / one.seed
        (folder / "predictions").mkdir(parents=True)
        (folder / "settings.json").write_text(json.dumps(one.settings))
        (folder / "training.json").write_text(json.dumps(one.training))
        folds = {"valid": rows(TASK, 20, int(one.seed)), "test": rows(TASK, 40, int(one.seed))}
        arrays = {f"{n}/{k}": v for n, fold in folds.items() for k, v in fold._asdict().items()}
        np.savez(folder / "predictions/clean.npz", **arrays)
    result = tmp_path / "lmf.json"
    result.write_text(json.dumps(summarize(runs)))
    return result, tmp_path / "runs", runs


def test_the_same_numbers_come_out(stored):
    result, runs, _ = stored
    before = json.loads(result.read_text())["targets"]["sentiment"]
    for metric, spread in rescore(result, runs)["targets"]["sentiment"].items():
        assert spread.pop("stored_mean") == before[metric]["mean"]
        assert spread == before[metric]


def test_another_threshold_moves_what_is_of_the_sign_alone(stored):
    result, path, runs = stored
    found = rescore(result, path, 0.5)["targets"]["sentiment"]
    for metric, spread in found.items():
        of_sign = metric.startswith(("acc2", "f1"))
        assert (spread["mean"] != spread["stored_mean"]) is of_sign, metric
    expected = [
        regression(one.test.truth[:, 0], one.test.prediction[:, 0] - 0.5)["acc2_non0"]
        for one in runs
    ]
    assert found["acc2_non0"]["mean"] == pytest.approx(np.mean(expected))


def test_a_threshold_is_for_scores_of_the_sign(stored):
    result, path, _ = stored
    for folder in (path / "demo/lmf/main/all").iterdir():
        settings = json.loads((folder / "settings.json").read_text())
        settings["task"] |= {"range": [-1, 1], "metrics": "sims"}
        (folder / "settings.json").write_text(json.dumps(settings))
    plain, moved = (rescore(result, path, t)["targets"]["sentiment"] for t in (0.0, 0.5))
    changed = {metric for metric in plain if plain[metric]["mean"] != moved[metric]["mean"]}
    assert changed == {"acc2_sims", "f1_sims"}
    for folder in (path / "demo/lmf/main/all").iterdir():
        settings = json.loads((folder / "settings.json").read_text())
        settings["task"] |= {"metrics": "rounded"}
        (folder / "settings.json").write_text(json.dumps(settings))
    with pytest.raises(InputError, match="a threshold is for scores of the sign, `metrics: sent"):
        rescore(result, path, 0.5)


def test_runs_that_are_not_there(stored, tmp_path):
    with pytest.raises(InputError, match="all/1: expected a run of the result, got none; .*--runs"):
        rescore(stored[0], tmp_path / "elsewhere")
    shutil.rmtree(stored[1] / "demo/lmf/main/all/2")
    with pytest.raises(InputError, match="all/2: expected a run of the result, got none"):
        rescore(stored[0], stored[1])


def test_runs_of_another_experiment(stored):
    result, runs, _ = stored
    record = runs / "demo/lmf/main/all/2/training.json"
    content = json.loads(record.read_text())
    content["provenance"]["config_digest"] = "another"
    record.write_text(json.dumps(content))
    with pytest.raises(InputError, match="all/2: expected the run .* config_digest .*another"):
        rescore(result, runs)


def test_what_is_no_result(tmp_path):
    other = tmp_path / "comparisons.json"
    other.write_text('{"schema_version": "1", "targets": {}, "resamples": 3}')
    with pytest.raises(InputError, match="comparisons.json: expected a result as .*resamples$"):
        rescore(other, tmp_path)


def test_the_stage_says_whether_numbers_moved(stored, tmp_path, capsys):
    result, runs, _ = stored
    parser = ArgumentParser()
    add_arguments(parser)
    main(parser.parse_args([str(result), "--runs", str(runs)]))
    assert capsys.readouterr().out.endswith("all means are as stored\n")
    with pytest.raises(InputError, match="--threshold: expected a number, got nan"):
        main(parser.parse_args([str(result), "--threshold", "nan"]))
    output = tmp_path / "again.json"
    options = ["--threshold", "0.5", "--output", str(output)]
    main(parser.parse_args([str(result), "--runs", str(runs), *options]))
    assert capsys.readouterr().out.endswith("4 of 8 means differ, positive being above 0.5\n")
    content = json.loads(output.read_text())
    assert content["threshold"] == 0.5
    assert content["metrics_version"] == content["stored_metrics_version"] == METRICS_VERSION
