"""Import a checkpoint that a system's authors released: their file to our safetensors.

A file of torch's can run code when it is read. This one is read as weights only, and what asks
for more is refused.
"""

import argparse
import io
import json
import re
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from msa.base.atomic import atomic_path, atomic_write
from msa.base.errors import InputError
from msa.base.provenance import digest
from msa.data.encoder import load_encoder
from msa.models import model_class
from msa.models.checkpoint import load_released, released_widths
from msa.training.batches import FOLDS, SEQUENCES, Fold, Ragged
from msa.training.network import build
from msa.training.run import (
    Places,
    add_data_arguments,
    load_run,
    open_run,
    read_settings,
    record_of,
)

STATES = ("model_state_dict", "state_dict")
RECORDED = ("epoch", "test_score", "test_loss")
# a score that NumPy computed is kept as one of its scalars: a type and some bytes, no code
_scalar: Any = np.float64().__reduce__()[0]
SCALARS: list[Any] = [
    (_scalar, "numpy.core.multiarray.scalar"),
    (_scalar, "numpy._core.multiarray.scalar"),
    np.dtype,
    np.dtypes.Float64DType,
    np.dtypes.Float32DType,
    np.dtypes.Int64DType,
]


@dataclass(frozen=True)
class Released:
    """What a released file holds.

    Attributes:
        state: tensors under the authors' names.
        recorded: epoch, test score and test loss, as far as the authors wrote them down.
    """

    state: dict[str, Tensor]
    recorded: dict[str, str]


def read_released(content: bytes, file: Path) -> Released:
    """The state dict in a file of torch's, plain or inside the dictionary of a training script.

    Args:
        content: the file's bytes.
        file: its name, for messages.

    Raises:
        InputError: not a whole file of torch's, more than weights and plain values, or no state
            dict in it.
    """
    value, recorded = _load(content, file), {}
    nested = [key for key in STATES if isinstance(value, Mapping) and key in value]
    if nested:
        for key in RECORDED:
            if key in value:
                number = value[key]  # Python's, NumPy's or a tensor
                recorded[key] = str(number.tolist() if hasattr(number, "tolist") else number)
        value = value[nested[0]]
    expected = f"{file}: expected a state dict, or a dictionary with one as {' or '.join(STATES)}"
    if not isinstance(value, Mapping):
        raise InputError(f"{expected}, found {type(value).__name__}")
    others = [f"{k} ({type(x).__name__})" for k, x in value.items() if not isinstance(x, Tensor)]
    if others or not value:
        found = f"no tensors in {', '.join(others)}" if others else "nothing in it"
        raise InputError(f"{expected}, found {found}")
    state = {str(key): tensor for key, tensor in value.items()}
    if all(key.startswith("module.") for key in state):
        # written from inside nn.DataParallel
        state = {key.removeprefix("module."): tensor for key, tensor in state.items()}
    return Released(state, recorded)


def build_released(
    model: str,
    state: dict[str, Tensor],
    run: Path | None,
    encoder: Path | None,
) -> nn.Module:
    """The network that a released state dict is for.

    With a run, it is the one that the stage predict-folds will build for that run, except that the
    input widths are the file's. Without, all that shapes cannot tell is the model's default.

    Raises:
        InputError: the run is of another model, or the network cannot be built.
    """
    network = model_class(model)
    if not hasattr(sys.modules[network.__module__], "from_released"):
        raise InputError(f"model {model}: has no released checkpoints")
    widths = released_widths(network, state)
    if run is None:
        try:
            return network(**widths)
        except (TypeError, InputError) as error:
            raise InputError(
                f"model {model}: cannot be built from the checkpoint alone: {error}; "
                "give --run FOLDER, a run with settings.json"
            ) from error
    settings = read_settings(run)
    if settings["model"] != model:
        raise InputError(f"{run}/settings.json: expected model {model}, got {settings['model']}")
    forms, bert, nothing = settings["forms"], None, torch.zeros(0, dtype=torch.long)
    if forms.get("text") == "words":
        _, bert = load_encoder(encoder)
    modalities = {
        name: Ragged(torch.zeros(0, widths[f"{name}_dim"]), nothing, nothing)
        for name in SEQUENCES
        if f"{name}_dim" in widths and forms.get(name)
    }
    return build(settings, Fold(np.zeros(0), nothing, modalities), bert)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="the authors' checkpoint")
    parser.add_argument("--model", required=True, help="the system it is of, such as nhfnet")
    parser.add_argument("--output", type=Path, required=True, help="safetensors file to write")
    parser.add_argument(
        "--run",
        type=Path,
        help="folder with the settings.json of the run that it is for; with --data its "
        "training.json is written, too",
    )
    add_data_arguments(parser, required=False)


def main(args: argparse.Namespace) -> None:
    try:
        content = args.file.read_bytes()
    except OSError as error:
        raise InputError(f"{args.file}: cannot be read: {error}") from error
    released = read_released(content, args.file)
    try:
        network = build_released(args.model, released.state, args.run, args.encoder)
        unused = load_released(network, released.state)
    except InputError as error:
        sizes = f"{args.run}/settings.json" if args.run else "the defaults, as --run is not given"
        raise InputError(
            f"{args.file}: cannot be imported as {args.model} with the sizes of {sizes}:\n  "
            + str(error).replace("\n", "\n  ")
        ) from error
    metadata = {
        "format": "pt",
        "model": args.model,
        "source": args.file.name,
        "source_sha256": digest(content),
        **{f"released_{key}": text for key, text in released.recorded.items()},
    }
    weights = {key: tensor.contiguous() for key, tensor in network.state_dict().items()}
    with atomic_path(args.output) as path:
        save_file(weights, path, metadata)
    some = f": {', '.join(unused)}" if unused else ""
    print(f"{args.file}: {len(unused)} released keys unused{some}", file=sys.stderr)
    if args.run and args.data:
        record_untrained(args.run, Places.of(args), args.device, network)


def record_untrained(run: Path, places: Places, device: str, network: nn.Module) -> None:
    """Write the run's training.json: what the data is, and that nothing was trained."""
    settings, on = open_run(run, device)
    folds, _ = load_run(places, settings, FOLDS)
    record = record_of(settings, folds, on) | {
        "parameters": sum(p.numel() for p in network.parameters()),
        "wall_time_s": 0.0,
        "rows_per_s": None,
        "selected_epoch": None,
        "epochs": 0,
        "selection": None,
        "best_valid_loss": None,
        "constant_valid_loss": None,
        "learned": None,
    }
    with atomic_write(run / "training.json") as file:
        json.dump(record, file, indent=1)


def _load(content: bytes, file: Path) -> Any:
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(SCALARS):
            warnings.simplefilter("ignore")
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    # bytes that are no checkpoint make torch raise nearly anything
    except Exception as error:
        refused = re.search(r"GLOBAL (\S+)", str(error))
        if refused:
            raise InputError(
                f"{file}: expected tensors and plain values, found {refused[1]}, which is refused "
                "because reading it could run any code; a state dict is needed, which the "
                "authors' code writes by torch.save(model.state_dict(), FILE)"
            ) from error
        reason = str(error).partition(". ")[0].strip()
        raise InputError(
            f"{file}: expected a whole checkpoint written by torch.save, found {len(content)} "
            f"bytes that begin with {content[:8]!r} ({type(error).__name__}: {reason}); "
            "fetch it again"
        ) from error
