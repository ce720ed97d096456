"""Runs with scores, in memory and on disk, and results of given numbers."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jsonschema import Draft202012Validator
from running import ROOT

from msa.results.score import Fold, score
from msa.results.summarize import Run

TASK: dict[str, Any] = {"type": "regression", "targets": ["sentiment"], "range": [-3, 3]}
EMOTIONS: dict[str, Any] = {"type": "binary", "targets": ["happy", "sad"]}
LENGTHS = {
    "audio": {
        "steps": 50,
        "cut_steps": {"train": 0.9, "valid": 0.8, "test": 0.7},
        "cut_segments": {"train": 0.99, "valid": 0.98, "test": 0.97},
    }
}
SCHEMA = ROOT / "workflow/schemas/result.schema.json"
VALIDATOR = Draft202012Validator(json.loads(SCHEMA.read_text()))

TEXT = {"test": {"words": 9, "pieces": 12, "unknown": 1, "many": 0}}


def rows(task: dict[str, Any], n: int, seed: int, noise: float = 1.0) -> Fold:
    """The same n rows for every seed, with predictions of its own."""
    k = len(task["targets"])
    rng = np.random.default_rng([seed, n])
    same = np.random.default_rng(n)
    ids = np.array([f"v{i}[{n}]" for i in range(n)])
    if task["type"] == "regression":
        truth = same.normal(0, 1.5, (n, k)).clip(-3, 3)
        return Fold(ids, truth, truth + noise * rng.normal(size=(n, k)))
    return Fold(ids, same.integers(2, size=(n, k)).astype(float), rng.normal(size=(n, 2 * k)))


def run(seed: int, task: dict[str, Any] = TASK, target: str = "all", **changes: Any) -> Run:
    """A run in memory; `changes` replace settings, or values of the training by their name."""
    folds = {"valid": rows(task, 20, seed), "test": rows(task, 40, seed)}
    epochs = np.stack([folds["test"].prediction, folds["test"].prediction * 0.5])
    settings = {
        **{"dataset": "demo", "model": "lmf", "variant": "main", "settings": "published"},
        **{"source": "LMF paper", "missing": [], "task": task, "lr": 0.001},
        "hyperparameters": {"loss": "l1" if task["type"] == "regression" else "cross_entropy"},
        **{"label_columns": [*range(len(task["targets"]))], "target": target, "seed": seed},
    }
    training: dict[str, Any] = {
        **{"parameters": 1000, "wall_time_s": 2.0 + seed, "rows_per_s": 100.0 * seed},
        **{"selected_epoch": seed, "epochs": 9, "selection": "loss", "best_valid_loss": 0.1},
        **{"constant_valid_loss": 1.3, "learned": True},
        "rows": {"train": 100, "valid": 20, "test": 40},
        "lengths": LENGTHS,
        "text": TEXT,
        "provenance": {
            **{"git_commit": "abc", "git_dirty": False, "config_digest": f"c{seed}"},
            **{"data_digest": "d", "code_digest": "e", "device": "cpu"},
            **{"processor": "p", "threads": 1},
            "versions": {"python": "3.11.7", "torch": "2.13.0"},
            "seed": seed,
        },
    }
    for key, value in changes.items():
        place = next((p for p in (training, training["provenance"]) if key in p), settings)
        place[key] = value
    scores = score(task, folds, (np.array([1, 2]), epochs))
    return Run(Path(f"runs/{target}/{seed}"), settings, training, scores, folds["test"])


def write(path: Path, r: Run, **changes: dict[str, Any]) -> Path:
    (path / "predictions").mkdir(parents=True)
    for name in ("settings", "training", "scores"):
        content = getattr(r, name) | changes.get(name, {})
        (path / f"{name}.json").write_text(json.dumps(content))
    folds = {"valid": rows(r.settings["task"], 20, int(r.seed)), "test": r.test}
    arrays = {f"{f}/{part}": getattr(folds[f], part) for f in folds for part in Fold._fields}
    np.savez(path / "predictions" / "clean.npz", **arrays)
    # the second one has half of each output, as of the scores' oracle
    kept = {
        name: np.stack([fold.prediction, fold.prediction * 0.5]) for name, fold in folds.items()
    }
    np.savez(path / "epochs.npz", epoch=[1, 2], **kept)
    return path


def of_one(seed: int, target: str, model: str) -> Run:
    """A run of a model for one emotion alone: its own task, label and outputs."""
    joint = run(seed, EMOTIONS, model=model)
    j = EMOTIONS["targets"].index(target)
    test = joint.test._replace(
        truth=joint.test.truth[:, [j]], prediction=joint.test.prediction[:, [2 * j, 2 * j + 1]]
    )
    settings = joint.settings | {"task": {**EMOTIONS, "targets": [target]}, "label_columns": [j]}
    scores = joint.scores | {"targets": {target: joint.scores["targets"][target]}}
    return replace(joint, settings={**settings, "target": target}, scores=scores, test=test)


def spread(*values: float | None) -> dict[str, Any]:
    known = [value for value in values if value is not None]
    complete = len(known) == len(values)
    return {
        "mean": float(np.mean(known)) if complete else None,
        "std": float(np.std(known, ddof=1)) if complete and len(known) > 1 else None,
        "per_seed": {str(seed): value for seed, value in enumerate(values)},
    }


def result(model: str, targets: dict[str, dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """A result with these spreads on test, valid, and (one better by 0.1) the oracle."""
    tested = {t: {m: s | {"ci95": None} for m, s in ms.items()} for t, ms in targets.items()}
    oracle = {t: {m: s | {"epoch": {"0": 3}} for m, s in ms.items()} for t, ms in targets.items()}
    provenance = {
        **{"git_commit": None, "git_dirty": None, "config_digest": "a", "data_digest": "b"},
        **{"code_digest": "c", "versions": {}, "device": "cpu", "processor": "p", "threads": 1},
        **{"seeds": [0, 1], "name": None, "note": None, "cost": []},
    }
    return {
        **{"schema_version": "1", "dataset": "demo", "model": model, "variant": "main"},
        **{"settings": "adapted", "source": None, "missing_modalities": [], "metrics_version": "1"},
        **{"folds": None, "bootstrap": {"unit": "segment", "n": 5}},
        **{"targets": tested, "valid": targets, "oracle": {"label": "x", "targets": oracle}},
        **{
            "selection": "loss",
            "selected_epoch": {"0": 1},
            "learned": {"0": True},
            "authority": "released",
            "ours": None,
            "modality_use": {},
            "parameters": 12345,
        },
        **{"wall_time_s": {"total": 61.26, "per_seed": {"0": 61.26}}, "rows_per_s": {"0": 9.0}},
        **{"rows": {"train": 9, "valid": 5, "test": 5}, "lengths": {"all": {}}},
        **{"text": None, "coverage": None, "provenance": provenance},
    } | changes


def sentiment(model: str, *mae: float, corr: float | None = 0.5, **changes: Any) -> dict[str, Any]:
    corrs = spread(*[corr for _ in mae])
    return result(model, {"sentiment": {"mae": spread(*mae), "corr": corrs}}, **changes)


def emotions(model: str, happy: float, sad: float, acc: float = 0.5) -> dict[str, Any]:
    scores = {"happy": happy, "sad": sad}
    return result(model, {t: {"acc": spread(acc), "f1": spread(f1)} for t, f1 in scores.items()})


def valid(result: dict[str, Any]) -> dict[str, Any]:
    """The result as a reader of the file has it, checked against the schema."""
    read = json.loads(json.dumps(result, allow_nan=False))
    assert [error.message for error in VALIDATOR.iter_errors(read)] == []
    return read
