"""Parts of the test fold: a planted conflict, tenths by hand, and what tables say of them."""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scored import EMOTIONS, TASK, of_one, run, sentiment, write
from sklearn.metrics import f1_score, mean_absolute_error

from msa.base.errors import InputError
from msa.results.carried import (
    markdown,
    probe_rows,
    probe_table,
    remarks,
    subset_note,
    subset_table,
)
from msa.results.leaderboard import markdown as leaderboard
from msa.results.leaderboard import table as board
from msa.results.score import Fold
from msa.results.subsets import (
    Probes,
    add_arguments,
    disagree,
    main,
    speaker_numbers,
    table,
)

NAMES = ("text", "audio", "all")


def probes_of(made, outputs, task=TASK, carries=True):
    """Probes of the test rows of a run: by modality their outputs (n, m)."""
    test = {name: made.test._replace(prediction=output) for name, output in outputs.items()}
    says = {name: dict.fromkeys(task["targets"], carries) for name in test}
    return Probes(task, test, says)


def planted(made, where):
    """Text has the sign of the truth, audio the other one in some rows; all is neither."""
    sign = np.where(made.test.truth > 0, 1.0, -1.0)
    against = np.where(where[:, None], -sign, sign)
    return {"text": sign, "audio": 2 * against, "all": np.zeros_like(sign)}


def test_a_planted_conflict():
    """Of every model and metric, the score on the rows that were planted, and on the others."""
    runs = [run(seed, model=name) for name in ("a", "b") for seed in (1, 2, 3)]
    where = np.arange(40) % 5 == 0
    frame = table(runs, probes_of(runs[0], planted(runs[0], where)))
    rows = frame.set_index(["model", "subset", "metric"])
    for subset, mask in (("conflict", where), ("agreement", ~where), ("all", where | True)):
        maes = [mean_absolute_error(r.test.truth[mask], r.test.prediction[mask]) for r in runs[:3]]
        found = rows.loc["a", subset, "mae"]
        assert found["rows"] == mask.sum()
        assert found["mean"] == pytest.approx(np.mean(maes))
        assert found["std"] == pytest.approx(np.std(maes, ddof=1))
        signs = [r.test.prediction[mask] > 0 for r in runs[:3]]
        f1 = [
            f1_score(runs[0].test.truth[mask] > 0, of, average="weighted", zero_division=0)
            for of in signs
        ]
        assert rows.loc["a", subset, "f1_non0"]["mean"] == pytest.approx(np.mean(f1))
    # text is right everywhere, audio nowhere where they disagree; the probe of all is no model
    assert rows.loc["ridge: text alone", "conflict", "acc2_non0"]["mean"] == 1
    assert rows.loc["ridge: audio alone", "conflict", "acc2_non0"]["mean"] == 0
    assert set(frame["model"]) == {"a", "b", "ridge: text alone", "ridge: audio alone"}


def test_who_carries_nothing_has_no_say():
    runs = [run(1, model="a"), run(1, model="b")]
    outputs = planted(runs[0], np.arange(40) < 7)
    frame = table(runs, probes_of(runs[0], outputs, carries=False))
    assert not {"conflict", "agreement"} & set(frame["subset"])
    assert "ridge: audio alone" in set(frame["model"])
    assert "conflict" not in set(table(runs)["subset"])
    assert "fewer than two single modalities have a say" in subset_note(frame, "MAE")


def test_disagree():
    zero, minus, plus = (np.full((2, 1), x) for x in (0.0, -0.1, 0.1))
    assert disagree(TASK, [plus, minus]).all() and disagree(TASK, [plus, zero, plus]).all()
    assert not disagree(TASK, [zero, minus]).any()
    assert disagree(TASK, [plus]) is None
    assert disagree({**TASK, "range": [0, 6]}, [plus, minus]) is None
    classes = {"type": "classification", "targets": ["x"], "classes": ["a", "b", "c"]}
    logits = np.array([[1.0, 2, 0], [0, 0, 1]]), np.array([[0.0, 9, 8], [3, 0, 1]])
    assert disagree(classes, logits).tolist() == [False, True]


def test_of_each_target_its_own_conflict():
    runs = [run(1, EMOTIONS, model=name) for name in "ab"]
    runs += [of_one(1, target, "each") for target in ("happy", "sad")]
    yes, no = np.array([0.0, 1]), np.array([1.0, 0])
    text = np.tile(np.concatenate([yes, yes]), (40, 1))
    audio = text.copy()
    audio[:10, :2] = no  # of happy alone
    frame = table(runs, probes_of(runs[0], {"text": text, "audio": audio}, EMOTIONS))
    conflict = frame[frame["subset"] == "conflict"]
    assert set(conflict["target"]) == {"happy"} and set(conflict["rows"]) == {10}
    assert {"a", "b", "each"} <= set(conflict["model"])
    assert "Conflicts are not told apart in sad: " in subset_note(frame, "F1")


def of_videos(name, errors, seed=1):
    """A run of 20 videos of two segments each, with an error of each video; the truth is 1."""
    made = run(seed, model=name)
    ids = np.array([f"v{i // 2}[{i % 2}]" for i in range(40)])
    truth = np.ones((40, 1))
    outputs = truth + np.repeat(errors, 2)[:, None]
    return replace(made, test=Fold(ids, truth, outputs))


def test_tenths_of_the_videos():
    """Of 20 videos two: each model's own, by its mean over the seeds."""
    up, down = np.arange(20.0), np.arange(20.0)[::-1]
    runs = [of_videos("a", up), of_videos("b", down), of_videos("b", down + 2, 2)]
    frame = table(runs).set_index(["model", "subset", "metric"])
    worst, best = (f"{which} tenth of videos" for which in ("worst", "best"))
    assert frame.loc["a", worst, "mae"]["mean"] == pytest.approx(18.5)
    assert frame.loc["a", best, "mae"]["mean"] == pytest.approx(0.5)
    assert frame.loc["b", worst, "mae"]["mean"] == pytest.approx(19.5)
    assert frame.loc["b", worst, "mae"]["std"] == pytest.approx(2**0.5)
    assert set(frame.loc["a", worst, "mae"][["rows"]]) == {4}
    tenths = frame.reset_index().query("subset != 'all'")
    assert set(tenths["metric"]) == {"mae"}


def test_by_speaker():
    """Two speakers: the better and the worse one."""
    runs = [of_videos("a", np.arange(20.0))]
    speaker = np.repeat([0, 1], 20)
    frame = table(runs, numbers=speaker, unit="speaker").set_index(["subset", "metric"])
    assert frame.loc["worst tenth of speakers", "mae"]["mean"] == pytest.approx(14.5)
    assert frame.loc["best tenth of speakers", "mae"]["mean"] == pytest.approx(4.5)
    alone = table(runs, numbers=np.zeros(40, int), unit="speaker")
    assert set(alone["subset"]) == {"all"}


def test_speakers_of_a_table(tmp_path: Path):
    path = tmp_path / "speakers.csv"
    path.write_text("id,speaker\nv1,ann\nv2,bob\nv2[1],ann\n")
    assert speaker_numbers(["v1[0]", "v2[0]", "v2[1]"], path).tolist() == [0, 1, 0]
    with pytest.raises(InputError, match="expected the speaker of every test .* v3"):
        speaker_numbers(["v1[0]", "v3[0]"], path)


def test_other_rows_are_refused():
    runs = [run(1, model="a")]
    probes = probes_of(runs[0], planted(runs[0], np.arange(40) < 3))
    shuffled = {n: f._replace(ids=f.ids[::-1]) for n, f in probes.test.items()}
    with pytest.raises(InputError, match="probe of text: expected the test rows of the runs"):
        table(runs, probes._replace(test=shuffled))


SCORES = {"mae": 0.9, "corr": None}
CONTENT = {
    "settings": "adapted",
    "left_out": {"vision": "all zeros"},
    "probes": {
        name: {
            **{"alpha": 10.0, "columns": 3, "parameters": 4, "wall_time_s": 0.5},
            "carries": {"sentiment": name != "audio"},
            "targets": {"sentiment": {"valid": SCORES, "test": SCORES}},
        }
        for name in NAMES
    },
}


def test_rows_of_the_leaderboard():
    """Beside ridge, of a kind of their own, ranked as it is; `all` is ridge itself."""
    results = [sentiment("lmf", 0.8), sentiment("ridge", 0.95), sentiment("mean", 1.4)]
    frame = board(results, None, CONTENT)
    assert frame["model"].tolist() == [
        *("lmf", "ridge: text alone", "ridge: audio alone", "ridge", "mean")
    ]
    assert frame["kind"].tolist() == ["system", "probe", "probe", "system", "system"]
    assert frame["parameters"].dtype == int
    text = leaderboard(frame, "demo")
    assert "| ridge: text alone  |" in text and "are no systems: linear probes" in text
    assert "kind" not in text.partition("\n\n")[2].partition("\n")[0]
    assert "kind" not in board(results)


def test_what_is_said_of_probes():
    vision, audio = remarks(CONTENT)
    assert vision == "vision has no probe: all zeros"
    assert audio.startswith("audio alone is not clearly better on") and "no say" in audio
    shown = probe_table(CONTENT)
    assert "corr (test)" in shown and "n/a" in shown and "target" not in shown
    assert len([*probe_rows(CONTENT)]) == 2


def test_table_and_section():
    lines = [["a", "s", "all", 9, "mae", 1.0, 0.5], ["b", "s", "all", 9, "mae", 0.5, np.nan]]
    lines += [["a", "s", "conflict", 3, "mae", 2.0, 0.5], ["b", "s", "conflict", 3, "mae", 2, 0]]
    lines += [["a", "s", "worst tenth of speakers", 3, "mae", 2.0, 0.5]]
    lines += [["b", "s", "worst tenth of speakers", 4, "mae", 2.0, 0.5]]
    names = ["model", "target", "subset", "rows", "metric", "mean", "std"]
    frame = pd.DataFrame(lines, columns=names)
    shown = subset_table(frame, "s", "mae")
    assert [*shown.columns] == ["all (9)", "conflict (3)", "worst tenth of speakers"]
    assert shown.loc["a"].tolist() == ["1.000 ± 0.500", "2.000 ± 0.500", "2.000 ± 0.500"]
    assert [*shown.index] == ["b", "a"] and shown.loc["b", "all (9)"] == "0.500"
    emotions = frame.assign(metric=["wacc"] * 4 + ["f1"] * 2)
    titles = [*subset_table(emotions, "s", "wacc").columns]
    assert titles == ["all (9)", "conflict (3)", "worst tenth of speakers (f1)"]
    assert "disagree in class" in subset_note(emotions, "WAcc")
    assert "by its f1 in each speaker" in subset_note(emotions, "WAcc")
    text = markdown(frame, "mae", CONTENT)
    assert "disagree in sign (positive is above 0)" in text
    assert "by its mae in each speaker" in text and "\n- vision has no probe: all zeros\n" in text


def test_files(tmp_path: Path):
    runs = [run(seed, model="a") for seed in (1, 2)]
    folders = [write(tmp_path / str(r.seed), r) for r in runs]
    outputs = planted(runs[0], np.arange(40) < 4)
    arrays = {f"test/{name}": output.astype(np.float32) for name, output in outputs.items()}
    rows = {"test/ids": runs[0].test.ids, "test/truth": runs[0].test.truth.astype(np.float32)}
    np.savez(tmp_path / "modalities.npz", **rows, **arrays)
    (tmp_path / "modalities.json").write_text(json.dumps({"task": TASK, **CONTENT}))
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    flags = ["--probes", tmp_path / "modalities.json", "--output", tmp_path / "subsets.csv"]
    main(parser.parse_args([*map(str, [*folders, *flags])]))
    frame = pd.read_csv(tmp_path / "subsets.csv")
    assert [*frame.columns] == ["model", "target", "subset", "rows", "metric", "mean", "std"]
    # audio carries nothing
    assert "conflict" not in set(frame["subset"]) and "ridge: text alone" in set(frame["model"])
