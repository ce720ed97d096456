"""The table of one data set: order, columns, and what is refused."""

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scored import LENGTHS, emotions, result, sentiment, spread

from msa.base.errors import InputError
from msa.results.leaderboard import (
    UNSCORED,
    USES,
    add_arguments,
    footnotes,
    main,
    markdown,
    table,
    use_texts,
)
from msa.results.score import ORACLE_LABEL


def test_regression_is_sorted_by_lowest_mae() -> None:
    frame = table([sentiment("lmf", 1.0, 1.2), sentiment("mean", 1.4, 1.4), sentiment("b", 0.9)])
    assert list(frame["model"]) == ["b", "lmf", "mean"]
    assert list(frame.columns) == [
        *("model", "mae_mean", "mae_std", "corr_mean", "corr_std"),
        *("parameters", "seeds", "wall_time_s", "settings", "missing"),
        *("oracle_mae_mean", "oracle_mae_std"),
    ]
    assert list(frame["seeds"]) == [1, 2, 2]
    assert frame["mae_mean"][1] == pytest.approx(1.1)
    assert frame["mae_std"][1] == pytest.approx(0.2 / 2**0.5)
    assert np.isnan(frame["mae_std"][0])


def test_undefined_headline_comes_last() -> None:
    broken = sentiment("broken", 0.1)
    broken["targets"]["sentiment"]["mae"]["mean"] = None
    assert list(table([broken, sentiment("lmf", 1.0)])["model"]) == ["lmf", "broken"]


def test_classes_are_sorted_by_highest_f1_then_acc_within_each_target() -> None:
    frame = table([emotions("a", 0.5, 0.9), emotions("b", 0.7, 0.8), emotions("c", 0.5, 0.8, 0.6)])
    assert list(frame["target"]) == ["happy"] * 3 + ["sad"] * 3
    assert list(frame["model"]) == ["b", "c", "a", "a", "c", "b"]
    assert "oracle_f1_mean" in frame


def test_variants_and_missing_modalities_are_named() -> None:
    best = sentiment("lmf", 0.9, variant="best", missing_modalities=["audio", "vision"])
    frame = table([best, sentiment("lmf", 1.0)])
    assert list(frame["model"]) == ["lmf (best)", "lmf"]
    assert list(frame["missing"]) == ["audio vision", ""]


def test_no_oracle() -> None:
    frame = table([sentiment("lmf", 0.9, oracle=None), sentiment("nhfnet", 1.0)])
    assert np.isnan(frame["oracle_mae_mean"][0])
    assert frame["oracle_mae_mean"][1] == 1


def test_a_footnote_where_many_words_have_no_rows(tmp_path: Path) -> None:
    audio = {"unit": "words", "total": 100, "without_rows": 38}
    covered = {"train": {"audio": audio}, "test": {"audio": audio | {"without_rows": 5}}}
    for name, coverage in {"few": None, "many": covered}.items():
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(sentiment("lmf", 1.0, coverage=coverage)))
        tables = ("--output-csv", tmp_path / "x.csv", "--output-md", tmp_path / f"{name}.md")
        command(path, *tables)
    few, many = ((tmp_path / f"{name}.md").read_text() for name in ("few", "many"))
    footnote = "- train: 38 of 100 words (38.0%) have no row of audio: zeros stand in their place\n"
    assert many == f"{few}\n{footnote}"


def test_markdown() -> None:
    frame = table(
        [sentiment("lmf", 1.0, 1.2), sentiment("mean", 1.4, corr=None, settings="published")]
    )
    text = markdown(frame, "demo")
    lines = text.splitlines()
    assert lines[0] == "# Leaderboard: demo"
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:6]]
    assert cells[0] == [
        *("model", "mae", "corr", "parameters", "seeds", "wall time", "settings", "missing"),
        "oracle mae (selected on test)",
    ]
    assert cells[1][0].startswith(":-")
    assert cells[1][1].endswith("-:")
    assert cells[2] == [
        *("lmf", "1.100 ± 0.141", "0.500 ± 0.000", "12345", "2", "61.3", "adapted", "none"),
        "1.100 ± 0.141",
    ]
    assert cells[3][:3] == ["mean", "1.400", "n/a"]
    assert cells[3][6] == "published"
    assert len({len(line) for line in lines[2:6]}) == 1
    assert ORACLE_LABEL in text
    assert "sample standard\ndeviation over the seeds" in text


def test_which_modalities_a_model_uses() -> None:
    used = sentiment("lmf", 1.0, modality_use={"text": 1.25, "audio": 0.0})
    frame = table([used, sentiment("mean", 1.4)])
    assert frame["uses_text"].tolist()[0] == 1.25 and np.isnan(frame["uses_audio"].iloc[1])
    assert use_texts(frame) == ["t 1.2, a 0", ""]
    text = markdown(frame, "demo")
    assert "| t 1.2, a 0" in text and USES in text
    assert USES not in markdown(table([sentiment("mean", 1.4)]), "demo")


def test_what_lengths_cut_is_a_footnote() -> None:
    shares = {"train": 0.9, "valid": 0.9, "test": 0.05}
    lengths = {"all": {"audio": LENGTHS["audio"] | {"cut_steps": shares}}}
    cut = sentiment("lmf", 1.0, lengths={"all": LENGTHS})
    notes = footnotes([cut, sentiment("whole", 1.0, lengths=lengths)])
    sentence = "lmf reads at most 50 steps of audio of a segment: 70% of the test fold's are cut"
    assert notes == [sentence]
    assert markdown(table([cut]), "demo", notes=notes).endswith(f"\n\n- {sentence}\n")


def test_a_regression_without_scores_of_its_labels_says_so() -> None:
    sims = {"mae": spread(0.4), "corr": spread(0.6), "acc2_sims": spread(0.7)}
    of_sims = result("lmf", {"sentiment": sims})
    assert markdown(table([sentiment("lmf", 1.0)]), "demo").endswith(f"{UNSCORED}\n")
    assert "`metrics`" not in markdown(table([of_sims]), "demo")


def test_results_that_do_not_belong_together() -> None:
    others = [
        sentiment("nhfnet", 1.0, dataset="mosi"),
        sentiment("ridge", 1.0, rows={"train": 9, "valid": 5, "test": 6}),
        sentiment("lmf", 1.0),
    ]
    with pytest.raises(InputError) as error:
        table([sentiment("lmf", 1.0), *others])
    text = str(error.value)
    assert "nhfnet: expected {'dataset': 'demo', " in text
    assert "got {'dataset': 'mosi'" in text
    assert "ridge: expected" in text
    assert "'test rows': 6}" in text
    assert "lmf: expected one result, got a second one" in text


def test_a_cross_validation_is_marked_and_not_mixed() -> None:
    folds = {"by": "session", "k": 5, "valid": 0.1, "seed": 0}
    frame = table([sentiment("lmf", 1.0, folds=folds), sentiment("ridge", 1.1, folds=folds)])
    page = markdown(frame, "iemocap")
    assert "Results of a 5-fold cross-validation by session (seed 0" in page
    assert "| folds" not in page
    assert "cross-validation" not in markdown(table([sentiment("lmf", 1.0)]), "demo")
    with pytest.raises(InputError, match="ridge: expected .*5-fold.*got .*its own"):
        table([sentiment("lmf", 1.0, folds=folds), sentiment("ridge", 1.1)])


def command(*arguments: Any) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    main(parser.parse_args([str(argument) for argument in arguments]))


def write(path: Path, content: dict[str, Any]) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_files(tmp_path: Path) -> None:
    paths = [
        write(tmp_path / "lmf.json", sentiment("lmf", 1.25)),
        write(tmp_path / "mean.json", sentiment("mean", 1.125, corr=None)),
    ]
    outputs = tmp_path / "leaderboard.csv", tmp_path / "leaderboard.md"
    command(*paths, "--output-csv", outputs[0], "--output-md", outputs[1])
    with outputs[0].open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["model"] for row in found] == ["mean", "lmf"]
    assert [row["mae_mean"] for row in found] == ["1.125", "1.25"]
    assert [row["corr_mean"] for row in found] == ["", "0.5"]
    assert outputs[1].read_text().startswith("# Leaderboard: demo\n")


def test_file_against_the_schema(tmp_path: Path) -> None:
    bad = sentiment("lmf", 1.0, settings="tuned", extra=1)
    path = write(tmp_path / "lmf.json", bad)
    with pytest.raises(InputError) as error:
        command(path, "--output-csv", tmp_path / "a", "--output-md", tmp_path / "b")
    text = str(error.value)
    assert text.startswith(f'{path}: unknown key "extra"')
    assert f"{path}: settings: expected one of ['published', 'adapted']" in text
    assert not (tmp_path / "a").exists()


def test_a_seed_that_did_not_learn_is_said_and_stays_in_the_mean(tmp_path: Path) -> None:
    lost = sentiment("lmf", 1.0, 3.0, learned={"0": True, "1": False})
    results = [lost, sentiment("mean", 1.4, learned={"0": None})]
    for made in results:
        (tmp_path / f"{made['model']}.json").write_text(json.dumps(made))
    paths = [tmp_path / f"{made['model']}.json" for made in results]
    command(*paths, "--output-csv", tmp_path / "x.csv", "--output-md", tmp_path / "x.md")
    [note] = footnotes(results)
    assert note.startswith("lmf: seed 1 did not learn: no better") and "lower lr" in note
    assert f"- {note}\n" in (tmp_path / "x.md").read_text()
    with (tmp_path / "x.csv").open() as file:
        lines = {line["model"]: line for line in csv.DictReader(file)}
    assert (lines["lmf"]["not_learned"], lines["mean"]["not_learned"]) == ("1", "")
    assert float(lines["lmf"]["mae_mean"]) == 2.0
    crossed = {"by": "video", "k": 3, "valid": 0.1, "seed": 0}
    [note] = footnotes([lost | {"folds": crossed}])
    assert "did not learn in one fold or more" in note


def test_of_a_model_a_target_its_own_seeds_are_named() -> None:
    made = emotions("lmf", 0.5, 0.6) | {"learned": {"happy/1": True, "sad/1": False}}
    assert table([made]).set_index("target")["not_learned"].fillna("").to_dict() == {
        "happy": "",
        "sad": "1",
    }
    assert footnotes([made])[0].startswith("lmf: seed sad/1 did not learn")
