import pickle

import numpy as np
import pytest

from msa.base.errors import InputError
from msa.demo.look_alikes import mult
from msa.demo.look_alikes.rows import SEGMENTS
from msa.formats.layouts import read_layout

WIDTHS = {"mosi": (5, 20), "mosei": (74, 35), "iemocap": (74, 35)}
IDS = {"mosi": "trainVideo1[3.5000:6.5000]", "mosei": "trainVideo1[3.5000:6.5000]"}


def make(**arrays):
    """Two segments of 4 steps a fold."""
    fold = {
        "text": np.ones((2, 4, 3), np.float32),
        "audio": np.ones((2, 4, 2), np.float32),
        "vision": np.ones((2, 4, 1), np.float32),
        "labels": np.array([[[1.0]], [[-2.0]]]),
    }
    return {name: {**fold, **arrays} for name in ("train", "valid", "test")}


def read(tmp_path, content):
    path = tmp_path / "data.pkl"
    path.write_bytes(pickle.dumps(content))
    return read_layout(path, "mult")


def lengths(segments):
    return {name: [len(rows) for rows in of] for name, of in segments.sequences.items()}


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("dataset", WIDTHS)
def test_it_is_read_as_it_was_written(tmp_path, dataset, aligned):
    path = mult.write(tmp_path, np.random.default_rng(0), dataset=dataset, aligned=aligned)
    assert path.name.endswith("_data.pkl" if aligned else "_data_noalign.pkl")
    folds = read_layout(path, "mult")
    assert {fold: len(of.ids) for fold, of in folds.items()} == SEGMENTS
    train = folds["train"]
    assert train.ids[5] == IDS.get(dataset, "train/5")
    widths = [train.sequences[name][0].shape[1] for name in ("glove", "audio", "vision")]
    assert widths == [300, *WIDTHS[dataset]]
    of = lengths(train)
    assert min(of["glove"]) >= 3 and max(of["glove"]) <= 12
    assert (of["glove"] == of["audio"]) == aligned
    means = np.array([rows[:, :4].mean(axis=0) for rows in train.sequences["audio"]])
    assert train.label.shape == (24, 4 if dataset == "iemocap" else 1)
    if dataset == "iemocap":
        assert set(np.unique(train.label)) == {0, 1}
    for column, label in enumerate(train.label.T):
        assert np.corrcoef(means[:, column], label)[0, 1] > 0.6


def padded():
    content = make()
    for fold in content.values():
        fold["text"][0, 0] = fold["text"][0, 2:] = 0  # .x..
        fold["audio"][0, :2] = 0  # ..xx
        fold["vision"][0] = 0  # ....
    return content


def test_aligned_modalities_lose_the_zeros_that_they_share(tmp_path):
    of = lengths(read(tmp_path, padded())["valid"])
    assert of == {"glove": [3, 4], "audio": [3, 4], "vision": [3, 4]}


def test_unaligned_modalities_lose_their_own(tmp_path):
    content = padded()
    for fold in content.values():
        fold["text"] = fold["text"][:, :3]
    of = lengths(read(tmp_path, content)["valid"])
    assert of == {"glove": [1, 3], "audio": [2, 4], "vision": [1, 4]}


def test_lengths_of_our_own_export_count_from_the_end(tmp_path):
    content = padded()
    for fold in content.values():
        fold["audio"][0, :, 0] = range(4)
        fold |= {f"{name}_lengths": np.array([3, 0]) for name in ("text", "audio", "vision")}
    valid = read(tmp_path, content)["valid"]
    assert lengths(valid) == {key: [3, 0] for key in ("glove", "audio", "vision")}
    assert valid.sequences["audio"][0][:, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["a", "b"], ["a", "b"]),
        (np.array([b"a", b"b"]), ["a", "b"]),
        (np.array([["a"], ["b"]]), ["a", "b"]),
        (np.array([["a", "0.5", "1"], ["b", "2", "3"]]), ["a[0.5:1]", "b[2:3]"]),
        (np.array([[b"a", b"0.5", b"1"], [b"b", b"7", b""]]), ["a[0.5:1]", "b[7]"]),
        ([["a", "", ""], ["b", "2", "3"]], ["a", "b[2:3]"]),
    ],
)
def test_ids_of_any_kind(tmp_path, ids, expected):
    assert read(tmp_path, make(id=ids))["test"].ids == expected


def test_labels_are_numbers_or_pairs(tmp_path):
    label = [[[0, 1], [1, 0], [1, 0]], [[1, 0], [0, 1], [0, 1]]]
    assert read(tmp_path, make(labels=np.array(label)))["test"].label.tolist() == [
        [1, 0, 0],
        [0, 1, 1],
    ]
    two = np.array([[[0.5, 1]], [[-1, 2]]])
    assert read(tmp_path, make(labels=two))["test"].label.tolist() == [[0.5, 1], [-1, 2]]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"audio": np.ones((3, 4, 2))}, "as many segments in each array, found .*'audio': 3"),
        ({"vision": np.ones((2, 4))}, r"vision: expected 3 dimensions, .* found \(2, 4\)"),
        ({"labels": np.ones((2, 3, 4))}, r"labels: expected \(2, 1, k\) or \(2, k, 2\)"),
        ({"labels": np.ones(2)}, r"labels: expected 3 dimensions"),
        ({"labels": np.array([[["a"]]] * 2, dtype=object)}, "labels: expected numbers"),
        ({"text": np.ones((2, 0, 3))}, "text: expected 3 dimensions, none of them empty"),
        ({"id": np.array([["a", "b"]] * 2)}, r"id: expected \(2,\) or \(2, 3\)"),
        ({"id": ["a", "b", "c"]}, r"id: expected \(2,\)"),
        ({"id": ["a", ["b"]]}, r"id: expected \(2,\)"),
        ({"audio_lengths": [1, 5]}, "audio_lengths: .* from 0 to 4, .* found 5"),
    ],
)
def test_a_broken_fold_is_one_error(tmp_path, arrays, message):
    content = make()
    content["valid"] |= arrays
    with pytest.raises(InputError, match=f"expected the layout mult: valid: .*{message}"):
        read(tmp_path, content)


@pytest.mark.parametrize("key", ["text", "audio", "vision", "labels"])
def test_a_missing_key_is_named(tmp_path, key):
    content = make()
    del content["test"][key]
    expected = f"expected the layout mult: test: expected {key}, found only .* nearest is mult"
    with pytest.raises(InputError, match=expected):
        read(tmp_path, content)


def test_a_missing_fold_is_named(tmp_path):
    content = make()
    del content["train"]
    with pytest.raises(InputError, match=r"expected the keys train, valid, test"):
        read(tmp_path, content)
