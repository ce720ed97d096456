import shutil

import numpy as np
import pytest

from msa.base.errors import InputError
from msa.demo.look_alikes import msaf
from msa.demo.look_alikes.rows import SEGMENTS
from msa.formats.layouts import read_layout


@pytest.fixture
def folder(tmp_path):
    return msaf.write(tmp_path, np.random.default_rng(0))


def test_it_is_read_as_it_was_written(folder):
    folds = read_layout(folder, "msaf")
    assert {fold: len(of.ids) for fold, of in folds.items()} == SEGMENTS
    valid = folds["valid"]
    assert valid.ids[5] == "valid/5"
    assert valid.label.shape == (8, 7)
    of = {name: [len(x) for x in rows] for name, rows in valid.sequences.items()}
    assert of["embedding"] == of["audio"] == of["vision"]
    assert 3 <= min(of["audio"]) < max(of["audio"]) < 40
    for name, width in {"embedding": 768, "audio": 74, "vision": 35}.items():
        assert all(rows.shape[1] == width for rows in valid.sequences[name])
        means = [rows[:, 0].mean() for rows in valid.sequences[name]]
        assert np.corrcoef(means, valid.label[:, 0])[0, 1] > 0.8


def test_zeros_on_the_other_side_are_data(folder):
    before = [len(rows) for rows in read_layout(folder, "msaf")["test"].sequences["audio"]]
    for name, where in {"bert": 0, "audio": -1, "visual": -1}.items():
        path = folder / "test" / f"{name}50.npy"
        array = np.load(path)
        array[0] = 0
        array[0, 25], array[1, where] = 1, 0
        np.save(path, array)
    of = read_layout(folder, "msaf")["test"].sequences
    lengths = {name: [len(rows) for rows in of[name]] for name in of}
    assert [lengths[name][0] for name in ("embedding", "audio", "vision")] == [26, 25, 25]
    assert lengths == {name: [lengths[name][0], *before[1:]] for name in of}


def test_nothing_is_read_into_memory(folder):
    rows = read_layout(folder, "msaf")["train"].sequences["embedding"][0]
    base = rows
    while not isinstance(base, np.memmap):
        base = base.base
    assert base.shape == (24, 50, 768)


def test_a_missing_file_is_named(folder):
    (folder / "val" / "audio50.npy").unlink()
    expected = "val: expected audio50.npy, found only .*'bert50.npy'.* the nearest is msaf"
    with pytest.raises(InputError, match=expected):
        read_layout(folder, "msaf")


def test_a_missing_fold_is_named(folder):
    shutil.rmtree(folder / "val")
    with pytest.raises(InputError, match=r"expected the folders train, val, test, .*'train'\]"):
        read_layout(folder, "msaf")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones((7, 50, 74)), "val: expected as many segments in each array"),
        (np.ones((8, 50)), r"val: audio50.npy: expected 3 dimensions, .* found \(8, 50\)"),
        (np.ones((0, 50, 74)), "val: audio50.npy: expected 3 dimensions, none of them empty"),
        (np.full((8, 50, 74), "a"), "val: audio50.npy: expected numbers"),
        (np.array([[[{}]]] * 8), "val: audio50.npy: expected an array of numbers"),
    ],
)
def test_a_broken_file_is_one_error(folder, array, message):
    np.save(folder / "val" / "audio50.npy", array)
    with pytest.raises(InputError, match=f"expected the layout msaf: {message}"):
        read_layout(folder, "msaf")


def test_a_file_cut_off_is_one_error(folder):
    path = folder / "train" / "bert50.npy"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"train: bert50.npy: .* cannot be read"):
        read_layout(folder, "msaf")


def test_a_damaged_header_is_one_error(folder):
    path = folder / "train" / "bert50.npy"
    path.write_bytes(path.read_bytes().replace(b"}", b"(", 1))
    with pytest.raises(InputError, match=r"train: bert50.npy: .* cannot be read"):
        read_layout(folder, "msaf")
