"""Predict the folds: what a trained model says of the validation and the test fold.

Training does so at its end; a checkpoint of the authors' has no training. What it says of the test
fold with one modality's rows in another order tells whether it uses that modality at all.
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from msa.base.atomic import atomic_path
from msa.training.batches import Fold
from msa.training.network import predictions, trained
from msa.training.run import Places, add_data_arguments, load_run, open_run

FOLDS = ("valid", "test")


def permuted(fold: Fold, name: str) -> Fold:
    """The fold with one modality's rows in another order, drawn from all of its segments.

    Lengths stay, and so do a tokenizer's own pieces; of the words' pieces, only the ids move.
    """
    ragged = fold.modalities[name]
    rows = ragged.rows.clone()
    if name == "text" and fold.words is not None:
        movable, columns = torch.where(fold.words >= 0)[0], slice(0, 1)
    else:
        movable, columns = torch.arange(len(rows)), slice(None)
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(movable)))
    moved, come = (numbers.to(rows.device) for numbers in (movable, movable[order]))
    rows[moved, columns] = ragged.rows[come, columns]
    return replace(fold, modalities=fold.modalities | {name: replace(ragged, rows=rows)})


def predict_folds(
    run: Path, network: nn.Module, folds: Mapping[str, Fold], hyper: Mapping[str, Any]
) -> None:
    """Write ids, truth and predictions of the validation and the test fold into a run.

    `permuted/<modality>` is of the test fold with that modality's rows permuted, (n, output); a
    modality that is all zeros, as one that the data lack, has none. Where a model draws noise in
    evaluation, as some do as released, the draws are the same for all predictions of a fold.

    Args:
        run: folder of the run; predictions/clean.npz is written.
        network: with the run's weights, on the folds' device.
        folds: at least valid and test.
        hyper: the settings' hyperparameters.
    """
    arrays: dict[str, Any] = {}
    for name in FOLDS:
        fold = folds[name]
        arrays[f"{name}/ids"] = fold.ids
        arrays[f"{name}/truth"] = fold.label.double().cpu().numpy()
        arrays[f"{name}/prediction"] = drawn_alike(network, fold, hyper)
    for name, output in predict_permuted(network, folds["test"], hyper).items():
        arrays[f"permuted/{name}"] = output
    with atomic_path(run / "predictions/clean.npz") as path, open(path, "wb") as file:
        np.savez(file, **arrays)


def predict_permuted(
    network: nn.Module, fold: Fold, hyper: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """By modality that is not all zeros, the outputs (n, output) with its rows permuted."""
    return {
        name: drawn_alike(network, permuted(fold, name), hyper)
        for name, ragged in fold.modalities.items()
        if ragged.rows.any()
    }


def drawn_alike(network: nn.Module, fold: Fold, hyper: Mapping[str, Any]) -> np.ndarray:
    """Predictions (n, output) float64, with the same random draws each time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        output: Tensor = predictions(network, fold, hyper)
    return output.double().cpu().numpy()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of the run, with model.safetensors")
    add_data_arguments(parser)


def main(args: argparse.Namespace) -> None:
    settings, device = open_run(args.run, args.device)
    folds, bert = load_run(Places.of(args), settings, FOLDS)
    network = trained(args.run, settings, folds["test"], bert).to(device)
    folds = {name: fold.to(device) for name, fold in folds.items()}
    predict_folds(args.run, network, folds, settings["hyperparameters"])
