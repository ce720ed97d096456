"""What a trained run says of input that was prepared for it."""

from pathlib import Path
from typing import Any

import numpy as np

from msa.base.reading import read_json
from msa.data.own_input import FOLD
from msa.training.network import predictions, trained
from msa.training.run import Places, load_run, open_run, read_lengths, say_lengths


def with_trained_lengths(run: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings, a length such as "95%" made the steps that training read at most."""
    hyper = settings["hyperparameters"]
    if not any(isinstance(length, str) for length in hyper["lengths"].values()):
        return settings
    read = read_json(run / "training.json", "lengths")["lengths"]
    lengths = {
        name: read.get(name, {}).get("steps") if isinstance(length, str) else length
        for name, length in hyper["lengths"].items()
    }
    return {**settings, "hyperparameters": {**hyper, "lengths": lengths}}


def outputs_of(
    run: Path, folder: Path, encoder: Path | None, device: str, tell: bool = False
) -> np.ndarray:
    """A run's outputs for the prepared input: (n, m) float64.

    With `tell`, what of it the run's lengths cut is said on stderr.
    """
    settings, on = open_run(run, device)
    settings = with_trained_lengths(run, settings)
    places = Places(folder / "data", folder / "clean", folder / "features", encoder)
    folds, bert = load_run(places, settings, [FOLD])
    if tell:
        say_lengths(settings, read_lengths(folds, settings["missing"]), FOLD)
    fold = folds[FOLD].to(on)
    network = trained(run, settings, fold, bert).to(on)
    output = predictions(network, fold, settings["hyperparameters"])
    return output.double().cpu().numpy()
