import errno
import fcntl
import zlib
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest

from msa.base.errors import InputError
from msa.formats import csd


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "audio.csd"
    intervals = np.array([[0, 0.5], [0.5, 1]], dtype=np.float32)
    features = np.arange(6, dtype=np.float32).reshape(2, 3)
    csd.write(path, "COVAREP", {"b": (intervals, features), "a": (intervals[:1], features[:1])})
    return path


def edit(path, change):
    with h5py.File(path, "r+") as file:
        change(file)


def message(path, use=lambda sequence: None):
    with pytest.raises(InputError) as caught, csd.Sequence(path) as sequence:
        use(sequence)
    return str(caught.value)


def test_reads_what_was_written(good):
    with csd.Sequence(good) as sequence:
        assert sequence.root == "COVAREP"
        assert sorted(sequence.videos) == ["a", "b"]
        assert sequence.shape("b") == csd.Shape(2, 3, np.dtype("f4"))
        np.testing.assert_array_equal(sequence.features("b"), [[0, 1, 2], [3, 4, 5]])
        np.testing.assert_array_equal(sequence.intervals("b"), [[0, 0.5], [0.5, 1]])
        assert sequence.metadata()["root name"] == "COVAREP"
        assert set(sequence.metadata()) == set(csd.METADATA_KEYS)


def test_metadata_lies_as_in_the_sdk(good):
    with h5py.File(good) as file:
        value = file["COVAREP/metadata/root name"]
        assert value.shape == (1,)
        assert value[0] == b'"COVAREP"'


def test_the_root_name_need_not_be_the_file_name(good):
    with csd.Sequence(good.rename(good.with_name("CMU_MOSI_COVAREP.csd"))) as sequence:
        assert sequence.root == "COVAREP"


def test_words_of_variable_length(tmp_path):
    path = tmp_path / "words.csd"
    words = np.array([["good"], ["né"]], dtype=object)
    with h5py.File(path, "w") as file:
        file["words/data/v/intervals"] = np.zeros((2, 2), dtype=np.float32)
        file.create_dataset("words/data/v/features", data=words, dtype=h5py.string_dtype())
    with csd.Sequence(path) as sequence:
        assert sequence.features("v").tolist() == [[b"good"], ["né".encode()]]
        assert sequence.shape("v").rows == 2


@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"chunks": (7, 3), "compression": "gzip"},
        {"chunks": (4, 3), "compression": "gzip"},
        {"chunks": (7, 3), "compression": "gzip", "shuffle": True},
        {"chunks": (7, 3), "compression": "lzf"},
        {"chunks": (7, 3)},
        {"chunks": (100, 3), "maxshape": (None, 3), "fletcher32": True},
    ],
)
@pytest.mark.parametrize("dtype", ["f4", ">f8", "i2"])
def test_however_the_rows_lie(tmp_path, layout, dtype):
    rows = np.arange(21).reshape(7, 3).astype(dtype)
    with h5py.File(tmp_path / "audio.csd", "w") as file:
        file["audio/data/v/intervals"] = np.zeros((7, 2), dtype=np.float32)
        file.create_dataset("audio/data/v/features", data=rows, **layout)
    with csd.Sequence(tmp_path / "audio.csd") as sequence:
        assert sequence.shape("v").rows == 7
        read = sequence.features("v")
    assert read.dtype == rows.dtype
    np.testing.assert_array_equal(read, rows)


@pytest.mark.parametrize("packed", [b"no gzip", zlib.compress(bytes(83)), zlib.compress(bytes(85))])
def test_a_chunk_that_does_not_unpack_to_its_rows(tmp_path, packed):
    path = tmp_path / "audio.csd"
    rows = np.zeros((7, 3), dtype=np.float32)
    csd.write(path, "audio", {"v": (rows[:, :2], rows)})
    edit(path, lambda file: file["audio/data/v/features"].id.write_direct_chunk((0, 0), packed))
    text = message(path, lambda sequence: sequence.features("v"))
    assert f"{path}: audio/data/v/features: cannot be read" in text


def test_a_chunk_written_unpacked(tmp_path):
    """HDF5 notes for every chunk which filters it left out."""
    path = tmp_path / "audio.csd"
    rows = np.arange(21, dtype=np.float32).reshape(7, 3)
    csd.write(path, "audio", {"v": (rows[:, :2], rows)})
    edit(
        path,
        lambda file: file["audio/data/v/features"].id.write_direct_chunk(
            (0, 0), (rows + 1).tobytes(), filter_mask=1
        ),
    )
    with csd.Sequence(path) as sequence:
        np.testing.assert_array_equal(sequence.features("v"), rows + 1)


def test_a_chunk_never_written(tmp_path):
    path = tmp_path / "audio.csd"
    with h5py.File(path, "w") as file:
        file["audio/data/v/intervals"] = np.zeros((7, 2), dtype=np.float32)
        group = file["audio/data/v"]
        group.create_dataset("features", (7, 3), "f4", chunks=(7, 3), compression="gzip")
    with csd.Sequence(path) as sequence:
        assert sequence.features("v").tolist() == [[0, 0, 0]] * 7


def _unpacked(file):
    """The rows as they lie, without the note that they are packed."""
    group = file["COVAREP/data/b"]
    packed = group["features"].id.read_direct_chunk((0, 0))[1]
    del group["features"]
    rows = group.create_dataset("features", (2, 3), "f4", chunks=(2, 3))
    rows.id.write_direct_chunk((0, 0), packed)


def _without(**layout):
    def change(file):
        group = file["COVAREP/data/b"]
        del group["features"]
        group.create_dataset("features", (2, 3), "f4", **layout)
        if layout.get("chunks") == (1, 3):
            group["features"][:1] = 1

    return change


@pytest.mark.parametrize(
    "change",
    [_unpacked, _without(), *(_without(chunks=(n, 3), compression="gzip") for n in (1, 2))],
    ids=["unpacked", "contiguous", "half", "chunk"],
)
def test_rows_that_the_file_has_not_are_not_zeros(good, change):
    """An index of chunks that is lost, or a writer that was stopped."""
    edit(good, change)
    text = message(good, lambda sequence: sequence.shape("b"))
    assert text.startswith(f"{good}: COVAREP/data/b/features: cannot be read (expected ")
    assert "fetch it again" in text


def test_missing_file(tmp_path):
    assert "no such file" in message(tmp_path / "none.csd")


def test_not_hdf5(tmp_path):
    path = tmp_path / "page.csd"
    path.write_text("<html>quota exceeded</html>")
    assert f"{path}: expected an HDF5 file" in message(path)


def test_truncated(good):
    good.write_bytes(good.read_bytes()[:-500])
    text = message(good, lambda sequence: sequence.features("b"))
    assert str(good) in text
    assert "truncated" in text


def test_two_roots(good):
    edit(good, lambda file: file.create_group("other"))
    assert "expected one root group, got 2: ['COVAREP', 'other']" in message(good)


def test_no_data_group(good):
    edit(good, lambda file: file.move("COVAREP/data", "COVAREP/dat"))
    assert "COVAREP/data: expected a group, found ['dat', 'metadata']" in message(good)


def test_a_video_without_features(good):
    edit(good, lambda file: file.pop("COVAREP/data/b/features"))
    text = message(good, lambda sequence: sequence.shape("b"))
    assert "COVAREP/data/b/features: expected an array, found none" in text


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("intervals", np.zeros((2, 3)), "intervals: expected numbers (n, 2), got float64 (2, 3)"),
        ("intervals", np.array([[b"0", b"1"]] * 2), "expected numbers (n, 2), got |S1 (2, 2)"),
        ("features", np.zeros((5, 3)), "features: expected (2, d) as there are 2 intervals"),
        ("features", np.zeros(2), "got (2,)"),
    ],
)
def test_wrong_shapes(good, name, value, expected):
    def change(file):
        del file[f"COVAREP/data/b/{name}"]
        file[f"COVAREP/data/b/{name}"] = value

    edit(good, change)
    assert expected in message(good, lambda sequence: sequence.shape("b"))
    if name == "intervals":
        assert expected in message(good, lambda sequence: sequence.intervals("b"))


def test_intervals_that_are_not_numbers(good):
    def change(file):
        file["COVAREP/data/b/intervals"][0, 0] = np.nan

    edit(good, change)
    text = message(good, lambda sequence: sequence.intervals("b"))
    assert "COVAREP/data/b/intervals: expected finite seconds, got 1 rows" in text


def test_odd_metadata_is_left_out_or_given_as_its_text(good):
    def change(file):
        group = file["COVAREP/metadata"]
        for name in ("md5", "uuid", "creator", "contact", "dataset name", "dataset version"):
            del group[name]
        group.create_group("md5")
        group["uuid"], group["creator"] = np.zeros(0), h5py.Empty("f")
        group["contact"], group["dataset name"] = [b"NaN"], [b"[" * 100_000]
        group["dataset version"] = [b'[{"a": [1]}]']

    edit(good, change)
    with csd.Sequence(good) as sequence:
        found = sequence.metadata()
    assert not {"md5", "uuid", "creator"} & set(found)
    assert (found["contact"], found["dataset version"]) == ("NaN", '[{"a": [1]}]')
    assert found["dataset name"] == "[" * 100_000 and found["root name"] == "COVAREP"


def test_a_file_without_metadata(good):
    edit(good, lambda file: file.pop("COVAREP/metadata"))
    with csd.Sequence(good) as sequence:
        assert sequence.metadata() == {}


def test_damaged_rows_name_the_key(tmp_path):
    path = tmp_path / "audio.csd"
    rows = np.random.default_rng(0).normal(size=(4000, 8)).astype(np.float32)
    csd.write(path, "audio", {"v": (rows[:, :2], rows)})
    raw = bytearray(path.read_bytes())
    raw[40_000:60_000] = bytes(20_000)
    path.write_bytes(raw)
    text = message(path, lambda sequence: sequence.features("v"))
    assert f"{path}: audio/data/v/features: cannot be read" in text


def virtual(path):
    layout = h5py.VirtualLayout((2, 3), "f4")
    layout[:] = h5py.VirtualSource(path, "rows", (2, 3))
    return layout


OUTSIDE = {
    "link": lambda group, path: group.__setitem__("features", h5py.ExternalLink(path, "rows")),
    "link to a link": lambda group, path: (
        group.__setitem__("features", h5py.SoftLink("/COVAREP/elsewhere/rows")),
        group.file.__setitem__("COVAREP/elsewhere", h5py.ExternalLink(path, "/")),
    ),
    "storage": lambda group, path: group.create_dataset(
        "features", (2, 3), "f4", external=[(path, 0, 24)]
    ),
    "virtual": lambda group, path: group.create_virtual_dataset("features", virtual(path)),
}


@pytest.mark.parametrize("how", OUTSIDE)
def test_other_files_are_not_taken_in(good, how):
    """Whoever made the file would else have the rows of any other file used as features."""
    other = good.with_name("other.h5")
    with h5py.File(other, "w") as file:
        file["rows"] = np.full((2, 3), 7, dtype=np.float32)

    def change(file):
        del file["COVAREP/data/b/features"]
        OUTSIDE[how](file["COVAREP/data/b"], str(other))

    edit(good, change)
    text = message(good, lambda sequence: sequence.features("b"))
    key = "COVAREP/elsewhere" if how == "link to a link" else "COVAREP/data/b/features"
    assert f"{good}: {key}: expected rows within this file, found a reference to another" in text


def test_metadata_of_other_files_is_not_taken_in(good):
    def change(file):
        del file["COVAREP/metadata/md5"]
        external = [(str(good), 0, 1)]
        file["COVAREP/metadata"].create_dataset("md5", (1,), "S1", external=external)

    edit(good, change)
    assert "COVAREP/metadata/md5: expected rows wi" in message(good, lambda of: of.metadata())


def test_links_within_the_file(good):
    edit(good, lambda file: file.move("COVAREP/data/b/features", "COVAREP/rows"))
    edit(
        good,
        lambda file: file.__setitem__("COVAREP/data/b/features", h5py.SoftLink("/COVAREP/rows")),
    )
    with csd.Sequence(good) as sequence:
        np.testing.assert_array_equal(sequence.features("b"), [[0, 1, 2], [3, 4, 5]])


@pytest.mark.parametrize("group", ["", "audio/data"])
def test_names_that_are_no_text(tmp_path, group):
    path = tmp_path / "audio.csd"
    with h5py.File(path, "w") as file:
        h5py.h5g.create(file.require_group(group).id if group else file.id, b"\xff\xfe")
    assert message(path).startswith(f"{path}: /{group}: expected names in UTF-8, found b'\\xff")


def test_a_file_that_another_process_writes(good):
    with good.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        text = message(good)
    assert f"{good}: cannot be locked (Resource temporarily unavailable)" in text
    assert "set HDF5_USE_FILE_LOCKING=FALSE" in text and "fetch" not in text
    csd.Sequence(good).__exit__(None, None, None)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP])
def test_a_file_system_without_locks_is_read_and_written_and_that_is_said_once(
    good, monkeypatch, capsys, number
):
    class Unlocked(h5py.File):
        def __init__(self, *args, locking=None, **driver):
            if locking is not False and not driver:  # which is that of the memory
                raise OSError(number, "Unable to open file (unable to lock file, errno = ...)")
            super().__init__(*args, locking=locking, **driver)

    monkeypatch.setattr(h5py, "File", Unlocked)
    for _ in range(2):
        with csd.Sequence(good) as sequence:
            assert sequence.root == "COVAREP"
    assert capsys.readouterr().err == (
        f"{good.parent}: its file system has no locks, so going on without; nobody may write the "
        "file meanwhile\n"
    )
    csd.write(good, "again", {"a": (np.zeros((1, 2)), np.zeros((1, 3)))})
    with csd.Sequence(good) as sequence:
        assert sequence.root == "again"


def test_a_broken_name_that_hdf5_names_in_its_error(good):
    """h5py's own message is no text then."""
    good.write_bytes(good.read_bytes().replace(b"creator", b"\xfbreator"))
    assert "its links: cannot be read (" in message(good)


@pytest.mark.parametrize(("place", "value"), [(0, 0x14), (17, 0xFF)], ids=["bits", "bias"])
def test_a_type_that_is_none(good, place, value):
    """The type's class, or its exponent's bias, as a damaged byte makes them."""
    raw = bytearray(good.read_bytes())
    float32 = bytes([0x11, 0x20, 0x1F, 0, 4, 0, 0, 0])
    raw[raw.index(float32) + place] = value
    good.write_bytes(raw)
    text = message(good, lambda sequence: [sequence.shape(v) for v in sequence.videos])
    assert "cannot be read (" in text and "fetch it again" in text


@pytest.mark.parametrize("dtype", ["u1", "u8", "i2", "f4"])
def test_times_are_float64(tmp_path, dtype):
    """Unsigned ones would wrap around in a difference."""
    path = tmp_path / "audio.csd"
    times = np.array([[3, 5], [1, 2]], dtype)
    csd.write(path, "audio", {"v": (times, np.ones((2, 3)))})
    with csd.Sequence(path) as sequence:
        read = sequence.intervals("v")
    assert read.dtype == np.float64
    np.testing.assert_array_equal(read, times)


TIMES = [[0, 1], [1, 2.5]]
SAID = [[b"so"], ["g\u00f6\u00f6d".encode()]]


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        (["so", "g\u00f6\u00f6d"], SAID),
        ([["so"], ["g\u00f6\u00f6d"]], SAID),
        (np.array([["so"], ["g\u00f6\u00f6d"]], dtype=object), SAID),
        (np.array([[b"so"], ["g\u00f6\u00f6d".encode()]]), SAID),
        ([[1, 2], [3, 4.5]], [[1, 2], [3, 4.5]]),
    ],
)
def test_lists_and_texts_are_written(tmp_path, features, expected):
    path = tmp_path / "own.csd"
    csd.write(str(path), "own", {"v": (TIMES, features)})
    with csd.Sequence(path) as sequence:
        assert sequence.features("v").tolist() == expected
        np.testing.assert_array_equal(sequence.intervals("v"), TIMES)


@pytest.mark.parametrize(
    ("video", "times", "features", "expected"),
    [
        (
            "s1/e2",
            TIMES,
            np.ones((2, 3)),
            'ids of videos without "/", and not "" or ".", got "s1/e2"',
        ),
        ("", TIMES, np.ones((2, 3)), 'got ""'),
        (".", TIMES, np.ones((2, 3)), 'got "."'),
        ("v", TIMES, np.ones((3, 3)), "a row for each of 2 intervals, (2, d), got (3, 3)"),
        ("v", TIMES, np.ones(2), "a row for each of 2 intervals, (2, d), got (2,)"),
        ("v", [0, 1], np.ones((2, 3)), "start and end of each row in seconds, (n, 2), got int64"),
        ("v", [["a", "b"]], np.ones((1, 3)), "start and end of each row in seconds"),
        ("v", TIMES, [[1, 2], [3]], "own/data/v: expected arrays, got lists of unequal lengths"),
    ],
)
def test_what_cannot_be_read_again_is_not_written(tmp_path, video, times, features, expected):
    path = tmp_path / "own.csd"
    with pytest.raises(InputError) as caught:
        csd.write(path, "own", {"good": (TIMES, np.ones((2, 3))), video: (times, features)})
    assert expected in str(caught.value) and str(caught.value).startswith(str(path))
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the full disk of Linux")
def test_a_full_disk_is_one_error(tmp_path, monkeypatch):
    """HDF5 is let nowhere near it: of a write that fails it ends the process."""
    full = partial(open, "/dev/full", "wb")
    monkeypatch.setattr("msa.base.atomic.open", lambda *_, **__: full(), raising=False)
    arrays = np.zeros((9, 2)), np.random.default_rng(0).random((9, 3))
    with pytest.raises(InputError, match=r"a\.csd: no space left on the disk; free some"):
        csd.write(tmp_path / "a.csd", "audio", {"a": arrays})
    assert not [*tmp_path.iterdir()]
