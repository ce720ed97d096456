"""Predict the folds: what a trained model says of the validation and the test fold."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.atomic import atomic_path
from msa.training.network import predictions, trained
from msa.training.run import Places, add_data_arguments, load_run, open_run

FOLDS = ("valid", "test")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of the run, with model.safetensors")
    add_data_arguments(parser)
    parser.add_argument("--condition", default="clean", help="name of the predictions file")


def main(args: argparse.Namespace) -> None:
    settings, device = open_run(args.run, args.device)
    folds, bert = load_run(Places.of(args), settings, FOLDS)
    network = trained(args.run, settings, folds["test"], bert).to(device)
    arrays: dict[str, Any] = {}
    for name, fold in folds.items():
        fold = fold.to(device)
        output = predictions(network, fold, settings["hyperparameters"])
        arrays[f"{name}/ids"] = fold.ids
        arrays[f"{name}/truth"] = fold.label.double().cpu().numpy()
        arrays[f"{name}/prediction"] = output.double().cpu().numpy()
    target = args.run / "predictions" / f"{args.condition}.npz"
    with atomic_path(target) as path, open(path, "wb") as file:
        np.savez(file, **arrays)
