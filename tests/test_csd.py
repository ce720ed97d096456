import zlib

import h5py
import numpy as np
import pytest

from msa import csd
from msa.errors import InputError


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


@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"chunks": (7, 3), "compression": "gzip"},
        {"chunks": (4, 3), "compression": "gzip"},
        {"chunks": (7, 3), "compression": "gzip", "shuffle": True},
        {"chunks": (7, 3), "compression": "lzf"},
        {"chunks": (7, 3)},
    ],
)
@pytest.mark.parametrize("dtype", ["f4", ">f8", "i2"])
def test_however_the_rows_lie(tmp_path, layout, dtype):
    rows = np.arange(21).reshape(7, 3).astype(dtype)
    with h5py.File(tmp_path / "audio.csd", "w") as file:
        file["audio/data/v/intervals"] = np.zeros((7, 2), dtype=np.float32)
        file.create_dataset("audio/data/v/features", data=rows, **layout)
    with csd.Sequence(tmp_path / "audio.csd") as sequence:
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
        ("intervals", np.zeros((2, 3)), "intervals: expected (n, 2), got (2, 3)"),
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


def test_intervals_that_are_not_numbers(good):
    def change(file):
        file["COVAREP/data/b/intervals"][0, 0] = np.nan

    edit(good, change)
    text = message(good, lambda sequence: sequence.intervals("b"))
    assert "COVAREP/data/b/intervals: expected finite seconds, got 1 rows" in text


def test_damaged_rows_name_the_key(tmp_path):
    path = tmp_path / "audio.csd"
    rows = np.random.default_rng(0).normal(size=(4000, 8)).astype(np.float32)
    csd.write(path, "audio", {"v": (rows[:, :2], rows)})
    raw = bytearray(path.read_bytes())
    raw[40_000:60_000] = bytes(20_000)
    path.write_bytes(raw)
    text = message(path, lambda sequence: sequence.features("v"))
    assert f"{path}: audio/data/v/features: cannot be read" in text
