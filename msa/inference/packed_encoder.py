"""Of a text encoder what a pack holds: all of it, its name on the hub, or shapes of its weights."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msa.base.errors import InputError
from msa.base.reading import read_json
from msa.config.encoders import Encoder
from msa.fetch.encoder import files_that_are_read
from msa.inference.content import listed_files

JSON_FILES = (
    *("config.json", "tokenizer_config.json", "special_tokens_map.json"),
    "added_tokens.json",
)


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
        "name": encoder.name if encoder.kind == "hub" else encoder.slug,
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
        (folder / "shapes.json").write_text(json.dumps(tuned, indent=1) + "\n", encoding="utf-8")
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
    """A JSON file without the names of the user's own folders; nothing in it may run code."""
    content = read_json(path)
    if "auto_map" in content:
        raise InputError(
            f"{path}: expected an encoder of transformers' own, got one with code (auto_map), "
            "which no pack holds"
        )
    for name in ("_name_or_path", "name_or_path"):
        content.pop(name, None)
    return json.dumps(content, indent=1) + "\n"


def _write_tokenizer(source: Path, path: Path) -> None:
    """tokenizer.json; where there is none, what transformers makes of the other files."""
    if (source / path.name).is_file():
        shutil.copyfile(source / path.name, path)
        return
    from msa.data.tokenizer import load_pieces

    path.write_text(load_pieces(source).to_str(), encoding="utf-8")
