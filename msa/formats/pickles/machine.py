"""The machine that reads a pickle of data: a stack, a memo and instructions without imports.

`pickletools` documents the instructions. Those that call or import what they are told
(extensions, persistent ids, objects of classes) are not here.
"""

import codecs
import pickle
import pickletools
from collections.abc import Callable
from io import BufferedReader
from struct import Struct
from typing import Any

from msa.formats.pickles.globals import (
    ALIASES,
    GLOBALS,
    Dtype,
    Global,
    Memory,
    build_array,
    build_dtype,
    make_dict,
    make_frozenset,
    make_set,
)

LINE = 700  # bytes, more than the decimal digits of a LONG1
CHUNK = 1 << 16
# bytes that a value takes at most with its place in a container, and what comes on top of that
INSTRUCTION, TEXT, CONTAINER = 56, 40, 512
WIDEST = 6  # bytes that a byte of text takes at most while it is decoded
MISSING = object()


class Refused(Exception):
    """The name of what a pickle may not have."""


class Machine:
    """One pickle being read.

    Args:
        file: at its first byte.
        size: its length in bytes.
        memory: what it may take. The bytes of the file are counted at once, a fixed price with
            each instruction, and whatever comes on top before it is made.
    """

    def __init__(self, file: BufferedReader, size: int, memory: Memory) -> None:
        self.file, self.size, self.memory = file, size, memory
        self.spend = memory.spend
        self.spend(size)
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: list[Any] = []

    def run(self) -> object:
        """The value, in which stand-ins (Global, Dtype) may be left.

        Raises:
            Refused: a name or an instruction that data does not need.
            MemoryError: more than the memory.
            Exception: nearly any other, if the bytes are no pickle.
        """
        read, steps, memory = self.file.read, STEPS, self.memory
        while (code := read(1)) != pickle.STOP:
            if code not in steps:
                self.refuse_code(code)
            memory.left -= INSTRUCTION
            if memory.left < 0:
                raise MemoryError
            step, argument = steps[code]
            step(self, argument)
        if self.marks or len(self.stack) != 1 or self.memory.unbuilt:
            raise ValueError("the pickle ends before all its parts are put together")
        if rest := self.size - self.file.tell():
            raise ValueError(f"{rest:,} bytes follow the end of the pickle")
        return self.stack[0]

    def refuse_code(self, code: bytes) -> None:
        if not code:
            raise EOFError("the file ends before the pickle does")
        if self.file.tell() == 1:
            raise ValueError(f"the file begins with {code + self.file.read(7)!r}")
        names = [op.name for op in pickletools.opcodes if op.code.encode("latin-1") == code]
        raise Refused(f"the instruction {names[0]}") if names else ValueError(f"found {code!r}")

    def read(self, length: int) -> bytes:
        self.check_length(length)
        data = self.file.read(length)
        if len(data) < length:
            raise EOFError("the file ends before the pickle does")
        return data

    def check_length(self, length: int) -> None:
        # only what is long is worth asking for the position
        if length > CHUNK and length > self.size - self.file.tell():
            raise EOFError("the file ends before the pickle does")

    def line(self, longest: int) -> bytes:
        line = self.file.readline(longest + 1)
        if not line.endswith(b"\n"):
            raise EOFError(f"no end of a line within {len(line)} bytes")
        return line[:-1]

    def unsigned(self, width: int) -> int:
        """A number of `width` bytes, or a line of digits."""
        if width:
            return int.from_bytes(self.file.read(width), "little")
        number = int(self.line(LINE))
        if number < 0:
            raise ValueError(f"{number} as an index")
        return number

    def take(self, count: int | None) -> list[Any]:
        """The last `count` values, or all since the last mark."""
        if count is None:
            items, self.stack = self.stack, self.marks.pop()
            return items
        items = self.stack[-count:]
        if len(items) < count:
            raise IndexError("fewer values than the instruction needs")
        del self.stack[-count:]
        return items

    def push(self, value: object) -> None:
        self.stack.append(value)

    def push_struct(self, struct: Struct) -> None:
        self.push(struct.unpack(self.read(struct.size))[0])

    def push_number(self, kind: Callable[[bytes], object]) -> None:
        self.push(kind(self.line(LINE)))

    def push_long(self, width: int) -> None:
        self.push(int.from_bytes(self.read(self.unsigned(width)), "little", signed=True))

    def push_text(self, width: int) -> None:
        data = self.read(self.unsigned(width))
        self.spend(TEXT + WIDEST * len(data))
        self.stack.append(str(data, "utf-8", "surrogatepass"))

    def push_bytes(self, width: int) -> None:
        self.push(self.read(self.unsigned(width)))

    def push_bytearray(self, width: int) -> None:
        length = self.unsigned(width)
        self.check_length(length)
        data = bytearray(length)
        if self.file.readinto(data) < length:
            raise EOFError("the file ends before the pickle does")
        self.push(data)

    def push_quoted(self, _: None) -> None:
        line = self.line(self.size)
        if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
            raise ValueError("a string without quotes")
        self.spend(len(line))
        self.push(codecs.escape_decode(line[1:-1])[0])

    def push_escaped(self, _: None) -> None:
        line = self.line(self.size)
        self.spend(TEXT + WIDEST * len(line))
        self.push(str(line, "raw-unicode-escape"))

    def push_empty(self, kind: Callable[[], object]) -> None:
        self.spend(CONTAINER)
        self.push(kind())

    def mark(self, _: None) -> None:
        self.spend(CONTAINER)
        self.marks.append(self.stack)
        self.stack = []

    def push_gathered(self, make: Callable[[Memory, list[Any]], object]) -> None:
        self.spend(CONTAINER)
        self.push(make(self.memory, self.take(None)))

    def push_tuple(self, count: int | None) -> None:
        self.spend(CONTAINER)
        self.push(tuple(self.take(count)))

    def append(self, count: int | None) -> None:
        items = self.take(count)
        list.extend(self.stack[-1], items)

    def set_items(self, count: int | None) -> None:
        items = self.take(count)
        dict.update(self.stack[-1], make_dict(self.memory, items))

    def add_items(self, count: int | None) -> None:
        items = self.take(count)
        set.update(self.stack[-1], make_set(self.memory, items))

    def pop(self, _: None) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.take(None)

    def duplicate(self, _: None) -> None:
        self.push(self.stack[-1])

    def memoize(self, _: None) -> None:
        self.memo.append(self.stack[-1])

    def put(self, width: int) -> None:
        index = self.unsigned(width)
        gap = index - len(self.memo)
        if gap < 0:
            self.memo[index] = self.stack[-1]
            return
        if gap:
            self.spend(16 * gap)
            self.memo += [MISSING] * gap
        self.memoize(None)

    def get(self, width: int) -> None:
        index = self.unsigned(width)
        if self.memo[index] is MISSING:
            raise IndexError(f"nothing is kept under {index}")
        self.push(self.memo[index])

    def push_name(self, _: None) -> None:
        self.push_global(*(str(self.line(LINE), "utf-8") for _ in range(2)))

    def push_stack_name(self, _: None) -> None:
        module, name = self.take(2)
        if type(module) is not str or type(name) is not str:
            raise ValueError("a name that is not text")
        self.push_global(module, name)

    def push_global(self, module: str, name: str) -> None:
        full = f"{ALIASES.get(module, module)}.{name}"
        if full not in GLOBALS:
            raise Refused(f"{module}.{name}")
        self.push(Global(full))

    def refuse_instance(self, _: None) -> None:
        raise Refused(".".join(str(self.line(LINE), "utf-8") for _ in range(2)))

    def reduce(self, _: None) -> None:
        function, arguments = self.take(2)
        make = GLOBALS[function.name] if type(function) is Global else None
        if make is None or type(arguments) is not tuple:
            raise ValueError(f"a call of {type(function).__name__}")
        self.spend(CONTAINER)
        self.push(make(self.memory, *arguments))

    def build(self, _: None) -> None:
        (state,) = self.take(1)
        target = self.stack[-1]
        if type(state) is not tuple:
            raise ValueError(f"{type(state).__name__} as a state")
        if type(target) is Dtype:
            build_dtype(target, *state)
        elif id(target) in self.memory.unbuilt:
            build_array(self.memory, target, *state)
        else:
            raise ValueError(f"a state for {type(target).__name__}")


def _list(memory: Memory, items: list[Any]) -> list[Any]:
    return items


def _int(line: bytes) -> int:
    """Protocol 0 and Python 2 write booleans with a zero before them."""
    return line == b"01" if line in (b"00", b"01") else int(line)


def _long(line: bytes) -> int:
    return int(line.removesuffix(b"L"))


STEPS: dict[bytes, tuple[Callable[[Machine, Any], object], Any]] = {
    pickle.PROTO: (Machine.read, 1),
    pickle.FRAME: (Machine.read, 8),
    pickle.NONE: (Machine.push, None),
    pickle.NEWTRUE: (Machine.push, True),
    pickle.NEWFALSE: (Machine.push, False),
    pickle.EMPTY_TUPLE: (Machine.push, ()),
    pickle.BININT: (Machine.push_struct, Struct("<i")),
    pickle.BININT1: (Machine.push_struct, Struct("<B")),
    pickle.BININT2: (Machine.push_struct, Struct("<H")),
    pickle.BINFLOAT: (Machine.push_struct, Struct(">d")),
    pickle.INT: (Machine.push_number, _int),
    pickle.LONG: (Machine.push_number, _long),
    pickle.FLOAT: (Machine.push_number, float),
    pickle.LONG1: (Machine.push_long, 1),
    pickle.SHORT_BINUNICODE: (Machine.push_text, 1),
    pickle.BINUNICODE: (Machine.push_text, 4),
    pickle.BINUNICODE8: (Machine.push_text, 8),
    pickle.UNICODE: (Machine.push_escaped, None),
    pickle.SHORT_BINBYTES: (Machine.push_bytes, 1),
    pickle.BINBYTES: (Machine.push_bytes, 4),
    pickle.BINBYTES8: (Machine.push_bytes, 8),
    pickle.BYTEARRAY8: (Machine.push_bytearray, 8),
    pickle.SHORT_BINSTRING: (Machine.push_bytes, 1),
    pickle.BINSTRING: (Machine.push_bytes, 4),
    pickle.STRING: (Machine.push_quoted, None),
    pickle.MARK: (Machine.mark, None),
    pickle.EMPTY_LIST: (Machine.push_empty, list),
    pickle.EMPTY_DICT: (Machine.push_empty, dict),
    pickle.EMPTY_SET: (Machine.push_empty, set),
    pickle.LIST: (Machine.push_gathered, _list),
    pickle.DICT: (Machine.push_gathered, make_dict),
    pickle.FROZENSET: (Machine.push_gathered, make_frozenset),
    pickle.TUPLE: (Machine.push_tuple, None),
    pickle.TUPLE1: (Machine.push_tuple, 1),
    pickle.TUPLE2: (Machine.push_tuple, 2),
    pickle.TUPLE3: (Machine.push_tuple, 3),
    pickle.APPEND: (Machine.append, 1),
    pickle.APPENDS: (Machine.append, None),
    pickle.SETITEM: (Machine.set_items, 2),
    pickle.SETITEMS: (Machine.set_items, None),
    pickle.ADDITEMS: (Machine.add_items, None),
    pickle.POP: (Machine.pop, None),
    pickle.POP_MARK: (Machine.take, None),
    pickle.DUP: (Machine.duplicate, None),
    pickle.PUT: (Machine.put, 0),
    pickle.BINPUT: (Machine.put, 1),
    pickle.LONG_BINPUT: (Machine.put, 4),
    pickle.MEMOIZE: (Machine.memoize, None),
    pickle.GET: (Machine.get, 0),
    pickle.BINGET: (Machine.get, 1),
    pickle.LONG_BINGET: (Machine.get, 4),
    pickle.GLOBAL: (Machine.push_name, None),
    pickle.STACK_GLOBAL: (Machine.push_stack_name, None),
    pickle.INST: (Machine.refuse_instance, None),
    pickle.REDUCE: (Machine.reduce, None),
    pickle.BUILD: (Machine.build, None),
}
