import ast
import collections
import copyreg
import datetime
import functools
import os
import pickle
import re
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from msa.base.errors import InputError
from msa.formats.pickles.unpickle import load

ROOT = Path(__file__).parents[3]
PROTOCOLS = range(6)
LIMIT = 1 << 24
BUFFER = 1 << 14  # bytes that any open file takes

GOOD = {
    "float32": np.arange(3, dtype="f4"),
    "float64, not copied": np.arange(5000.0),
    "int64": np.arange(-3, 3),
    "text": np.array(["a", "bcé"]),
    "bytes": np.array([b"a", b"bcd"]),
    "booleans": np.array([True, False]),
    "complex": np.array([1 + 2j]),
    "objects": np.array(["a", None, b"x", 3, 2.5], dtype=object),
    "big-endian": np.arange(3, dtype=">f4"),
    "big-endian, not copied": np.arange(999, dtype=">i8"),
    "big-endian text": np.array(["a", "b"], dtype=">U3"),
    "Fortran order": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "strided": np.arange(12.0).reshape(3, 4)[:, ::2],
    "transposed": np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1),
    "empty": np.zeros((0, 3), dtype="f4"),
    "no dimensions": np.array(2.5),
    "scalar float32": np.float32(2.5),
    "scalar float64": np.float64(2.5),
    "scalar int64": np.int64(-3),
    "scalar bool": np.bool_(True),
    "scalar text": np.str_("ab"),
    "scalar empty text": np.str_(""),
    "scalar bytes": np.bytes_(b"ab"),
    "numbers": [0, -1, 255, 300, 70_000, -(10**9), 2**40, 10**100, 1.5, -0.0, 1 + 2j],
    "constants": [None, True, False],
    "texts": ["", "a", "é\n\\u1234", "\ud800", "\N{GRINNING FACE}", "x" * 300],
    "byte strings": [b"", b"a", b"\xff\n", b"x" * 300, bytearray(b"ab\xff"), bytearray()],
    "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
    "sets": [set(), {1, 2, "a"}, frozenset(), frozenset({b"a", None, 1.0})],
    "dicts": {"a": {b"b": {1: {None: []}}}},
    "OrderedDict": collections.OrderedDict([("a", 1), ("b", 2)]),
    "many items": [list(range(3000)), {str(i): i for i in range(3000)}],
    "a layout": {
        "train": {"text": np.ones((2, 3, 4), dtype="f4"), "id": np.array(["v$_$1", "v$_$2"])},
        "test": [((["hello", "sp"], np.ones((2, 5)), np.ones((2, 7))), np.float32(1), "v[0]")],
    },
}


@pytest.fixture
def read(tmp_path):
    path = tmp_path / "file.pkl"

    def write_and_load(content, limit=None):
        path.write_bytes(content)
        return load(path, limit)

    return write_and_load


def same(got, expected):
    """Equal to the type, the bits and the order in memory."""
    if isinstance(expected, collections.OrderedDict):
        expected = dict(expected)
    assert type(got) is type(expected)
    if isinstance(expected, dict):
        assert list(got) == list(expected)
        got, expected = list(got.values()), list(expected.values())
    if isinstance(expected, list | tuple):
        assert len(got) == len(expected)
        for one, other in zip(got, expected, strict=True):
            same(one, other)
    elif isinstance(expected, np.ndarray):
        assert got.dtype.newbyteorder("=") == expected.dtype.newbyteorder("=")
        assert got.flags.f_contiguous == expected.flags.f_contiguous
        np.testing.assert_array_equal(got, expected)
        assert got.flags.writeable
    else:
        assert got == expected


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("value", GOOD.values(), ids=GOOD)
def test_data_comes_back(read, value, protocol):
    same(read(pickle.dumps(value, protocol)), value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_shared_stays_shared(read, protocol):
    array, words = np.arange(3.0), ["a"]
    first, second, third, fourth = read(pickle.dumps([array, words, array, words], protocol))
    assert first is third and second is fourth


def test_a_read_only_array_stays_so(read):
    array = np.arange(3.0)
    array.flags.writeable = False
    assert not read(pickle.dumps(array, 5)).flags.writeable


def test_both_names_of_numpys_core(read):
    content = pickle.dumps(np.arange(3.0), 2)
    assert b"cnumpy._core.multiarray\n" in content
    same(read(content.replace(b"numpy._core", b"numpy.core")), np.arange(3.0))


# As Python 2.7 and NumPy 1.x write them: text is a STRING, numbers of positions start at 1,
# the array's bytes are a string like any other.
def python2_array(code, order, shape, raw):
    return (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x01(cnumpy\nndarray\nq\x02K\x00\x85U\x01btRq\x03"
        b"(K\x01" + shape + b"cnumpy\ndtype\nq\x05(U\x02" + code + b"K\x00K\x01tRq\x06"
        b"(K\x03U\x01" + order + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        b"U" + bytes([len(raw)]) + raw + b"tb"
    )


def test_python_2_protocol_2(read):
    raw = np.arange(6, dtype="<f4").tobytes()
    content = (
        b"\x80\x02}q\x00U\x05trainq\x07}q\x08U\x05glove"
        + python2_array(b"f4", b"<", b"K\x02K\x03\x86", raw)
        + b"ssX\x04\x00\x00\x00testU\x03a\xe9bs."
    )
    got = read(content)
    assert list(got) == [b"train", "test"] and got["test"] == b"a\xe9b"
    same(got[b"train"][b"glove"], np.arange(6, dtype="f4").reshape(2, 3))


def test_python_2_protocol_2_big_endian_and_long_sizes(read):
    raw = np.arange(3, dtype=">f8").tobytes()
    got = read(b"\x80\x02" + python2_array(b"f8", b">", b"\x8a\x01\x03\x85", raw) + b".")
    np.testing.assert_array_equal(got, np.arange(3.0))


def test_python_2_protocol_0(read):
    content = (
        b"(dp1\nS'covarep'\np2\ncnumpy.core.multiarray\n_reconstruct\np3\n(cnumpy\nndarray\np4\n"
        b"(I0\ntS'b'\ntRp5\n(I1\n(L2L\ntcnumpy\ndtype\np6\n(S'f4'\nI0\nI1\ntRp7\n"
        b"(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\nS'\\x00\\x00\\x80?\\x00\\x00\\x00@'\ntbs"
        b'S"it\'s"\np8\n(lp9\nF1.5\naI01\nag8\nas.'
    )
    got = read(content)
    same(got[b"covarep"], np.array([1, 2], dtype="f4"))
    assert got[b"it's"] == [1.5, True, b"it's"]


def test_python_2_containers_and_scalars(read):
    content = (
        b"\x80\x02(c__builtin__\nset\nq\x01]q\x02(K\x01K\x02e\x85Rq\x03"
        b"c__builtin__\nbytearray\nX\x03\x00\x00\x00a\xc3\xa9X\x07\x00\x00\x00latin-1\x86R"
        b"ccollections\nOrderedDict\n](](U\x01aK\x01ee\x85R"
        b"cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\n(U\x02f8K\x00K\x01tR"
        b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tbU\x08"
        + np.float64(2.5).tobytes()
        + b"\x86Rt."
    )
    assert read(content) == ({1, 2}, bytearray(b"a\xe9"), {b"a": 1}, np.float64(2.5))


class Calls:
    """An object that asks the reader to call something."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Plain:
    pass


def text(value):
    return b"X" + len(value).to_bytes(4, "little") + value.encode()


def array_of(shape, code="f8", raw=b"C\x08" + bytes(8)):
    """An array of a shape that its bytes need not have."""
    return (
        b"\x80\x04cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85C\x01btR"
        b"(K\x01" + shape + b"cnumpy\ndtype\n" + text(code) + b"\x89\x88\x87R"
        b"(K\x03" + text("<") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89" + raw + b"tb."
    )


def huge(number):
    return b"\x8a\x08" + number.to_bytes(8, "little")


# each tuple twice in the next: 2**100 paths
TUPLES = b"\x80\x04)\x94" + b"".join(b"0h%ch%c\x86\x94" % (i, i) for i in range(100))

# name → pickle, what the error says; nothing in them is ever called
REFUSED = {
    "os.system": (pickle.dumps(Calls(os.system, "touch ran")), f"found {os.name}.system, which"),
    "os.system, protocol 0": (b"cos\nsystem\n(S'touch ran'\ntR.", "found os.system, which is ref"),
    "os.system by INST": (b"(S'touch ran'\nios\nsystem\n.", "found os.system, which is refused"),
    "os.system by OBJ": (b"(cos\nsystem\nS'touch ran'\no.", "found os.system, which is refused"),
    "builtins.eval": (pickle.dumps(Calls(eval, "1")), "found builtins.eval, which is refused"),
    "builtins.eval, protocol 2": (pickle.dumps(Calls(eval, "1"), 2), "found __builtin__.eval, wh"),
    "builtins.getattr": (pickle.dumps(Calls(getattr, "a", "b")), "found builtins.getattr, which"),
    "functools.partial": (pickle.dumps(functools.partial(print)), "found functools.partial, which"),
    "subprocess.Popen": (pickle.dumps(Calls(subprocess.Popen, "ls")), "found subprocess.Popen, wh"),
    "a torch storage": (
        pickle.dumps(torch.ones(2).untyped_storage()),
        "found torch.storage._load_from_bytes, which is refused",
    ),
    "a torch tensor": (pickle.dumps(torch.ones(2)), "found torch._utils._rebuild_tensor_v2, which"),
    "a nested reduce": (
        pickle.dumps({"train": [np.ones(2), (1, Calls(print, Calls(os.system, "touch ran")))]}),
        "found builtins.print, which is refused",
    ),
    "a dotted name": (b"\x80\x04\x8c\x05numpy\x8c\x10ndarray.__init__\x93.", "numpy.ndarray.__in"),
    "a name of 1,000 letters": (
        b"\x80\x04" + text("a" * 1000) * 2 + b"\x93.",
        "found " + "a" * 200,
    ),
    "a name with an escape": (
        b"\x80\x04" + text("\33[2J") * 2 + b"\x93.",
        r"found \x1b[2J.\x1b[2J",
    ),
    "an object": (pickle.dumps(Plain()).replace(__name__.encode(), __name__.encode()), "Plain, wh"),
    "a date": (pickle.dumps(datetime.date(2020, 1, 1)), "found datetime.date, which is refused"),
    "a copyreg extension": (b"\x80\x02\x82\xf0.", "found the instruction EXT1, which is refused"),
    "a copyreg extension, 2 bytes": (b"\x80\x02\x83\xf0\x01.", "found the instruction EXT2, which"),
    "a copyreg extension, 4 bytes": (b"\x80\x02\x84\xf0\0\0\1.", "found the instruction EXT4, wh"),
    "a persistent id": (b"\x80\x02K\x01Q.", "found the instruction BINPERSID, which is refused"),
    "a keyword call": (b"\x80\x04N)}\x92.", "found the instruction NEWOBJ_EX, which is refused"),
    "a new object": (b"\x80\x02cnumpy\nndarray\n)\x81.", "found the instruction NEWOBJ, which is"),
    "an outside buffer": (b"\x80\x05\x97.", "found the instruction NEXT_BUFFER, which is refused"),
    "a call of ndarray": (b"cnumpy\nndarray\n)R.", "a call of Global"),
    "a call of data": (b"\x80\x02})R.", "a call of dict"),
    "a state for a list": (b"\x80\x02]}b.", "dict as a state"),
    "a state for a function": (b"c_codecs\nencode\n)b.", "a state for Global"),
    "a state for None": (b"N)b.", "a state for NoneType"),
    "an OrderedDict of numbers": (
        b"ccollections\nOrderedDict\n](K\x01K\x02e\x85R.",
        "an OrderedDict of something else than pairs",
    ),
    "a function as data": (b"\x80\x02]c_codecs\nencode\na.", "found _codecs.encode as a value, wh"),
    "a dtype as data": (pickle.dumps([np.dtype("f4")]), "found numpy.dtype as a value, which is"),
    "an array without content": (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR.",
        "ends before all its parts are put together",
    ),
    "numpy.matrix": (
        pickle.dumps(np.ones(2)).replace(b"\x8c\x07ndarray", b"\x8c\x06matrix"),
        "found numpy.matrix, which is refused",
    ),
    "a structured dtype": (pickle.dumps(np.zeros(1, dtype="i4,f8")), "a dtype 'V12'"),
    "a datetime dtype": (pickle.dumps(np.zeros(1, dtype="M8[s]")), "a dtype 'M8'"),
    "a list in an object array": (
        pickle.dumps(np.array([None, ["a"]], dtype=object)),
        "list in an array of objects",
    ),
    "an object array in itself": (
        array_of(b"K\x01\x85", "O8", b"]q\x00NN")
        .replace(b"btR(", b"btRq\x05(")
        .replace(b"]q\x00NN", b"]h\x05a"),
        "ndarray in an array of objects",
    ),
    "a shape of 10**12": (array_of(huge(10**12) + b"\x85"), "of memory, found one that takes more"),
    "a shape of 10**12 by 0": (array_of(huge(10**12) + b"K\x00\x86", raw=b"C\0"), "takes more"),
    "a shape of 10**12 empty texts": (array_of(huge(10**12) + b"\x85", "U0", b"C\0"), "takes more"),
    "a shape below 0": (array_of(b"J\xff\xff\xff\xff\x85"), "a shape that is not of sizes"),
    "a shape with too few bytes": (
        array_of(b"K\x02\x85"),
        "8 bytes for an array of shape (2,) and dtype float64",
    ),
    "a character that is none": (
        array_of(b"K\x02\x85", "U1", b"C\x08" + b"\xff" * 8),
        "4294967295",
    ),
    "a boolean of 2": (array_of(b"K\x01\x85", "b1", b"C\x01\x02"), "an element 2 in an array"),
    "BINBYTES8 of 2**60": (b"\x80\x04\x8e" + bytes(7) + b"\x10a.", "the file ends before the pick"),
    "BINUNICODE8 of 2**60": (b"\x80\x04\x8d" + bytes(7) + b"\x10a.", "the file ends before the"),
    "BYTEARRAY8 of 2**60": (b"\x80\x05\x96" + bytes(7) + b"\x10a.", "the file ends before the pic"),
    "BINSTRING below 0": (b"T\xff\xff\xff\xffa.", "the file ends before the pickle does"),
    "LONG4 of 2**31": (b"\x80\x02\x8b\xff\xff\xff\x7fa.", "found the instruction LONG4, which"),
    "a number of 10,000 digits": (b"I" + b"9" * 10_000 + b"\n.", "no end of a line within"),
    "a memo index of 2**32": (b"\x80\x02Nr\xff\xff\xff\xff.", "found one that takes more"),
    "a memo index of 10**600": (b"Np1" + b"0" * 600 + b"\n.", "found one that takes more"),
    "a memo index below 0": (b"Np-1\n.", "-1 as an index"),
    "a memo index without value": (b"\x80\x02Nq\x01h\x00.", "nothing is kept under 0"),
    "a memo bomb": (
        b"\x80\x04]\x94" + b"".join(b"0](h%ch%ce\x94" % (i, i) for i in range(50)) + b".",
        "found one that takes more",
    ),
    "a bomb of marks": (b"(" * 200_000 + b".", "found one that takes more"),
    "a bomb of sets": (b"\x80\x04(" + b"\x8f" * 200_000 + b"l.", "found one that takes more"),
    "a bomb of copies": (
        b"\x80\x04c_codecs\nencode\nq\x00"
        + text("a" * 100_000)
        + b"\x8c\x06latin1\x86q\x01"
        + b"h\x00h\x01R" * 1000
        + b"l.",
        "found one that takes more",
    ),
    "a hash bomb of tuples": (TUPLES + b"0\x8f(h\x64\x90.", "a key of type tuple"),
    "a hash bomb of names": (TUPLES + b"h\x64\x93.", "a name that is not text"),
    "a hash bomb of numbers": (
        pickle.dumps({i * (2**61 - 1): i for i in range(1, 3)}),
        "a key of type int; keys are",
    ),
    "a key of 1 MB": (pickle.dumps({"a" * 10**6: 1}), "a key of type str; keys are text or bytes"),
    "a key that is NaN": (pickle.dumps({float("nan"): 1}), "cannot convert float NaN"),
    "a list in itself": (b"\x80\x02]q\x00h\x00a.", "nested more than 64 deep, or in itself"),
    "a list 10,000 deep": (
        b"\x80\x02" + b"]" * 10_000 + b"a" * 9999 + b".",
        "nested more than 64",
    ),
    "a list 65 deep, shared": (
        b"\x80\x04]\x94(" + b"h\x00" + b"\x85" * 65 + b"h\x00e.",
        "nested more than 64 deep",
    ),
    "two pickles": (pickle.dumps(1) * 2, "bytes follow the end of the pickle"),
    "an empty file": (b"", "the file ends before the pickle does"),
    "a web page": (b"<html>quota exceeded</html>", "the file begins with b'<html>qu'"),
    "a torch file": (b"PK\3\4\0\0\x08\x08\0\0", r"the file begins with b'PK\\x03\\x04"),
    "a pointer of git lfs": (b"version https://git-lfs", "the file begins with b'version '"),
}
REFUSED_NAMES = list(REFUSED)

APART = """
import sys, tracemalloc
from pathlib import Path
from msa.base.errors import InputError
from msa.formats.pickles.unpickle import load

for file in map(Path, sys.argv[2:]):
    tracemalloc.start()
    try:
        load(file, int(sys.argv[1]))
        print(file.name, 0, "no error")
    except InputError as error:
        print(file.name, tracemalloc.get_traced_memory()[1], error)
    tracemalloc.stop()
"""


@pytest.fixture(scope="module")
def apart(tmp_path_factory):
    """All refused pickles read in another process, which may not hang: name → peak, error."""
    folder = tmp_path_factory.mktemp("refused")
    for index, (content, _) in enumerate(REFUSED.values()):
        (folder / str(index)).write_bytes(content)
    files = [str(folder / str(index)) for index in range(len(REFUSED))]
    done = subprocess.run(
        [sys.executable, "-c", APART, str(LIMIT), *files],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in folder.iterdir()) == sorted(map(str, range(len(REFUSED))))
    lines = (line.split(" ", 2) for line in done.stdout.splitlines())
    return {REFUSED_NAMES[int(i)]: (int(peak), message) for i, peak, message in lines}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(apart, name):
    peak, message = apart[name]
    assert REFUSED[name][1] in message
    assert "; fetch it again" in message or "do harm: fetch" in message or "refused" in message
    assert peak < LIMIT and len(message) < 600


def test_an_extension_that_is_registered(read):
    copyreg.add_extension(__name__, "Plain", 240)
    try:
        content = pickle.dumps(Plain, 2)
        assert b"\x82\xf0" in content
        with pytest.raises(InputError, match="found the instruction EXT1, which is refused"):
            read(content)
    finally:
        copyreg.remove_extension(__name__, "Plain", 240)


def test_the_message(read, tmp_path):
    with pytest.raises(InputError) as caught:
        read(b"cos\nsystem\n(S'touch ran'\ntR.")
    assert str(caught.value) == (
        f"{tmp_path}/file.pkl: expected arrays, numbers, text and containers, found os.system, "
        "which is refused because reading it could run any code; write the file again from plain "
        "arrays and lists where it was made"
    )


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"no\.pkl: cannot be read: .*No such file"):
        load(tmp_path / "no.pkl")
    with pytest.raises(InputError, match="cannot be read: .*directory"):
        load(tmp_path)


def test_the_limit(read):
    content = pickle.dumps([1.5] * 10_000)
    with pytest.raises(
        InputError, match=r"takes at most 200,000 bytes .*, at byte [1-9][\d,]+ of "
    ):
        read(content, 200_000)
    assert len(read(content)) == 10_000


MANY = range(3000)
HEAVY = {
    "floats": [i + 0.5 for i in MANY],
    "numbers": [2**40 + i for i in MANY],
    "long numbers": [2**1000 + i for i in MANY],
    "words": [f"{i}é" for i in MANY],
    "wide words": [f"{i}\N{GRINNING FACE}" for i in MANY],
    "bytes": [b"%d" % i for i in MANY],
    "bytearrays": [bytearray(b"a") for i in MANY],
    "lists": [[[i]] for i in MANY],
    "tuples": [(i, i, i, i) for i in MANY],
    "dict": dict.fromkeys(MANY),
    "dicts": [{"a": i} for i in MANY],
    "set": {str(i) for i in MANY},
    "set of numbers": set(MANY),
    "sets": [{i} for i in MANY],
    "frozensets": [frozenset({i}) for i in MANY],
    "complex": [complex(i, i) for i in MANY],
    "scalars": [np.float64(i) for i in MANY],
    "small arrays": [np.full((1, 2), i) for i in MANY],
    "a large array": np.ones(10**6),
    "a large text": "a" * 10**6 + "\N{GRINNING FACE}",
    "objects": np.array([str(i) for i in MANY], dtype=object),
}


@pytest.mark.parametrize("protocol", [0, 2, 5])
@pytest.mark.parametrize("value", HEAVY.values(), ids=HEAVY)
def test_no_more_memory_than_the_limit(read, value, protocol):
    content = pickle.dumps(value, protocol)
    tracemalloc.start()
    read(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    with pytest.raises(InputError, match="bytes of memory, found one that takes more"):
        read(content, peak - BUFFER)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_cut_off_anywhere(read, protocol):
    words = [f"word{i}" for i in range(999)]
    content = pickle.dumps({"a": np.arange(999.0), "b": words, "c": np.array(words)}, protocol)
    for end in [*range(1, len(content), 1000), *range(len(content) - 40, len(content))]:
        with pytest.raises(InputError, match="ends before|no end of a line|buffer of|begins with"):
            read(content[:end])


def leaves(value):
    """The types in a value, followed along every path."""
    if isinstance(value, list | tuple | set | frozenset):
        return {type(value)}.union(*map(leaves, value))
    if isinstance(value, dict):
        return {dict}.union(*map(leaves, value), *map(leaves, value.values()))
    return {type(value)} | (leaves(value.tolist()) if isinstance(value, np.ndarray) else set())


SEEDS = [pickle.dumps(value, protocol) for value in GOOD.values() for protocol in PROTOCOLS]
DATA = {type(None), bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set}


@given(
    content=st.sampled_from([seed for seed in SEEDS if len(seed) < 3000]),
    flips=st.lists(st.tuples(st.integers(0, 2**20), st.integers(1, 255)), min_size=1, max_size=4),
)
@settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_flipped_bytes(read, content, flips):
    damaged = bytearray(content)
    for place, bits in flips:
        damaged[place % len(damaged)] ^= bits
    try:
        value = read(bytes(damaged), LIMIT)
    except InputError:
        return
    for kind in leaves(value) - DATA:
        assert kind in (frozenset, np.ndarray) or issubclass(kind, np.generic)


@given(content=st.binary(max_size=40))
@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_random_bytes(read, content):
    try:
        value = read(b"\x80\x04" + content + b".", LIMIT)
    except InputError:
        return
    leaves(value)


RUNS_CODE = re.compile(
    r"(_?c?pickle|dill|cloudpickle)\.(loads?|_loads?|_?Unpickler)|joblib\.load"
    r"|pandas\.read_pickle|shelve\.open|marshal\.loads?"
)


def unsafe(source):
    """Lines of a module that read pickles in a way that can run code."""
    tree, names, found = ast.parse(source), {}, []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                names[name.asname or name.name] = name.name
        elif isinstance(node, ast.ImportFrom):
            for name in node.names:
                names[name.asname or name.name] = f"{node.module}.{name.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            first, dot, rest = ast.unparse(node).partition(".")
            if RUNS_CODE.fullmatch(names.get(first, first) + dot + rest):
                found.append(node.lineno)
        elif isinstance(node, ast.Call):
            first, dot, rest = ast.unparse(node.func).partition(".")
            given = {word.arg: ast.unparse(word.value) for word in node.keywords}
            torch_load = names.get(first, first) + dot + rest == "torch.load"
            if given.get("allow_pickle", "False") != "False":
                found.append(node.lineno)
            if torch_load and given.get("weights_only") != "True":
                found.append(node.lineno)
    return found


@pytest.mark.parametrize(
    "source",
    [
        "import pickle\npickle.load(file)",
        "import pickle\nread = pickle.loads",
        "import pickle as p\np.Unpickler(file).load()",
        "from pickle import loads as read\nread(data)",
        "import pickle\nclass Mine(pickle._Unpickler): pass",
        "import joblib\njoblib.load(path)",
        "import pandas as pd\npd.read_pickle(path)",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "import torch\ntorch.load(path)",
        "import torch\ntorch.load(path, weights_only=False)",
        "from torch import load\nload(path)",
    ],
)
def test_the_search_finds(source):
    assert unsafe(source)


def test_no_other_way_to_read_pickles_in_the_project():
    modules = [
        p
        for name in ("msa", "tests", "benchmarks", "workflow")
        for p in ROOT.glob(f"{name}/**/*.py")
    ]
    assert ROOT / "msa/formats/pickles/unpickle.py" in modules and Path(__file__) in modules
    assert {str(p): unsafe(p.read_text()) for p in modules if unsafe(p.read_text())} == {}
    rules = [ROOT / "Snakefile", *ROOT.glob("rules/*.smk")]
    words = re.compile(r"pickle|joblib|torch\.load")
    assert len(rules) > 1 and [str(p) for p in rules if words.search(p.read_text())] == []
