"""Check: a file is the one that was seen first, or the one a recipe names, by its SHA-256."""

import argparse
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from msa.base.atomic import atomic_write
from msa.base.errors import InputError


def digest(path: Path) -> str:
    """The SHA-256 of a file; of a folder, that of `sha256sum`'s lines of its files, by path.

    A folder's hidden files do not count.

    Raises:
        InputError: there is nothing.
    """
    if path.is_file():
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    names = sorted(_names(path))
    if not names:
        raise InputError(f"{path}: expected a file, or a folder with files in it, found none")
    lines = "".join(checksum_line(digest(path / name), name) for name in names)
    return hashlib.sha256(lines.encode()).hexdigest()


def _names(folder: Path) -> Iterator[str]:
    """Of the files below a folder, but for the hidden ones."""
    for file in folder.rglob("*"):
        name = file.relative_to(folder)
        if file.is_file() and not any(part.startswith(".") for part in name.parts):
            yield name.as_posix()


def folder_stamp(folder: Path) -> str:
    """What a change of a folder's files changes, without reading them: number, bytes, newest."""
    stats = [(folder / name).stat() for name in _names(folder)]
    newest = max((stat.st_mtime_ns for stat in stats), default=0)
    return f"# {len(stats)} files, {sum(stat.st_size for stat in stats)} bytes, the newest {newest}"


def seen(path: Path, checked: Path) -> str:
    """What changes with the files below a raw folder; where it is gone, what its check recorded.

    Nothing for a file, of which Snakemake sees by itself that it is newer.
    """
    if path.is_dir():
        return folder_stamp(path)
    text = "" if path.exists() or not checked.exists() else checked.read_text()
    return "".join(text.splitlines()[1:])


def checksum_line(sha256: str, name: str) -> str:
    """A line as `sha256sum` writes it."""
    return f"{sha256}  {name}\n"


def expected_sha256(sha256: str | None, lock: Path | None) -> str | None:
    """The SHA-256 that a file must have: the recipe's, else the lock's, if either says."""
    if sha256:
        text, where = sha256, "--sha256"
    elif lock and lock.exists():
        words = lock.read_text("utf-8", errors="replace").split()
        text, where = words[0] if words else "", str(lock)
    else:
        return None
    if not re.fullmatch("[0-9a-fA-F]{64}", text):
        raise InputError(f"{where}: expected a SHA-256 of 64 hexadecimal digits, got {text!r}")
    return text.lower()


def verify(path: Path, name: str, sha256: str | None = None, lock: Path | None = None) -> str:
    """The SHA-256 of a file or folder that is what it must be.

    Args:
        path: where it is.
        name: what to call it.
        sha256: of the recipe; goes before the lock.
        lock: file of `sha256sum`'s format; need not exist.

    Raises:
        InputError: there is nothing, or something else.
    """
    required, actual = expected_sha256(sha256, lock), digest(path)
    if required not in (None, actual):
        origin, remedy = (
            ("the recipe's", "change the recipe's sha256")
            if sha256
            else (f"{lock}: first seen", f"delete {lock}")
        )
        raise InputError(
            f"{name}: expected the SHA-256 {required} ({origin}), got {actual}; "
            f"to accept what is there now, {remedy} and run again"
        )
    return actual


def check(path: Path, sha256: str | None = None, lock: Path | None = None) -> str:
    """Verify a file or folder, and record its SHA-256 where nothing is known of it.

    Returns:
        The SHA-256.
    """
    actual = verify(path, str(path), sha256, lock)
    if lock and not sha256 and not lock.exists():
        write_checksum(actual, path.name, lock)
    return actual


def write_checksum(sha256: str, name: str, path: Path, remark: str = "") -> None:
    """Write a SHA-256 into a file of its own, and a line about it perhaps."""
    with atomic_write(path) as file:
        file.write(checksum_line(sha256, name) + remark)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, help="file or folder, downloaded or put there by hand")
    parser.add_argument("--sha256", help="what the recipe says it is; goes before the lock")
    parser.add_argument("--lock", type=Path, help="what was seen first; written if missing")
    parser.add_argument("--output", type=Path, required=True, help="written when all is well")


def main(args: argparse.Namespace) -> None:
    remark = f"{folder_stamp(args.path)}\n" if args.path.is_dir() else ""
    write_checksum(check(args.path, args.sha256, args.lock), args.path.name, args.output, remark)
