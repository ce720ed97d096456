"""Recipes of tables: what they may say, and what import-data is told."""

import json

import pytest

from msa.__main__ import main
from msa.base.errors import InputError
from msa.config import flags, sources
from msa.config.check import configure
from msa.config.layers import merge

BASE = {"datasets": ["mine"], "models": ["ridge"], "seeds": [1]}
MINE = {
    "import": "table",
    "files": {"segments.csv": "my/segments.csv", "audio": "my/audio"},
    "align": "none",
    "holds": ["audio"],
    "task": {"type": "classification", "targets": ["mood"], "classes": ["low mood", "high"]},
}


def configured(**changes):
    return configure(BASE | {"recipes": {"mine": merge(MINE, changes)}})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"rates": {"vision": 30}}, "rates: expected some of ['audio'], got ['vision']"),
        ({"rates": {"audio": 0}}, "rates: audio"),
        ({"rates": {"words": 3}}, 'rates: unknown key "words"'),
        ({"task": {"columns": [3]}}, "task: columns: a table's columns are found by"),
        ({"import": "mmsa", "rates": {"audio": 9}}, "rates: are for import: table alone"),
    ],
)
def test_what_a_table_cannot_say(changes, expected):
    with pytest.raises(InputError) as caught:
        configured(**changes)
    assert f"recipe mine: {expected}" in str(caught.value)


def test_what_a_table_does_not_say_of_itself():
    config = configured(rates={"audio": 12.5})
    assert " ".join(flags.layout_flags(config.recipes["mine"])) == (
        "--layout table --holds audio --classes low mood high --targets mood --rates audio=12.5"
    )
    assert "--targets" not in flags.layout_flags(config.recipes["mosi_mmsa"])


def test_folds_and_folders_of_the_user(tmp_path):
    (tmp_path / "audio").mkdir()
    files = {"segments.csv": str(tmp_path / "segments.csv"), "audio": str(tmp_path / "audio")}
    config = configured(files=files, folds="my/folds.json")
    assert sources.table_folds(config, "mine") == ["my/folds.json"]
    # with what is in them
    checked = {source.path for source in sources.checked_sources(config).values()}
    assert {files["segments.csv"], files["audio"], "my/folds.json"} <= checked
    assert sources.table_folds(configured(), "mine") == []
    # of other imports it is another key's business
    assert sources.table_folds(config, "mosi_mmsa") == []


def test_folds_of_a_file_are_read(tmp_path, capsys):
    for i, video in enumerate("abc"):
        (tmp_path / "audio").mkdir(exist_ok=True)
        (tmp_path / f"audio/{video}.csv").write_text(f"{i},1\n")
    (tmp_path / "segments.csv").write_text("id,label\na,1\nb,2\nc,3\n")
    folds = {"train": ["c"], "valid": ["b"], "test": ["a"]}
    (tmp_path / "folds.json").write_text(json.dumps(folds))
    out = tmp_path / "out"
    layout = ["--layout", "table", "--holds", "audio", "--targets", "mood", "--range", "0", "3"]
    where = ["--folds", tmp_path / "folds.json", "--output", out, "--card", out / "card.json"]
    files = [tmp_path / "segments.csv", tmp_path / "audio"]
    assert main([*map(str, ["import-data", *files, *layout, *where])]) == 0, capsys.readouterr()
    assert json.loads((out / "card.json").read_text())["segments"] == dict.fromkeys(folds, 1)
