"""Perturb: what a trained model says of the test fold when its input is worse than in training.

A missing frame is a row without a number, as the cleaning policy leaves it; of encoder features, a
zero vector; of words that a model reads itself, the tokenizer's unknown piece in place of each of
the word's. A missing modality is all of its frames missing. Noise is Gaussian, in standard
deviations of the training fold's columns; words have no columns and get none.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from msa.base.atomic import atomic_path
from msa.base.errors import InputError
from msa.data.cleaning import read_cleanings
from msa.training.batches import SEQUENCES, Fold
from msa.training.network import predictions, trained
from msa.training.run import Places, add_data_arguments, load_run, open_run

KINDS = ("missing-frames", "missing-modality", "noise")
ALL = "all"  # every modality at once


class Condition(NamedTuple):
    """One of `KINDS`, of one modality or of all, and a share of frames or a level of noise."""

    kind: str
    modality: str
    level: float


@dataclass(frozen=True)
class Reference:
    """What stands for a modality's missing rows, and how much its columns vary.

    Attributes:
        missing: the row, (d,); of pieces the id alone, (1,).
        deviation: standard deviation of the training fold's columns, (d,); None for pieces.
    """

    missing: Tensor
    deviation: Tensor | None


def conditions(
    references: Mapping[str, Reference], missing_frames: Sequence[float], noise: Sequence[float]
) -> list[Condition]:
    """Every modality missing, then each share and each level in each modality and in all."""
    noisy = [name for name, reference in references.items() if reference.deviation is not None]
    made = [Condition("missing-modality", name, 1.0) for name in references]
    for kind, names, levels in (
        ("missing-frames", [*references], missing_frames),
        ("noise", noisy, noise),
    ):
        several = [*names, ALL] if len(names) > 1 else names
        made += [Condition(kind, name, level) for name in several for level in levels]
    return made


def perturbed(
    fold: Fold, condition: Condition, references: Mapping[str, Reference], seed: Sequence[int]
) -> Fold:
    """The fold under a condition; on the CPU.

    Each row has its draw, which the level does not change: what is missing at one share is missing
    at every larger one, and models that read the same rows miss the same ones.

    Args:
        fold: as it is.
        condition: what to do to it.
        references: by modality that the data set has.
        seed: of the draws.
    """
    kind, chosen, level = condition
    modalities = dict(fold.modalities)
    for name in references if chosen == ALL else [chosen]:
        ragged, reference = modalities[name], references[name]
        draws = np.random.default_rng([*seed, SEQUENCES.index(name), int(kind == "noise")])
        if kind != "noise":
            pieces = fold.words if name == "text" else None
            owner = torch.arange(len(ragged.rows)) if pieces is None else pieces
            draw = torch.from_numpy(draws.random(int(owner.max()) + 1))
            lost = (owner >= 0) & (draw[owner.clamp(min=0)] < level)
            rows = ragged.rows.clone()
            rows[lost, : len(reference.missing)] = reference.missing
        elif reference.deviation is not None:
            noise = torch.from_numpy(draws.standard_normal(ragged.rows.shape, np.float32))
            rows = ragged.rows + level * reference.deviation * noise
        else:
            continue
        modalities[name] = replace(ragged, rows=rows)
    return replace(fold, modalities=modalities)


def read_references(
    train: Fold, settings: Mapping[str, Any], clean: Path | None
) -> dict[str, Reference]:
    """The references of the modalities that the data set has.

    Args:
        train: the training fold.
        settings: the run's.
        clean: folder written by the stage clean.
    """
    cleanings = read_cleanings(clean / "cleaning.npz") if clean else {}
    references = {}
    for name, form in settings["forms"].items():
        if form is None:
            continue
        if form == "words":
            references[name] = Reference(torch.tensor([train.unknown]), None)
            continue
        rows = train.modalities[name].rows
        if form == "features":
            missing = torch.zeros(rows.shape[1])
        else:
            if form not in cleanings:
                raise InputError(f"{clean}/cleaning.npz: expected {form}, got {list(cleanings)}")
            columns = settings["hyperparameters"]["columns"].get(form) or (0, None)
            missing = torch.from_numpy(cleanings[form].missing[slice(*columns)]).float()
        references[name] = Reference(missing, rows.double().std(0, correction=0).float())
    return references


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of the run, with model.safetensors")
    add_data_arguments(parser)
    parser.add_argument(
        "--missing-frames", type=float, nargs="*", default=[], help="shares, 0 to 1"
    )
    parser.add_argument("--noise", type=float, nargs="*", default=[], help="standard deviations")
    parser.add_argument("--seed", type=int, default=0, help="of what is missing, and of the noise")


def main(args: argparse.Namespace) -> None:
    settings, device = open_run(args.run, args.device)
    folds, bert = load_run(Places.of(args), settings, ("train", "test"))
    test = folds["test"]
    network = trained(args.run, settings, test, bert).to(device)
    references = read_references(folds["train"], settings, args.clean)
    asked = conditions(references, args.missing_frames, args.noise)
    outputs = []
    for condition in asked:
        fold = perturbed(test, condition, references, (args.seed, settings["seed"])).to(device)
        outputs.append(predictions(network, fold, settings["hyperparameters"]).cpu().numpy())
    target = args.run / "predictions" / "perturbed.npz"
    with atomic_path(target) as path, open(path, "wb") as file:
        np.savez(
            file,
            ids=test.ids,
            truth=test.label.double().numpy(),
            kind=np.array([condition.kind for condition in asked], dtype=str),
            modality=np.array([condition.modality for condition in asked], dtype=str),
            level=np.array([condition.level for condition in asked], dtype=float),
            prediction=np.array(outputs),
        )
