"""Recipes of one's own videos: what they become, and what of them is refused."""

import pytest

from msa.base.errors import InputError
from msa.config.check import configure
from msa.config.flags import deal_flags, sequence_flags
from msa.config.folds import deals, draw
from msa.config.sources import data_sources, dataset_sources, folds_source, missing_files

MINE = {
    "videos": "my/clips",
    "labels": "my/labels.csv",
    "folds": {"by": "video", "valid": 0.15, "test": 0.2},
    "task": {"type": "regression", "targets": ["sentiment"], "range": [-3, 3]},
}


def config(more=None, **changes):
    recipe = {key: value for key, value in (MINE | changes).items() if value is not None}
    asked = {"datasets": ["mine"], "models": ["mean"], "seeds": [1]}
    return configure(asked | {"recipes": {"mine": recipe, **(more or {})}})


def test_videos_are_sequences_that_are_extracted():
    mine = config({"again": {"extends": "mine", "folds": {"by": "video", "k": 3}}})
    assert mine.recipes["mine"]["align"] == "words"
    names = ("words", "audio", "vision", "labels")
    assert {name: source.path for name, source in data_sources(mine, "mine").items()} == {
        name: f"data/mine/raw/{name}.csd" for name in names
    }
    assert data_sources(mine, "again") == data_sources(mine, "mine")
    assert {source.kind for source in dataset_sources(mine, "mine")} == {"made"}
    assert deals(mine, "mine") == [] and len(deals(mine, "again")) == 3


def test_folders_and_labels_that_are_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my/clip").mkdir(parents=True)
    assert missing_files(config(transcripts="mine/text")) == [
        'recipe mine: my/clips: no such file; did you mean "my/clip"?',
        f"recipe mine: mine/text: no such file; there is no folder mine in {tmp_path}",
        "recipe mine: my/labels.csv: no such file",
    ]


def test_what_is_not_asked_for_is_no_sequence():
    deaf = config(extract={"audio": "none", "align": "none"}, align="labels")
    assert sequence_flags(deaf, "mine") == ["vision=data/mine/raw/vision.csd"]


def test_one_split_is_drawn():
    mine = config()
    assert draw(mine.recipes["mine"]) == {"by": "video", "valid": 0.15, "test": 0.2, "seed": 0}
    assert folds_source(mine, "mine").path == "data/mine/folds.json"
    flags = ["--by=video", "--valid=0.15", "--test=0.2", "--seed=0"]
    assert sorted(deal_flags(mine, "mine")) == sorted(flags)
    assert draw(mine.recipes["mosi"]) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": None}, r"mine: labels: videos need a \.csv"),
        ({"videos": None, "sequences": {"audio": "a.csd", "labels": "b.csd"}, "align": "labels"},
         "mine: labels: is for videos alone"),
        ({"folds": {"by": "video", "k": 3, "test": 0.2}}, 'folds: k: not with "test"'),
        ({"folds": {"by": "session", "test": 0.2}}, "test: of .csd files or videos, by: video"),
        ({"folds": {"by": "video", "test": 0.6, "valid": 0.5}}, "shares of less than 1 together"),
        ({"folds": {"test": 0.2}}, 'folds: test: needs the key "by"'),
        ({"extract": {"audoi": "lld"}}, "audoi"),
    ],
)  # fmt: skip
def test_what_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        config(**changes)


def test_targets_of_one_s_own_labels_are_found_by_name():
    """In the recipe of the videos as in those that extend it, whose labels these are."""
    task = {"type": "regression", "targets": ["joy", "anger"], "range": [0, 3]}
    with pytest.raises(InputError, match="mine: task: columns: labels of videos are found by the"):
        config(task={**task, "columns": [1, 0]})
    for other in ({"targets": ["anger"], "columns": [1]}, {"targets": ["joy"]}, {}):
        config({"other": {"extends": "mine", "task": {**task, **other}}}, task=task)
    for other in (
        {"targets": ["anger"]},
        {"targets": ["fear"]},
        {"targets": ["joy"], "columns": [9]},
    ):
        with pytest.raises(
            InputError, match=r"other: task: targets: expected some of \['joy', 'an"
        ):
            config({"other": {"extends": "mine", "task": {**task, **other}}}, task=task)
