import json
from dataclasses import replace

import pytest

from msa.base.errors import InputError
from msa.config.check import configure
from msa.config.settings import run_settings
from msa.training.settings import write_settings

SETTINGS = {"seed": 1, "hyperparameters": {"lr": 0.1, "epochs": 2}}


def turned(value):
    """The same with the keys of every mapping in reverse."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(item) for item in value] if isinstance(value, list) else value


def test_the_order_of_keys_is_no_change(tmp_path):
    path, other = tmp_path / "settings.json", tmp_path / "other.json"
    write_settings(json.dumps(SETTINGS), path)
    write_settings(json.dumps(turned(SETTINGS)), other)
    assert path.read_bytes() == other.read_bytes()
    # nor that of a file which is there already, however it is laid out
    path.write_text(json.dumps(turned(SETTINGS)))
    before = path.stat()
    write_settings(json.dumps(SETTINGS), path)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("there", [SETTINGS | {"seed": 2}, SETTINGS | {"seed": True}, "[", None])
def test_another_content_is_written(there, tmp_path):
    path = tmp_path / "settings.json"
    if there is not None:
        path.write_text(there if isinstance(there, str) else json.dumps(there))
    write_settings(json.dumps(SETTINGS), path)
    assert json.loads(path.read_text()) == SETTINGS and "true" not in path.read_text()


def test_what_is_no_json_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"settings: expected JSON, got '\[1' "):
        write_settings("[1", tmp_path / "settings.json")


def test_recipes_in_another_order_have_the_same_settings():
    """Lists too that are made from their keys."""
    names = {"mosi": "nhfnet", "pom_lmf": "lmf", "demo": "lmr_cbt", "heard": "nhfnet"}
    heard = {
        "sequences": {"audio": "my/audio.csd", "labels": "my/labels.csd"},
        **{"align": "labels", "folds": "my/folds.json"},
        "task": {"type": "regression", "targets": ["sentiment"], "range": [-3, 3]},
    }
    config = configure({"datasets": [], "models": [], "seeds": [1], "recipes": {"heard": heard}})
    straight = {d: run_settings(config, d, m, 1) for d, m in names.items()}
    assert straight["heard"]["missing"] == ["text", "vision"]
    config = replace(config, recipes=turned(config.recipes), models=turned(config.models))
    assert [*config.models["nhfnet"]["needs"]] == ["vision", "audio", "text"]
    for dataset, model in names.items():
        assert json.dumps(run_settings(config, dataset, model, 1), sort_keys=True) == json.dumps(
            straight[dataset], sort_keys=True
        )
