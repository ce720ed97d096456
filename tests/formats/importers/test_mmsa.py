import pickle

import numpy as np
import pytest

from msa.base.errors import InputError
from msa.demo.look_alikes import mmsa
from msa.demo.look_alikes.rows import SEGMENTS
from msa.formats.content import as_text
from msa.formats.layouts import read_layout
from msa.formats.segments import EVERYTHING, Asked

WIDTHS = {"mosi": (5, 20), "mosei": (74, 35), "sims": (33, 709), "sims_v2": (25, 177)}


def make(**arrays):
    """Two segments of 3 steps a fold."""
    fold = {
        "text": np.ones((2, 3, 4), np.float32),
        "audio": np.ones((2, 3, 2), np.float32),
        "vision": np.ones((2, 3, 1), np.float32),
        "regression_labels": np.array([1.0, -2.0]),
    }
    return {name: {**fold, **arrays} for name in ("train", "valid", "test")}


def read(tmp_path, content, asked=EVERYTHING):
    path = tmp_path / "data.pkl"
    path.write_bytes(pickle.dumps(content))
    return read_layout(path, "mmsa", asked)


def lengths(segments, name):
    return [len(rows) for rows in segments.sequences[name]]


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("dataset", WIDTHS)
def test_it_is_read_as_it_was_written(tmp_path, dataset, aligned):
    path = mmsa.write(tmp_path, np.random.default_rng(0), dataset=dataset, aligned=aligned)
    folds = read_layout(path, "mmsa")
    assert {fold: len(of.ids) for fold, of in folds.items()} == SEGMENTS
    train = folds["train"]
    assert train.ids[5] == "trainVideo1[1]"
    widths = [train.sequences[name][0].shape[1] for name in ("embedding", "audio", "vision")]
    assert widths == [768, *WIDTHS[dataset]]
    is_sims = dataset.startswith("sims")
    assert train.label.shape == (24, 4 if is_sims else 1)
    words = [[as_text(word) for word in rows[:, 0]] for rows in train.sequences["words"]]
    if is_sims:
        assert {len(text) for text in words} == {1}  # no blanks: a text is one word of letters
        words = [[*text[0]] for text in words]
    # [CLS] and [SEP] beside the words
    assert lengths(train, "embedding") == [len(text) + 2 for text in words]
    if aligned and not is_sims:
        assert path.name == "aligned_50.pkl"
        assert lengths(train, "embedding") == lengths(train, "audio") == lengths(train, "vision")
    else:
        assert lengths(train, "audio") != lengths(train, "embedding")
    for name in ("embedding", "audio", "vision"):
        assert all((rows != 0).any(axis=1).all() for rows in train.sequences[name])
    means = [rows[:, 0].mean() for rows in train.sequences["audio"]]
    assert np.corrcoef(means, train.label[:, 0])[0, 1] > 0.6


@pytest.mark.parametrize("dataset", ["sims", "sims_v2"])
def test_sims_is_labelled_in_steps_of_a_fifth_each_modality_alone_too(tmp_path, dataset):
    path = mmsa.write(tmp_path, np.random.default_rng(0), dataset=dataset)
    assert path.name == {"sims": "unaligned_39.pkl", "sims_v2": "sims_unaligned.pkl"}[dataset]
    for fold in read_layout(path, "mmsa", Asked(["audio"], [0])).values():
        assert fold.label.shape[1] == 1 and list(fold.unimodal) == ["text", "audio", "vision"]
        for label in (fold.label[:, 0], *fold.unimodal.values()):
            np.testing.assert_allclose(label * 5, np.rint(label * 5), atol=1e-6)
            assert np.abs(label).max() <= 1
        assert not np.array_equal(fold.unimodal["audio"], fold.unimodal["vision"])


def test_labels_of_one_modality_are_kept_where_every_fold_has_them(tmp_path):
    content = make(regression_labels_T=[[0.5], [np.nan]], regression_labels_A=[0.1, 0.2])
    content["test"] |= {"regression_labels_A": ["a", "b"], "regression_labels_V": [1, 2]}
    folds = read(tmp_path, content, Asked(["audio"], [0]))
    for fold in folds.values():
        assert list(fold.unimodal) == ["text"]
        np.testing.assert_array_equal(fold.unimodal["text"], [0.5, np.nan])


def test_lengths_come_from_the_file_then_from_the_mask_then_from_zeros(tmp_path):
    content = make()
    for fold in content.values():
        fold["text"][0, 2] = fold["audio"][0, 1:] = fold["vision"][0] = 0
    of_zeros = read(tmp_path, content)["valid"]
    assert [lengths(of_zeros, n) for n in ("embedding", "audio", "vision")] == [
        [2, 3],
        [1, 3],
        [1, 3],
    ]
    bert = np.zeros((2, 3, 3), np.int64)
    bert[:, 1] = [[1, 0, 0], [1, 1, 0]]
    for fold in content.values():
        fold["text_bert"] = bert
        fold["audio"][0, 1:] = fold["audio"][1, 2:] = fold["vision"][0] = fold["vision"][1, 2:] = 0
    of_mask = read(tmp_path, content)["valid"]
    assert [lengths(of_mask, n) for n in ("embedding", "audio", "vision")] == [[1, 2]] * 3
    for fold in content.values():
        fold |= {"audio_lengths": [2, 0], "text_lengths": np.array([3, 1])}
        fold["vision"][1, 1:] = 0
    of_file = read(tmp_path, content)["valid"]
    assert [lengths(of_file, n) for n in ("embedding", "audio", "vision")] == [
        [3, 1],
        [2, 0],
        [3, 1],
    ]


def test_audio_padded_on_the_left_beside_text_padded_on_the_right(tmp_path):
    bert = np.zeros((2, 3, 3), np.int64)
    bert[:, 1] = [[1, 1, 1], [1, 1, 0]]
    audio = np.arange(1.0, 13).reshape(2, 3, 2)
    audio[1, 0] = 0
    found = read(tmp_path, make(text_bert=bert, audio=audio, vision=np.ones((2, 4, 1))))["valid"]
    assert lengths(found, "audio") == [3, 2]
    np.testing.assert_array_equal(found.sequences["audio"][1], audio[1, 1:])
    assert lengths(found, "embedding") == [3, 2]


@pytest.mark.parametrize(
    "ids",
    [
        ["a_$b$_$0", "c"],
        np.array(["a_$b$_$0", "c"]),
        np.array([b"a_$b$_$0", b"c"]),
        np.array([["a_$b$_$0"], ["c"]], dtype=object),
    ],
)
def test_ids_of_any_kind(tmp_path, ids):
    assert read(tmp_path, make(id=ids))["test"].ids == ["a_$b[0]", "c"]


def test_without_ids_segments_are_numbered(tmp_path):
    assert read(tmp_path, make())["test"].ids == ["test/0", "test/1"]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"audio": np.ones((3, 3, 2))}, "as many segments in each array, found .*'audio': 3"),
        ({"vision": np.ones((2, 3))}, r"vision: expected 3 dimensions, .* found \(2, 3\)"),
        ({"text": np.ones((0, 3, 4))}, r"text: expected 3 dimensions, none of them empty"),
        ({"audio": np.array([[["a"]]] * 2, dtype=object)}, "audio: expected numbers, .* of object"),
        ({"audio": [[1.0]] * 2}, "audio: expected numbers, found a list"),
        ({"audio_lengths": [1, 4]}, "audio: expected numbers of rows from 0 to 3, .* found 4"),
        ({"text_bert": np.ones((2, 3, 5))}, "text: expected numbers of rows from 0 to 3"),
        ({"text_bert": np.ones((2, 2, 3))}, r"text_bert: expected numbers \(2, 3, t\)"),
        ({"text_bert": None}, r"text_bert: expected numbers \(2, 3, t\)"),
        ({"regression_labels": ["a", "b"]}, "regression_labels: expected 2 numbers"),
        ({"raw_text": ["a"]}, "raw_text: expected 2 texts"),
        ({"id": ["a", "b", "c"]}, "id: expected 2 texts"),
    ],
)
def test_a_broken_fold_is_one_error(tmp_path, arrays, message):
    content = make()
    content["valid"] |= arrays
    with pytest.raises(InputError, match=f"expected the layout mmsa: valid: .*{message}"):
        read(tmp_path, content)


@pytest.mark.parametrize("key", ["text", "audio", "vision", "regression_labels"])
def test_a_missing_key_is_named(tmp_path, key):
    content = make()
    del content["test"][key]
    expected = f"expected the layout mmsa: test: expected {key}, found only .* nearest is mmsa"
    with pytest.raises(InputError, match=expected):
        read(tmp_path, content)


def test_a_missing_fold_is_named(tmp_path):
    content = make()
    del content["valid"]
    expected = r"expected the keys train, valid, test, found a dictionary of \['train', 'test'\]"
    with pytest.raises(InputError, match=expected):
        read(tmp_path, content)


def without(content, *keys):
    return {
        fold: {key: value for key, value in arrays.items() if key not in keys}
        for fold, arrays in content.items()
    }


@pytest.mark.parametrize(
    ("holds", "gone"),
    [
        (["embedding", "audio"], ["vision"]),
        (["audio"], ["text", "vision"]),
        (["words", "vision"], ["text", "audio"]),
        (["words"], ["text", "audio", "vision"]),
    ],
)
def test_what_is_not_asked_for_may_be_missing_or_broken(tmp_path, holds, gone):
    whole = make(raw_text=["so good", "bad"])
    found = read(tmp_path, without(whole, *gone), Asked(holds))["test"]
    expected = read(tmp_path, whole)["test"]
    broken = read(
        tmp_path, make(raw_text=["so good", "bad"], **dict.fromkeys(gone, 3)), Asked(holds)
    )
    for name in holds:
        for rows, same, again in zip(
            *(of.sequences[name] for of in (found, expected, broken["test"])), strict=True
        ):
            np.testing.assert_array_equal(rows, same)
            np.testing.assert_array_equal(again, same)


def test_rows_are_counted_by_the_mask_where_the_text_is_not_asked_for(tmp_path):
    bert = np.zeros((2, 3, 3), np.int64)
    bert[:, 1] = [[1, 1, 0], [1, 0, 0]]
    audio = np.ones((2, 3, 2))
    audio[0, 1:] = audio[1, 1:] = 0
    content = make(text_bert=bert, audio=audio)
    for asked in (EVERYTHING, Asked(["audio"])):
        assert lengths(read(tmp_path, content, asked)["test"], "audio") == [2, 1]
    alone = read(tmp_path, without(content, "text"), Asked(["audio"]))["test"]
    assert lengths(alone, "audio") == [2, 1]


def test_a_problem_of_every_fold_is_said_once(tmp_path):
    for asked in (EVERYTHING, Asked(["audio", "vision"])):
        with pytest.raises(InputError) as error:
            read(tmp_path, without(make(), "audio", "vision"), asked)
        assert str(error.value).count("expected audio, vision, found only") == 1
        assert "train, valid, test: expected audio" in str(error.value)


def test_of_the_labels_of_sims_those_that_are_asked_for(tmp_path):
    content = make(regression_labels_T=[0.5, 0.6], regression_labels_V=[0.7, 0.8])
    found = read(tmp_path, content, Asked(columns=[3, 1]))["test"].label
    np.testing.assert_array_equal(found[:, [3, 1]], [[0.7, 0.5], [0.8, 0.6]])
    assert read(tmp_path, content)["test"].label.tolist() == [[1], [-2]]
    with pytest.raises(InputError, match="test: expected regression_labels_A, found only .*; mend"):
        read(tmp_path, content, Asked(columns=[0, 2]))
    alone = without(content, "regression_labels")
    assert read(tmp_path, alone, Asked(columns=[1]))["test"].label[:, 1].tolist() == [0.5, 0.6]


NAMED = Asked(classes=3, class_names=["negative", "neutral", "positive"])


@pytest.mark.parametrize(
    "labels",
    [
        {"classification_labels": np.array([2, 0])},
        {"classification_labels": [[2.0], [0.0]], "annotations": ["Positive", "Negative"]},
        {"classification_labels": ["positive", "negative"]},
        {"annotations": np.array(["Positive ", "NEGATIVE"], dtype=object)},
        {"regression_labels": [2, 0]},
        {"regression_labels": [b"positive", b"negative"]},
    ],
)
def test_classes_are_numbers_or_names(tmp_path, labels):
    content = without(make(), *(["regression_labels"] if "regression_labels" not in labels else []))
    for fold in content.values():
        fold |= labels
    found = read(tmp_path, content, NAMED)["test"].label
    assert found.dtype == np.float64 and found.tolist() == [[2], [0]]


@pytest.mark.parametrize(
    ("labels", "asked", "message"),
    [
        (["good", "bad"], Asked(classes=2), "expected 2 numbers, found the names bad, good; say"),
        (["positive", "mixed"], NAMED, "expected negative, neutral, positive, found mixed"),
        ([[1, 2]] * 2, NAMED, "expected 2 numbers, found a list"),
    ],
)
def test_class_labels_that_cannot_be_numbered(tmp_path, labels, asked, message):
    with pytest.raises(InputError, match=f"classification_labels: {message}"):
        read(tmp_path, make(classification_labels=labels), asked)


def test_classes_in_another_order_than_the_files_are_refused(tmp_path):
    """Else every score would be of another class."""
    content = make(classification_labels=[0, 1], annotations=["Negative", "Positive"])
    with pytest.raises(InputError, match="annotations call 0 negative, which is 1 in the task's"):
        read(tmp_path, content, Asked(classes=2, class_names=["positive", "negative"]))
    other_words = Asked(classes=2, class_names=["schlecht", "gut"])
    assert read(tmp_path, content, other_words)["test"].label.tolist() == [[0], [1]]
