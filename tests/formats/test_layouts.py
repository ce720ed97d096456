import importlib
import pickle

import numpy as np
import pytest

from msa.base.errors import InputError
from msa.demo.look_alikes import LOOK_ALIKES, mmsa, mult
from msa.formats.content import fold_keys
from msa.formats.importers import LAYOUTS
from msa.formats.layouts import (
    PARTS,
    content_parts,
    layout_problems,
    nearest_layout,
    read_layout,
    recognize,
)
from msa.formats.pickles.unpickle import load

FOLDS = ("train", "valid", "test")


def fold(*names):
    return dict.fromkeys(names, np.ones((2, 3, 4), np.float32))


def folds(*names, order=FOLDS):
    return {name: fold(*names) for name in order}


def write(tmp_path, content):
    path = tmp_path / "data.pkl"
    path.write_bytes(pickle.dumps(content))
    return path


def test_of_two_names_of_a_fold_one_is_taken_whatever_their_order():
    names = ["train", "dev", "valid", "val", "test"]
    for order in (names, names[::-1]):
        assert fold_keys(dict.fromkeys(order))["valid"] == "valid"
    assert fold_keys(dict.fromkeys(["test", "dev", "train"]))["valid"] == "dev"
    assert fold_keys(dict.fromkeys(["valid", "dev", "train"])) == {}


def test_every_layout_has_its_parts_and_its_look_alike():
    assert set(LAYOUTS) <= set(PARTS)
    assert set(LOOK_ALIKES) == {*LAYOUTS, "csd"}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_look_alike_is_of_its_own_layout_alone(tmp_path, layout):
    module = importlib.import_module(LOOK_ALIKES[layout])
    path = module.write(tmp_path, np.random.default_rng(0))
    assert recognize(path)[0] == layout


@pytest.mark.parametrize(
    ("content", "nearest"),
    [
        (folds("text", "vision", "regression_labels"), "mmsa"),
        (folds("text", "audio", "vision", "text_bert", "raw_text"), "mmsa"),
        (folds("text", "audio", "vision", "regression_labels", order=["train", "test"]), "mmsa"),
        (folds("text", "audio", "vision", "id"), "mult"),
        (folds("text", "vision", "labels"), "mult"),
        ({name: [((["a"], 1, 1), 0.5)] for name in ("train", "dev", "test")}, "mag"),
        ({"text": fold("audio")}, "mult"),
        ({"train": [], "dev": [], "test": []}, "mag"),
    ],
)
def test_the_nearest_layout_is_the_one_that_lacks_least(content, nearest):
    assert layout_problems(content)[nearest]
    assert f"the nearest is {nearest}: " in nearest_layout(content)


@pytest.mark.parametrize("key", ["audio", "regression_labels"])
def test_one_key_less_in_one_fold(tmp_path, key):
    path = mmsa.write(tmp_path, np.random.default_rng(0))
    content = load(path)
    del content["valid"][key]
    expected = f"no known layout, the nearest is mmsa: valid: expected {key}, found only"
    with pytest.raises(InputError, match=expected) as error:
        recognize(write(tmp_path, content))
    assert "train:" not in str(error.value)


@pytest.mark.parametrize("content", [[], {}, 3, "text", None, {"a": 1}, [1, 2], {"a": {"b": {}}}])
def test_what_is_like_nothing(content):
    assert nearest_layout(content).startswith("it is of no known layout (mmsa, ")


def test_folds_have_one_name_each_in_a_folder_too(tmp_path):
    (tmp_path / "val").mkdir()
    (tmp_path / "val" / "a.npy").touch()
    (tmp_path / "dev.json").touch()
    (tmp_path / "any.pickle").touch()
    (tmp_path / "text").mkdir()
    assert content_parts(tmp_path) == {"valid", "a.npy", "valid.json", ".pkl", "text/"}


def test_another_layout_is_told_by_its_name(tmp_path):
    path = mult.write(tmp_path, np.random.default_rng(0))
    with pytest.raises(InputError, match="expected the layout mmsa: .*; it is of the layout mult;"):
        read_layout(path, "mmsa")
