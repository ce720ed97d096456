"""A model on a data set: its result, and what its runs left."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from msa.base.reading import read_json
from msa.results.leaderboard import read_result
from msa.results.score import Fold, of_target, read_folds
from msa.results.summarize import label, run_folders


@dataclass(frozen=True)
class Model:
    """One model's result and what its runs left.

    Attributes:
        result: results/<dataset>/<model>.json.
        runs: folder of each run.
        task: of the first run; type, range and classes are those of all.
    """

    result: Mapping[str, Any]
    runs: Sequence[Path]
    task: Mapping[str, Any]

    @property
    def name(self) -> str:
        return label(self.result)

    def of(self, target: str) -> list[Path]:
        """Runs that predict a target, one a seed."""
        return [path for path in self.runs if path.parent.name in ("all", target)]


def read_models(folder: Path, runs: Path) -> list[Model]:
    """The models of a data set's leaderboard, in its order; probes are none."""
    board = pd.read_csv(folder / "leaderboard.csv")
    board = board[board["kind"] == "system"] if "kind" in board else board
    models = []
    for name in board["model"].drop_duplicates():
        found = re.fullmatch(r"(\w+)(?: \((\w+)\))?", name)
        assert found
        best = found[2] == "best"
        result = read_result(folder / (f"{found[1]}.best.json" if best else f"{found[1]}.json"))
        paths = run_folders(result, runs)
        task = read_json(paths[0] / "settings.json", "task")["task"]
        models.append(Model(result, paths, task))
    return models


def histories(model: Model, target: str) -> list[tuple[pd.DataFrame, int]]:
    """The history and selected epoch of each run for a target, if it has more than one epoch."""
    curves = []
    for path in model.of(target):
        if (path / "history.csv").is_file():
            history = pd.read_csv(path / "history.csv")
            if len(history) > 1:
                record = read_json(path / "training.json", "selected_epoch")
                curves.append((history, record["selected_epoch"]))
    return curves


def predicted(model: Model, target: str) -> Fold:
    """The test fold's ids (n,), truth (n, 1) and outputs (n, m), averaged over the seeds."""
    folds = []
    for path in model.of(target):
        task = read_json(path / "settings.json", "task")["task"]
        folds.append(of_target(read_folds(path, task)["test"], task, target))
    return folds[0]._replace(prediction=np.mean([fold.prediction for fold in folds], axis=0))


def outputs(model: Model, target: str) -> tuple[np.ndarray, np.ndarray]:
    """Truth (n,) and outputs (n, m) of the test fold, averaged over the seeds."""
    rows = predicted(model, target)
    return rows.truth[:, 0], rows.prediction
