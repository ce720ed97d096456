"""Packed: a trained system from a pack, opened where there is nothing but this package."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from msa import __version__
from msa.base.errors import InputError
from msa.base.reading import read_json, said
from msa.base.schema import nearest, problems
from msa.config.recipes import task_problems
from msa.data.cleaning import SEQUENCES, Cleaning, Columns
from msa.inference.content import CONTENT, read_content
from msa.inference.packed_encoder import open_encoder
from msa.inference.system import System, open_system
from msa.inference.unpack import is_packed, obtain
from msa.models import MODELS
from msa.training.run import read_settings

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
    wrong = task_problems(f"{folder}/{CONTENT}: recipe: task", content["recipe"]["task"])
    runs = [folder / "runs" / name for name in content["runs"]]
    for name, run in zip(content["runs"], runs, strict=True):
        wrong += _run_problems(f"{run}/settings.json", read_settings(run), name, content)
    if wrong:
        raise InputError("; ".join(wrong))
    salt, ids = _read_ids(folder / "training_ids.json")
    return System(
        runs,
        content["recipe"],
        read_tensors(folder / "cleaning.safetensors", content["cleaning"]),
        open_encoder(folder / "encoder", content["encoder"], scratch / "encoder", own_encoder),
        ids,
        content["extraction"],
        salt=salt,
    )


def _read_ids(path: Path) -> tuple[str | None, np.ndarray | None]:
    """The salt and the hashes (n,) of the training segments' ids, if a pack has them."""
    if not path.is_file():
        return None, None
    content = read_json(path, "salt", "ids")
    salt, ids = content["salt"], content["ids"]
    texts = [salt, *ids] if isinstance(ids, list) else [None]
    if not all(isinstance(text, str) for text in texts):
        raise InputError(f"{path}: expected a text as salt and a list of hashes, got others")
    return salt, np.array(ids, dtype=str)


def _run_problems(
    where: str, settings: Mapping[str, Any], name: str, content: Mapping[str, Any]
) -> list[str]:
    """How the settings of a run are none, or none of the system in whose pack it lies."""
    target, _, seed = name.partition("/")
    expected = {
        **{key: content[key] for key in ("dataset", "model")},
        **{"task": content["recipe"]["task"], "target": target, "seed": int(seed)},
    }
    wrong = problems(settings["hyperparameters"], "settings.schema.json", where)
    forms, known = settings["forms"], (None, "words", "features", *SEQUENCES)
    if not isinstance(forms, dict) or any(form not in known for form in forms.values()):
        wrong.append(f"{where}: forms: expected some of {known}, got {forms!r:.99}")
    return wrong + [
        f"{where}: {key}: expected {value} as in {CONTENT}, got {settings.get(key)!r:.99}"
        for key, value in expected.items()
        if settings.get(key) != value
    ]


@contextmanager
def one_error(source: str) -> Iterator[None]:
    """Whatever comes of a system, if it is a pack, that says what cannot be, as one error.

    No schema knows which layers a model may have, or what a library makes of an encoder.
    """
    try:
        yield
    except (InputError, OSError, MemoryError):
        raise
    except Exception as error:
        if not is_packed(source) or "memory" in str(error):
            raise
        raise InputError(
            f"{source}: expected a pack whose parts go together, got: {type(error).__name__}: "
            f"{said(error)}"
        ) from error


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
