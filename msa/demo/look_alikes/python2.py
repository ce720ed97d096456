"""Pickles as Python 2's cPickle and its NumPy write them with protocol 2."""

import struct
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import numpy as np

TUPLES = {1: b"\x85", 2: b"\x86", 3: b"\x87"}


def dumps(content: Mapping[str, Any]) -> bytes:
    """Dictionaries, at any depth, of str (as Python 2's, which are bytes) and arrays of numbers."""
    return b"\x80\x02" + b"".join(_Writer().write(content)) + b"."


class _Writer:
    """Writes a value, and what came before as a reference to it."""

    def __init__(self) -> None:
        self.memo: dict[Hashable, int] = {}

    def write(self, value: Any) -> Iterator[bytes]:
        if isinstance(value, np.ndarray):
            yield from self.array(value)
            return
        several = len(value) > 1
        yield self.once(object(), b"}") + b"(" * several
        for key, inner in value.items():
            yield self.once(key, _string(key.encode()))
            yield from self.write(inner)
        yield b"u" if several else b"s"

    def array(self, array: np.ndarray) -> Iterator[bytes]:
        for name in (b"numpy.core.multiarray\n_reconstruct\n", b"numpy\nndarray\n"):
            yield self.once(name, b"c" + name)
        yield self.once(object(), b"K\x00\x85U\x01b\x87R")
        yield b"(K\x01" + b"".join(map(_integer, array.shape)) + TUPLES[array.ndim]
        if array.dtype not in self.memo:
            yield self.once(np.dtype, b"cnumpy\ndtype\n")
            made = _string(array.dtype.str[1:].encode()) + b"K\x00K\x01\x87R"
            yield self.once(array.dtype, made)
            yield b"(K\x03U\x01<NNN" + 2 * b"J\xff\xff\xff\xff" + b"K\x00tb"
        else:
            yield self.once(array.dtype, b"")
        yield b"\x89" + _string(array.tobytes()) + b"tb"

    def once(self, key: Hashable, code: bytes) -> bytes:
        """The code and its number, or a reference if this came before."""
        known = key in self.memo
        number = self.memo.setdefault(key, len(self.memo) + 1)
        if number < 256:
            return (b"h" if known else code + b"q") + bytes([number])
        return (b"j" if known else code + b"r") + struct.pack("<I", number)


def _string(text: bytes) -> bytes:
    short = len(text) < 256
    return (b"U" + bytes([len(text)]) if short else b"T" + struct.pack("<I", len(text))) + text


def _integer(value: int) -> bytes:
    if value < 256:
        return b"K" + bytes([value])
    return b"M" + struct.pack("<H", value) if value < 65536 else b"J" + struct.pack("<i", value)
