"""Check: a file is the one that was seen first, or the one a recipe names, by its SHA-256."""

import argparse
import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msa.base.atomic import atomic_write
from msa.base.errors import InputError
from msa.base.lock import checksum, checksum_line, read_lock
from msa.base.reading import read_json

SMALL = 1 << 24  # bytes that are read in no time


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
    """Of the files below a folder, links to folders included, but for the hidden ones."""
    for parent, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = Path(parent, name)
            if not name.startswith(".") and path.is_file():
                yield path.relative_to(folder).as_posix()


def stamp(path: Path) -> list[str] | None:
    """What changes with a file, or with those of a folder, without reading them; None for nothing.

    Returns:
        Digests of sizes and dates, which a copy may keep, and of what no copy keeps.
    """
    names = sorted(_names(path)) if path.is_dir() else [""] if path.exists() else []
    if not names:
        return None
    kept, own = hashlib.sha256(), hashlib.sha256()
    for name in names:
        stat = (path / name).stat()
        kept.update(f"{name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
        own.update(f"{stat.st_ctime_ns} {stat.st_ino}\n".encode())
    return [digest.hexdigest()[:16] for digest in (kept, own)]


@dataclass(frozen=True)
class Look:
    """What a look at a file says before its check; never reads one that is large.

    Attributes:
        arguments: of its check: those of the last one, where nothing has changed since.
        same: it has changed, but what passes the check has the content that it had.
    """

    arguments: list[str]
    same: bool = False


def look(
    path: Path, checked: Path, seen: Path, sha256: str | None = None, lock: Path | None = None
) -> Look:
    """What is known of a file or folder without its check.

    Args:
        path: where it is.
        checked, seen: what its last check wrote, if there was one.
        sha256, lock: as in `verify`.
    """
    before, now = _last_look(seen), stamp(path)
    content, expected = next(iter(_known(checked)), None), _known(lock, sha256)
    is_unchanged = bool(before) and now in (None, before["stamp"])
    if is_unchanged and (sha256 is None or expected == {content}):
        return Look(before["arguments"])
    if is_unchanged or not before or not now:
        same = is_unchanged
    elif expected:
        same = expected == {content}
    else:
        is_copy = now[0] == before["stamp"][0]
        same = is_copy or (_bytes(path) <= SMALL and digest(path) == content)
    # Snakemake takes what a failed check was asked for done, so that it is never asked the same
    arguments = [f"--asked={time.time_ns()}", *([f"--sha256={sha256}"] if sha256 else [])]
    return Look(arguments + ([f"--same={content}"] if same else []), same)


def _last_look(seen: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = read_json(seen, "stamp", "arguments")
    except InputError:
        return {}
    return content


def _known(checksums: Path | None, sha256: str | None = None) -> set[str]:
    """The SHA-256 that a lock or the last check knows, or the recipe's; none if that is broken."""
    try:
        return set(expected_sha256(sha256, checksums))
    except InputError:  # the check says so
        return set()


def _bytes(path: Path) -> int:
    names = _names(path) if path.is_dir() else [""]
    return sum((path / name).stat().st_size for name in names)


def expected_sha256(
    sha256: str | None, lock: Path | None, sources: Sequence[str | None] = ()
) -> dict[str, str]:
    """The SHA-256 that a file may have, and who says so: the recipe, else the lock; none for any.

    Args:
        sha256: of the recipe.
        lock: what was seen first.
        sources: those of the lock that count, by address, None for what has no name; else all.
    """
    if sha256:
        return {checksum(sha256, "--sha256"): "the recipe's"}
    return {
        seen.sha256: f"{lock}: {f'from {seen.source}' if seen.source else 'first seen'}"
        for seen in read_lock(lock)
        if not sources or seen.source in sources
    }


def verify(
    path: Path,
    name: str,
    sha256: str | None = None,
    lock: Path | None = None,
    sources: Sequence[str | None] = (),
) -> str:
    """The SHA-256 of a file or folder that is what it must be.

    Args:
        path: where it is.
        name: what to call it.
        sha256: of the recipe; goes before the lock.
        lock: what was seen first, of each source; need not exist.
        sources: as in `expected_sha256`.

    Raises:
        InputError: there is nothing, or something else.
    """
    expected, actual = expected_sha256(sha256, lock, sources), digest(path)
    if expected and actual not in expected:
        remedy = (
            "change the recipe's sha256, or name its path in a recipe of your own"
            if sha256
            else f"delete {lock}"
        )
        known = " or ".join(f"{known} ({origin})" for known, origin in expected.items())
        raise InputError(
            f"{name}: expected the SHA-256 {known}, got {actual}; "
            f"to accept what is there now, {remedy} and run again"
        )
    return actual


def check(
    path: Path, sha256: str | None = None, lock: Path | None = None, same: str | None = None
) -> str:
    """Verify a file or folder, and record its SHA-256 where nothing is known of it.

    Args:
        path, sha256, lock: as in `verify`.
        same: what its SHA-256 was, where size and date say that it is still that.

    Returns:
        The SHA-256.
    """
    actual = verify(path, str(path), sha256, lock)
    if same not in (None, actual):
        raise InputError(
            f"{path}: expected the SHA-256 {same}, as its size and date are those of the file "
            f"that was read before, got {actual}; to use what is there now, touch it and run again"
        )
    if lock and not sha256 and not lock.exists():
        write_checksum(actual, path.name, lock)
    return actual


def write_checksum(sha256: str, name: str, path: Path) -> None:
    """Write a SHA-256 into a file of its own."""
    with atomic_write(path) as file:
        file.write(checksum_line(sha256, name))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, help="file or folder, downloaded or put there by hand")
    parser.add_argument("--sha256", help="what the recipe says it is; goes before the lock")
    parser.add_argument("--lock", type=Path, help="what was seen first; written if missing")
    parser.add_argument("--same", help="what it was, where size and date say that it is still that")
    parser.add_argument("--asked", help="any text, which tells this check from every other one")
    parser.add_argument("--output", type=Path, required=True, help="written when all is well")
    parser.add_argument("--seen", type=Path, help="written too: what tells when it has changed")


def main(args: argparse.Namespace) -> None:
    # before it is read: what changes meanwhile is seen the next time
    seen = stamp(args.path)
    write_checksum(check(args.path, args.sha256, args.lock, args.same), args.path.name, args.output)
    if args.seen:
        arguments = [
            f"--{name}={value}"
            for name in ("asked", "sha256", "same")
            if (value := getattr(args, name)) is not None
        ]
        with atomic_write(args.seen) as file:
            json.dump({"stamp": seen, "arguments": arguments}, file)
