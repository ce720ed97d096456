"""A trained system: the runs behind a result, and all that input goes through before it is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.errors import InputError
from msa.base.provenance import digest
from msa.base.reading import read_array, read_json
from msa.config.check import load
from msa.config.configuration import Config
from msa.config.encoders import text_encoder
from msa.config.fits import require
from msa.config.folds import require_one_model
from msa.config.settings import run_settings
from msa.data.cleaning import Cleaning, read_cleanings
from msa.results.summarize import run_folders
from msa.training.run import read_settings


@dataclass(frozen=True)
class System:
    """Runs of one model on one data set.

    Attributes:
        runs: folders with settings.json, training.json and model.safetensors, one a seed (and a
            target, where each has a model of its own).
        recipe: the data set's, of which `align`, `pauses`, `task` and `features` are read.
        cleanings: by sequence, from the training fold.
        encoder: the text encoder's folder, None where the model reads no words.
        training_ids: segments of the training fold (n,), None where they are not known.
        extraction: the card of what its videos were extracted with, None where it has none.
        face_weights: folder of the networks that find faces in them, None for the default.
        salt: what the training ids are hashed with, as of `hashed`; None where they are plain.
    """

    runs: Sequence[Path]
    recipe: Mapping[str, Any]
    cleanings: Mapping[str, Cleaning]
    encoder: Path | None
    training_ids: np.ndarray | None
    extraction: Mapping[str, Any] | None
    face_weights: Path | None = None
    salt: str | None = None

    def trained_with(self, ids: np.ndarray) -> np.ndarray:
        """Which of some segments (n,) were in the training fold: (n,) bool."""
        if self.training_ids is None:
            return np.zeros(len(ids), bool)
        return np.isin(ids if self.salt is None else hashed(ids, self.salt), self.training_ids)


def hashed(ids: np.ndarray, salt: str) -> np.ndarray:
    """Of each id (n,) the first half of the SHA-256 of salt and id, as hexadecimal text (n,)."""
    return np.array([digest(salt.encode(), str(name).encode())[:32] for name in ids], dtype=str)


def open_system(path: Path, config_files: Sequence[Path]) -> System:
    """The system of a result, or of a single run.

    Args:
        path: a result's JSON file, or a run's folder.
        config_files: that the workflow was given.

    Raises:
        InputError: something of it is missing, or the configuration has changed since.
    """
    config = load(config_files)
    runs = _find_runs(path, config)
    every = [read_settings(run) for run in runs]
    for settings in every:
        _check(settings, config)
    first = every[0]
    dataset = first["dataset"]
    reads_words = first["forms"].get("text") in ("words", "features")
    ids = Path(config.path("data", dataset, "train", "ids.npy"))
    card = Path(config.path("data", dataset, "raw", "card.json"))
    return System(
        runs,
        config.recipes[dataset],
        read_cleanings(Path(config.path("data", dataset, "clean", "cleaning.npz"))),
        Path(text_encoder(config, dataset).folder) if reads_words else None,
        read_array(ids, "text", 1) if ids.is_file() else None,
        read_json(card, "settings", "extractors") if "videos" in config.recipes[dataset] else None,
        Path(config.path("data", "extractors", "mesh")),
    )


def _find_runs(path: Path, config: Config) -> list[Path]:
    """The folder of one run, or those of all runs behind a result."""
    if path.is_dir():
        return [path]
    result = read_json(path, "dataset", "model", "variant", "selected_epoch")
    return run_folders(result, Path(config.path("runs")))


def _check(settings: Mapping[str, Any], config: Config) -> None:
    """Raise an InputError unless the configuration still has what the run was trained on."""
    dataset = settings["dataset"]
    require(config, dataset, settings["model"])
    require_one_model(config, dataset, "predict")
    now = run_settings(config, dataset, settings["model"], settings["seed"])
    for key in ("clean", "encoder"):
        if settings.get(key) and settings[key] != now[key]:
            raise InputError(
                f"{dataset}: {key}: expected {settings[key]} as the run was trained with, the "
                f"configuration says {now[key]}; give the run's own with --configfile"
            )
