"""Slots: file locks held for the life of a process, so that a killed one frees them.

A job holds a slot of one GPU, and a command runs once at a time. The locks lie in a folder of the
user's below the temporary one (TMPDIR), and are for the processes of one machine.
"""

import atexit
import fcntl
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from msa.base.locks import UNSUPPORTED, say_unlocked

T = TypeVar("T")
WAIT = 0.2  # seconds between two tries


def lock_folder() -> Path:
    """Where the locks lie."""
    path = Path(tempfile.gettempdir()) / f"msa-{os.getuid()}"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def try_lock(path: Path) -> bool:
    """Lock a file until this process ends; False where another process has it.

    Where the file system has no locks, it is as if no other process were there, and that is said.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return False
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        say_unlocked(
            path.parent,
            "jobs may share a GPU, and a command may run twice at once: set TMPDIR to a local disk",
        )
    if os.fstat(file).st_nlink == 0:  # its last holder removed it meanwhile
        os.close(file)
        return False
    os.pwrite(file, f"{os.getpid():<10}\n".encode(), 0)
    return True


def lock_command(command: Sequence[str]) -> None:
    """Wait until no other process runs this command in this folder, and keep others waiting.

    A stage outlives a Snakemake that is killed; started again, the two would write the same files.
    """
    name = hashlib.sha256("\0".join([os.getcwd(), *command]).encode()).hexdigest()[:24]
    path = lock_folder() / f"{name}.lock"
    _wait(
        lambda: try_lock(path), lambda: f"process {_read(path)} runs this command already: waiting"
    )
    atexit.register(path.unlink, missing_ok=True)


def use_one_gpu(jobs: int) -> None:
    """Let this process see one GPU that has a free slot; to be called before CUDA is woken.

    A CUDA_VISIBLE_DEVICES of one device is a scheduler's choice and stays; of several, one is
    taken.

    Args:
        jobs: how many processes may share a GPU.
    """
    visible_devices = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible_devices is None:
        import torch

        devices = [str(number) for number in range(torch.cuda.device_count())]
    else:
        devices = visible_devices.split(",")
    if len(devices) > 1 or (devices and visible_devices is None):
        os.environ["CUDA_VISIBLE_DEVICES"] = acquire_slot(devices, jobs)


def acquire_slot(devices: Sequence[str], jobs: int) -> str:
    """The device of a slot that is free, or becomes so; it is held until this process ends."""
    # each process begins at another device, for where there are no locks
    first = os.getpid() % len(devices)
    slots = {
        lock_folder() / f"gpu-{device.replace('/', '-')}-{slot}.lock": device
        for slot in range(jobs)
        for device in [*devices[first:], *devices[:first]]
    }

    def free() -> str | None:
        return next((device for path, device in slots.items() if try_lock(path)), None)

    return _wait(free, lambda: f"GPU {', '.join(devices)}: no slot of {len(slots)} free: waiting")


def _wait(attempt: Callable[[], T | None], message: Callable[[], str]) -> T:
    announced = False
    while not (result := attempt()):
        if not announced:
            print(message(), file=sys.stderr, flush=True)
        announced = True
        time.sleep(WAIT)
    return result


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return "?"
