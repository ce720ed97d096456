"""Protocols: how published numbers of this field were chosen and computed, from stored predictions.

A protocol's name is of one or more parts, joined by `+`: at most one of EPOCHS says which epoch's
predictions count, `best_seed` which seed's, and any of CONVENTIONS how they are scored. What no
part says is as we do. Nothing is trained or predicted again. PROTOCOLS_VERSION stands in the table.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from msa.base.atomic import atomic_write
from msa.base.errors import InputError
from msa.results.conventions import CONVENTIONS, rescored
from msa.results.leaderboard import read_result
from msa.results.metrics import LOWER_IS_BETTER, Array, best, target_scores
from msa.results.score import read_epochs, read_folds
from msa.results.selections import EPOCHS, Seed, places
from msa.results.summarize import Run, label, read_run, run_folders

PROTOCOLS_VERSION = "1"
COLUMNS = ("model", "target", "metric", "protocol", "mean", "std", "flattery", "version")
OURS = "ours"
UNKNOWN = "unknown"  # of a published figure
BEST_SEED = "best_seed"
SEEDS = {BEST_SEED: "the best of the seeds, not their mean"}
# one name for two parts
TOGETHER = {"best_seed_and_epoch": ("best_test_per_metric", BEST_SEED)}
# by what one test epoch is chosen in the table, where a task has it
CHOSEN_BY = ("mae", "acc2_has0", "acc2_sims", "acc", "wacc", "f1_has0", "f1_sims", "f1")


class Protocol(NamedTuple):
    """The parts of a name.

    Attributes:
        epoch: one of EPOCHS, or "" for the selected one.
        by: the test metric that chooses in `best_test_epoch:<metric>`.
        best_seed: whether the best seed stands for the mean of all.
        conventions: of CONVENTIONS.
    """

    epoch: str = ""
    by: str = ""
    best_seed: bool = False
    conventions: frozenset[str] = frozenset()


def parse(name: str) -> Protocol:
    """The protocol of a name; InputError if it is none."""
    protocol = Protocol()
    named = [] if name == OURS else name.split("+")
    for part in (part for one in named for part in TOGETHER.get(one, (one,))):
        epoch, _, by = part.partition(":")
        if epoch in EPOCHS and (epoch == "best_test_epoch") == bool(by) and not protocol.epoch:
            protocol = protocol._replace(epoch=epoch, by=by)
        elif part == BEST_SEED:
            protocol = protocol._replace(best_seed=True)
        elif part in CONVENTIONS:
            protocol = protocol._replace(conventions=protocol.conventions | {part})
        else:
            known = ", ".join([OURS, *EPOCHS, *SEEDS, *TOGETHER, *CONVENTIONS])
            raise InputError(
                f"protocol {name!r}: expected parts joined by +, at most one of them an epoch, "
                f"among {known}, with best_test_epoch:<metric>; got {part!r}"
            )
    return protocol


def words(name: str) -> str:
    """What a protocol does, for readers; nothing of ours, or of one that is unknown."""
    if name == UNKNOWN:
        return ""
    protocol = parse(name)
    epoch = [f"{EPOCHS[protocol.epoch]} {protocol.by}".strip()] if protocol.epoch else []
    seed = [SEEDS[BEST_SEED]] if protocol.best_seed else []
    how = [text for part, text in CONVENTIONS.items() if part in protocol.conventions]
    return "; ".join(epoch + seed + how)


def names(metrics: Sequence[str]) -> list[str]:
    """The protocols that the table has of a target with these metrics, as far as they apply."""
    by = [f"best_test_epoch:{metric}" for metric in CHOSEN_BY if metric in metrics]
    epochs = [part for name in EPOCHS for part in (by if name == "best_test_epoch" else [name])]
    return [OURS, *epochs, *SEEDS, *TOGETHER, *CONVENTIONS]


def under(
    protocol: Protocol, task: Mapping[str, Any], target: str, seeds: Sequence[Seed]
) -> dict[str, Array] | None:
    """The test scores of each seed under a protocol, every metric to (s,); NaN is undefined.

    With conventions, epochs are chosen by scores that are computed so too.

    Returns:
        None where there is nothing to choose from: no run has a second epoch, there is one seed,
        or the metric that chooses is not the task's.
    """
    one_epoch = all(len(seed.test) == 1 for seed in seeds)
    if (protocol.epoch and one_epoch) or (protocol.best_seed and len(seeds) == 1):
        return None
    values: dict[str, list[float]] = {}
    for seed in seeds:
        test, valid = (
            target_scores(task, target, truth, outputs)
            | rescored(task, target, truth, outputs, protocol.conventions)
            for truth, outputs in ((seed.test_truth, seed.test), (seed.valid_truth, seed.valid))
        )
        if protocol.by and protocol.by not in test:
            return None
        for metric, place in places(protocol.epoch, protocol.by, seed, test, valid).items():
            value = np.nan if place is None else float(test[metric][place])
            values.setdefault(metric, []).append(value)
    return {metric: np.array(each) for metric, each in values.items()}


def changed(
    protocol: Protocol, task: Mapping[str, Any], target: str, seed: Seed, metrics: Sequence[str]
) -> list[str]:
    """Those of some metrics that a protocol may give another value than ours."""
    if protocol.epoch or protocol.best_seed:
        return [*metrics]
    others = rescored(task, target, seed.test_truth, seed.test[:1], protocol.conventions)
    return [metric for metric in metrics if metric in others]


def spread(protocol: Protocol, metric: str, values: Array) -> tuple[float, float]:
    """What stands for the seeds' values (s,): their mean and sample standard deviation.

    For the best seed its value, and NaN. Where one is undefined, so is all.
    """
    if np.isnan(values).any():
        return np.nan, np.nan
    if protocol.best_seed:
        return float(values[best(metric, values)]), np.nan
    return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else np.nan


def flattery(metric: str, ours: float, theirs: float) -> float:
    """By how much better a number looks than ours, in the metric's unit; below 0 it looks worse."""
    return ours - theirs if metric in LOWER_IS_BETTER else theirs - ours


def signed(looks: float) -> str:
    """Flattery as tables show it; without a sign before nothing, and empty where undefined."""
    return "" if np.isnan(looks) else f"{round(looks, 3) + 0.0:+.3f}".replace("+0.000", "0.000")


def rows(
    model: str, task: Mapping[str, Any], target: str, seeds: Sequence[Seed]
) -> Iterator[tuple[Any, ...]]:
    """The table's rows, as of COLUMNS, of one model and target."""
    ours = under(Protocol(), task, target, seeds) or {}
    for name in names([*ours]):
        protocol = parse(name)
        theirs = under(protocol, task, target, seeds)
        if theirs is None:
            continue
        metrics = [*ours] if name == OURS else changed(protocol, task, target, seeds[0], [*ours])
        for metric in metrics:
            base, _ = spread(Protocol(), metric, ours[metric])
            mean, std = spread(protocol, metric, theirs[metric])
            looks = flattery(metric, base, mean)
            yield model, target, metric, name, mean, std, looks, PROTOCOLS_VERSION


def read_seed(run: Run, kept: bool = True) -> Seed:
    """What a run predicted; `kept` is whether it has epochs.npz.

    The selected epoch's predictions are those of clean.npz, of which our scores are.
    """
    folds = read_folds(run.path, run.settings["task"])
    outputs = {name: fold.prediction[None] for name, fold in folds.items()}
    number, ours = run.training["selected_epoch"], np.array([True])
    if kept:
        epochs = read_epochs(run.path, folds)
        ours = epochs["epoch"] == number
        outputs = {
            name: np.where(ours[:, None, None], outputs[name], epochs[name]) for name in folds
        }
        whole = np.all([np.isfinite(each).all(axis=(1, 2)) for each in outputs.values()], axis=0)
        outputs, ours = {name: each[whole] for name, each in outputs.items()}, ours[whole]
    if np.count_nonzero(ours) != 1:
        path, got = run.path / "epochs.npz", epochs["epoch"]
        raise InputError(
            f"{path}: expected epoch {number}, the selected one, got {got}; train again"
        )
    loss = run.settings["hyperparameters"]["loss"]
    truths = folds["valid"].truth, folds["test"].truth
    return Seed(int(ours.argmax()), outputs["valid"], outputs["test"], *truths, loss)


def read_seeds(
    result: Mapping[str, Any], runs: Path
) -> Iterator[tuple[str, Mapping[str, Any], list[Seed]]]:
    """Each target of a result, with its task and what the runs for it predicted, one a seed.

    Raises:
        InputError: a run is not there, is broken, or is another one than the result was made from.
    """
    every = [read_run(path) for path in run_folders(result, runs)]
    seeds = [read_seed(run, result["oracle"] is not None) for run in every]
    for target in result["targets"]:
        its = [place for place, run in enumerate(every) if target in run.columns]
        yield target, every[its[0]].settings["task"], [seeds[place] for place in its]


def table(results: Sequence[Mapping[str, Any]], runs: Path) -> pd.DataFrame:
    """Every model, target and metric under every protocol that applies, of COLUMNS.

    What does not apply has no row: choices of an epoch where none were kept (a released checkpoint,
    a cross-validation) or there is one (a closed form), a best of one seed, a convention in the
    metrics that it leaves as they are. What is undefined is NaN.
    """
    made = [
        row
        for result in results
        for target, task, seeds in read_seeds(result, runs)
        for row in rows(label(result), task, target, seeds)
    ]
    return pd.DataFrame(made, columns=list(COLUMNS))


def shown(frame: pd.DataFrame) -> str:
    """The table of one model and target for a terminal: ours, and below it what each flatters."""
    wide = frame.pivot_table("flattery", "protocol", "metric", sort=False, dropna=False)
    ours = frame[frame["protocol"] == OURS].set_index("metric")["mean"]
    texts = wide.map(signed)
    texts.loc[OURS] = [f"{ours[metric]:.3f}".replace("nan", "n/a") for metric in wide.columns]
    return texts.rename_axis(index=None, columns=None).to_string()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this stage's arguments."""
    parser.add_argument(
        "results", type=Path, nargs="+", metavar="RESULT.json", help="of one data set"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs")
    parser.add_argument("--output", type=Path, help="protocols.csv to write, in place of a table")


def main(args: argparse.Namespace) -> None:
    """Read the runs behind results; write or print what each protocol makes of them."""
    frame = table([read_result(path) for path in args.results], args.runs)
    if args.output:
        with atomic_write(args.output) as file:
            frame.to_csv(file, index=False)
        return
    for (model, target), part in frame.groupby(["model", "target"], sort=False):
        print(f"{model}, {target}: ours, and by how much better each protocol looks (+)")
        print(shown(part), end="\n\n")
