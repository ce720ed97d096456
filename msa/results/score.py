"""Scores of one run from its stored predictions, so that a new metric never runs a model."""

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from msa.base.atomic import atomic_write
from msa.base.errors import InputError
from msa.base.reading import read_json, read_npz
from msa.results.metrics import (
    ALL,
    METRICS_VERSION,
    best,
    confusion,
    scored_targets,
    target_scores,
)

ORACLE_LABEL = (
    "best test epoch per metric; selected on the test fold, never compare with it as ours"
)


class Fold(NamedTuple):
    """The rows of one fold: ids (n,), truth (n, k), raw model outputs (n, m)."""

    ids: np.ndarray
    truth: np.ndarray
    prediction: np.ndarray


def score(
    task: Mapping[str, Any],
    folds: Mapping[str, Fold],
    epochs: tuple[np.ndarray, ...] | None = None,
    condition: str = "clean",
) -> dict[str, Any]:
    """The content of scores.json; undefined scores are None, and warn.

    Args:
        task: the `task` of settings.json.
        folds: `valid` and `test`.
        epochs: numbers (e,) and test predictions (e, n, m) for the oracle, which is None without
            them; an epoch with NaN or infinity is no candidate.
        condition: what was done to the model's input.
    """
    test, targets = folds["test"], scored_targets(task)
    content: dict[str, Any] = {
        "metrics_version": METRICS_VERSION,
        "condition": condition,
        "task": dict(task),
        "rows": {name: len(fold.ids) for name, fold in folds.items()},
        "targets": {t: {f: _scores(task, t, folds[f]) for f in folds} for t in targets},
        "oracle_label": ORACLE_LABEL,
        "oracle": epochs and {t: _oracle(task, t, test.truth, *epochs) for t in targets},
    }
    if task["type"] == "classification":
        counts = confusion(test.truth[:, 0], test.prediction.argmax(axis=1), len(task["classes"]))
        content["confusion"] = {task["targets"][0]: counts.tolist()}
    return content


def modality_use(prediction: np.ndarray, permuted: Mapping[str, np.ndarray]) -> dict[str, float]:
    """By modality, the largest change of an output when that modality's rows are permuted.

    It is 0 where no path leads from the modality to the output.

    Args:
        prediction: of the test fold (n, m).
        permuted: by modality, the predictions (n, m) with its rows permuted among the segments.
    """
    return {name: float(np.abs(outputs - prediction).max()) for name, outputs in permuted.items()}


def _scores(task: Mapping[str, Any], target: str, fold: Fold) -> dict[str, float | None]:
    scores = target_scores(task, target, fold.truth, fold.prediction)
    return {key: None if np.isnan(value) else float(value) for key, value in scores.items()}


def _oracle(
    task: Mapping[str, Any], target: str, truth: np.ndarray, epoch: np.ndarray, outputs: np.ndarray
) -> dict[str, dict[str, float | int | None]]:
    finite = np.isfinite(outputs).all(axis=(1, 2))
    epoch = epoch[finite]
    oracle: dict[str, dict[str, float | int | None]] = {}
    for key, values in target_scores(task, target, truth, outputs[finite].astype(float)).items():
        place = best(key, values)  # of (e,)
        oracle[key] = {"value": None, "epoch": None}
        if place is not None:
            oracle[key] = {"value": float(values[place]), "epoch": int(epoch[place])}
    return oracle


def read_folds(run: Path, task: Any, condition: str = "clean") -> dict[str, Fold]:
    """The predictions of a run, folds `valid` and `test`.

    Raises:
        InputError: the file is missing or broken, the task of the run's settings is none, shapes
            do not fit it, a fold has no rows, a number is not finite, or a truth is no class.
    """
    if not any(widths(task)):
        raise InputError(
            f"{run / 'settings.json'}: task: expected a regression with targets and range [low, "
            "high], a classification with one target and its classes, or a binary with targets, "
            f"got {task}"
        )
    path = run / "predictions" / f"{condition}.npz"
    keys = {name: [f"{name}/{part}" for part in Fold._fields] for name in ("valid", "test")}
    arrays = read_npz(path, *keys["valid"], *keys["test"])
    folds = {name: Fold(*(arrays[key] for key in parts)) for name, parts in keys.items()}
    problems = [f"{name}/{text}" for name, fold in folds.items() for text in faults(fold, task)]
    if problems:
        raise InputError(f"{path}: {'; '.join(problems)}")
    return folds


def read_epochs(run: Path, folds: Mapping[str, Fold]) -> dict[str, np.ndarray]:
    """What a run predicted after every epoch: `epoch` (e,), `valid` (e, v, m), `test` (e, n, m).

    Args:
        run: folder of the run, with epochs.npz.
        folds: the run's predictions, as of `read_folds`.

    Raises:
        InputError: the file is missing or broken, or of other rows or outputs than the folds.
    """
    path = run / "epochs.npz"
    arrays = read_npz(path, "epoch", *folds)
    for name, fold in folds.items():
        expected = (len(arrays["epoch"]), *fold.prediction.shape)
        if (got := arrays[name].shape) != expected:
            raise InputError(f"{path}: {name}: expected shape {expected}, got {got}; train again")
    return arrays


def read_permuted(run: Path) -> dict[str, np.ndarray]:
    """By modality, a run's test predictions (n, m) with its rows permuted; older runs have none."""
    arrays = read_npz(run / "predictions" / "clean.npz")
    keys = [key for key in arrays if key.startswith("permuted/")]
    return {key.partition("/")[2]: arrays[key] for key in keys}


def read_deal(run: Path) -> dict[str, np.ndarray]:
    """Of a cross-validation's run the `group` and `fold` of each test row, (n,) each.

    Raises:
        InputError: the file is missing or broken, or their numbers of rows differ.
    """
    path = run / "predictions" / "clean.npz"
    keys = ("test/ids", "test/group", "test/fold")
    arrays = read_npz(path, *keys)
    if len({len(arrays[key]) for key in keys}) > 1:
        raise InputError(f"{path}: expected as many of {', '.join(keys)}; pool the folds again")
    return {key.partition("/")[2]: arrays[key] for key in keys[1:]}


def widths(task: Any) -> tuple[int, int, int]:
    """Columns of truth and prediction, and classes (0 in a regression); zeros if it is no task."""
    match task:
        case {"type": "regression", "targets": [_, *_] as targets, "range": [_, _]}:
            return len(targets), len(targets), 0
        case {"type": "classification", "targets": [_], "classes": [_, _, *_] as classes}:
            return 1, len(classes), len(classes)
        case {"type": "binary", "targets": [_, *_] as targets}:
            return len(targets), 2 * len(targets), 2
    return 0, 0, 0


def of_target(fold: Fold, task: Mapping[str, Any], target: str) -> Fold:
    """A fold of one target: truth (n, 1), outputs (n, 1) or (n, classes); of ALL, itself."""
    if target == ALL:
        return fold
    j, width = task["targets"].index(target), fold.prediction.shape[1] // len(task["targets"])
    outputs = fold.prediction[:, width * j : width * (j + 1)]
    return Fold(fold.ids, fold.truth[:, j : j + 1], outputs)


def faults(fold: Fold, task: Mapping[str, Any]) -> Iterator[str]:
    """What of a fold's arrays does not fit the task."""
    targets, outputs, classes = widths(task)
    n = len(fold.ids)
    if n == 0:
        yield "ids: expected at least one row, got none"
    for part, width in (("truth", targets), ("prediction", outputs)):
        values = getattr(fold, part)
        if values.shape != (n, width):
            yield f"{part}: expected shape {(n, width)}, got {values.shape}"
        elif wrong := np.count_nonzero(~np.isfinite(values)):
            yield f"{part}: expected finite numbers, got {wrong} others (did training diverge?)"
    if classes and not np.isin(fold.truth, np.arange(classes)).all():
        yield f"truth: expected class indices 0 to {classes - 1}, got others"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this stage's arguments."""
    parser.add_argument(
        "run", type=Path, metavar="RUN_DIR", help="with settings.json, predictions/"
    )
    parser.add_argument("--condition", default="clean", help="which predictions (default: clean)")
    parser.add_argument(
        "--no-oracle",
        action="store_true",
        help="for a run without epochs.npz, such as a released checkpoint; implied by a condition",
    )
    parser.add_argument("--output", type=Path, help="default: RUN_DIR/scores[-CONDITION].json")


def main(args: argparse.Namespace) -> None:
    """Read the predictions of one run, write its scores."""
    clean = args.condition == "clean"
    task = read_json(args.run / "settings.json", "task")["task"]
    folds = read_folds(args.run, task, args.condition)
    epochs = None
    if clean and not args.no_oracle:
        arrays = read_epochs(args.run, folds)
        epochs = arrays["epoch"], arrays["test"]
    content = score(task, folds, epochs, args.condition)
    if clean:
        content["modality_use"] = modality_use(folds["test"].prediction, read_permuted(args.run))
    if clean and (record := args.run / "training.json").is_file():
        content["learned"] = read_json(record).get("learned")
    name = "scores.json" if clean else f"scores-{args.condition}.json"
    with atomic_write(args.output or args.run / name) as file:
        json.dump(content, file, indent=2, allow_nan=False)
        file.write("\n")
