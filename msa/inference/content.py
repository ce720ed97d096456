"""What a pack holds: system.json, and every other file by its SHA-256.

It may be anybody's: names, sizes and digests are looked at before a file is read, and what is read
is JSON or safetensors, which run nothing.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msa import __version__
from msa.base.errors import InputError
from msa.base.provenance import digest as digest_of
from msa.base.reading import said
from msa.base.schema import problems
from msa.fetch.check import digest

FORMAT = 1
CONTENT = "system.json"
MOST = 1 << 24  # bytes of system.json
RUN_FILES = ("settings.json", "training.json", "model.safetensors")
AGAIN = "it is damaged, or was changed; get the pack again, or pack it again"


def read_content(path: Path, where: str, sha256: str | None = None) -> dict[str, Any]:
    """The content of system.json.

    Args:
        path: the file.
        where: what to call it.
        sha256: what it must be, where that is known.

    Raises:
        InputError: it is missing, another file, or of a newer version.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MOST + 1)
    except OSError as error:
        raise InputError(f"{where}: expected a pack's {CONTENT}, got: {said(error)}") from error
    if len(text) > MOST:
        raise InputError(f"{where}: expected at most {MOST} bytes, got more; {AGAIN}")
    if sha256 and sha256.lower() != digest_of(text):
        raise InputError(
            f"{where}: expected the SHA-256 {sha256.lower()} (--sha256), got {digest_of(text)}; "
            f"{AGAIN}"
        )
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: expected JSON, got: {said(error)}; {AGAIN}") from error
    version = content.get("format") if isinstance(content, dict) else None
    if isinstance(version, int) and version > FORMAT:
        raise InputError(
            f"{where}: expected a pack of format {FORMAT}, which msa {__version__} reads, got "
            f"format {version}, written by msa {content.get('packed_by')}; install that version"
        )
    if wrong := problems(content, "system.schema.json", where):
        raise InputError("; ".join(wrong))
    if missing := [name for name in _needed(content) if name not in content["files"]]:
        raise InputError(f"{where}: files: expected {', '.join(missing)} too; {AGAIN}")
    return dict(content)


def _needed(content: Mapping[str, Any]) -> Iterator[str]:
    """Files without which nothing can be predicted."""
    yield from ("README.md", "result.json", "cleaning.safetensors")
    for run in content["runs"]:
        yield from (f"runs/{run}/{name}" for name in RUN_FILES)
    weights = {"hub": None, "pack": "model.safetensors", "runs": "shapes.json"}
    if (encoder := content["encoder"]) and (held := weights[encoder["weights"]]):
        yield from (f"encoder/{name}" for name in ("config.json", "tokenizer.json", held))


def check_files(folder: Path, files: Mapping[str, Mapping[str, Any]], more: bool = False) -> None:
    """Raise an InputError unless a folder has exactly these files, but for hidden ones.

    Args:
        folder: of the pack, or of an encoder.
        files: by name, each with its `sha256`.
        more: there may be others too.
    """
    expected = {name: f"the SHA-256 {file['sha256']}" for name, file in files.items()}
    others = set() if more else _names(folder) - set(files)
    wrong = []
    for name in [*files, *sorted(others)]:
        path = folder / name
        got = f"the SHA-256 {digest(path)}" if path.is_file() else "no such file"
        if got != expected.get(name):
            wrong.append(f"{path}: expected {expected.get(name, 'no such file')}, got {got}")
    if wrong:
        raise InputError(f"{'; '.join(wrong)}; {AGAIN}")


def _names(folder: Path) -> set[str]:
    """Of the files beside system.json, but for what is hidden, as Git's own and systems'."""
    names = set()
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = (Path(parent, name) for name in files if not name.startswith("."))
        names |= {path.relative_to(folder).as_posix() for path in paths}
    return names - {CONTENT}


def listed(folder: Path) -> dict[str, dict[str, Any]]:
    """The files of a folder that is packed, each with its SHA-256 and size."""
    return listed_files(folder, sorted(_names(folder)))


def listed_files(folder: Path, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Some files of a folder, each with its SHA-256 and size."""
    return {
        name: {"sha256": digest(folder / name), "size": (folder / name).stat().st_size}
        for name in names
    }
