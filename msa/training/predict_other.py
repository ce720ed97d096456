"""Predict another: what a trained model says of another data set's test fold, without retraining.

Its rows as split or import-data left them are cleaned by what the training fold of the model's own
data set taught; text is of the same encoder.
"""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from msa.base.atomic import atomic_path
from msa.base.device import choose_device
from msa.base.errors import InputError
from msa.base.ids import video_of
from msa.base.reading import read_array
from msa.data.cleaning import read_cleanings
from msa.data.own_input import prepare
from msa.training.outputs import outputs_of
from msa.training.run import read_settings


def seen_in(ids: np.ndarray, trained: np.ndarray) -> np.ndarray:
    """Which segments, (n,), are of a video that the training fold has."""
    videos = {video_of(segment) for segment in trained.tolist()}
    return np.array([video_of(segment) in videos for segment in ids.tolist()], dtype=bool)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of the run, with model.safetensors")
    parser.add_argument("--test", required=True, help="name of the other data set")
    parser.add_argument("--data", type=Path, required=True, help="its test fold, by split")
    parser.add_argument("--features", type=Path, help=".npy file of the same, by encode")
    parser.add_argument("--encoder", type=Path, help="its folder, for models that read words")
    parser.add_argument(
        "--targets", nargs="+", required=True, help="of the other data set's labels"
    )
    parser.add_argument(
        "--cleaning", type=Path, required=True, help="cleaning.npz of the run's own data set"
    )
    parser.add_argument("--trained", type=Path, required=True, help="its training fold, by split")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")


def main(args: argparse.Namespace) -> None:
    settings = read_settings(args.run)
    device = choose_device(args.device)
    recipe = {"align": "none", "task": {"targets": args.targets}}
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        try:
            segments = prepare(
                args.data,
                settings["forms"],
                recipe,
                read_cleanings(args.cleaning),
                args.encoder,
                folder,
                device,
                features=args.features,
            )
        except InputError as error:
            raise InputError(
                f"{settings['model']}, trained on {settings['dataset']}, cannot be scored on "
                f"{args.test}: {error}"
            ) from error
        output = outputs_of(args.run, folder, args.encoder, args.device, tell=True)
    seen = seen_in(segments.ids, read_array(args.trained / "ids.npy", "text", 1))
    if seen.any():
        print(
            f"leakage: {seen.sum()} of {len(seen)} test segments of {args.test} are of videos in "
            f"the training fold of {settings['dataset']}: their scores say nothing of new ones",
            file=sys.stderr,
        )
    columns = [args.targets.index(name) for name in settings["task"]["targets"]]
    # as precise as in the model's own folds, so that both are scored by the same borders
    label = np.asarray(segments.label, np.float32)[:, columns].astype(np.float64)
    target = args.run / "predictions" / f"transfer-{args.test}.npz"
    with atomic_path(target) as path, open(path, "wb") as file:
        np.savez(file, ids=segments.ids, truth=label, prediction=output, seen=seen)
