"""Outputs appear whole or not at all: write beside the target, then rename."""

import errno
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from msa.base.errors import InputError


@contextmanager
def atomic_write(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Yield a file that becomes `path` when the block ends without an error.

    Args:
        path: the file to write; its folder is made if it is missing.
        mode: "w" for UTF-8 text, "wb" for bytes.
    """
    with (
        atomic_path(path) as temporary,
        open(temporary, mode, encoding=None if "b" in mode else "utf-8") as file,
    ):
        yield file


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield the name of a file to write, which becomes `path` when the block ends well.

    Raises:
        InputError: the disk is full.
    """
    with _temporary(path) as temporary:
        yield temporary
        # some writers make files that nobody else may read
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes `path`, replacing it, when the block ends well.

    Raises:
        InputError: the disk is full.
    """
    with _temporary(path) as temporary:
        temporary.mkdir()
        yield temporary
        old = temporary.with_suffix(".old.part")
        if path.exists():
            path.replace(old)
        temporary.replace(path)
        _remove(old)


@contextmanager
def atomic_folders(paths: Mapping[str, Path]) -> Iterator[dict[str, Path]]:
    """As `atomic_folder`, for several: after an error none of them is another than before."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(atomic_folder(path)) for name, path in paths.items()}


def check_place(path: Path) -> None:
    """Raise an InputError unless something can be written there: before what takes long."""
    with _temporary(path):
        pass


def allocate(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Make a .npy file to be filled, with its room on the disk.

    Without the room a full disk kills whoever fills the file through memory.
    """
    with open(path, "wb") as file:
        header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        size = file.tell() + int(np.prod(shape)) * dtype.itemsize
        file.flush()
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        file.truncate(size)


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """A free name beside `path`; after an error nothing is left there."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for other in path.parent.iterdir():
            left = re.fullmatch(rf"\.{re.escape(path.name)}\.(\d+)\.(old\.)?part", other.name)
            if left and not _runs(int(left[1])):
                _remove(other)
        # else the writers say it, each in its own way
        temporary.mkdir()
        temporary.rmdir()
    except OSError as error:
        if _is_full_disk(error):
            raise _full(path) from error
        raise InputError(
            f"{path}: expected a folder to write into, got: {error.strerror} "
            f"({error.filename}); change its permissions or the path, then run again"
        ) from error
    try:
        yield temporary
    except BaseException as error:
        _remove(temporary)
        if _is_full_disk(error):
            raise _full(path) from error
        raise


def _full(path: Path) -> InputError:
    return InputError(f"{path}: no space left on the disk; free some, then run again")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _is_full_disk(error: BaseException | None) -> bool:
    if not isinstance(error, Exception):
        return False
    # h5py, safetensors and numpy's tofile have it in words only, torch in the error behind its own
    words = ("No space left on device", "Disk quota exceeded", "requested and")
    return (
        getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
        or any(text in str(error) for text in words)
        or _is_full_disk(error.__context__)
    )


def _umask() -> int:
    # the only way to read it is to set it
    mask = os.umask(0)
    os.umask(mask)
    return mask
