import pickle

import numpy as np
import pytest

from msa.base.errors import InputError
from msa.demo.look_alikes import mag
from msa.demo.look_alikes.rows import SEGMENTS
from msa.formats.layouts import read_layout
from msa.formats.pickles.unpickle import load


def test_it_is_read_as_it_was_written(tmp_path):
    path = mag.write(tmp_path, np.random.default_rng(0))
    folds = read_layout(path, "mag")
    assert {fold: len(of.ids) for fold, of in folds.items()} == SEGMENTS
    train = folds["train"]
    assert train.ids[5] == "trainVideo1[1]"
    words, audio, vision = (train.sequences[name][5] for name in ("words", "audio", "vision"))
    assert words.dtype.kind == "S" and words.shape[1] == 1
    assert audio.shape == (len(words), 74) and vision.shape == (len(words), 47)
    # the first column follows the score
    means = [rows[:, 0].mean() for rows in train.sequences["audio"]]
    assert np.corrcoef(means, train.label[:, 0])[0, 1] > 0.9


@pytest.mark.parametrize("nothing", [[], np.zeros(0), np.zeros((0, 5)), [[]]])
def test_a_first_segment_without_rows_has_no_width(tmp_path, nothing):
    path = mag.write(tmp_path, np.random.default_rng(0))
    content = load(path)
    set_row(content, 0, ([], nothing, nothing))
    path.write_bytes(pickle.dumps(content))
    of = read_layout(path, "mag")["train"].sequences
    assert [rows[0].shape for rows in of.values()] == [(0, 1), (0, 74), (0, 47)]
    assert of["audio"][1].shape == (len(of["words"][1]), 74)


def set_row(content, i, features=None, label=None):
    old, was, segment = content["train"][i]
    content["train"][i] = (features or old, was if label is None else label, segment)


def narrow(content):
    words, vision, audio = content["train"][7][0]
    set_row(content, 7, (words, vision[:, :46], audio))


BROKEN = {
    "no dev": (lambda c: c.pop("dev"), r"expected the keys train, dev, test, found a dictionary"),
    "empty": (lambda c: c["dev"].clear(), r"dev: expected a list of .*, found a list of length 0"),
    "width": (
        narrow,
        r"train\[7\] .*: vision: expected rows \(t, 47\), found an array \(\d+, 46\)",
    ),
    "row": (
        lambda c: c["test"].insert(3, "x"),
        r"test\[3\]: expected \(\(words, vision, audio\), label, segment\), found str",
    ),
    "label": (
        lambda c: set_row(c, 2, label=np.zeros((1, 7))),
        r"train\[2\] \(trainVideo0\[2\]\): label: expected one number, found an array \(1, 7\)",
    ),
    "ragged label": (
        lambda c: set_row(c, 2, label=[[1], [1, 2]]),
        r"train\[2\] \(trainVideo0\[2\]\): label: expected one number, found a list of length 2",
    ),
    "numbers": (
        lambda c: set_row(c, 4, (["a"], [["b"] * 47], np.zeros((1, 74)))),
        r"train\[4\] .*: vision: expected rows of numbers, found a list",
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_file_is_refused(how, tmp_path):
    path = mag.write(tmp_path, np.random.default_rng(0))
    content = load(path)
    spoil, message = BROKEN[how]
    spoil(content)
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(InputError, match=rf"{path}: .*{message}"):
        read_layout(path, "mag")
