import base64

import numpy as np
import pytest
import torch

from msa.base.errors import InputError
from msa.base.ids import video_of
from msa.config.check import configure
from msa.config.settings import run_settings
from msa.data.clean import clean
from msa.data.import_data import import_data
from msa.demo.look_alikes import lmf
from msa.demo.look_alikes.python2 import dumps
from msa.formats.layouts import read_layout
from msa.formats.pickles.unpickle import load
from msa.training.batches import load_fold

# {'train': {'covarep': array([[1.5, nan]]), 'label': array([[1], [2]], 'f4')}}, written by
# cPickle of Python 2.7.18 with NumPy 1.16.6
PYTHON_2 = """
gAJ9cQFVBXRyYWlucQJ9cQMoVQdjb3ZhcmVwcQRjbnVtcHkuY29yZS5tdWx0aWFycmF5Cl9yZWNvbnN0cnVjdApxBWNudW1w
eQpuZGFycmF5CnEGSwCFVQFih1JxByhLAUsBSwKGY251bXB5CmR0eXBlCnEIVQJmOEsASwGHUnEJKEsDVQE8Tk5OSv////9K
/////0sAdGKJVRAAAAAAAAD4PwAAAAAAAPj/dGJVBWxhYmVscQpoBWgGSwCFVQFih1JxCyhLAUsCSwGGaAhVAmY0SwBLAYdS
cQwoSwNVATxOTk5K/////0r/////SwB0YolVCAAAgD8AAABAdGJ1cy4=
"""


def unpickled(folder, content):
    path = folder / "python2.pkl"
    path.write_bytes(content)
    return load(path)


def test_the_look_alike_writes_what_python_2_writes(tmp_path):
    genuine = base64.b64decode(PYTHON_2)
    train = unpickled(tmp_path, genuine)[b"train"]
    np.testing.assert_array_equal(train[b"covarep"], [[1.5, np.nan]])
    # a NaN has a sign
    content = {"covarep": train[b"covarep"], "label": np.array([[1], [2]], dtype="f4")}
    assert dumps({"train": content}) == genuine


def test_a_large_file_reads_as_it_was_written(tmp_path):
    content = {f"k{i}": {"x": np.arange(i * 1000.0)[:, None]} for i in range(200)}
    found = unpickled(tmp_path, dumps(content))
    assert list(found) == [key.encode() for key in content]
    np.testing.assert_equal(found[b"k199"][b"x"], content["k199"]["x"])
    assert type(found[b"k1"]) is dict


def make_fold(n=4, audio=3, vision=2, label=None):
    rng = np.random.default_rng(n)
    glove = rng.normal(size=(n, 6, 300))
    glove[:, 4:] = 0
    return {
        "covarep": rng.normal(size=(n, audio)),
        "facet": rng.normal(size=(n, vision)),
        "glove": glove,
        "label": rng.normal(size=(n, 1)) if label is None else label,
    }


def make_folds(**more):
    return {fold: make_fold(n, **more) for fold, n in (("train", 4), ("valid", 2), ("test", 3))}


def read_content(folder, content):
    path = folder / "some.pkl"
    path.write_bytes(dumps(content))
    return read_layout(path, "lmf")


def test_one_row_of_audio_and_vision_and_glove_without_padding(tmp_path):
    folds = make_folds()
    train = folds["train"]
    train["covarep"][2, 1] = np.nan
    train["glove"][0] = 0
    train["glove"][1, :2] = 0
    train["glove"][2, 2] = 0
    found = read_content(tmp_path, folds)
    ours = found["train"]
    assert ours.ids[:2] == ["train/0", "train/1"]
    assert video_of(ours.ids[1]) == "train/1"
    assert [rows.shape for rows in ours.sequences["audio"]] == [(1, 3)] * 4
    assert np.isnan(ours.sequences["audio"][2][0, 1])
    np.testing.assert_array_equal(ours.sequences["vision"][3][0], train["facet"][3])
    assert [len(rows) for rows in ours.sequences["glove"]] == [1, 2, 4, 4]
    np.testing.assert_array_equal(ours.sequences["glove"][1], train["glove"][1, 2:4])
    np.testing.assert_array_equal(ours.label, train["label"])
    assert {fold: len(of.ids) for fold, of in found.items()} == {"train": 4, "valid": 2, "test": 3}


def test_labels_may_be_plain_or_many(tmp_path):
    folds = make_folds()
    for fold in folds.values():
        fold["label"] = fold["label"][:, 0]
    assert read_content(tmp_path, folds)["train"].label.shape == (4, 1)
    for fold in folds.values():
        fold["label"] = np.repeat(fold["label"][:, None], 16, axis=1)
    assert read_content(tmp_path, folds)["train"].label.shape == (4, 16)


def make_emotions(**positive):
    """IEMOCAP, with the training segments that have each emotion; elsewhere none does."""
    content = {}
    for emotion, rows in positive.items():
        content[emotion] = make_folds()
        for fold in content[emotion].values():
            fold["label"] = np.tile([0, 1], (len(fold["label"]), 1))
        content[emotion]["train"]["label"][rows] = [1, 0]
    return content


def test_emotions_are_columns_in_the_order_of_the_task(tmp_path, capsys):
    content = make_emotions(angry=[3], happy=[1], sad=[2], neutral=[0])
    found = read_content(tmp_path, content)
    np.testing.assert_array_equal(found["train"].label, np.eye(4))
    assert not found["test"].label.any()
    assert not capsys.readouterr().err


def test_emotions_in_another_order_are_matched_by_their_features(tmp_path):
    content = make_emotions(happy=[0, 2], sad=[1])
    order = [2, 0, 3, 1]
    content["sad"]["train"] = {key: x[order] for key, x in content["sad"]["train"].items()}
    for emotion in content.values():
        emotion["train"]["covarep"][:, 0] = np.nan
    found = read_content(tmp_path, content)["train"]
    np.testing.assert_array_equal(found.label, [[1, 0], [0, 1], [1, 0], [0, 0]])
    np.testing.assert_array_equal(
        found.sequences["vision"][2][0], content["happy"]["train"]["facet"][2]
    )


def test_emotions_of_other_segments_are_refused(tmp_path):
    content = make_emotions(happy=[0], sad=[1])
    content["sad"]["valid"]["facet"][1, 0] += 1
    message = "sad: valid: expected the segments of happy, of which it has 1 of 2: .*one emotion"
    with pytest.raises(InputError, match=message):
        read_content(tmp_path, content)
    assert read_content(tmp_path, {"sad": content["sad"]})["train"].label.shape == (4, 1)


def test_an_emotion_that_most_have_is_remarked_on(tmp_path, capsys):
    read_content(tmp_path, make_emotions(happy=[0], sad=[0, 1, 3]))
    assert capsys.readouterr().err.startswith("sad: [1, 0] is taken for the emotion, but 75% of")


def test_a_label_that_is_no_choice_is_refused(tmp_path):
    content = make_emotions(happy=[0])
    content["happy"]["test"]["label"][2] = [1, 1]
    message = r"happy: test\[2\]: label: expected \[1, 0\] or \[0, 1\], found \[1, 1\]"
    with pytest.raises(InputError, match=message):
        read_content(tmp_path, content)


BROKEN = {
    "no valid": (lambda c: c.pop("valid"), "expected the keys train, valid, test"),
    "no facet": (lambda c: c["test"].pop("facet"), "test: expected facet, found only"),
    "no label": (lambda c: c["test"].pop("label"), "test: expected label, found only"),
    "ragged": (
        lambda c: c["valid"].update(covarep=np.zeros((5, 3))),
        "valid: expected as many segments in each array, found .*'covarep': 5",
    ),
    "a dimension less": (
        lambda c: c["train"].update(glove=np.zeros((4, 300))),
        r"train: glove: expected 3 dimensions, none of them empty, found \(4, 300\)",
    ),
    "empty": (
        lambda c: c["train"].update({key: x[:0] for key, x in c["train"].items()}),
        "train: covarep: expected 2 dimensions, none of them empty",
    ),
}


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("with_emotions", [False, True])
def test_a_broken_file_is_refused(how, with_emotions, tmp_path):
    spoil, message = BROKEN[how]
    content = make_emotions(happy=[0])["happy"] if with_emotions else make_folds()
    spoil(content)
    where = "happy: " if with_emotions and not message.startswith("expected") else ""
    with pytest.raises(InputError, match=where + message):
        read_content(tmp_path, {"happy": content} if with_emotions else content)


def test_labels_of_emotions_are_pairs(tmp_path):
    with pytest.raises(InputError, match=r"sad: valid: label: expected \(2, 2\), found \(2, 1\)"):
        read_content(tmp_path, {"sad": make_folds()})


@pytest.mark.parametrize(
    ("dataset", "columns", "widths"),
    [("mosi", 1, (5, 20)), ("iemocap", 4, (74, 35)), ("pom", 16, (43, 47))],
)
def test_a_look_alike_is_imported(dataset, columns, widths, tmp_path, capsys):
    path = lmf.write(tmp_path, np.random.default_rng(0), dataset)
    import_data(
        path,
        "lmf",
        tmp_path / "data",
        tmp_path / "card.json",
        holds=["glove", "audio", "vision"],
        columns=range(columns),
        span={"mosi": (-3, 3), "pom": (1, 7), "iemocap": None}[dataset],
        widths=dict(zip(("audio", "vision", "glove"), (*widths, 300), strict=True)),
    )
    folder = tmp_path / "data/train"
    label, audio = np.load(folder / "label.npy"), np.load(folder / "audio.npy")
    assert label.shape == (24, columns) and audio.shape == (24, widths[0])
    known = np.isfinite(audio[:, 0])
    assert not known.all()
    # the second of IEMOCAP's is happy, the first in the file
    first = label[known, int(dataset == "iemocap")]
    assert np.corrcoef(first, audio[known, 0])[0, 1] > 0.5
    assert np.diff(np.load(folder / "offsets.npy")["glove"]).max() <= 12
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    ("dataset", "target"), [("mosi", "all"), ("iemocap", "happy"), ("pom", "confident")]
)
def test_released_padding_is_that_of_the_file(dataset, target, tmp_path):
    """From the file to the batch the text ends with its last word, as the authors' code sees it."""
    path = lmf.write(tmp_path, np.random.default_rng(0), dataset)
    found = load(path)
    recipe, glove = f"{dataset}_lmf", (found[b"happy"] if dataset == "iemocap" else found)
    given = {"lmf": {"architecture": {"padding": "released"}}}
    config = configure({"datasets": [], "models": ["lmf"], "seeds": [1], "settings": given})
    columns = range(len(config.recipes[recipe]["task"]["targets"]))
    span = config.recipes[recipe]["task"].get("range")
    holds, card = config.recipes[recipe]["holds"], tmp_path / "card.json"
    data = tmp_path / "data"
    import_data(path, "lmf", data, card, holds=holds, columns=columns, span=span)
    clean(data, data / "clean", "zero", [])
    settings = run_settings(config, recipe, "lmf", 1, target)
    fold = load_fold("train", settings, data, data / "clean")
    text = fold.batch(torch.arange(len(fold)))["text"]
    np.testing.assert_array_equal(text, glove[b"train"][b"glove"].astype(np.float32))
