"""Lock: what a raw file was when it was first seen, from each of its sources.

It is a file of `sha256sum`'s format, with a remark before the checksum of what came from a source
that is named: not the first address of a recipe, nor dropped by hand.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from msa.base.atomic import atomic_write
from msa.base.errors import InputError

REMARK = "# from "
REVISION = ", revision "


@dataclass(frozen=True)
class Seen:
    """A file that was seen.

    Attributes:
        sha256: its checksum.
        source: address of the mirror that gave it; None for the first address, or by hand.
        revision: commit of that source, if it has any.
    """

    sha256: str
    source: str | None = None
    revision: str | None = None


def checksum(text: str, where: str) -> str:
    """A SHA-256 in small letters; InputError if it is none."""
    if not re.fullmatch("[0-9a-fA-F]{64}", text):
        raise InputError(f"{where}: expected a SHA-256 of 64 hexadecimal digits, got {text!r}")
    return text.lower()


def read_lock(lock: Path | None) -> list[Seen]:
    """What a lock says was seen, in its order; nothing if there is no lock.

    Raises:
        InputError: it has no checksum, or one that is none.
    """
    if lock is None or not lock.exists():
        return []
    seen, source, revision = [], None, None
    lines = lock.read_text("utf-8", errors="replace").splitlines()
    for line in lines:
        if line.startswith(REMARK):
            source, _, revision = line.removeprefix(REMARK).partition(REVISION)
        elif line.strip() and not line.startswith("#"):
            seen.append(Seen(checksum(line.split()[0], str(lock)), source, revision or None))
            source = revision = None
    return seen or [Seen(checksum("", str(lock)))]


def record(lock: Path, name: str, seen: Seen) -> None:
    """Add what was seen to a lock, unless it says so already."""
    known = read_lock(lock)
    if seen in known:
        return
    with atomic_write(lock) as file:
        for one in sorted([*known, seen], key=lambda one: one.source is not None):
            if one.source:
                revision = f"{REVISION}{one.revision}" if one.revision else ""
                file.write(f"{REMARK}{one.source}{revision}\n")
            file.write(checksum_line(one.sha256, name))


def checksum_line(sha256: str, name: str) -> str:
    """A line as `sha256sum` writes it."""
    return f"{sha256}  {name}\n"


def origin(checked: Path, lock: Path) -> Seen | None:
    """What a raw file is that was found right, and where it is from; None if it was not checked.

    Args:
        checked: file with its checksum.
        lock: of that file; where two sources have the same, it is the first address's.
    """
    if not checked.is_file():
        return None
    [file] = read_lock(checked)
    same = [seen for seen in read_lock(lock) if seen.sha256 == file.sha256]
    return min(same, key=lambda seen: seen.source is not None, default=file)
