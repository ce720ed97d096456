"""Pickles that cannot bite: NumPy arrays and scalars, text, bytes, numbers and containers.

A pickle is a program for a small stack machine, and the standard library's machine calls whatever
the file names. Ours (`machine.py`) cannot import, and the few functions that a file of
NumPy's must name stand for checked ones of our own (`globals.py`). What a file may cost
is counted before it is spent, so that neither memory nor time outgrow the file.
"""

from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.errors import InputError
from msa.formats.pickles.globals import PLAIN, Memory
from msa.formats.pickles.machine import Machine, Refused

FLOOR, FACTOR = 1 << 30, 10  # the default limit: bytes, and bytes per byte of the file
DEPTH = 64
POINTER = 8  # bytes
CONTAINERS = {list, tuple, dict, set, frozenset}


def load(path: Path, limit: int | None = None) -> object:
    """What a pickle of protocol 0 to 5 holds, Python 2's included, if it is data and nothing else.

    Python 2's `str` becomes bytes, an OrderedDict a dict. Keys of dictionaries and members of sets
    are text, bytes, None and whole numbers; arrays are of booleans, numbers, text or bytes, or of
    objects that are those or arrays of those.

    Args:
        path: the file.
        limit: bytes of memory that it may take; 10 times the file's size, at least 1 GiB, if None.

    Raises:
        InputError: the file cannot be read, is cut off or damaged, asks for anything else (by
            name, before anything is called), takes more than the limit, or is nested too deep.
    """
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            limit = max(FLOOR, FACTOR * size) if limit is None else limit
            return _read(file, path, size, limit)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}") from error


def _read(file: BufferedReader, path: Path, size: int, limit: int) -> object:
    memory = Memory(limit)
    try:
        value = Machine(file, size, memory).run()
        _weigh([value], memory, {}, -1)
        return value
    except Refused as error:
        found = ascii(str(error)[:200])[1:-1]
        raise InputError(
            f"{path}: expected arrays, numbers, text and containers, found {found}, which is "
            "refused because reading it could run any code; write the file again from plain "
            "arrays and lists where it was made"
        ) from error
    except MemoryError as error:
        raise InputError(
            f"{path}: expected a pickle that takes at most {limit:,} bytes of memory, found one "
            f"that takes more, at byte {file.tell():,} of {size:,}; it is damaged or made to "
            "do harm: fetch it again"
        ) from error
    except OSError:
        raise
    # bytes that are no pickle make the machine raise nearly anything
    except Exception as error:
        reason = ascii(f"{type(error).__name__}: {error}"[:200])[1:-1]
        raise InputError(
            f"{path}: expected a whole pickle of arrays, numbers, text and containers, found one "
            f"that is damaged at byte {file.tell():,} of {size:,} ({reason}); fetch it again"
        ) from error


def _weigh(
    container: Any, memory: Memory, weights: dict[int, tuple[int, int]], depth: int
) -> tuple[int, int]:
    """Levels below a container and items in them, shared ones as often as they appear.

    What reads the data later may follow every path through it, so that a few lists, each twice
    in the next, would keep it for ever. Here each container is looked into once.
    """
    if depth > DEPTH:
        raise ValueError(f"nested more than {DEPTH} deep, or in itself")
    if id(container) not in weights:
        levels, items = 0, len(container)
        # dict keys and what sets hold was checked when it came in
        members = container.values() if type(container) is dict else container
        for item in members:
            kind = type(item)
            if kind in PLAIN or isinstance(item, np.generic | np.ndarray):
                continue
            if kind not in CONTAINERS:
                raise Refused(f"{item.name} as a value")
            below, more_items = _weigh(item, memory, weights, depth + 1)
            levels, items = max(levels, below + 1), items + more_items
        weights[id(container)] = levels, items
    levels, items = weights[id(container)]
    if depth + levels > DEPTH:
        raise ValueError(f"nested more than {DEPTH} deep")
    if items * POINTER > memory.left:
        raise MemoryError
    return levels, items
