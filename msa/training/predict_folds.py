"""Predict the folds: what a trained model says of the validation and the test fold.

Training does so at its end; a checkpoint of the authors' has no training.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from msa.base.atomic import atomic_path
from msa.training.batches import Fold
from msa.training.network import predictions, trained
from msa.training.run import Places, add_data_arguments, load_run, open_run

FOLDS = ("valid", "test")


def predict_folds(
    run: Path, network: nn.Module, folds: Mapping[str, Fold], hyper: Mapping[str, Any]
) -> None:
    """Write ids, truth and predictions of the validation and the test fold into a run.

    Args:
        run: folder of the run; predictions/clean.npz is written.
        network: with the run's weights, on the folds' device.
        folds: at least valid and test.
        hyper: the settings' hyperparameters.
    """
    arrays: dict[str, Any] = {}
    for name in FOLDS:
        fold = folds[name]
        output = predictions(network, fold, hyper)
        arrays[f"{name}/ids"] = fold.ids
        arrays[f"{name}/truth"] = fold.label.double().cpu().numpy()
        arrays[f"{name}/prediction"] = output.double().cpu().numpy()
    with atomic_path(run / "predictions/clean.npz") as path, open(path, "wb") as file:
        np.savez(file, **arrays)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of the run, with model.safetensors")
    add_data_arguments(parser)


def main(args: argparse.Namespace) -> None:
    settings, device = open_run(args.run, args.device)
    folds, bert = load_run(Places.of(args), settings, FOLDS)
    network = trained(args.run, settings, folds["test"], bert).to(device)
    folds = {name: fold.to(device) for name, fold in folds.items()}
    predict_folds(args.run, network, folds, settings["hyperparameters"])
