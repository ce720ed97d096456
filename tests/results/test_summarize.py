"""Results from run directories: numbers, what is refused, and the schema."""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from scored import EMOTIONS, SCHEMA, TASK, run, valid, write

from msa.base.errors import InputError
from msa.results.cost import costs, read_cost
from msa.results.metrics import METRICS_VERSION, regression
from msa.results.score import ORACLE_LABEL
from msa.results.summarize import Run, add_arguments, main, raw_files, summarize


def test_schema_is_sound_and_says_what_every_field_is() -> None:
    schema = json.loads(SCHEMA.read_text())
    Draft202012Validator.check_schema(schema)
    assert set(schema["required"]) == set(schema["properties"])
    assert all("description" in field for field in schema["properties"].values())
    provenance = schema["properties"]["provenance"]["properties"]
    assert all("description" in field for field in provenance.values())


def test_three_seeds() -> None:
    runs = [run(seed) for seed in (3, 1, 2)]
    result = valid(summarize(runs))
    mae = result["targets"]["sentiment"]["mae"]
    values = {r.seed: r.scores["targets"]["sentiment"]["test"]["mae"] for r in runs}
    assert mae["per_seed"] == values
    assert list(mae["per_seed"]) == ["1", "2", "3"]
    assert mae["mean"] == pytest.approx(np.mean(list(values.values())))
    assert mae["std"] == pytest.approx(np.std(list(values.values()), ddof=1))
    of_valid = result["valid"]["sentiment"]["mae"]
    assert of_valid["per_seed"]["2"] == runs[2].scores["targets"]["sentiment"]["valid"]["mae"]
    assert "ci95" not in of_valid
    assert result["oracle"]["label"] == ORACLE_LABEL
    oracle = result["oracle"]["targets"]["sentiment"]["mae"]
    assert oracle["per_seed"]["3"] == runs[0].scores["oracle"]["sentiment"]["mae"]["value"]
    assert oracle["epoch"]["3"] == runs[0].scores["oracle"]["sentiment"]["mae"]["epoch"]
    assert result["metrics_version"] == METRICS_VERSION
    assert result["selected_epoch"] == {"1": 1, "2": 2, "3": 3}
    assert result["selection"] == "loss"
    assert result["parameters"] == 1000
    assert result["wall_time_s"] == {"total": 12, "per_seed": {"1": 3, "2": 4, "3": 5}}
    assert result["rows_per_s"] == {"1": 100, "2": 200, "3": 300}
    assert result["rows"] == {"train": 100, "valid": 20, "test": 40}
    assert result["text"] == {"test": {"words": 9, "pieces": 12, "unknown": 1, "many": 0}}
    assert result["source"] == "LMF paper"
    assert result["missing_modalities"] == []


def test_provenance_keeps_what_differs() -> None:
    versions = {"python": "3.11.7", "torch": "2.14.0", "numpy": "2.4"}
    second = run(2, device="cuda", versions=versions)
    cost = [{"stage": "train", "runs": ["1", "2"], **read_cost(Path("none"))}]
    result = summarize([run(1), second], "first", "again", cost)
    provenance = valid(result)["provenance"]
    assert provenance == {
        **{"git_commit": "abc", "git_dirty": False, "data_digest": "d", "code_digest": "e"},
        "config_digest": {"1": "c1", "2": "c2"},
        "device": {"1": "cpu", "2": "cuda"},
        **{"processor": "p", "threads": 1},
        "versions": {
            "python": "3.11.7",
            "torch": {"1": "2.13.0", "2": "2.14.0"},
            "numpy": {"1": None, "2": "2.4"},
        },
        **{"name": "first", "note": "again", "seeds": [1, 2], "cost": cost, "files": []},
        "licences": [],
    }


def test_raw_files_and_the_mirror_of_one(tmp_path: Path) -> None:
    """What was never checked here is left out; a checksum that both sources have is the first's."""
    checked = [tmp_path / f"{name}.csd.sha256" for name in "abcd"]
    locks = [tmp_path / f"lock-{name}" for name in "abcd"]
    ours, theirs = "1" * 64, "2" * 64
    for path, sha256 in zip(checked, (ours, theirs, ours), strict=False):
        path.write_text(f"{sha256}  x.csd\n# 3 files, 4 bytes, the newest 5\n")
    both = f"# from hf://x@main/a.csd, revision c0ffee\n{theirs}  x.csd\n{ours}  x.csd\n"
    locks[1].write_text(both)
    locks[2].write_text(f"# from http://h/x.csd\n{ours}  x.csd\n{both}")
    files = raw_files(checked, locks)
    assert files == [
        {"file": "a.csd", "sha256": ours, "source": None, "revision": None},
        {"file": "b.csd", "sha256": theirs, "source": "hf://x@main/a.csd", "revision": "c0ffee"},
        {"file": "c.csd", "sha256": ours, "source": None, "revision": None},
    ]
    assert valid(summarize([run(1)], files=files))["provenance"]["files"] == files


def test_interval_is_the_bootstrap_of_the_mean_over_seeds() -> None:
    runs = [run(1), run(2)]
    found = valid(summarize(runs))["targets"]["sentiment"]
    truth = runs[0].test.truth[:, 0]
    rng = np.random.default_rng(7)
    drawn = []
    for _ in range(2000):
        d = rng.integers(40, size=40)
        drawn.append([regression(truth[d], r.test.prediction[d, 0]) for r in runs])
    for metric in ("mae", "corr", "f1_non0"):
        means = [np.mean([scores[metric] for scores in of_seeds]) for of_seeds in drawn]
        expected = np.quantile(means, (0.025, 0.975))
        assert found[metric]["ci95"] == pytest.approx(expected, abs=0.06 * np.ptp(expected))
        assert found[metric]["ci95"][0] < found[metric]["mean"] < found[metric]["ci95"][1]


def test_interval_is_the_same_every_time_and_in_every_order() -> None:
    results = [summarize([run(1), run(2)]), summarize([run(2), run(1)])]
    assert json.dumps(results[0]) == json.dumps(results[1])


def test_one_seed_has_no_deviation() -> None:
    found = valid(summarize([run(1)]))["targets"]["sentiment"]["mae"]
    assert found["std"] is None
    assert found["mean"] == found["per_seed"]["1"]
    assert found["ci95"][0] < found["mean"] < found["ci95"][1]


def test_undefined_in_one_seed_is_undefined_in_the_mean() -> None:
    runs = [run(1), run(2)]
    runs[1].test.prediction[:] = 1
    runs[1].scores["targets"]["sentiment"]["test"]["corr"] = None
    found = valid(summarize(runs))["targets"]["sentiment"]["corr"]
    assert found["per_seed"]["1"] is not None
    assert (found["mean"], found["std"], found["ci95"]) == (None, None, None)


def test_no_oracle_without_epochs() -> None:
    first, second, third = run(1), run(2), run(3)
    first.scores["oracle"] = second.scores["oracle"] = None
    assert valid(summarize([first, second]))["oracle"] is None
    assert "oracle: expected 'without' as in runs/all/1, got 'with'" in refusal(first, third)


def test_one_model_a_target() -> None:
    runs = [run(seed, EMOTIONS, target) for target in ("happy", "sad") for seed in (1, 2)]
    for each in runs[2:]:
        each.settings["lr"] = 0.01  # of its own model
        each.training["parameters"] = 500
    result = valid(summarize(runs))
    for target, seeds in (("happy", runs[:2]), ("sad", runs[2:])):
        for metric in ("acc", "f1"):
            expected = {r.seed: r.scores["targets"][target]["test"][metric] for r in seeds}
            assert result["targets"][target][metric]["per_seed"] == expected
    assert result["parameters"] == 1500
    assert result["selected_epoch"] == {"happy/1": 1, "happy/2": 2, "sad/1": 1, "sad/2": 2}
    assert result["wall_time_s"]["total"] == 14
    assert result["provenance"]["seeds"] == [1, 2]
    assert result["provenance"]["config_digest"]["sad/2"] == "c2"
    assert list(summarize(runs[2:])["targets"]) == ["sad"]


def test_targets_are_in_the_data_sets_order() -> None:
    emotions = EMOTIONS | {"targets": ["sad", "happy"]}
    runs = [run(1, emotions, target) for target in ("happy", "sad")]
    assert list(summarize(runs)["targets"]) == ["sad", "happy"]


def refusal(*runs: Run) -> str:
    with pytest.raises(InputError) as error:
        summarize(runs)
    return str(error.value)


def test_seeds_that_differ_in_more_than_the_seed() -> None:
    text = refusal(run(1), run(2, lr=0.1, parameters=7, model="nhfnet"))
    assert "runs/all/2: lr: expected 0.001 as in runs/all/1, got 0.1" in text
    assert "runs/all/2: training.parameters: expected 1000 as in runs/all/1, got 7" in text
    assert "runs/all/2: model: expected 'lmf' as in runs/all/1, got 'nhfnet'" in text
    assert "hidden: expected None as in runs/all/1, got 4" in refusal(run(1), run(2, hidden=4))


def test_targets_of_two_models() -> None:
    text = refusal(run(1, EMOTIONS, "happy"), run(1, EMOTIONS, "sad", model="nhfnet"))
    assert "runs/sad/1: model: expected 'lmf' as in runs/happy/1, got 'nhfnet'" in text


def test_the_same_seed_twice() -> None:
    assert "runs/all/1: the same target and seed as runs/all/1" in refusal(run(1), run(1))


def test_joint_and_single_targets_together() -> None:
    text = refusal(run(1, EMOTIONS), run(1, EMOTIONS, "sad"))
    assert "targets: expected `all` or single ones, got ['all', 'sad']" in text


@pytest.mark.parametrize("part", ["ids", "truth"])
def test_other_test_rows(part: str) -> None:
    second = run(2)
    array = getattr(second.test, part)
    array[[0, 1]] = array[[1, 0]]
    assert "runs/all/2: test rows (digest): expected" in refusal(run(1), second)


def command(*arguments: Any) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    main(parser.parse_args([str(argument) for argument in arguments]))


def test_what_the_card_says_of_words_without_rows(tmp_path: Path) -> None:
    count = {"unit": "words", "total": 9, "without_rows": 2}
    videos = {"v": {"total": 9, "without_rows": 2}}
    cards = {"ours": {"coverage": {"test": {"audio": count | {"videos": videos}}}}, "others": {}}
    folder, found = write(tmp_path / "1", run(1)), {}
    for name, card in cards.items():
        path, output = tmp_path / f"{name}.card.json", tmp_path / f"{name}.json"
        path.write_text(json.dumps({"sequences": {}} | card))
        command(folder, "--output", output, "--card", path)
        found[name] = valid(json.loads(output.read_text()))["coverage"]
    assert found == {"ours": {"test": {"audio": count}}, "others": None}


def test_licences(tmp_path: Path) -> None:
    ledger = [{"what": "vision", "name": "OpenFace", "licence": "academic", "noncommercial": True}]
    output = tmp_path / "lmf.json"
    folder = write(tmp_path / "1", run(1))
    command(folder, "--output", output, "--licences", json.dumps(ledger))
    assert valid(json.loads(output.read_text()))["provenance"]["licences"] == ledger
    assert valid(summarize([run(1)]))["provenance"]["licences"] == []


def test_files(tmp_path: Path) -> None:
    runs = [write(tmp_path / str(seed), run(seed)) for seed in (1, 2)]
    output = tmp_path / "results" / "demo" / "lmf.json"
    encode = tmp_path / "encode.tsv"
    encode.write_text("s\tmax_rss\tcpu_time\n2.5\t300.5\tNA\n")
    command(*runs, "--output", output, "--jobs", f"encode={encode}")
    cost = costs({"1": runs[0], "2": runs[1]}, shared=[("encode", encode)])
    assert cost[0] == {
        **{"stage": "encode", "runs": ["1", "2"]},
        **{"seconds": 2.5, "cpu_seconds": None, "memory_mb": 300.5},
    }
    assert valid(json.loads(output.read_text())) == valid(summarize([run(1), run(2)], cost=cost))
    assert [file.name for file in output.parent.iterdir()] == ["lmf.json"]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"scores": {"metrics_version": "0"}}, "got {'metrics_version': '0'}; score it again"),
        ({"scores": {"condition": "drop-audio"}}, "expected {'condition': 'clean'}"),
        ({"settings": {"task": {**TASK, "range": [1, 7]}}}, "scores.json: expected {'task': "),
        (
            {"settings": {"target": "joy"}},
            "target: expected one of ['all', 'sentiment'], got 'joy'",
        ),
    ],
)
def test_files_that_do_not_fit(tmp_path: Path, changes: dict[str, Any], text: str) -> None:
    path = write(tmp_path / "1", run(1), **changes)
    with pytest.raises(InputError) as error:
        command(path, "--output", tmp_path / "out.json")
    assert text in str(error.value)
    assert not (tmp_path / "out.json").exists()


def test_training_without_a_key(tmp_path: Path) -> None:
    path = write(tmp_path / "1", run(1))
    (path / "training.json").write_text("{}")
    with pytest.raises(InputError, match=r"training.json: expected the keys \['parameters', "):
        command(path, "--output", tmp_path / "out.json")


def test_what_uses_its_modalities_and_what_it_is_checked_against() -> None:
    runs = [run(1), run(2), run(3)]
    for one, use in zip(runs, (0.5, 2.0, None), strict=True):
        if use is not None:
            one.scores["modality_use"] = {"text": use, "audio": 0.0}
    result = valid(summarize(runs, authority="composed", ours="the head"))
    assert result["modality_use"] == {"text": 2.0, "audio": 0.0}
    assert (result["authority"], result["ours"]) == ("composed", "the head")
    plain = valid(summarize([run(1)]))
    assert (plain["authority"], plain["ours"], plain["modality_use"]) == (None, None, {})


def test_which_runs_learned() -> None:
    runs = [run(1), run(2, learned=False), run(3, learned=None)]
    result = valid(summarize(runs))
    assert result["learned"] == {"1": True, "2": False, "3": None}
    assert len(result["targets"]["sentiment"]["mae"]["per_seed"]) == 3
