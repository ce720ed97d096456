"""Trials: settings of a random search, tried one after another in one process.

Each trial leaves a file of its own as soon as it is done, and one that is there is not tried again.
"""

import argparse
import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from msa.base import provenance
from msa.base.atomic import atomic_write
from msa.base.errors import InputError
from msa.base.reading import read_json, said
from msa.training.batches import FOLDS, Fold
from msa.training.network import build, predictions
from msa.training.run import (
    Places,
    add_data_arguments,
    load_run,
    open_run,
    record_of,
    seed_everything,
)
from msa.training.space import applied, draw
from msa.training.state import Trained
from msa.training.train import fit_closed, mean_loss, selection_loss, train


def own_loss(
    trained: Trained, network: nn.Module, fold: Fold, settings: Mapping[str, Any]
) -> float:
    """The selection criterion of the selected epoch on the validation fold, of the run's target.

    Where a joint network is trained for each target, as LMF's for POM, all targets select the
    epoch, as published, but the trials are compared by their own.
    """
    hyper, targets = settings["hyperparameters"], settings["task"]["targets"]
    if settings["target"] == "all" or len(targets) == 1:
        return trained.history[trained.selected - 1].selection
    network.load_state_dict(trained.weights)
    own = targets.index(settings["target"])
    return mean_loss(
        predictions(network, fold, hyper), fold.label, selection_loss(hyper), slice(own, own + 1)
    )


def attempt(places: Places, settings: Mapping[str, Any], device: Any) -> dict[str, Any]:
    """Train with some settings: its validation value, the epoch of it, parameters, seconds.

    What cannot be built, or a training that fails, such as one whose loss is not finite, has the
    value None and says why. Of a joint network that is trained for all targets, `values` has each
    target's own.
    """
    hyper = settings["hyperparameters"]
    seed_everything(settings["seed"])
    folds, bert = load_run(places, settings, FOLDS)
    try:
        network = build(settings, folds["train"], bert)
    # torch says nearly anything of a keyword's value
    except Exception as error:
        return {"value": None, "failure": said(error)}
    parameters = sum(p.numel() for p in network.parameters())
    try:
        if hasattr(network, "fit"):
            trained = fit_closed(network, folds, hyper)
        else:
            folds = {name: fold.to(device) for name, fold in folds.items()}
            trained = train(network.to(device), folds, hyper, settings["seed"])
    except InputError as error:
        return {"value": None, "failure": str(error), "parameters": parameters}
    return {
        "value": own_loss(trained, network, folds["valid"], settings),
        "values": {
            target: own_loss(trained, network, folds["valid"], {**settings, "target": target})
            for target in settings["task"]["targets"]
            if settings["target"] == "all"
        },
        "failure": None,
        "selected_epoch": trained.selected,
        "epochs": len(trained.history),
        "parameters": parameters,
        "seconds": trained.seconds,
    }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder with settings.json, which trials change")
    parser.add_argument("--space", required=True, help="JSON of what to draw from")
    parser.add_argument("--first", type=int, required=True, help="number of the first trial")
    parser.add_argument("--last", type=int, required=True, help="number of the last trial")
    parser.add_argument("--output", type=Path, required=True, help="JSON of these trials to write")
    add_data_arguments(parser)


def main(args: argparse.Namespace) -> None:
    settings, device = open_run(args.run, args.device)
    space, places = json.loads(args.space), Places.of(args)
    folds, bert = load_run(places, settings, FOLDS)
    # the record's code digest is of what is imported, the model's file too
    build(settings, folds["train"], bert)
    made_from = record_of(settings, folds, device)["provenance"]
    done = []
    for number in range(args.first, args.last + 1):
        drawn = draw(space, settings["seed"], number)
        key = provenance.json_digest(
            [drawn, *(made_from[k] for k in ("config_digest", "data_digest", "code_digest"))]
        )
        path = args.run / f"trial-{number:04d}.json"
        trial = _read(path)
        if trial.get("key") != key:
            found = attempt(places, applied(settings, drawn), device)
            trial = {"trial": number, "key": key, "hyperparameters": drawn, **found}
            with atomic_write(path) as file:
                json.dump(trial, file, indent=1)
        value = math.nan if trial["value"] is None else trial["value"]
        print(f"trial {number}: {value:.4f}  {drawn}", file=sys.stderr, flush=True)
        done.append(trial)
    with atomic_write(args.output) as file:
        json.dump(done, file, indent=1)


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_json(path, "trial", "key", "value", "hyperparameters", "failure")
    except InputError:
        return {}  # and tried again
