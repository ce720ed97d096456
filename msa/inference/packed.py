"""Packed: a trained system from a pack, opened where there is nothing but this package."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from msa import __version__
from msa.base.errors import InputError
from msa.base.reading import read_json
from msa.base.schema import nearest, problems
from msa.data.clean import Cleaning, Columns
from msa.fetch.encoder import files_that_are_read
from msa.fetch.repository import encoder_snapshot
from msa.inference.content import CONTENT, check_files, read_content
from msa.inference.system import System, open_system
from msa.inference.unpack import is_packed, obtain
from msa.models import MODELS

FIELDS = ("mean", "low", "high", "center", "deviation")  # of a sequence's cleaning


def open_any(
    source: str,
    config_files: Sequence[Path],
    scratch: Path,
    encoder: Path | None = None,
    sha256: str | None = None,
) -> System:
    """The system of a pack; or, by the configuration, of a result or a single run.

    Args:
        source: a pack's folder, .zip or hf:// address, a result's file, or a run's folder.
        config_files: that the workflow was given; a pack needs none.
        scratch: where what a pack unpacks may lie.
        encoder: the folder of the encoder that a pack names.
        sha256: of the pack's system.json.

    Raises:
        InputError: something of it is missing, or another than it says; see `open_system`.
    """
    if is_packed(source):
        return _open(obtain(source, scratch / "pack", sha256), scratch, encoder)
    if encoder or sha256:
        option = "--encoder" if encoder else "--sha256"
        raise InputError(f"{option}: expected a pack (a folder, .zip or hf://), got {source}")
    return open_system(Path(source), config_files)


def _open(folder: Path, scratch: Path, own_encoder: Path | None) -> System:
    content = read_content(folder / CONTENT, f"{folder}/{CONTENT}")
    if content["model"] not in MODELS:
        raise InputError(
            f"{folder}/{CONTENT}: model: unknown model {nearest(content['model'], MODELS)}; it was "
            f"packed by msa {content['packed_by']}, this is {__version__}"
        )
    runs = [folder / "runs" / name for name in content["runs"]]
    for run in runs:
        hyper = read_json(run / "settings.json", "hyperparameters")["hyperparameters"]
        if wrong := problems(hyper, "settings.schema.json", f"{run}/settings.json"):
            raise InputError("; ".join(wrong))
    known = folder / "training_ids.json"
    ids = read_json(known, "salt", "ids") if known.is_file() else {"salt": None, "ids": None}
    return System(
        runs,
        content["recipe"],
        read_tensors(folder / "cleaning.safetensors", content["cleaning"]),
        _encoder(folder, content["encoder"], scratch, own_encoder),
        None if ids["ids"] is None else np.array(ids["ids"], dtype=str),
        content["extraction"],
        ids["salt"],
    )


def tensors(cleanings: Mapping[str, Cleaning]) -> dict[str, np.ndarray]:
    """The numbers of cleanings, float64 (d,) each, by `sequence.field`."""
    return {
        f"{name}.{field}": np.ascontiguousarray(value, np.float64)
        for name, cleaning in cleanings.items()
        for field, value in (vars(cleaning) | vars(cleaning.columns)).items()
        if field in FIELDS
    }


def read_tensors(path: Path, policies: Mapping[str, str]) -> dict[str, Cleaning]:
    """The cleanings of what `tensors` made.

    Args:
        path: safetensors file.
        policies: by sequence.

    Raises:
        InputError: it is missing, damaged, or of other sequences.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(path.read_bytes())
        cleanings = {}
        for name, policy in policies.items():
            of = {field: arrays[f"{name}.{field}"] for field in FIELDS}
            if {(array.dtype, array.shape) for array in of.values()} != {
                (np.dtype(np.float64), (of["center"].size,))
            }:
                raise ValueError(f"{name} of unlike shapes")
            columns = Columns(of["mean"], of["low"], of["high"])
            cleanings[name] = Cleaning(policy, columns, of["center"], of["deviation"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise InputError(
            f"{path}: expected float64 statistics of {', '.join(policies)}, got: {error}"
        ) from error
    return cleanings


def _encoder(
    folder: Path, encoder: Mapping[str, Any] | None, scratch: Path, own: Path | None
) -> Path | None:
    """The folder of the text encoder, whole."""
    if own and (not encoder or encoder["weights"] != "hub"):
        held = "it is in the pack" if encoder else "the model reads no words"
        raise InputError(f"--encoder: expected none, for {held}, got {own}")
    if encoder is None:
        return None
    if encoder["weights"] == "pack":
        return folder / "encoder"
    if encoder["weights"] == "runs":
        return _with_shapes(folder / "encoder", scratch / "encoder")
    name, revision, files = encoder["name"], encoder["revision"], encoder["files"]
    place = own or encoder_snapshot(name, revision, list(files))
    # a file more may be one that is read before those
    unlisted = [file for file in files_that_are_read(place) if file not in files]
    if own and unlisted:
        raise InputError(
            f"{place}: expected {', '.join(files)} of {name}@{revision}, got {unlisted[0]} too"
        )
    check_files(place, files, more=True)
    return place


def _with_shapes(held: Path, folder: Path) -> Path:
    """An encoder for a run's own weights, which take the place of the zeros that it has."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir()
    for path in held.glob("*.json"):
        (folder / path.name).write_bytes(path.read_bytes())
    shapes = read_json(folder / "shapes.json")
    (folder / "shapes.json").unlink()
    try:
        zeros = {
            name: torch.zeros(shape, dtype=getattr(torch, dtype))
            for name, (dtype, shape) in shapes.items()
        }
    except (TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise InputError(f"{held}/shapes.json: expected dtypes and shapes, got: {error}") from error
    save_file(zeros, folder / "model.safetensors", metadata={"format": "pt"})
    return folder
