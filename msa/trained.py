"""A model on a data set: its result, and what its runs left."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from msa.compare import label
from msa.leaderboard import read_result
from msa.reading import read_json
from msa.score import read_folds


@dataclass(frozen=True)
class Model:
    """One model's result and what its runs left.

    Attributes:
        result: results/<dataset>/<model>.json.
        runs: folder of each run, by target and seed.
        task: of the runs.
    """

    result: Mapping[str, Any]
    runs: Mapping[tuple[str, int], Path]
    task: Mapping[str, Any]

    @property
    def name(self) -> str:
        return label(self.result)

    def of(self, target: str) -> list[Path]:
        """Runs that predict a target, one a seed."""
        return [path for (of, _), path in self.runs.items() if of in ("all", target)]


def read_models(folder: Path, runs: Path) -> list[Model]:
    """The models of a data set's leaderboard, in its order."""
    board = pd.read_csv(folder / "leaderboard.csv")
    models = []
    for name in board["model"].drop_duplicates():
        found = re.fullmatch(r"(\w+)(?: \((\w+)\))?", name)
        assert found
        best = found[2] == "best"
        result = read_result(folder / (f"{found[1]}.best.json" if best else f"{found[1]}.json"))
        home = runs / result["dataset"] / result["model"] / result["variant"]
        seeds = result["provenance"]["seeds"]
        paths = {
            (path.parent.name, seed): path
            for seed in seeds
            for path in sorted(home.glob(f"*/{seed}"))
            if path.parent.name in ("all", *result["targets"])
        }
        task = read_json(next(iter(paths.values())) / "settings.json", "task")["task"]
        models.append(Model(result, paths, task))
    return models


def histories(model: Model) -> list[tuple[pd.DataFrame, int]]:
    """The history of each run that was trained for more than one epoch, and its selected epoch."""
    found = []
    for path in model.runs.values():
        if (path / "history.csv").is_file():
            history = pd.read_csv(path / "history.csv")
            if len(history) > 1:
                record = read_json(path / "training.json", "selected_epoch")
                found.append((history, record["selected_epoch"]))
    return found


def outputs(model: Model, target: str) -> tuple[np.ndarray, np.ndarray]:
    """Truth (n,) and outputs (n, m) of the test fold, averaged over the seeds."""
    folds = [read_folds(path, model.task)["test"] for path in model.of(target)]
    j = model.task["targets"].index(target)
    mean = np.mean([fold.prediction for fold in folds], axis=0)
    if model.task["type"] == "regression":
        mean = mean[:, j : j + 1]
    elif model.task["type"] == "binary":
        mean = mean[:, 2 * j : 2 * j + 2]
    return folds[0].truth[:, j], mean
