"""Subsets: every model's scores on parts of the test fold.

Where the modalities disagree, and where they agree, by the probes of single modalities: their
outputs are of different classes, or of different sign in a regression with labels on both sides of
0; as in Acc2, positive is above 0. A probe that is not clearly better on the validation fold than
the training labels' mean or shares has no say: its sign is that of the mean, whatever the input.
And of each model the tenth of the videos that it is worst on, and the tenth that it is best on.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from msa.base.atomic import atomic_write
from msa.base.errors import InputError
from msa.base.reading import read_json, read_npz
from msa.base.speakers import read_speakers, speaker_of
from msa.results.bootstrap import description
from msa.results.carried import probe_name
from msa.results.compare import by_target, task_of
from msa.results.metrics import ALL, LOWER_IS_BETTER, target_scores
from msa.results.score import Fold, of_target
from msa.results.summarize import Run, read_run

COLUMNS = ("model", "target", "subset", "rows", "metric", "mean", "std")
WHOLE, AGREE, CONFLICT = "all", "agreement", "conflict"
SHARE = 0.1
BLOCK = 500  # videos at once


class Probes(NamedTuple):
    """What the stage probe left of one data set.

    Attributes:
        task: theirs.
        test: by modality, and of `all`, the test rows.
        carries: by modality and target, whether a probe is clearly better than no input.
    """

    task: Mapping[str, Any]
    test: Mapping[str, Fold]
    carries: Mapping[str, Mapping[str, bool]]

    def says(self, target: str) -> list[str]:
        """The single modalities that have a say in a target."""
        return [name for name, of in self.carries.items() if name != ALL and of.get(target)]


def table(
    runs: Sequence[Run],
    probes: Probes | None = None,
    numbers: np.ndarray | None = None,
    unit: str = "video",
) -> pd.DataFrame:
    """A row a model, target, subset and metric.

    Args:
        runs: all runs of all models on one data set, or of a cross-validation.
        probes: of the same test rows; single modalities are scored as models are.
        numbers: what each test row belongs to, such as its speaker, (n,) from 0; None for what a
            resample draws.
        unit: what that is.

    Returns:
        The columns COLUMNS. `rows` are those of the subset; the tenths are of each model alone, by
        its mean over seeds in mae or f1, and have that metric. A mean is NaN where a seed's is.

    Raises:
        InputError: the runs, or the probes, are of other test rows.
    """
    ids = runs[0].test.ids
    if numbers is None:
        numbers, bootstrap = runs[0].units, runs[0].bootstrap
    else:
        bootstrap = description(ids, numbers, unit)
    rows: list[list[Any]] = []
    for target, models in by_target(runs).items():
        task = task_of(runs[0].settings["task"], target)
        truth = next(iter(models.values()))[0].truth
        masks = {WHOLE: np.ones(len(ids), bool)}
        if probes and target != ALL:
            alone = _alone(probes, target, ids, truth)
            models = {**models, **{probe_name(name): [fold] for name, fold in alone.items()}}
            voices = [alone[name].prediction for name in probes.says(target)]
            if (conflict := disagree(task, voices)) is not None:
                masks |= {AGREE: ~conflict, CONFLICT: conflict}
        masks = {name: mask for name, mask in masks.items() if mask.any()}
        for model, seeds in models.items():
            outputs = np.stack([fold.prediction for fold in seeds])  # (s, n, m)
            extremes = dict(tenths(task, target, truth, outputs, numbers, bootstrap["unit"]))
            lines = [
                *_spreads(task, target, truth, outputs, masks),
                *(
                    line
                    for line in _spreads(task, target, truth, outputs, extremes)
                    if line[2] == spread_metric(task)
                ),
            ]
            rows += [[model, target, *line] for line in lines]
    return pd.DataFrame(rows, columns=[*COLUMNS])


def _alone(probes: Probes, target: str, ids: np.ndarray, truth: np.ndarray) -> dict[str, Fold]:
    """By modality, the probe's test rows of one target."""
    found = {
        name: of_target(fold, probes.task, target)
        for name, fold in probes.test.items()
        if name != ALL
    }
    for name, fold in found.items():
        same = np.array_equal(fold.ids, ids) and np.allclose(fold.truth, truth, atol=1e-6)
        if not same:
            raise InputError(
                f"probe of {name}: expected the test rows of the runs, got others; run probe again"
            )
    return found


def disagree(task: Mapping[str, Any], outputs: Sequence[np.ndarray]) -> np.ndarray | None:
    """Where predictions of one target (n, 1), or (n, classes), differ in sign or class, (n,).

    None of fewer than two, or where labels have no sign: on one side of 0.
    """
    if len(outputs) < 2:
        return None
    if task["type"] != "regression":
        said = np.stack([output.argmax(axis=1) for output in outputs])
    elif task["range"][0] < 0 < task["range"][1]:
        said = np.stack([output[:, 0] > 0 for output in outputs])
    else:
        return None
    differs: np.ndarray = (said != said[0]).any(axis=0)
    return differs


def spread_metric(task: Mapping[str, Any]) -> str:
    """What videos are ordered by: defined in each, as a weighted accuracy is not."""
    return "mae" if task["type"] == "regression" else "f1"


def tenths(
    task: Mapping[str, Any],
    target: str,
    truth: np.ndarray,
    outputs: np.ndarray,
    numbers: np.ndarray,
    unit: str,
) -> Iterator[tuple[str, np.ndarray]]:
    """The segments (n,) of the tenth of the videos a model is worst on, and of its best.

    A tenth is rounded and at least one; of fewer than two videos there is none.

    Args:
        task: of the target alone.
        target: its name.
        truth: (n, k).
        outputs: (s, n, m), of each seed.
        numbers: the video of each row, (n,) from 0.
        unit: what a video is called.
    """
    k = int(numbers.max()) + 1
    if k < 2:
        return
    metric = spread_metric(task)
    scores = np.concatenate(
        [
            target_scores(
                task,
                target,
                truth,
                outputs,
                (numbers == np.arange(start, min(start + BLOCK, k))[:, None]).astype(float),
            )[metric].mean(axis=0)
            for start in range(0, k, BLOCK)
        ]
    )  # (k,)
    worst_first = np.argsort(-scores if metric in LOWER_IS_BETTER else scores, kind="stable")
    count = max(1, round(SHARE * k))
    yield f"worst tenth of {unit}s", np.isin(numbers, worst_first[:count])
    yield f"best tenth of {unit}s", np.isin(numbers, worst_first[-count:])


def _spreads(
    task: Mapping[str, Any],
    target: str,
    truth: np.ndarray,
    outputs: np.ndarray,
    masks: Mapping[str, np.ndarray],
) -> Iterator[list[Any]]:
    """Of each subset (n,) and metric: the subset, its rows, the metric, mean, deviation."""
    if not masks:
        return
    weights = np.stack([*masks.values()]).astype(float)  # (k, n)
    for metric, values in target_scores(task, target, truth, outputs, weights).items():  # (s, k)
        deviations = values.std(axis=0, ddof=1) if len(values) > 1 else np.full(len(masks), np.nan)
        for i, (name, mask) in enumerate(masks.items()):
            yield [name, int(mask.sum()), metric, values[:, i].mean(), deviations[i]]


def read_probes(path: Path) -> Probes:
    """What probe left: modalities.json, and modalities.npz beside it; InputError if broken."""
    content = read_json(path, "task", "probes")
    names = [*content["probes"]]
    arrays = read_npz(
        path.with_suffix(".npz"), "test/ids", "test/truth", *(f"test/{name}" for name in names)
    )
    rows = arrays["test/ids"], arrays["test/truth"].astype(float)
    test = {name: Fold(*rows, arrays[f"test/{name}"].astype(float)) for name in names}
    carries = {name: found["carries"] for name, found in content["probes"].items()}
    return Probes(content["task"], test, carries)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs", type=Path, nargs="+", metavar="RUN_DIR", help="all runs of all models"
    )
    parser.add_argument("--probes", type=Path, help="modalities.json, with the .npz beside it")
    parser.add_argument(
        "--speakers", type=Path, help="table of id and speaker: tenths of these, not of videos"
    )
    parser.add_argument("--output", type=Path, required=True, help="subsets.csv")


def speaker_numbers(ids: Sequence[str], path: Path) -> np.ndarray:
    """The speaker of each row as a number from 0, (n,); InputError where the table lacks one."""
    speakers = read_speakers(path)
    names = [speaker_of(name, speakers) for name in ids]
    if None in names:
        raise InputError(
            f"{path}: expected the speaker of every test segment, got none of "
            f"{ids[names.index(None)]}; add it, by its id or its video's"
        )
    return np.unique(np.array(names, str), return_inverse=True)[1]


def main(args: argparse.Namespace) -> None:
    probes = read_probes(args.probes) if args.probes else None
    runs = [read_run(path) for path in args.runs]
    numbers = speaker_numbers(runs[0].test.ids.tolist(), args.speakers) if args.speakers else None
    frame = table(runs, probes, numbers, "speaker" if args.speakers else "video")
    with atomic_write(args.output) as file:
        frame.to_csv(file, index=False)
