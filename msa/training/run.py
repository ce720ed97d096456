"""A run: its settings, its data, and the record of what it was made from."""

import argparse
import random
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from msa.base import provenance
from msa.base.device import be_deterministic, choose_device
from msa.base.reading import read_json
from msa.data.encoder import load_encoder
from msa.data.pieces import check_pieces
from msa.training.batches import Fold, load_fold, with_lengths

SETTINGS = ("dataset", "model", "seed", "task", "label_columns", "forms", "hyperparameters")


def read_settings(run: Path) -> dict[str, Any]:
    """The run's settings.json."""
    return read_json(run / "settings.json", *SETTINGS)


@dataclass(frozen=True)
class Places:
    """Where the folds of a run lie.

    Attributes:
        data: folder written by split.
        clean: folder written by clean, if the run reads numbers of it.
        features: folder written by encode, if the run reads them.
        encoder: its folder, if the model reads words.
    """

    data: Path
    clean: Path | None = None
    features: Path | None = None
    encoder: Path | None = None

    @classmethod
    def of(cls, args: argparse.Namespace) -> "Places":
        """Those that were given as `add_data_arguments` asks for them."""
        return cls(args.data, args.clean, args.features, args.encoder)


def add_data_arguments(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """Where the folds lie and where to compute."""
    parser.add_argument("--data", type=Path, required=required, help="folder written by split")
    parser.add_argument("--clean", type=Path, help="folder written by clean")
    parser.add_argument("--features", type=Path, help="folder written by encode")
    parser.add_argument("--encoder", type=Path, help="its folder, for models that read words")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")


def load_run(
    places: Places, settings: Mapping[str, Any], names: Sequence[str]
) -> tuple[dict[str, Fold], nn.Module | None]:
    """The folds of a run, and the encoder of a model that reads words."""
    tokenizer = bert = None
    if settings["forms"].get("text") == "words":
        tokenizer, bert = load_encoder(places.encoder, only_pieces=True)
    settings = with_lengths(settings, places.data, tokenizer)
    where = places.data, places.clean, places.features
    folds = {name: load_fold(name, settings, *where, tokenizer) for name in names}
    if tokenizer:  # of features encode has said it
        known = {name: fold.known for name, fold in folds.items() if fold.known}
        check_pieces(known, places.encoder)
    return folds, bert


def seed_everything(seed: int) -> None:
    """Seed Python, numpy and torch, and ask torch for deterministic algorithms."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    be_deterministic()


def open_run(run: Path, device: str) -> tuple[dict[str, Any], torch.device]:
    """The settings and the device of a run; threads and seeds are set as the settings say."""
    settings = read_settings(run)
    torch.set_num_threads(settings["hyperparameters"]["threads"])
    chosen = choose_device(device)
    seed_everything(settings["seed"])
    return settings, chosen


def read_lengths(folds: Mapping[str, Fold], missing: Collection[str]) -> dict[str, Any]:
    """By modality the most steps that a run reads of a segment, and the shares cut of each fold."""
    return {
        name: {
            "steps": max(int(fold.modalities[name].counts.max()) for fold in folds.values()),
            "cut_steps": {f: fold.modalities[name].cut_steps for f, fold in folds.items()},
            "cut_segments": {f: fold.modalities[name].cut_segments for f, fold in folds.items()},
        }
        for name in next(iter(folds.values())).modalities
        if name not in missing
    }


def say_lengths(run: Mapping[str, Any], lengths: Mapping[str, Any], fold: str = "train") -> None:
    """Say on stderr what of a fold a run's lengths cut, if anything."""
    for name, read in lengths.items():
        if steps := read["cut_steps"][fold]:
            print(
                f"{run['dataset']}/{run['model']}: lengths: {name}: at most {read['steps']} steps "
                f"of a segment are read: {steps:.1%} of the steps of {fold} are cut, in "
                f"{read['cut_segments'][fold]:.1%} of its segments",
                file=sys.stderr,
            )


def record_of(
    settings: Mapping[str, Any], folds: Mapping[str, Fold], device: torch.device
) -> dict[str, Any]:
    """Rows, lengths, pieces and provenance of a run, for its training.json."""
    known = {name: fold.known for name, fold in folds.items()}
    arrays = (
        array
        for fold in folds.values()
        for array in (
            fold.ids,
            fold.label.numpy(),
            *(label.numpy() for label in fold.unimodal.values()),
            *(x.numpy() for ragged in fold.modalities.values() for x in ragged.tensors),
        )
    )
    return {
        "rows": {name: len(fold) for name, fold in folds.items()},
        "lengths": read_lengths(folds, settings["missing"]),
        "text": known if all(known.values()) else None,
        "provenance": {
            **provenance.git(),
            "config_digest": provenance.json_digest(settings),
            "data_digest": provenance.array_digest(arrays),
            "code_digest": provenance.code_digest(),
            "versions": provenance.versions(),
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
            "processor": provenance.processor(),
            "threads": settings["hyperparameters"]["threads"],
            "seed": settings["seed"],
        },
    }
