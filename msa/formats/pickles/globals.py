"""What stands for the functions and classes that a pickle of data names.

None of them is the function of that name: each checks what it is given, to the byte, before it
allocates anything.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# dict keys: long ones, and numbers chosen for their hash, would make every look-up slow
KEY_LENGTH, KEY_NUMBER = 4096, 1 << 32
NAME_LENGTH = 16
ENTRY = 256  # bytes that a dict or set takes for one, at most and while it grows
DTYPES = re.compile(r"b1|[iu][1248]|f[248]|c8|c16|O[48]?|[SU]\d{1,9}")
HIGHEST = {"b": ("u1", 1), "U": ("u4", 0x10FFFF)}  # the kinds for which not all bits are a value
PLAIN = {type(None), bool, int, float, complex, str, bytes, bytearray}
ALIASES = {
    "__builtin__": "builtins",
    "numpy._core.multiarray": "numpy.core.multiarray",
    "numpy._core.numeric": "numpy.core.numeric",
}


@dataclass(frozen=True)
class Global:
    """What stands on the stack for a function or class."""

    name: str


@dataclass
class Dtype:
    """What stands for a dtype, which gets its byte order after it was made."""

    dtype: np.dtype[Any]
    name = "numpy.dtype"


@dataclass
class Memory:
    """What a load may still take in bytes, and the arrays whose content is still to come."""

    left: int
    unbuilt: dict[int, np.ndarray[Any, Any]] = field(default_factory=dict)

    def spend(self, amount: int) -> None:
        self.left -= amount
        if self.left < 0:
            raise MemoryError


def make_dict(memory: Memory, items: Sequence[Any]) -> dict[Any, Any]:
    """A dict of keys and values in turn."""
    keys = items[::2]
    check_keys(memory, keys)
    return dict(zip(keys, items[1::2], strict=True))


def make_set(memory: Memory, items: Sequence[Any] = ()) -> set[Any]:
    check_keys(memory, items)
    return set(items)


def make_frozenset(memory: Memory, items: Sequence[Any] = ()) -> frozenset[Any]:
    check_keys(memory, items)
    return frozenset(items)


def check_keys(memory: Memory, keys: Sequence[Any]) -> None:
    if type(keys) not in (list, tuple):
        raise ValueError(f"keys in {type(keys).__name__}")
    memory.spend(ENTRY * len(keys))
    for key in keys:
        if isinstance(key, str | bytes):
            is_allowed = len(key) <= KEY_LENGTH
        elif isinstance(key, int | float | np.integer):
            is_allowed = abs(number := int(key)) < KEY_NUMBER and number == key
        else:
            is_allowed = key is None
        if not is_allowed:
            raise ValueError(
                f"a key of type {type(key).__name__}; keys are text or bytes of at most "
                f"{KEY_LENGTH} and whole numbers below 2**32"
            )


def ordered_dict(memory: Memory, pairs: Sequence[Any] = ()) -> dict[Any, Any]:
    """Python 2 gives the items at once, Python 3 later."""
    if type(pairs) not in (list, tuple) or any(
        type(pair) not in (list, tuple) or len(pair) != 2 for pair in pairs
    ):
        raise ValueError("an OrderedDict of something else than pairs")
    return make_dict(memory, [item for pair in pairs for item in pair])


def make_complex(memory: Memory, real: float, imaginary: float) -> complex:
    if not all(type(part) in (int, float) for part in (real, imaginary)):
        raise ValueError("a complex number of something else than numbers")
    return complex(real, imaginary)


def make_bytes(memory: Memory) -> bytes:
    return b""


def make_bytearray(memory: Memory, data: str | bytes = b"", encoding: object = None) -> bytearray:
    if type(data) is str:
        data = encode(memory, data, encoding)
    if type(data) is not bytes:
        raise ValueError(f"a bytearray of {type(data).__name__}")
    memory.spend(len(data))
    return bytearray(data)


def encode(memory: Memory, text: str, encoding: object) -> bytes:
    """Bytes, as Python 3 writes them for protocols that have none."""
    if type(text) is not str or ascii_text(encoding) not in ("latin1", "latin-1"):
        raise ValueError("an encoding other than that of bytes")
    memory.spend(len(text))
    return text.encode("latin-1")


def ascii_text(value: Any) -> str:
    """A name, which Python 2 writes as bytes."""
    if type(value) not in (str, bytes) or len(value) > NAME_LENGTH:
        raise ValueError(f"{type(value).__name__} in place of a short name")
    return str(value, "ascii") if type(value) is bytes else value


def make_dtype(memory: Memory, code: object, align: object = None, copy: object = None) -> Dtype:
    name = ascii_text(code)
    if not DTYPES.fullmatch(name):
        raise ValueError(f"a dtype {name[:40]!r}; dtypes are numbers, booleans, text and objects")
    return Dtype(np.dtype(object if name.startswith("O") else name))


def build_dtype(
    target: Dtype,
    version: object,
    order: object,
    subarray: object,
    names: object,
    fields: object,
    size: object,
    alignment: object,
    flags: object,
    metadata: object = None,
) -> None:
    """Set the byte order, the one thing in a dtype's state that its code does not tell."""
    if any(part is not None for part in (subarray, names, fields, metadata)):
        raise ValueError("a dtype with fields")
    signs: Any = ascii_text(order)
    if signs not in ("<", ">", "|", "=") or type(size) is not int:
        raise ValueError("a dtype with an unknown state")
    if size not in (-1, target.dtype.itemsize):
        raise ValueError(f"a size of {size} for {target.dtype}")
    target.dtype = target.dtype.newbyteorder(signs)


def reconstruct(memory: Memory, kind: Any, shape: object, code: object) -> np.ndarray[Any, Any]:
    """An empty array, which gets its content later, as others may refer to it before."""
    named = type(kind) is Global and kind.name == "numpy.ndarray"
    if not named or type(shape) is not tuple or shape != (0,) or ascii_text(code) != "b":
        raise ValueError("an array that does not begin empty")
    array = np.ndarray((0,), "b")
    memory.unbuilt[id(array)] = array
    return array


def build_array(
    memory: Memory, array: Any, version: object, shape: Any, dtype: Any, fortran: object, raw: Any
) -> None:
    """Fill an array that `reconstruct` made; large bytes become its memory without a copy."""
    if type(version) is not int or version != 1 or type(fortran) not in (bool, int):
        raise ValueError("an array's state of an unknown version")
    if type(raw) is list:
        check_objects(memory, shape, dtype, raw)
    elif type(raw) is bytes:
        check_raw(memory, shape, dtype, raw)
    else:
        raise ValueError(f"an array's content as {type(raw).__name__}")
    array.__setstate__((version, shape, dtype.dtype, bool(fortran), raw))
    del memory.unbuilt[id(array)]


def from_buffer(
    memory: Memory, raw: bytes | bytearray, dtype: Any, shape: Any, order: object, axes: Any = None
) -> np.ndarray[Any, Any]:
    """An array on the memory of what protocol 5 gives; bytes make it read-only, as it was."""
    check_raw(memory, shape, dtype, raw)
    sign = ascii_text(order)
    if sign == "K" and type(axes) is tuple and len(axes) == len(shape):
        return np.ndarray(shape, dtype.dtype, raw).transpose(axes)
    if sign not in ("C", "F") or axes is not None:
        raise ValueError("an array of an unknown order")
    return np.ndarray(shape, dtype.dtype, raw, order="F" if sign == "F" else "C")


def make_scalar(memory: Memory, dtype: Any, raw: bytes) -> object:
    check_raw(memory, (), dtype, raw)
    return np.ndarray((), dtype.dtype, raw)[()]


def element_count(memory: Memory, shape: Any, dtype: Any) -> int:
    if type(dtype) is not Dtype or type(shape) is not tuple or len(shape) > 32:
        raise ValueError("an array without a dtype or shape")
    if not all(type(size) is int and 0 <= size < 1 << 62 for size in shape):
        raise ValueError("a shape that is not of sizes")
    # an empty array of absurd width is as wrong as a full one
    memory.spend(max(1, dtype.dtype.itemsize) * math.prod(max(1, size) for size in shape))
    return math.prod(shape)


def check_raw(memory: Memory, shape: Any, dtype: Any, raw: bytes | bytearray) -> None:
    count = element_count(memory, shape, dtype)
    kind, size = dtype.dtype.kind, dtype.dtype.itemsize
    if type(raw) not in (bytes, bytearray) or kind == "O" or len(raw) != count * size:
        found = f"{len(raw)} bytes" if isinstance(raw, bytes | bytearray) else type(raw).__name__
        raise ValueError(f"{found} for an array of shape {shape} and dtype {dtype.dtype}")
    if raw and kind in HIGHEST:
        code, highest = HIGHEST[kind]
        values = np.frombuffer(raw, np.dtype(code).newbyteorder(dtype.dtype.byteorder))
        if values.max() > highest:
            raise ValueError(f"an element {values.max()} in an array of {dtype.dtype}")


def check_objects(memory: Memory, shape: Any, dtype: Any, items: list[Any]) -> None:
    count = element_count(memory, shape, dtype)
    if dtype.dtype.kind != "O" or len(items) != count:
        raise ValueError(f"{len(items)} objects for shape {shape} and dtype {dtype.dtype}")
    for item in items:
        array = type(item) is np.ndarray and item.dtype.kind != "O"
        if type(item) in PLAIN or isinstance(item, np.generic):
            continue
        if not array or id(item) in memory.unbuilt:
            raise ValueError(f"{type(item).__name__} in an array of objects")


GLOBALS: dict[str, Callable[..., object] | None] = {
    "_codecs.encode": encode,
    "builtins.bytearray": make_bytearray,
    "builtins.bytes": make_bytes,
    "builtins.complex": make_complex,
    "builtins.frozenset": make_frozenset,
    "builtins.set": make_set,
    "collections.OrderedDict": ordered_dict,
    "numpy.core.multiarray._reconstruct": reconstruct,
    "numpy.core.multiarray.scalar": make_scalar,
    "numpy.core.numeric._frombuffer": from_buffer,
    "numpy.dtype": make_dtype,
    "numpy.ndarray": None,  # only named, as an argument
}
