"""Probe: what each modality carries by itself, by the baseline ridge on one alone and on all.

Probes are linear, on the time averages that ridge reads, and say what a linear model finds there,
not all that there is (Alain and Bengio, Understanding intermediate layers using linear classifier
probes, 2016).
"""

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.special import log_softmax

from msa.base import provenance
from msa.base.atomic import atomic_path, atomic_write
from msa.base.errors import InputError
from msa.base.reading import read_array, read_json, read_offsets
from msa.models.linear import Linear, fit, log_frequencies
from msa.results.bootstrap import resamples, videos
from msa.results.metrics import METRICS_VERSION
from msa.results.score import Fold, faults, score, widths

SCHEMA_VERSION = "1"
FOLDS = ("train", "valid", "test")
MODALITIES = ("text", "audio", "vision")
ALL = "all"
SETTINGS = ("dataset", "settings", "task", "label_columns", "forms", "hyperparameters")


class Rows(NamedTuple):
    """One fold: ids (n,), labels (n, k), and by modality the time averages (n, d) float64."""

    ids: np.ndarray
    label: np.ndarray
    averages: Mapping[str, np.ndarray]


class Probe(NamedTuple):
    """A linear model of one modality, or of all.

    Attributes:
        model: as fitted on the training fold.
        outputs: by fold, valid and test, (n, m) float32.
        carries: of each target, whether it is clearly better on the validation fold than what does
            not look at the input: in 95 % of resamples of its videos.
        seconds: of fitting.
    """

    model: Linear
    outputs: Mapping[str, np.ndarray]
    carries: Mapping[str, bool]
    seconds: float


def probe(
    task: Mapping[str, Any], folds: Mapping[str, Rows]
) -> tuple[dict[str, Probe], dict[str, str]]:
    """A probe of each modality, and where there are several one of `all`.

    Args:
        task: the `task` of settings.json.
        folds: train, valid and test; of test only the rows are read, to be predicted.

    Returns:
        The probes, and of each modality that has none, why.
    """
    train, valid = folds["train"], folds["valid"]
    left_out = {name: "the data set has none" for name in MODALITIES if name not in train.averages}
    for name, rows in train.averages.items():
        if (rows == rows[0]).all():
            left_out[name] = "the same in all training segments" if rows.any() else "all zeros"
    read = {name: [name] for name in train.averages if name not in left_out}
    if len(read) > 1:
        read[ALL] = [*read]
    constant = constant_outputs(task, train.label)
    blind = losses(task, np.tile(constant, (len(valid.label), 1)), valid.label)  # (n, k)
    weights = resamples(videos(valid.ids))
    if not len(weights):  # of one video
        weights = np.ones((1, len(valid.ids)))
    probes = {}
    for name, parts in read.items():
        start = time.perf_counter()
        x = {
            fold: np.concatenate([rows.averages[part] for part in parts], axis=1)
            for fold, rows in folds.items()
        }
        labels = train.label, valid.label
        model = fit(task["type"], len(constant), x["train"], labels[0], x["valid"], labels[1])
        seconds = time.perf_counter() - start
        outputs = {fold: model.predict(x[fold]).astype(np.float32) for fold in FOLDS[1:]}
        better = weights @ (blind - losses(task, outputs["valid"], valid.label))  # (r, k)
        clearly = (np.quantile(better, 0.05, axis=0) > 0).tolist()
        carries = dict(zip(task["targets"], clearly, strict=True))
        probes[name] = Probe(model, outputs, carries, seconds)
    return probes, left_out


def constant_outputs(task: Mapping[str, Any], label: np.ndarray) -> np.ndarray:
    """The best outputs (m,) that do not look at the input, for training labels (n, k)."""
    if task["type"] == "regression":
        return label.mean(axis=0, dtype=float)
    return np.concatenate([log_frequencies(column, widths(task)[2]) for column in label.T])


def losses(task: Mapping[str, Any], outputs: np.ndarray, label: np.ndarray) -> np.ndarray:
    """The squared error or the cross-entropy of each row and target, (n, k), of outputs (n, m)."""
    if task["type"] == "regression":
        return (outputs.astype(float) - label) ** 2
    n, k = label.shape
    scores = log_softmax(outputs.reshape(n, k, -1).astype(float), axis=2)
    return -np.take_along_axis(scores, label.astype(int)[..., None], axis=2)[..., 0]


def record(
    settings: Mapping[str, Any],
    folds: Mapping[str, Rows],
    probes: Mapping[str, Probe],
    left_out: Mapping[str, str],
) -> dict[str, Any]:
    """The content of modalities.json."""
    task = settings["task"]
    arrays = (
        array
        for rows in folds.values()
        for array in (rows.ids, rows.label, *rows.averages.values())
    )
    content = {}
    for name, found in probes.items():
        scored = {
            fold: Fold(folds[fold].ids, folds[fold].label, outputs.astype(float))
            for fold, outputs in found.outputs.items()
        }
        content[name] = {
            "alpha": found.model.alpha,
            "columns": found.model.weight.shape[1],
            "carries": found.carries,
            "parameters": found.model.weight.size + found.model.bias.size,
            "wall_time_s": found.seconds,
            "targets": score(task, scored)["targets"],
        }
    return {
        "schema_version": SCHEMA_VERSION,
        "dataset": settings["dataset"],
        "metrics_version": METRICS_VERSION,
        "settings": settings["settings"],
        "task": task,
        "forms": {name: form for name, form in settings["forms"].items() if form},
        "rows": {name: len(rows.ids) for name, rows in folds.items()},
        "left_out": dict(left_out),
        "probes": content,
        "provenance": {
            **provenance.git(),
            "config_digest": provenance.json_digest(settings),
            "data_digest": provenance.array_digest(arrays),
            "code_digest": provenance.code_digest(),
            "versions": provenance.versions(),
        },
    }


def read_rows(
    fold: str,
    settings: Mapping[str, Any],
    data: Path,
    clean: Path | None = None,
    features: Path | None = None,
) -> Rows:
    """What ridge reads of a fold: each modality averaged over the steps of a segment.

    Args:
        fold: train, valid or test.
        settings: of a run of ridge.
        data: folder written by split.
        clean: folder written by clean.
        features: folder written by encode, if the text is features.
    """
    hyper = settings["hyperparameters"]
    forms = {name: form for name in MODALITIES if (form := settings["forms"].get(name))}
    sequences = {name: "words" if form == "features" else form for name, form in forms.items()}
    offsets = read_offsets(data / fold / "offsets.npy", sequences.values())
    n = len(offsets) - 1
    ids = read_array(data / fold / "ids.npy", "text", 1, n)
    averages = {}
    for name, form in forms.items():
        folder = features if form == "features" else clean
        if folder is None:
            raise InputError(f"{fold}: ridge reads {form}, but no folder was given for it")
        path = folder / f"{fold}.npy" if form == "features" else folder / fold / f"{form}.npy"
        bounds = offsets[sequences[name]]
        rows = read_array(path, "numbers", 2, bounds[-1], mapped=True)
        columns = slice(*(hyper["columns"].get(form) or (0, rows.shape[1])))
        kept = np.diff(bounds)
        if (length := hyper["lengths"][name]) is not None:
            if isinstance(length, str):  # the share of the training fold's segments left whole
                counts = np.diff(read_offsets(data / "train/offsets.npy")[sequences[name]])
                share = float(length.rstrip("%")) / 100
                length = max(int(np.quantile(counts, share, method="inverted_cdf")), 1)
            kept = np.minimum(kept, length)
        first = bounds[1:] - kept if hyper["sides"][name] == "left" else bounds[:-1]
        averages[name] = np.zeros((n, rows[:, columns].shape[1]))
        for i in np.flatnonzero(kept):
            steps = rows[first[i] : first[i] + kept[i], columns]
            averages[name][i] = steps.mean(axis=0, dtype=np.float64)
    return Rows(ids, _label(data / fold / "label.npy", n, settings), averages)


def _label(path: Path, n: int, settings: Mapping[str, Any]) -> np.ndarray:
    """The targets' columns, (n, k) float32."""
    label, columns = read_array(path, "numbers", 2, n), settings["label_columns"]
    if max(columns) >= label.shape[1]:
        raise InputError(
            f"{path}: expected a column {max(columns)} as the settings say, "
            f"got {label.shape[1]} columns"
        )
    label = label[:, columns].astype(np.float32)
    outputs = np.zeros((n, widths(settings["task"])[1]))
    if problems := [*faults(Fold(np.arange(n), label, outputs), settings["task"])]:
        raise InputError(f"{path}: {'; '.join(problems)}; run the stage that writes it again")
    return label


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of a run of ridge, with settings.json")
    parser.add_argument("--data", type=Path, required=True, help="folder written by split")
    parser.add_argument("--clean", type=Path, help="folder written by clean")
    parser.add_argument("--features", type=Path, help="folder written by encode")
    parser.add_argument(
        "--output", type=Path, required=True, help="modalities.json; predictions as .npz beside it"
    )


def main(args: argparse.Namespace) -> None:
    settings = read_json(args.run / "settings.json", *SETTINGS)
    where = args.data, args.clean, args.features
    folds = {fold: read_rows(fold, settings, *where) for fold in FOLDS}
    probes, left_out = probe(settings["task"], folds)
    content = record(settings, folds, probes, left_out)
    arrays: dict[str, Any] = {
        f"{fold}/{part}": values
        for fold in FOLDS[1:]
        for part, values in (
            ("ids", folds[fold].ids),
            ("truth", folds[fold].label),
            *((name, found.outputs[fold]) for name, found in probes.items()),
        )
    }
    with atomic_path(args.output.with_suffix(".npz")) as path, open(path, "wb") as file:
        np.savez(file, **arrays)
    with atomic_write(args.output) as file:
        json.dump(content, file, indent=1, allow_nan=False)
        file.write("\n")
