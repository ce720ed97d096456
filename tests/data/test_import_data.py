import json
import pickle

import numpy as np
import pytest

from msa.__main__ import main
from msa.data.labels import BEYOND
from msa.demo.look_alikes import mag, mmsa
from msa.formats.pickles.unpickle import load
from msa.formats.segments import read

HOLDS = ["--holds", "words", "audio", "vision"]
RANGE = ["--range", "-3", "3"]


@pytest.fixture
def content(tmp_path):
    """A MAG file's content, to be changed."""
    return load(mag.write(tmp_path, np.random.default_rng(0)))


@pytest.fixture
def run(tmp_path, capsys):
    """Import a content: the exit status and what was said."""

    def import_content(content, *flags):
        path = tmp_path / "changed.pkl"
        path.write_bytes(pickle.dumps(content))
        out = ["--output", str(tmp_path / "out"), "--card", str(tmp_path / "out/card.json")]
        status = main(["import-data", str(path), "--layout", "mag", *out, *flags])
        return status, capsys.readouterr().err

    return import_content


def changed(row, **changes):
    """A row of MAG's with another label or other features."""
    (words, vision, audio), label, segment = row
    features = (
        changes.get("words", words),
        changes.get("vision", vision),
        changes.get("audio", audio),
    )
    return (features, changes.get("label", label), segment)


def test_rows_without_a_label_or_words_are_dropped_and_said(content, run, tmp_path):
    content["train"][3] = changed(content["train"][3], label=np.array([[np.nan]]))
    none = {"words": [], "audio": np.zeros((0, 74)), "vision": np.zeros((0, 47))}
    content["dev"][1] = changed(content["dev"][1], **none)
    status, _ = run(content, *HOLDS, *RANGE, "--aligned")
    assert status == 0
    card = json.loads((tmp_path / "out/card.json").read_text())
    assert card["segments"] == {"train": 23, "valid": 7, "test": 10}
    assert card["dropped"] == [
        {"id": "trainVideo0[3]", "fold": "train", "reason": "its label is not a number"},
        {"id": "validVideo0[1]", "fold": "valid", "reason": "one of its sequences has no rows"},
    ]
    folds = read(tmp_path / "out")
    assert "trainVideo0[3]" not in folds["train"].ids
    # the rows that stay are their own
    np.testing.assert_array_equal(folds["train"].sequences["audio"][3], content["train"][4][0][2])


def test_labels_of_one_modality_go_with_their_segments(tmp_path):
    path = mmsa.write(tmp_path, np.random.default_rng(0), dataset="sims")
    content = load(path)
    content["train"]["regression_labels"][3] = np.nan
    content["train"]["regression_labels_V"][5] = np.nan
    path.write_bytes(pickle.dumps(content))
    out = tmp_path / "out"
    flags = ["--layout", "mmsa", "--holds", "audio", "vision", "--range", "-1", "1"]
    assert (
        main(["import-data", str(path), *flags, "--output", str(out), "--card", str(out / "c")])
        == 0
    )
    for name in ("text", "audio", "vision"):
        whole = content["train"][f"regression_labels_{name[0].upper()}"]
        kept = np.load(out / f"train/label_{name}.npy")
        np.testing.assert_array_equal(kept, np.delete(whole, 3).astype(np.float64))
        np.testing.assert_array_equal(kept, read(out)["train"].unimodal[name])
    card = json.loads((out / "c").read_text())
    assert card["unimodal"]["train"] == {"text": 23, "audio": 23, "vision": 22}


@pytest.mark.parametrize(("largest", "is_said"), [(1, True), (1.2, False)])
def test_labels_of_another_scale_are_said(content, run, largest, is_said):
    for fold in content.values():
        fold[:] = [changed(row, label=np.array([[i % 5 / 5 - 1]])) for i, row in enumerate(fold)]
    content["test"][2] = changed(content["test"][2], label=np.array([[largest]]))
    status, said = run(content, *HOLDS, *RANGE)
    assert (
        status == 0
        and ("all labels lie in [-1, 1], the task's range is [-3, 3]" in said) == is_said
    )
    assert run(content, *HOLDS, "--range", "-2", "2") == (0, "")


@pytest.mark.parametrize("beyond", ["refuse", "clip", "drop"])
def test_labels_beyond_the_range(content, run, tmp_path, beyond):
    """As old files of MOSEI have them, up to 5, where more people than three were asked."""
    for i, value in ((3, 10 / 3), (7, 11 / 3), (9, 5.0)):
        content["train"][i] = changed(content["train"][i], label=np.array([[value]]))
    content["test"][0] = changed(content["test"][0], label=np.array([[np.nan]]))
    content["test"][2] = (*content["test"][2][:2], content["test"][1][2])
    status, said = run(content, *HOLDS, *RANGE, "--beyond", beyond)
    if beyond == "refuse":
        assert status == 1 and "train: 3 labels lie outside the task's range [-3, 3]" in said
        assert "the first in trainVideo0[3]: [3.33" in said and "`beyond: clip`" in said
        return
    assert status == 0 and "warning: train: segments with labels beyond [-3, 3], " in said
    card = json.loads((tmp_path / "out/card.json").read_text())
    assert card["labels"]["folds"] == {
        "train": {"missing": 0, "beyond": 3, "repeated": 0},
        "valid": {"missing": 0, "beyond": 0, "repeated": 0},
        "test": {"missing": 1, "beyond": 0, "repeated": 1},
    }
    label = np.load(tmp_path / "out/train/label.npy")[:, 0]
    assert card["segments"]["train"] == len(label) == (24 if beyond == "clip" else 21)
    assert label.max() == 3 if beyond == "clip" else label.max() < 3
    reasons = [d["reason"] for d in card["dropped"] if d["fold"] == "train"]
    assert reasons == ([] if beyond == "clip" else [BEYOND] * 3)


def test_intensities_become_presence(content, run, tmp_path):
    values = [row[1].item() for row in content["train"]]
    assert run(content, *HOLDS, *RANGE, "--above", "0.5")[0] == 0
    label = np.load(tmp_path / "out/train/label.npy")[:, 0]
    assert label.tolist() == [float(value > 0.5) for value in values]
    assert 0 < label.mean() < 1


def test_a_video_in_two_folds_is_said_and_stands_in_the_card(content, run, tmp_path):
    assert run(content, *HOLDS, *RANGE) == (0, "")
    content["test"][0] = (*content["test"][0][:2], "trainVideo0[9]")
    status, said = run(content, *HOLDS, *RANGE)
    assert status == 0
    assert said == "leakage: videos in more than one fold, 1: trainVideo0; scores may be too good\n"
    card = json.loads((tmp_path / "out/card.json").read_text())
    assert card["videos_in_two_folds"] == ["trainVideo0"]
    assert card["ids"] == {}


def test_ids_twice_or_empty_stand_in_the_card(content, run, tmp_path):
    for fold, number, name in [("train", 3, "trainVideo0[1]"), ("dev", 0, ""), ("dev", 1, "  ")]:
        content[fold][number] = (*content[fold][number][:2], name)
    assert run(content, *HOLDS, *RANGE)[0] == 0
    card = json.loads((tmp_path / "out/card.json").read_text())
    assert card["ids"] == {
        "train": {"twice": ["trainVideo0[1]"], "empty": 0},
        "valid": {"twice": [], "empty": 2},
    }


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([*HOLDS, "glove", *RANGE], "expected glove as the recipe's `holds` says, found words,"),
        ([*HOLDS, *RANGE, "--columns", "1"], "expected a label column 1 as the task says, got 1"),
        ([*HOLDS, "--range", "-1", "1"], "labels lie outside the task's range [-1, 1], the first"),
        ([*HOLDS, "--classes", "2"], "labels are none of the classes 0 to 1, the first"),
        ([*HOLDS, *RANGE, "--widths", "audio=5"], "audio: expected 5 columns as the recipe's"),
    ],
)
def test_what_does_not_fit_the_recipe(flags, expected, content, run, tmp_path):
    status, said = run(content, *flags)
    assert status == 1
    assert expected in said
    assert not (tmp_path / "out/train").exists() and not (tmp_path / "out/card.json").exists()


def test_classes_by_name_are_as_many(content, run, tmp_path, capsys):
    for fold in content.values():
        fold[:] = [changed(row, label=np.array([[i % 2]])) for i, row in enumerate(fold)]
    assert run(content, *HOLDS, "--classes", "no", "yes")[0] == 0
    assert np.load(tmp_path / "out/train/label.npy")[:2, 0].tolist() == [0, 1]
    status, said = run(content, *HOLDS, "--classes", "no")
    assert status == 1 and "--classes: expected how many there are, or their names, got no" in said


def test_widths_hold_for_every_fold(content, run):
    content["test"] = [changed(row, audio=row[0][2][:, :5]) for row in content["test"]]
    status, said = run(content, *HOLDS, *RANGE, "--widths", "audio=74")
    assert status == 1 and "test: audio: expected 74 columns" in said


def test_rows_and_words_of_different_number(content, run):
    content["dev"][2] = changed(content["dev"][2], audio=content["dev"][2][0][2][1:])
    status, said = run(content, *HOLDS, *RANGE, "--aligned")
    assert (
        status == 1
        and "changed.pkl: valid: validVideo0[2]: expected as many rows of audio as of" in said
    )
    assert run(content, *HOLDS, *RANGE)[0] == 0


def test_another_layout_is_named(tmp_path, capsys):
    path = mmsa.write(tmp_path, np.random.default_rng(0))
    out = ["--output", str(tmp_path / "out"), "--card", str(tmp_path / "card.json")]
    assert main(["import-data", str(path), "--layout", "mag", *out, *HOLDS]) == 1
    said = capsys.readouterr().err
    assert "expected the layout mag" in said and "it is of the layout mmsa" in said


def test_files_of_several_folders(tmp_path, capsys):
    files = [str(tmp_path / "a/train.tsv"), str(tmp_path / "b/dev.tsv")]
    out = ["--output", str(tmp_path / "out"), "--card", str(tmp_path / "card.json")]
    assert main(["import-data", *files, "--layout", "cm_bert", *out, *HOLDS]) == 1
    assert "expected files of one folder" in capsys.readouterr().err


def test_values_beyond_float32_are_counted_as_the_infinity_they_become(content, run, tmp_path):
    """MAG's rows go through `as_rows`; numpy's own warning, an error here, is not the user's."""
    audio = content["train"][2][0][2]
    large = audio.astype(np.float64)
    large[0, :2] = 1e300, -np.inf
    content["train"][2] = changed(content["train"][2], audio=large)
    assert run(content, *HOLDS, *RANGE, "--aligned") == (0, "")
    card = json.loads((tmp_path / "out/card.json").read_text())
    assert card["sequences"]["train"]["audio"]["inf"] == {"0": 1, "1": 1}
    assert np.isinf(np.load(tmp_path / "out/train/audio.npy")).sum() == 2
