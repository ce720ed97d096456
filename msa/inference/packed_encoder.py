"""Of a text encoder what a pack holds: all of it, its name on the hub, or shapes of its weights."""

import json
import shutil
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from msa.base.errors import InputError
from msa.base.reading import read_json
from msa.config.encoders import Encoder
from msa.fetch.encoder import files_that_are_read
from msa.fetch.repository import encoder_snapshot
from msa.inference.content import check_files, listed_files

CONFIGS = ("config.json", "tokenizer_config.json")
JSON_FILES = (*CONFIGS, "special_tokens_map.json", "added_tokens.json")
SHAPES = "shapes.json"  # dtype and shape of each weight


def pack_encoder(
    folder: Path, encoder: Encoder | None, run: Path, forms: Mapping[str, str | None]
) -> dict[str, Any] | None:
    """Write what a pack needs of an encoder, and return what its system.json says of it.

    Args:
        folder: to write, if anything.
        encoder: None where the model reads no words.
        run: any run of the system.
        forms: of its modalities.

    Raises:
        InputError: the encoder is none of safetensors, or would run code of its own.
    """
    if encoder is None:
        return None
    source = Path(encoder.folder)
    tuned = _shapes_within(source, run) if forms["text"] == "words" else None
    at_hub = encoder.kind == "hub" and encoder.revision is not None
    entry: dict[str, Any] = {
        "name": encoder.name if encoder.kind == "hub" else encoder.slug.lstrip(".-") or "encoder",
        "revision": encoder.revision,
        "weights": "runs" if tuned else "hub" if at_hub else "pack",
        "files": {},
    }
    if entry["weights"] == "hub":
        entry["files"] = listed_files(source, files_that_are_read(source))
        return entry
    folder.mkdir()
    for name in JSON_FILES:
        if (source / name).is_file():
            (folder / name).write_text(_public(source / name), encoding="utf-8")
    _write_tokenizer(source, folder / "tokenizer.json")
    if tuned:
        (folder / SHAPES).write_text(json.dumps(tuned, indent=1) + "\n", encoding="utf-8")
    elif (source / "model.safetensors").is_file():
        shutil.copyfile(source / "model.safetensors", folder / "model.safetensors")
    else:
        raise InputError(
            f"encoder {source}: expected model.safetensors, which is all that a pack holds, got "
            "weights in other files; write them anew with AutoModel.from_pretrained(FOLDER)"
            ".save_pretrained(NEW), name NEW in `encoders`, and run the workflow again"
        )
    return entry


def _shapes_within(source: Path, run: Path) -> dict[str, Any] | None:
    """Dtype and shape of each of an encoder's weights, if a run's own hold all that it uses.

    A pooler may have been taken off.
    """
    from safetensors import safe_open

    from msa.data.encoder import load_encoder

    _, model = load_encoder(source, only_pieces=True)
    state = model.state_dict()
    with safe_open(run / "model.safetensors", "pt") as weights:
        held = {name: weights.get_slice(name).get_shape() for name in weights.keys()}  # noqa: SIM118
    for name, tensor in state.items():
        ends = [shape for key, shape in held.items() if f".{key}".endswith(f".{name}")]
        if [*tensor.shape] not in ends and "pooler." not in name:
            return None
    return {
        name: [str(tensor.dtype).removeprefix("torch."), [*tensor.shape]]
        for name, tensor in state.items()
    }


def _public(path: Path) -> str:
    """A JSON file without the names of the user's own folders."""
    content = read_json(path)
    _refuse_code(path, content)
    for name in ("_name_or_path", "name_or_path"):
        content.pop(name, None)
    return json.dumps(content, indent=1) + "\n"


def _refuse_code(path: Path, content: Any) -> None:
    """Raise an InputError where a configuration names code, or kernels of the hub, at any depth."""
    for key, value in content.items() if isinstance(content, dict) else ():
        kernels = key.endswith("attn_implementation") and "/" in str(value)
        if key == "auto_map" or kernels:
            raise InputError(
                f"{path}: expected an encoder of transformers' own, got one with code ({key}), "
                "which no pack has"
            )
        _refuse_code(path, value)


def _write_tokenizer(source: Path, path: Path) -> None:
    """tokenizer.json; where there is none, what transformers makes of the other files."""
    if (source / path.name).is_file():
        shutil.copyfile(source / path.name, path)
        return
    from msa.data.tokenizer import load_pieces

    path.write_text(load_pieces(source).to_str(), encoding="utf-8")


def open_encoder(
    held: Path, encoder: Mapping[str, Any] | None, scratch: Path, own: Path | None = None
) -> Path | None:
    """The folder of a pack's encoder, whole; None where the model reads no words.

    Args:
        held: what the pack has of it, as of `pack_encoder`.
        encoder: what its system.json says.
        scratch: a new folder, to write what is missing.
        own: the user's folder of an encoder that the pack names.

    Raises:
        InputError: it cannot be fetched, is another one, or none is asked for.
    """
    if own and (not encoder or encoder["weights"] != "hub"):
        reason = "it is in the pack" if encoder else "the model reads no words"
        raise InputError(f"--encoder: expected none, for {reason}, got {own}")
    if encoder is None:
        return None
    folder = held if encoder["weights"] != "hub" else _named(encoder, own)
    for path in map(folder.joinpath, CONFIGS):
        if path.is_file():
            _refuse_code(path, read_json(path))
    if encoder["weights"] == "runs":
        _write_zeros(held, scratch)
        return scratch
    return folder


def _named(encoder: Mapping[str, Any], own: Path | None) -> Path:
    """The folder of the encoder that a pack names, the user's own or the hub's, which is that."""
    name, revision, files = encoder["name"], encoder["revision"], encoder["files"]
    folder = own or encoder_snapshot(name, revision, list(files))
    # one more may be read in place of these
    more = [file for file in files_that_are_read(folder) if file not in files]
    if own and more:
        raise InputError(
            f"{folder}: expected {', '.join(files)} of {name}@{revision}, got {more[0]} too"
        )
    check_files(folder, files, more=True)
    return folder


def _write_zeros(held: Path, folder: Path) -> None:
    """An encoder of zeros, in whose place a run's own weights come."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir()
    for path in held.glob("*.json"):
        shutil.copyfile(path, folder / path.name)
    shapes = read_json(folder / SHAPES)
    (folder / SHAPES).unlink()
    try:
        # all but a pooler's are in each run; what is said to be more fills a disk
        most = sum(path.stat().st_size for path in (held.parent / "runs").rglob("*.safetensors"))
        if (numbers := sum(prod(shape) for _, shape in shapes.values())) > most:
            raise ValueError(f"{numbers} numbers, of runs with {most} bytes")
        zeros = {
            name: torch.zeros(shape, dtype=getattr(torch, dtype))
            for name, (dtype, shape) in shapes.items()
        }
    except (TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise InputError(f"{held}/{SHAPES}: expected dtypes and shapes, got: {error}") from error
    save_file(zeros, folder / "model.safetensors", metadata={"format": "pt"})
