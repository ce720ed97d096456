"""Clean: replace NaN and infinity, standardise; every statistic comes from the training fold."""

import argparse
import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.atomic import atomic_folders, atomic_write
from msa.base.errors import InputError
from msa.base.reading import read_array, read_json, read_offsets
from msa.data.card import card_markdown, segment_lengths
from msa.data.cleaning import (
    FOLDS,
    POLICIES,
    SEQUENCES,
    fit_cleaning,
    write_cleaned,
    write_cleanings,
)

CARD_KEYS = ("route", "pauses", "videos", "segments", "expected", "sequences", "dropped")


def _read(folder: Path, names: list[str]) -> dict[str, np.ndarray]:
    offsets = read_offsets(folder / "offsets.npy", names)
    return {
        name: read_array(folder / f"{name}.npy", "numbers", 2, offsets[name][-1], mapped=True)
        for name in names
    }


def clean(data: Path, output: Path, policy: str, standardize: list[str]) -> dict[str, Any]:
    """Write the cleaned sequences of every fold and return the counts before and after.

    Args:
        data: folder of the folds, written by the stage split.
        output: folder to write, `<fold>/<sequence>.npy` of the same shapes, float32, and
            `cleaning.npz`, what the training fold taught.
        policy: one of `POLICIES`.
        standardize: sequences whose columns get mean 0 and standard deviation 1.
    """
    report: dict[str, Any] = {"policy": policy, "standardized": sorted(standardize), "counts": {}}
    available = read_offsets(data / "train" / "offsets.npy").dtype.names or ()
    names = [name for name in SEQUENCES if name in available]
    for name in standardize:
        if name not in names:
            raise InputError(f"{data}/train: no {name}.npy to standardise; there is {names}")
    arrays = {fold: _read(data / fold, names) for fold in FOLDS}
    train = arrays["train"]
    for fold, name in product(FOLDS, names):
        expected, width = train[name].shape[1], arrays[fold][name].shape[1]
        if width != expected:
            raise InputError(
                f"{data}/{fold}/{name}.npy: expected {expected} columns as in the training fold, "
                f"got {width}; run the stage that writes it again"
            )
    cleanings = {
        name: fit_cleaning(rows, policy, name in standardize) for name, rows in train.items()
    }
    with atomic_folders({fold: output / fold for fold in FOLDS}) as folders:
        for fold, folder in folders.items():
            report["counts"][fold] = {
                name: write_cleaned(
                    rows, cleanings[name], folder / f"{name}.npy", f"{data}/{fold}/{name}.npy"
                )
                for name, rows in arrays[fold].items()
            }
    write_cleanings(output / "cleaning.npz", cleanings)
    return report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, help="folder of the folds, written by split")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    parser.add_argument("--card", type=Path, required=True, help="the data card to complete")
    parser.add_argument(
        "--licences", type=json.loads, default=[], help="JSON, for the card: of the data, features"
    )
    parser.add_argument(
        "--policy",
        choices=POLICIES,
        default="zero",
        help="; ".join(f"{name}: {text}" for name, text in POLICIES.items()),
    )
    parser.add_argument(
        "--standardize", nargs="*", choices=SEQUENCES, default=[], help="columns to mean 0, std 1"
    )


def main(args: argparse.Namespace) -> None:
    card = read_json(args.card, *CARD_KEYS)
    card["cleaning"] = clean(args.data, args.output, args.policy, args.standardize)
    card["licences"] = args.licences
    card["lengths"] = {fold: segment_lengths(args.data / fold) for fold in FOLDS}
    with atomic_write(args.output / "card.json") as file:
        json.dump(card, file, indent=1)
    with atomic_write(args.output / "card.md") as file:
        file.write(card_markdown(card))
