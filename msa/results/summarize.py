"""All seeds of one model on one data set into one result, results/<dataset>/<model>.json.

A system has one run a seed (target `all`), or one a seed and target (one model each); a run of the
target `angry` contributes `angry` alone, whatever else its model puts out. The content follows
workflow/schemas/result.schema.json.
"""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np

from msa.base.atomic import atomic_write
from msa.base.coverage import counts
from msa.base.errors import InputError
from msa.base.lock import origin
from msa.base.reading import read_json
from msa.results.bootstrap import description, numbered, resamples, videos
from msa.results.cost import costs
from msa.results.metrics import METRICS_VERSION, scored_targets, target_scores
from msa.results.score import ORACLE_LABEL, Fold, read_deal, read_folds

SCHEMA_VERSION = "1"
DESCRIPTION = ("dataset", "model", "variant", "settings")
SETTINGS = (*DESCRIPTION, "missing", "task", "label_columns", "target", "seed")
# what the runs of all targets agree in; those of one target agree in all settings but FREE
SHARED = (*DESCRIPTION, "missing", "training.rows", "training.selection", "oracle")
# settings that change no number, and the two that runs are told apart by
FREE = ("seed", "target")
TRAINING = (
    *("parameters", "rows", "lengths", "text", "selection", "selected_epoch"),
    *("wall_time_s", "rows_per_s"),
    "provenance",
)
# what tells whether two runs of the same name are the same
DIGESTS = ("config_digest", "data_digest", "code_digest")
ELSEWHERE = (
    "give the runs' own folder (--runs, or --configfile with its paths), or make the result again"
)

Json = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """One run directory.

    Attributes:
        path: the directory.
        settings: settings.json.
        training: training.json.
        scores: scores.json.
        test: the test rows of predictions/clean.npz.
        deal: of a cross-validation the `group` and `fold` of each, (n,); otherwise nothing.
    """

    path: Path
    settings: Json
    training: Json
    scores: Json
    test: Fold
    deal: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def units(self) -> np.ndarray:
        """The number of what each test row is drawn with in a resample, (n,)."""
        return numbered(self.deal["group"]) if self.deal else videos(self.test.ids)

    @property
    def bootstrap(self) -> Json:
        """What a resample draws."""
        unit = self.settings["folds"]["by"] if self.deal else "video"
        return description(self.test.ids, self.units, unit)

    @property
    def target(self) -> str:
        """`all`, or the one target that the run contributes."""
        return self.settings["target"]

    @property
    def columns(self) -> dict[str, int]:
        """The targets that the run contributes, each with its column of the data set's labels.

        Means over all targets, where they are scored, come before the first column.
        """
        task = self.settings["task"]
        of = dict(zip(task["targets"], self.settings["label_columns"], strict=True))
        names = scored_targets(task) if self.target == "all" else [self.target]
        return {name: of.get(name, -1) for name in names}

    @property
    def seed(self) -> str:
        """The seed as a JSON key."""
        return str(self.settings["seed"])

    @property
    def label(self) -> str:
        """The run as a JSON key: `<seed>`, or `<target>/<seed>`."""
        return self.seed if self.target == "all" else f"{self.target}/{self.seed}"


def label(facts: Mapping[str, Any]) -> str:
    """A model's name in tables, from settings or a result: its variant too, unless `main`."""
    model, variant = facts["model"], facts["variant"]
    return model if variant == "main" else f"{model} ({variant})"


def run_folders(result: Mapping[str, Any], runs: Path) -> list[Path]:
    """The folders of a result's runs below that of all runs, by target and seed.

    Raises:
        InputError: a run is not there, or is another one than the result was made from.
    """
    home = runs / result["dataset"] / result["model"] / result["variant"]
    folders = []
    for name in result["selected_epoch"]:  # as of `Run.label`
        folder = home / (name if "/" in name else f"all/{name}")
        if not folder.is_dir():
            raise InputError(f"{folder}: expected a run of the result, got none; {ELSEWHERE}")
        origin = read_json(folder / "training.json", "provenance")["provenance"]
        for key in DIGESTS:
            stored = result["provenance"][key]
            expected = stored[name] if isinstance(stored, dict) else stored
            if origin[key] != expected:
                raise InputError(
                    f"{folder}: expected the run that the result was made from, {key} {expected}, "
                    f"got another, {origin[key]}; {ELSEWHERE}"
                )
        folders.append(folder)
    return folders


def read_run(path: Path) -> Run:
    """Read a run directory; InputError if a file is missing, broken or does not fit the others."""
    settings = read_json(path / "settings.json", *SETTINGS)
    training = read_json(path / "training.json", *TRAINING)
    made_for = {"metrics_version": METRICS_VERSION, "condition": "clean", "task": settings["task"]}
    scores = read_json(path / "scores.json", *made_for, "targets", "oracle")
    if unlike := {key: scores[key] for key in made_for if scores[key] != made_for[key]}:
        expected = {key: made_for[key] for key in unlike}
        raise InputError(f"{path}/scores.json: expected {expected}, got {unlike}; score it again")
    folds = read_folds(path, settings["task"])
    if settings["target"] not in (names := ["all", *settings["task"]["targets"]]):
        target = settings["target"]
        raise InputError(f"{path}/settings.json: target: expected one of {names}, got {target!r}")
    return Run(path, settings, training, scores, folds["test"], deal_of(path, settings))


def deal_of(path: Path, settings: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The groups and folds of a run of a whole cross-validation; nothing of any other."""
    return read_deal(path) if "fold" not in settings.get("folds", {"fold": 0}) else {}


def summarize(
    runs: Sequence[Run],
    name: str | None = None,
    note: str | None = None,
    cost: Sequence[Json] = (),
    coverage: Json | None = None,
    files: Sequence[Json] = (),
    authority: str | None = None,
    ours: str | None = None,
    licences: Sequence[Json] = (),
) -> Json:
    """The result of one model, ready for JSON.

    Args:
        runs: at least one, in any order.
        name: the user's name for it.
        note: the user's note on it.
        cost: what each job took, as of `msa.results.cost.costs`.
        coverage: of the data, by fold, as of `msa.base.coverage`; None where it is not known.
        files: the raw files, as of `raw_files`.
        authority: what the system is checked against, as of a model recipe; None of a baseline.
        ours: what of it is not its authors'.
        licences: of the data set, its features and its text encoder.

    Raises:
        InputError: two runs have the same target and seed, or differ in more than those.
    """
    ledgers = {"cost": [*cost], "files": [*files], "licences": [*licences]}
    remarks = {**ledgers, "name": name, "note": note}
    models = _models(runs)
    every = [run for seeds in models.values() for run in seeds]
    targets, valid, oracle = {}, {}, {}
    for seeds in models.values():
        weights = resamples(seeds[0].units)
        for target in seeds[0].columns:
            scores = {run.seed: run.scores["targets"][target] for run in seeds}
            targets[target] = _spreads({seed: folds["test"] for seed, folds in scores.items()})
            valid[target] = _spreads({seed: folds["valid"] for seed, folds in scores.items()})
            for metric, interval in _intervals(seeds, target, weights).items():
                targets[target][metric]["ci95"] = interval
            if seeds[0].scores["oracle"]:
                oracle[target] = _oracle({run.seed: run.scores["oracle"][target] for run in seeds})
    settings, training = every[0].settings, every[0].training
    wall_times = _by_run(every, "wall_time_s")
    return {
        "schema_version": SCHEMA_VERSION,
        **{key: settings[key] for key in DESCRIPTION},
        **_joined({run.label: {"source": run.settings.get("source")} for run in every}),
        "authority": authority,
        "ours": ours,
        "missing_modalities": settings["missing"],
        "metrics_version": METRICS_VERSION,
        **_cross_validation(models),
        "bootstrap": every[0].bootstrap,
        "targets": targets,
        "valid": valid,
        "oracle": {"label": ORACLE_LABEL, "targets": oracle} if oracle else None,
        "selection": training["selection"],
        "selected_epoch": _by_run(every, "selected_epoch"),
        # runs of before do not say
        "learned": {run.label: run.training.get("learned") for run in every},
        "modality_use": _modality_use(every),
        "parameters": sum(seeds[0].training["parameters"] for seeds in models.values()),
        "wall_time_s": {"total": sum(wall_times.values()), "per_seed": wall_times},
        "rows_per_s": _by_run(every, "rows_per_s"),
        "rows": training["rows"],
        "lengths": {seeds[0].target: seeds[0].training["lengths"] for seeds in models.values()},
        "text": training["text"],
        "coverage": coverage,
        "provenance": _provenance(every) | remarks,
    }


def raw_files(checked: Iterable[Path], locks: Iterable[Path]) -> list[Json]:
    """Each raw file's checksum and, if it came from a mirror, which.

    Args:
        checked: files with their checksums; a run from elsewhere may come without.
        locks: of the same raw files.
    """
    return [
        {"file": path.stem, **asdict(seen)}
        for path, lock in zip(checked, locks, strict=True)
        if (seen := origin(path, lock))
    ]


def _by_run(runs: Sequence[Run], key: str) -> Json:
    return {run.label: run.training[key] for run in runs}


def _models(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """The runs of each target, in the data set's order, by seed; checked to differ in no more."""
    models: dict[str, list[Run]] = {}
    for run in sorted(runs, key=lambda run: ([*run.columns.values()], run.settings["seed"])):
        models.setdefault(run.target, []).append(run)
    problems = []
    if "all" in models and len(models) > 1:
        problems.append(f"targets: expected `all` or single ones, got {list(models)}")
    for first, *others in models.values():
        problems += _differences(runs[0], first, SHARED)
        for run in others:
            problems += _differences(first, run, _facts(first) | _facts(run))
        for run, next_run in pairwise([first, *others]):
            if run.seed == next_run.seed:
                problems.append(f"{next_run.path}: the same target and seed as {run.path}")
    if problems:
        raise InputError("; ".join([*problems, "summarize the seeds of one model together"]))
    return models


def _modality_use(runs: Sequence[Run]) -> dict[str, float]:
    """By modality, the largest over all runs of `msa.results.score.modality_use`."""
    used: dict[str, float] = {}
    for run in runs:
        for name, change in run.scores.get("modality_use", {}).items():
            used[name] = max(change, used.get(name, 0.0))
    return used


def _facts(run: Run) -> Json:
    """What may not differ between seeds."""
    rows = sha256("\n".join(run.test.ids).encode() + run.test.truth.tobytes()).hexdigest()
    settings = {key: value for key, value in run.settings.items() if key not in FREE}
    training = {f"training.{k}": run.training[k] for k in ("parameters", "rows", "selection")}
    oracle = "with" if run.scores["oracle"] else "without"
    return {**settings, **training, "oracle": oracle, "test rows (digest)": rows[:12]}


def _differences(reference: Run, run: Run, keys: Iterable[str]) -> list[str]:
    expected, got = _facts(reference), _facts(run)
    return [
        f"{run.path}: {key}: expected {expected.get(key)!r} as in {reference.path}, "
        f"got {got.get(key)!r}"
        for key in keys
        if expected.get(key) != got.get(key)
    ]


def _spreads(scores: Mapping[str, Mapping[str, float | None]]) -> dict[str, Json]:
    """Mean, sample standard deviation and values of every metric, from seed -> metric -> value."""
    spreads = {}
    for metric in next(iter(scores.values())):
        values = {seed: of_seed[metric] for seed, of_seed in scores.items()}
        known = [value for value in values.values() if value is not None]
        complete = len(known) == len(values)  # a mean without the undefined seeds would hide them
        spreads[metric] = {
            "mean": fmean(known) if complete else None,
            "std": stdev(known) if complete and len(known) > 1 else None,
            "per_seed": values,
        }
    return spreads


def _intervals(seeds: Sequence[Run], target: str, weights: np.ndarray) -> dict[str, Any]:
    """The middle 95 % of each metric's mean over seeds, of the resamples where it is defined.

    A resample draws the same videos for every seed.
    """
    outputs = np.stack([run.test.prediction for run in seeds])  # (s, n, m)
    scores = target_scores(seeds[0].settings["task"], target, seeds[0].test.truth, outputs, weights)
    intervals = {}
    for metric, values in scores.items():  # (s, r)
        means = values.mean(axis=0)
        means = means[~np.isnan(means)]
        intervals[metric] = np.quantile(means, (0.025, 0.975)).tolist() if len(means) else None
    return intervals


def _cross_validation(models: Mapping[str, Sequence[Run]]) -> Json:
    """How the folds were dealt, and the scores of each one's test rows, means over the seeds."""
    first = next(iter(models.values()))[0]
    if "folds" not in first.settings:
        return {"folds": None}
    targets = {}
    for seeds in models.values() if first.deal else ():
        fold = seeds[0].deal["fold"]
        numbers = np.unique(fold)
        weights = (fold == numbers[:, None]).astype(float)  # (k, n)
        outputs = np.stack([run.test.prediction for run in seeds])  # (s, n, m)
        for name in seeds[0].columns:
            task, truth = seeds[0].settings["task"], seeds[0].test.truth
            targets[name] = {
                metric: _over_folds(numbers, values.mean(axis=0))
                for metric, values in target_scores(task, name, truth, outputs, weights).items()
            }
    return {"folds": first.settings["folds"] | ({"targets": targets} if targets else {})}


def _over_folds(numbers: np.ndarray, values: np.ndarray) -> Json:
    per_fold = {
        str(n): None if np.isnan(x) else float(x) for n, x in zip(numbers, values, strict=True)
    }
    spread = _spreads({n: {"": value} for n, value in per_fold.items()})[""]
    return {"mean": spread["mean"], "std": spread["std"], "per_fold": per_fold}


def protocol(result: Mapping[str, Any]) -> str:
    """How a result was cross-validated, in words; nothing where it was not."""
    folds = result.get("folds")
    if not folds:
        return ""
    which = f"fold {folds['fold']} of " if "fold" in folds else ""
    return (
        f"{which}a {folds['k']}-fold cross-validation by {folds['by']} (seed {folds['seed']}, "
        f"{folds['valid']:g} of the training {folds['by']}s to select on)"
    )


def _oracle(best: Mapping[str, Mapping[str, Json]]) -> dict[str, Json]:
    values = {seed: {key: found["value"] for key, found in best[seed].items()} for seed in best}
    return {
        key: spread | {"epoch": {seed: best[seed][key]["epoch"] for seed in best}}
        for key, spread in _spreads(values).items()
    }


def _provenance(runs: Sequence[Run]) -> Json:
    records = {run.label: run.training["provenance"] for run in runs}
    provenance = _joined(records)
    provenance["versions"] = _joined({label: of["versions"] for label, of in records.items()})
    del provenance["seed"]
    return provenance | {"seeds": sorted({run.settings["seed"] for run in runs})}


def _joined(records: Mapping[str, Json]) -> Json:
    """Each key with the value that all runs share, or else with run -> value."""
    joined = {}
    for key in {key: None for record in records.values() for key in record}:
        values = {run: record.get(key) for run, record in records.items()}
        first = next(iter(values.values()))
        joined[key] = first if all(value == first for value in values.values()) else values
    return joined


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this stage's arguments."""
    parser.add_argument(
        "runs",
        type=Path,
        nargs="+",
        metavar="RUN_DIR",
        help="all seeds (and targets) of one model on one data set",
    )
    parser.add_argument("--output", type=Path, required=True, help="results/<dataset>/<model>.json")
    parser.add_argument(
        "--jobs",
        nargs="*",
        default=[],
        metavar="STAGE=FILE",
        help="Snakemake's benchmarks of what all runs share, such as encode=FILE",
    )
    parser.add_argument(
        "--cards",
        type=Path,
        nargs="+",
        help="the data card, which tells of words without rows; of a cross-validation all deals'",
    )
    parser.add_argument(
        "--checked", type=Path, nargs="*", default=[], help="checksums of the raw files"
    )
    parser.add_argument(
        "--locks", type=Path, nargs="*", default=[], help="what these were when first seen"
    )
    parser.add_argument(
        "--authority",
        choices=("released", "composed", "reconstruction"),
        help="what the system is checked against",
    )
    parser.add_argument("--ours", help="what of it is not its authors'")
    parser.add_argument(
        "--licences", type=json.loads, default=[], help="JSON: of the data set, features, encoder"
    )
    parser.add_argument("--name", help="the user's name for the result")
    parser.add_argument("--note", help="the user's note on it")


def main(args: argparse.Namespace) -> None:
    """Read the runs of one model, write its result."""
    runs = [read_run(path) for path in args.runs]
    shared = [(stage, Path(file)) for stage, _, file in (job.partition("=") for job in args.jobs)]
    together = "seeds_together" in runs[0].settings
    stage = "predict" if runs[0].settings["variant"] == "released" else "train"
    cost = costs({run.label: run.path for run in runs}, together, shared, stage)
    coverage = [read_json(path, "sequences").get("coverage") for path in args.cards or ()]
    files = raw_files(args.checked, args.locks)
    about = {"authority": args.authority, "ours": args.ours, "licences": args.licences}
    result = summarize(runs, args.name, args.note, cost, counts(coverage), files, **about)
    with atomic_write(args.output) as file:
        json.dump(result, file, indent=2, allow_nan=False)
        file.write("\n")
