import json

import pandas as pd
import pytest
from running import run_stage

from msa.base.errors import InputError
from msa.training.search import best, table


def trial(number, value, **hyper):
    failure = "the loss is not finite" if value is None else None
    return {"trial": number, "value": value, "failure": failure, "hyperparameters": hyper}


TRIED = [trial(0, 0.9, lr=1), trial(1, None, lr=2), trial(2, 0.5, lr=3), trial(3, 0.5, lr=4)]


def test_the_best_is_the_first_of_the_lowest_values():
    assert best("all", TRIED)["trial"] == 2


def test_where_all_failed_it_says_why():
    with pytest.raises(InputError, match="all 1 trials failed, the first with: the loss is not"):
        best("happy", [TRIED[1]])


def test_the_table_has_every_setting_and_value():
    frame = table({"sad": TRIED, "happy": TRIED[:1]})
    assert frame["target"].tolist() == ["happy", "sad", "sad", "sad", "sad"]
    assert frame["trial"].tolist() == [0, 2, 3, 0, 1]
    assert frame["lr"].tolist() == [1, 3, 4, 1, 2]
    assert frame["failure"].isna().tolist() == [True, True, True, True, False]


def test_the_stage_writes_both(tmp_path):
    chunks = []
    for first in (0, 2):
        path = tmp_path / f"trials/all/0/{first}-{first + 1}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(TRIED[first : first + 2]))
        chunks.append(path)
    base = {"target": "all", "seed": 7, "hyperparameters": {"lr": 9, "epochs": 2}}
    base |= {"settings": "published", "source": "the authors"}
    run_stage("search", *chunks, "--table", tmp_path / "search.csv")
    run_stage("search", *chunks, "--settings", tmp_path / "s.json", "--base", json.dumps(base))
    assert len(pd.read_csv(tmp_path / "search.csv")) == 4
    settings = json.loads((tmp_path / "s.json").read_text())
    assert settings["hyperparameters"] == {"lr": 3, "epochs": 2}
    assert (settings["settings"], settings["source"]) == ("adapted", None)
    assert settings["seed"] == 7 and settings["search"] == {"trials": 4, "trial": 2}


def test_trials_of_a_joint_network_are_judged_by_each_target(tmp_path):
    path = tmp_path / "trials/all/0/0-2.json"
    path.parent.mkdir(parents=True)
    values = [{"sad": 0.2, "happy": 0.8}, {"sad": 0.7, "happy": 0.1}]
    tried = [trial(i, 0.5, lr=i + 1) | {"values": of} for i, of in enumerate(values)]
    path.write_text(json.dumps([*tried, trial(2, None, lr=3)]))
    run_stage("search", path, "--targets", "happy", "sad", "--table", tmp_path / "search.csv")
    frame = pd.read_csv(tmp_path / "search.csv")
    assert frame["target"].tolist() == ["happy"] * 3 + ["sad"] * 3
    assert frame["value"].dropna().tolist() == [0.1, 0.8, 0.2, 0.7]
    assert frame["trial"].tolist() == [1, 0, 2, 0, 1, 2]
    for target, chosen in (("sad", 0), ("happy", 1)):
        base = json.dumps({"target": target, "hyperparameters": {"lr": 9}})
        settings = tmp_path / f"{target}.json"
        run_stage("search", path, "--targets", target, "--settings", settings, "--base", base)
        written = json.loads(settings.read_text())
        assert written["search"] == {"trials": 3, "trial": chosen}
        assert written["hyperparameters"] == {"lr": chosen + 1}


def test_a_broken_file_is_named(tmp_path):
    path = tmp_path / "trials/all/0/0-1.json"
    path.parent.mkdir(parents=True)
    path.write_text("[")
    failed = run_stage("search", path, "--table", tmp_path / "search.csv", check=False)
    assert failed.returncode == 1
    assert f"error: {path}: expected a JSON file, got: " in failed.stderr
    assert not (tmp_path / "search.csv").exists()
