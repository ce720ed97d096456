"""Unpack: a pack from a folder, a .zip or the hub, every byte checked, as a folder."""

import argparse
import shutil
import stat
import zipfile
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import IO

from msa.base.atomic import atomic_folder
from msa.base.errors import InputError
from msa.base.reading import said
from msa.fetch.repository import ADDRESS, Repository
from msa.inference.content import AGAIN, CONTENT, MOST, check_files, read_content

RATIO = 100  # bytes that one byte of a .zip may become: numbers hardly shrink
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
PIECE = 1 << 20


def is_packed(source: str) -> bool:
    """Whether a pack is meant, and no result or run."""
    path = Path(source)
    if source.startswith("hf://") or path.suffix == ".zip":
        return True
    return path.is_dir() and not (path / "settings.json").is_file()


def obtain(source: str, folder: Path, sha256: str | None = None) -> Path:
    """The folder of a pack, checked: where it lies, in the hub's cache, or unzipped.

    Args:
        source: a folder, a .zip or hf://OWNER/NAME[@REVISION].
        folder: a new one, to unzip into.
        sha256: of its system.json.

    Raises:
        InputError: it cannot be had, or is not as it was packed.
    """
    place = Path(source)
    if source.startswith("hf://"):
        place = _from_hub(source, sha256)
    elif place.suffix == ".zip":
        _unzip(place, folder, sha256)
        return folder
    content = read_content(place / CONTENT, f"{place}/{CONTENT}", sha256)
    # the hub has files of its own beside, which are not fetched
    check_files(place, content["files"], more=source.startswith("hf://"))
    return place


def unpack(source: str, output: Path, sha256: str | None = None) -> None:
    """Write a pack as a folder, which must not be there yet; arguments as of `obtain`."""
    if output.exists():
        raise InputError(f"{output}: expected a new folder, got one that is there; give another")
    with atomic_folder(output) as folder:
        place = obtain(source, folder / "pack", sha256)
        if place == folder / "pack":
            for path in place.iterdir():
                path.rename(folder / path.name)
            place.rmdir()
            return
        for name in (CONTENT, *read_content(place / CONTENT, source)["files"]):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(place / name, folder / name)


def _from_hub(address: str, sha256: str | None) -> Path:
    parts = ADDRESS.fullmatch(address)
    if not parts:
        raise InputError(f"{address}: expected hf://OWNER/NAME, or hf://OWNER/NAME@REVISION")
    repository = Repository.open(parts[1], parts[2])
    place = repository.fetch({CONTENT: None}, MOST)
    content = read_content(place / CONTENT, f"{address}/{CONTENT}", sha256)
    return repository.fetch({name: file["size"] for name, file in content["files"].items()})


def _unzip(path: Path, folder: Path, sha256: str | None) -> None:
    """Write the files of a .zip that its system.json lists, and no others.

    A pack may lie in one folder of the .zip. Sizes are those of system.json, whatever its own
    directory says.
    """
    folder.mkdir()
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(path, archive)
            with archive.open(members.pop(CONTENT)) as file:
                _write(file, folder / CONTENT, MOST)
            files = read_content(folder / CONTENT, f"{path}/{CONTENT}", sha256)["files"]
            if more := sorted(set(members) - set(files)):
                raise InputError(f"{path}: {more[0]}: expected no such file; {AGAIN}")
            total = sum(file["size"] for file in files.values())
            if total > RATIO * path.stat().st_size:
                raise InputError(
                    f"{path}: expected at most {RATIO} times its size unzipped, got {total} bytes"
                )
            for name in files:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                if name in members:  # else it is said below
                    with archive.open(members[name]) as file:
                        _write(file, folder / name, files[name]["size"])
    except InputError:
        raise
    # of damaged ones zipfile raises nearly anything
    except Exception as error:
        if isinstance(error, OSError) and error.filename not in (None, str(path)):
            raise  # of what is written
        raise InputError(f"{path}: expected a .zip of a pack, got: {said(error)}") from error
    check_files(folder, files)


def _members(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The files of a .zip by their names in the pack."""
    infos = [info for info in archive.infolist() if not info.is_dir()]
    names = Counter(info.filename for info in infos)
    for info in infos:
        parts = PurePosixPath(info.filename).parts
        wrong = {
            "a path out of it": ".." in parts or info.filename[:1] == "/" or "\\" in info.filename,
            "a link": stat.S_ISLNK(info.external_attr >> 16),
            "one with a password": bool(info.flag_bits & 1),
            "one that is there twice": names[info.filename] > 1,
            "one of a rare compression": info.compress_type not in COMPRESSIONS,
        }
        for got in (text for text, is_so in wrong.items() if is_so):
            raise InputError(f"{path}: {info.filename}: expected a file of a pack, got {got}")
    homes = [PurePosixPath(name).parent for name in names if PurePosixPath(name).name == CONTENT]
    if len(homes) != 1 or len(homes[0].parts) > 1:
        got = ", ".join([*names][:3])
        raise InputError(f"{path}: expected {CONTENT} in it, got {got or 'nothing'}")
    return {
        str(name.relative_to(homes[0])) if name.is_relative_to(homes[0]) else str(name): info
        for name, info in ((PurePosixPath(info.filename), info) for info in infos)
        if not any(part.startswith(".") for part in name.parts)  # what systems leave there
    }


def _write(file: IO[bytes], path: Path, size: int) -> None:
    """Write no more than `size` bytes, and one by which it shows that there are more."""
    left = size + 1
    with path.open("wb") as output:
        while left and (piece := file.read(min(PIECE, left))):
            left -= output.write(piece)


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """What says of a pack which it must be."""
    parser.add_argument("--sha256", help="of the pack's system.json, as `pack` said")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", help="a pack: a folder, a .zip, or hf://OWNER/NAME@REVISION")
    parser.add_argument("output", type=Path, help="folder to write, a new one")
    add_source_arguments(parser)


def main(args: argparse.Namespace) -> None:
    unpack(args.source, args.output, args.sha256)
