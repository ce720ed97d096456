"""scores.json from stored predictions, and what is said about files that do not fit."""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from msa.base.errors import InputError
from msa.results.score import ORACLE_LABEL, Fold, add_arguments, main, score

REGRESSION = {"type": "regression", "targets": ["sentiment"], "range": [-3, 3]}
CLASSES = {"type": "classification", "targets": ["emotion"], "classes": ["a", "b", "c"]}
BINARY = {"type": "binary", "targets": ["happy", "sad"]}


def fold(truth: Any, prediction: Any) -> Fold:
    truth, prediction = np.array(truth, dtype=float), np.array(prediction, dtype=float)
    return Fold(np.array([f"v{i}[0]" for i in range(len(truth))]), truth, prediction)


VALID = fold([[1], [-1]], [[1], [0]])
TEST = fold([[2], [-1], [1]], [[1], [-1], [2]])


def write_run(
    path: Path,
    task: Any = REGRESSION,
    folds: tuple[Fold, Fold] = (VALID, TEST),
    epochs: Any = ((3, 4), ([[0.0], [0], [1]], [[2], [-1], [1]])),
    condition: str = "clean",
) -> Path:
    (path / "predictions").mkdir(parents=True)
    (path / "settings.json").write_text(json.dumps({"task": task, "seed": 1}))
    arrays: dict[str, Any] = {
        f"{name}/{part}": getattr(rows, part)
        for name, rows in zip(("valid", "test"), folds, strict=True)
        for part in Fold._fields
    }
    np.savez(path / "predictions" / f"{condition}.npz", **arrays)
    if epochs:
        numbers, outputs = epochs
        test = np.array(outputs, np.float32)
        valid = np.zeros((len(numbers), *folds[0].prediction.shape), np.float32)
        np.savez(path / "epochs.npz", epoch=numbers, valid=valid, test=test)
    return path


def run(*arguments: Any) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    main(parser.parse_args([str(argument) for argument in arguments]))


def test_regression_run(tmp_path: Path) -> None:
    run(write_run(tmp_path / "1"))
    scores = json.loads((tmp_path / "1" / "scores.json").read_text())
    assert list(scores) == [
        *("metrics_version", "condition", "task", "rows", "targets", "oracle_label", "oracle"),
        "modality_use",
    ]
    assert scores["task"] == REGRESSION
    assert scores["condition"] == "clean"
    assert scores["rows"] == {"valid": 2, "test": 3}
    test = scores["targets"]["sentiment"]["test"]
    assert test["mae"] == pytest.approx(2 / 3)
    assert test["acc2_non0"] == 1
    assert scores["targets"]["sentiment"]["valid"]["mae"] == 0.5
    assert scores["oracle_label"] == ORACLE_LABEL
    assert scores["oracle"]["sentiment"]["mae"] == {"value": 0, "epoch": 4}


def test_undefined_is_null_and_warns(tmp_path: Path) -> None:
    path = write_run(tmp_path / "1", folds=(TEST, fold([[2], [1]], [[1], [1]])), epochs=None)
    with pytest.warns(UserWarning, match="corr: undefined"):
        run(path, "--no-oracle", "--output", tmp_path / "other" / "scores.json")
    scores = json.loads((tmp_path / "other" / "scores.json").read_text())
    assert scores["targets"]["sentiment"]["test"]["corr"] is None
    assert scores["oracle"] is None
    assert not (path / "scores.json").exists()


def test_other_condition_has_its_own_file_and_no_oracle(tmp_path: Path) -> None:
    run(write_run(tmp_path / "1", condition="drop-audio"), "--condition", "drop-audio")
    scores = json.loads((tmp_path / "1" / "scores-drop-audio.json").read_text())
    assert scores["condition"] == "drop-audio"
    assert scores["oracle"] is None


def test_oracle_is_the_first_best_finite_epoch_of_each_metric() -> None:
    epochs = np.array([9, 10, 11, 12, 13])
    outputs = np.array(
        [
            [[2.0], [np.nan], [1]],  # would be right in all signs
            [[-1], [1], [-1]],  # all signs wrong
            [[3], [-3], [3]],  # signs right, mae 5 / 3
            [[2], [-1], [-0.5]],  # mae 0.5, one sign wrong
            [[3], [-3], [3]],  # as epoch 11
        ]
    )
    oracle = score(REGRESSION, {"valid": VALID, "test": TEST}, (epochs, outputs))["oracle"]
    assert oracle["sentiment"]["mae"] == {"value": 0.5, "epoch": 12}
    assert oracle["sentiment"]["acc2_has0"] == {"value": 1, "epoch": 11}


def test_oracle_is_undefined_where_every_epoch_is() -> None:
    outputs = np.ones((2, 3, 1))
    folds = {"valid": TEST, "test": TEST}
    oracle = score(REGRESSION, folds, (np.array([0, 1]), outputs))["oracle"]
    assert oracle["sentiment"]["corr"] == {"value": None, "epoch": None}
    assert oracle["sentiment"]["mae"]["epoch"] == 0
    oracle = score(REGRESSION, folds, (np.array([0, 1]), outputs * np.nan))["oracle"]
    assert oracle["sentiment"]["mae"] == {"value": None, "epoch": None}


def test_classification_has_a_confusion_matrix_with_rows_of_truth() -> None:
    rows = fold([[0], [1], [2], [2]], np.eye(3)[[0, 1, 1, 2]])
    content = score(CLASSES, {"valid": rows, "test": rows})
    assert content["confusion"] == {"emotion": [[1, 0, 0], [0, 1, 0], [0, 1, 1]]}
    assert list(content["targets"]["emotion"]["test"]) == ["acc", "f1", "f1_a", "f1_b", "f1_c"]


def test_binary_scores_each_target() -> None:
    rows = fold([[1, 0], [0, 0]], [[0, 1, 0, 1], [1, 0, 1, 0]])
    content = score(BINARY, {"valid": rows, "test": rows})
    assert content["targets"]["happy"]["test"] == {"acc": 1, "f1": 1}
    assert content["targets"]["sad"]["test"]["acc"] == 0.5
    assert "confusion" not in content


def message(path: Path, *arguments: str) -> str:
    with pytest.raises(InputError) as error:
        run(path, *arguments)
    assert not (path / "scores.json").exists()
    return str(error.value)


def test_missing_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "1"
    assert message(path).startswith(f"{path}/settings.json: expected a JSON file, got: ")
    write_run(path)
    (path / "epochs.npz").unlink()
    assert message(path).startswith(f"{path}/epochs.npz: expected an .npz file with ['epoch', ")
    (path / "predictions" / "clean.npz").unlink()
    assert message(path).startswith(f"{path}/predictions/clean.npz: expected an .npz file with ")


@pytest.mark.parametrize("kept", [0, 10, 300, -30])
def test_broken_predictions(tmp_path: Path, kept: int) -> None:
    file = write_run(tmp_path / "1") / "predictions" / "clean.npz"
    file.write_bytes(file.read_bytes()[:kept])
    assert "clean.npz: expected an .npz file with" in message(tmp_path / "1")


def test_predictions_damaged_in_the_middle(tmp_path: Path) -> None:
    path = write_run(tmp_path / "1")
    file = path / "predictions" / "clean.npz"
    arrays: dict[str, Any] = {"valid/ids": np.random.default_rng(0).normal(size=500)}
    np.savez_compressed(file, **arrays)
    content = bytearray(file.read_bytes())
    content[150:250] = b"\xff" * 100
    file.write_bytes(content)
    assert "clean.npz: expected an .npz file with" in message(path)


def test_file_without_a_fold(tmp_path: Path) -> None:
    path = write_run(tmp_path / "1")
    arrays: dict[str, Any] = {"valid/ids": VALID.ids}
    np.savez(path / "predictions" / "clean.npz", **arrays)
    assert "valid/truth is not a file in the archive" in message(path)


def test_settings_without_a_sound_task(tmp_path: Path) -> None:
    path = write_run(tmp_path / "1", task={"type": "ranking", "targets": ["x"]})
    assert "settings.json: task: expected a regression with" in message(path)
    (path / "settings.json").write_text("{}")
    assert "settings.json: expected the keys ['task'], missing: ['task']" in message(path)
    (path / "settings.json").write_text("[1]")
    assert "missing: ['task']" in message(path)


def test_all_problems_of_the_predictions_at_once(tmp_path: Path) -> None:
    bad = (fold(np.zeros((0, 1)), np.zeros((0, 1))), fold([[1], [2]], [[np.nan], [np.inf]]))
    text = message(write_run(tmp_path / "1", folds=bad))
    assert (
        "valid/ids: expected at least one row, got none; test/prediction: expected finite" in text
    )
    assert "got 2 others" in text

    bad = (fold([[0], [3]], np.zeros((2, 2))), fold([[0], [0.5]], np.zeros((2, 3))))
    text = message(write_run(tmp_path / "2", task=CLASSES, folds=bad))
    assert "valid/prediction: expected shape (2, 3), got (2, 2)" in text
    assert "valid/truth: expected class indices 0 to 2, got others" in text
    assert "test/truth: expected class indices 0 to 2, got others" in text


def test_epochs_of_another_test_fold(tmp_path: Path) -> None:
    path = write_run(tmp_path / "1", epochs=((0,), np.zeros((1, 4, 1))))
    assert "epochs.npz: test: expected shape (1, 3, 1), got (1, 4, 1)" in message(path)


def test_how_much_a_modality_changes(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    path = folder / "predictions" / "clean.npz"
    arrays = dict(np.load(path))
    clean = arrays["test/prediction"]
    moved = clean.copy()
    moved[1] -= 0.75
    np.savez(path, **arrays, **{"permuted/text": moved, "permuted/audio": clean})
    run(folder)
    content = json.loads((folder / "scores.json").read_text())
    assert content["modality_use"] == {"text": 0.75, "audio": 0.0}


def test_whether_the_run_learned(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    for record, expected in (({"learned": False}, False), ({}, None)):
        (folder / "training.json").write_text(json.dumps(record))
        run(folder)
        assert json.loads((folder / "scores.json").read_text())["learned"] is expected
