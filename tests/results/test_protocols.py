"""Protocols: numbers worked by hand, and those of scikit-learn and scipy."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from scipy.stats import pearsonr
from scored import EMOTIONS, TASK, run, write
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    log_loss,
    mean_absolute_error,
    mean_squared_error,
)

from msa.__main__ import main
from msa.base.errors import InputError
from msa.results.conventions import CONVENTIONS, rescored
from msa.results.protocols import (
    COLUMNS,
    PROTOCOLS_VERSION,
    Protocol,
    names,
    parse,
    rows,
    spread,
    table,
    under,
    words,
)
from msa.results.selections import EPOCHS, Seed, better_on_both, task_loss
from msa.results.summarize import summarize

SIMS = {**TASK, "range": [-1, 1], "metrics": "sims"}
CLASSES = {"type": "classification", "targets": ["emotion"], "classes": ["a", "b", "c"]}


def seed(*epochs: list[float], selected: int = 0, valid: Any = None) -> Seed:
    """A run on the labels 1, -1, 0, 2 of the test fold and 1, -1 of the validation fold."""
    outputs = np.array(epochs)[..., None]
    checked = np.array(valid if valid is not None else [[1, -1]] * len(epochs), float)[..., None]
    truth = np.array([[1.0], [-1], [0], [2]])
    return Seed(selected, checked, outputs, np.array([[1.0], [-1]]), truth, "l1")


# of the test fold MAE .5, .25, .75 and Acc2 of all rows 1, .75, .75; of validation MAE .5, 1, 0
THREE = seed(
    [1.5, -1.5, 0.5, 2.5],
    [1, -1, -1, 2],
    [1, -2, -1, 1],
    valid=[[1.5, -1.5], [2, -2], [1, -1]],
)
# MAE 1, .125
OTHER = seed([2, -2, 1, 3], [1, -1, 0.5, 2], valid=[[1, -1], [1, 0]])


def value(name: str, metric: str, *seeds: Seed, task: Any = TASK) -> float | None:
    protocol = parse(name)
    found = under(protocol, task, "sentiment", seeds)
    return None if found is None else spread(protocol, metric, found[metric])[0]


@pytest.mark.parametrize(
    ("name", "mae", "acc2"),
    [
        ("ours", 0.5, 1),
        ("best_test_per_metric", 0.25, 1),
        ("best_test_epoch:mae", 0.25, 0.75),
        ("best_test_epoch:acc2_has0", 0.5, 1),
        ("best_valid_per_metric", 0.75, 1),
        ("last_epoch", 0.75, 0.75),
        ("valid_and_test", 0.5, 1),
    ],
)
def test_the_choice_of_an_epoch(name, mae, acc2):
    assert value(name, "mae", THREE) == mae
    assert value(name, "acc2_has0", THREE) == acc2


def test_the_choice_of_a_seed():
    assert value("ours", "mae", THREE, OTHER) == (0.5 + 1) / 2
    assert value("best_seed", "mae", THREE, OTHER) == 0.5
    assert value("best_seed_and_epoch", "mae", THREE, OTHER) == 0.125
    assert value("best_test_per_metric", "mae", THREE, OTHER) == (0.25 + 0.125) / 2
    found = under(Protocol(), TASK, "sentiment", [THREE, OTHER])
    assert spread(Protocol(), "mae", found["mae"]) == (0.75, np.std([0.5, 1], ddof=1))
    best = parse("best_seed")
    assert np.isnan(spread(best, "mae", found["mae"])[1])
    assert spread(best, "corr", np.array([0.5, 0.75]))[0] == 0.75


def test_better_on_validation_and_on_test():
    """Worse on one side, an epoch is not kept; its validation loss is the one to beat after it."""
    assert better_on_both(np.array([3.0, 2, 1]), np.array([3.0, 2, 1])) == 2
    assert better_on_both(np.array([3.0, 2, 1]), np.array([3.0, 4, 2])) == 2
    assert better_on_both(np.array([3.0, 1, 2]), np.array([3.0, 4, 1])) == 0
    assert better_on_both(np.array([3.0, 3]), np.array([3.0, 1])) == 0


def test_nothing_to_choose_from():
    """One epoch, as of a closed form or a released checkpoint; one seed; a metric of others."""
    one = seed([1, -1, 0.5, 2])
    for name in [*EPOCHS, "best_seed_and_epoch"]:
        name += ":mae" if name == "best_test_epoch" else ""
        assert under(parse(name), TASK, "sentiment", [one, one]) is None, name
        assert under(parse(name), TASK, "sentiment", [one, THREE]) is not None, name
    assert under(parse("best_seed"), TASK, "sentiment", [THREE]) is None
    assert under(parse("best_test_epoch:wacc"), TASK, "sentiment", [THREE]) is None


# one label of 0 that is called positive, one that is called negative; a value beyond the range
TRUTH = np.array([0.0, 0, 1, 2, -1, -2, 3, -3])
PREDICTION = np.array([0.5, -0.5, 2, -1, -1, 0, 4, 1])


def scored(parts, task=TASK, truth=TRUTH, prediction=PREDICTION):
    found = rescored(task, task["targets"][0], truth[:, None], prediction[None, :, None], parts)
    return {metric: values.item() for metric, values in found.items()}


def test_rows_of_zero_are_left_out():
    found = scored(["nonzero_rows"])
    assert found.keys() == {"mae", "corr"}
    assert found["mae"] == (1 + 3 + 0 + 2 + 1 + 4) / 6
    rows_left = TRUTH != 0
    assert found["mae"] == mean_absolute_error(TRUTH[rows_left], PREDICTION[rows_left])
    expected = pearsonr(TRUTH[rows_left], PREDICTION[rows_left]).statistic
    assert found["corr"] == pytest.approx(expected, abs=1e-12)
    nothing = scored(["nonzero_rows"], truth=0 * TRUTH)
    assert np.isnan(nothing["mae"]) and np.isnan(nothing["corr"])


def test_clipped_to_the_range():
    found = scored(["clipped"])
    assert found.keys() == {"mae", "corr"}
    assert found["mae"] == (0.5 + 0.5 + 1 + 3 + 0 + 2 + 0 + 4) / 8  # the 4 is a 3
    expected = pearsonr(TRUTH, PREDICTION.clip(-3, 3)).statistic
    assert found["corr"] == pytest.approx(expected, abs=1e-12)
    assert scored(["clipped"], SIMS) == {}  # ours are clipped too
    rows_left = TRUTH != 0
    both = scored(["clipped", "nonzero_rows"])
    assert both["mae"] == mean_absolute_error(TRUTH[rows_left], PREDICTION[rows_left].clip(-3, 3))


def test_f1_of_swapped_sides():
    """Weighted by the predicted classes: of has0 three hits of five and two of three."""
    found = scored(["f1_swapped"])
    assert found.keys() == {"f1_non0", "f1_has0"}
    expected = f1_score(PREDICTION >= 0, TRUTH >= 0, average="weighted")
    assert found["f1_has0"] == pytest.approx(expected, abs=1e-12)
    # has0: 5 of each side positive, 3 hits; 3 negative, 1 hit; as many of each: no difference
    assert expected == pytest.approx((5 * 3 / 5 + 3 * 1 / 3) / 8)
    rows_left = TRUTH != 0
    sides = PREDICTION[rows_left] > 0, TRUTH[rows_left] > 0
    assert found["f1_non0"] == pytest.approx(f1_score(*sides, average="weighted"), abs=1e-12)
    truth, prediction = np.array([1.0, 1, 1, -1]), np.array([1.0, -1, -1, -1])
    one = scored(["f1_swapped"], truth=truth, prediction=prediction)["f1_has0"]
    # positives: 2 * 1 / (3 + 1) = 1 / 2, one predicted; negatives: 2 * 1 / (1 + 3), three
    assert one == (1 * 0.5 + 3 * 0.5) / 4
    truth, prediction = np.array([1.0, 1, 1, -1]), np.array([1.0, 1, -1, 1])
    one = scored(["f1_swapped"], truth=truth, prediction=prediction)["f1_has0"]
    assert one == f1_score(prediction > 0, truth > 0, average="weighted") == 3 * (2 / 3) / 4
    assert scored(["f1_swapped"], SIMS).keys() == {"f1_sims"}
    sims = scored(["f1_swapped"], SIMS)["f1_sims"]
    assert sims == pytest.approx(f1_score(PREDICTION > 0, TRUTH > 0, average="weighted"))


def test_zero_counts_as_negative():
    found = scored(["zero_is_negative"])
    assert found.keys() == {"acc2_has0", "f1_has0"}
    # right: the second 0, 1, -1, -2 whose prediction is 0, 3
    assert found["acc2_has0"] == 5 / 8 == accuracy_score(TRUTH > 0, PREDICTION > 0)
    expected = f1_score(TRUTH > 0, PREDICTION > 0, average="weighted")
    assert found["f1_has0"] == pytest.approx(expected, abs=1e-12)
    both = scored(["zero_is_negative", "f1_swapped"])
    expected = f1_score(PREDICTION > 0, TRUTH > 0, average="weighted")
    assert both["f1_has0"] == pytest.approx(expected, abs=1e-12) != found["f1_has0"]
    assert both["acc2_has0"] == found["acc2_has0"]
    assert scored(["zero_is_negative"], SIMS) == {}  # ours are counted so


def test_conventions_of_classes():
    """Only F1's sides can be swapped; of ALL it is the mean over the targets."""
    truth = np.array([[0], [0], [0], [1], [2]])
    outputs = np.eye(3)[[0, 1, 1, 1, 0]][None]
    found = rescored(CLASSES, "emotion", truth, outputs, CONVENTIONS)
    expected = f1_score([0, 1, 1, 1, 0], truth[:, 0], average="weighted", zero_division=0)
    assert {key: each.item() for key, each in found.items()} == {"f1": pytest.approx(expected)}
    assert rescored(CLASSES, "emotion", truth, outputs, set(CONVENTIONS) - {"f1_swapped"}) == {}
    truth, outputs = np.array([[1, 0], [1, 1], [0, 1]]), np.eye(4)[[[1, 2], [0, 2], [1, 3]]].sum(1)
    each = [
        rescored(EMOTIONS, target, truth, outputs[None], ["f1_swapped"])["f1"].item()
        for target in EMOTIONS["targets"]
    ]
    chosen = [[1, 0, 1], [0, 0, 1]]
    for j in (0, 1):
        expected = f1_score(chosen[j], truth[:, j], average="weighted", zero_division=0)
        assert each[j] == pytest.approx(expected)
    both = rescored(EMOTIONS, "all", truth, outputs[None], ["f1_swapped"])
    assert both["f1"].item() == pytest.approx(np.mean(each))


def test_parts_hold_together():
    """Each metric, as it is computed there, at its own best epoch."""
    truth = THREE.test_truth[:, 0]
    swapped = [f1_score(epoch[:, 0] >= 0, truth >= 0, average="weighted") for epoch in THREE.test]
    found = value("best_test_per_metric+f1_swapped", "f1_has0", THREE)
    assert found == pytest.approx(max(swapped))
    assert value("last_epoch+f1_swapped", "f1_has0", THREE) == pytest.approx(swapped[-1])
    assert value("last_epoch+f1_swapped", "mae", THREE) == 0.75
    assert value("last_epoch+nonzero_rows", "mae", THREE) == (0 + 1 + 1) / 3


def test_the_task_loss():
    rng = np.random.default_rng(0)
    truth, outputs = rng.normal(size=(5, 3)), rng.normal(size=(4, 5, 3))
    for loss, expected in (("l1", mean_absolute_error), ("mse", mean_squared_error)):
        each = [expected(truth, epoch) for epoch in outputs]
        np.testing.assert_allclose(task_loss(truth, outputs, loss), each, rtol=1e-12)
    halves = task_loss(truth, outputs, "mse") / 2
    np.testing.assert_allclose(task_loss(truth, outputs, "half_mse"), halves)
    classes, logits = rng.integers(2, size=(5, 3)), rng.normal(size=(4, 5, 6))
    each = [
        np.mean(
            [log_loss(classes[:, j], softmax(epoch[:, 2 * j : 2 * j + 2], 1)) for j in range(3)]
        )
        for epoch in logits
    ]
    np.testing.assert_allclose(task_loss(classes, logits, "cross_entropy"), each, rtol=1e-12)


@pytest.mark.parametrize(
    "name",
    ["best", "best_test_epoch", "last_epoch:mae", "last_epoch+valid_and_test", "ours+clipped", ""],
)
def test_what_is_no_protocol(name):
    with pytest.raises(InputError, match="expected parts joined by [+].* best_test_per_metric"):
        parse(name)


def test_what_a_protocol_does_in_words():
    assert words("ours") == words("unknown") == ""
    assert words("best_test_epoch:f1_has0").endswith("the best on the test fold by f1_has0")
    both = words("best_seed_and_epoch+f1_swapped").split("; ")
    assert [text.split()[0] for text in both] == ["each", "the", "the"]
    for metrics in (["mae", "corr"], ["acc", "f1"], ["acc", "wacc", "f1"]):
        assert all(words(name) for name in names(metrics)[1:])


def flattery(frame: pd.DataFrame, **where: str) -> dict[str, float]:
    part = frame[(frame[[*where]] == pd.Series(where)).all(axis=1)]
    return dict(zip(part["protocol"], part["flattery"], strict=True))


def test_flattery_is_above_zero_where_it_looks_better():
    frame = pd.DataFrame(rows("lmf", TASK, "sentiment", [THREE, OTHER]), columns=[*COLUMNS])
    mae = flattery(frame, metric="mae")
    assert mae["ours"] == 0 and mae["best_seed"] == 0.25
    assert mae["best_test_per_metric"] == 0.75 - (0.25 + 0.125) / 2
    acc = flattery(frame, metric="acc2_has0")
    assert acc["last_epoch"] == (0.75 + 1) / 2 - (1 + 1) / 2 < 0
    assert "clipped" not in acc and "nonzero_rows" not in acc and "clipped" in mae
    assert set(frame["version"]) == {PROTOCOLS_VERSION}


def test_no_row_where_a_protocol_does_not_apply():
    one = seed([1, -1, 0.5, 2])
    frame = pd.DataFrame(rows("mean", TASK, "sentiment", [one]), columns=[*COLUMNS])
    assert set(frame["protocol"]) == {"ours", *CONVENTIONS}
    sims = pd.DataFrame(rows("mean", SIMS, "sentiment", [one]), columns=[*COLUMNS])
    assert set(sims["protocol"]) == {"ours", "nonzero_rows", "f1_swapped"}


def test_what_is_undefined_has_no_value():
    constant = seed([1, 1, 1, 1], [2, 2, 2, 2])
    frame = pd.DataFrame(rows("mean", TASK, "sentiment", [constant, THREE]), columns=[*COLUMNS])
    corr = frame[frame["metric"] == "corr"]
    assert len(corr) == len(set(corr["protocol"])) > 8 and corr["mean"].isna().all()


@pytest.fixture
def stored(tmp_path: Path) -> tuple[Path, list[Any]]:
    runs = [run(number, selected_epoch=1) for number in (1, 2)]
    for made in runs:
        write(tmp_path / "demo/lmf/main/all" / made.seed, made)
    result = summarize(runs)
    (tmp_path / "lmf.json").write_text(json.dumps(result))
    return tmp_path, runs


def test_from_the_files_of_a_run(stored):
    folder, runs = stored
    flags = [str(folder / "lmf.json"), "--runs", str(folder)]
    assert main(["protocols", *flags, "--output", str(folder / "out.csv")]) == 0
    frame = pd.read_csv(folder / "out.csv")
    mae = frame[frame["metric"] == "mae"].set_index("protocol")["mean"]
    halves = [
        (
            mean_absolute_error(made.test.truth, made.test.prediction),
            mean_absolute_error(made.test.truth, made.test.prediction / 2),
        )
        for made in runs
    ]
    assert mae["ours"] == pytest.approx(np.mean(halves, axis=0)[0])
    assert mae["last_epoch"] == pytest.approx(np.mean(halves, axis=0)[1])
    assert mae["best_seed_and_epoch"] == pytest.approx(np.min(halves))
    oracle = summarize(runs)["oracle"]["targets"]["sentiment"]
    best = frame[frame["protocol"] == "best_test_per_metric"].set_index("metric")
    for metric, found in oracle.items():
        assert best.loc[metric, "mean"] == pytest.approx(found["mean"]), metric


def test_the_table_to_read(stored, capsys):
    folder, _ = stored
    assert main(["protocols", str(folder / "lmf.json"), "--runs", str(folder)]) == 0
    text = capsys.readouterr().out.splitlines()
    assert text[0] == "lmf, sentiment: ours, and by how much better each protocol looks (+)"
    lines = {line.split()[0]: line for line in text[2:] if line}
    assert [*lines][:2] == ["ours", "best_test_per_metric"]
    assert "+0." in lines["best_test_per_metric"] and "+" not in lines["ours"]
    assert len(lines["clipped"].split()) == 3


def test_the_selected_epoch_is_that_of_our_scores(stored):
    """Predictions of an epoch may differ in their last bits, or in a model's noise."""
    folder, runs = stored
    path = folder / "demo/lmf/main/all/1/epochs.npz"
    arrays = dict(np.load(path))
    arrays["test"][0] += 1
    arrays["test"][1] = np.nan  # diverged, and no candidate
    np.savez(path, **arrays)
    frame = table([summarize(runs)], folder).set_index(["metric", "protocol"])
    [first, second] = [mean_absolute_error(made.test.truth, made.test.prediction) for made in runs]
    assert frame.loc[("mae", "ours"), "mean"] == pytest.approx((first + second) / 2)
    half = mean_absolute_error(runs[1].test.truth, runs[1].test.prediction / 2)
    assert frame.loc[("mae", "last_epoch"), "mean"] == pytest.approx((first + half) / 2)


def test_epochs_of_older_runs(stored, capsys):
    folder, _ = stored
    path = folder / "demo/lmf/main/all/2/epochs.npz"
    np.savez(path, epoch=[1, 2], test=np.load(path)["test"])
    assert main(["protocols", str(folder / "lmf.json"), "--runs", str(folder)]) == 1
    assert "2/epochs.npz: expected" in capsys.readouterr().err


def test_the_selected_epoch_is_not_among_them(stored, capsys):
    folder, _ = stored
    path = folder / "demo/lmf/main/all/2/epochs.npz"
    np.savez(path, **{**np.load(path), "epoch": [2, 3]})
    assert main(["protocols", str(folder / "lmf.json"), "--runs", str(folder)]) == 1
    assert "2/epochs.npz: expected epoch 1, the selected one, got [2 3]" in capsys.readouterr().err


def test_without_epochs(stored):
    """A released checkpoint and a cross-validation have none: conventions and seeds are left."""
    folder, runs = stored
    for path in folder.glob("demo/lmf/main/all/*/epochs.npz"):
        path.unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frame = table([summarize(runs) | {"oracle": None}], folder)
    assert set(frame["protocol"]) == {"ours", "best_seed", *CONVENTIONS}


def test_the_runs_of_each_target(tmp_path):
    runs = [run(number, EMOTIONS, selected_epoch=1) for number in (1, 2)]
    for made in runs:
        write(tmp_path / "demo/lmf/main/all" / made.seed, made)
    frame = table([summarize(runs)], tmp_path)
    assert frame["target"].unique().tolist() == ["happy", "sad"]
    assert {"best_test_epoch:acc", "best_test_epoch:f1", "f1_swapped"} <= set(frame["protocol"])
    assert not {"clipped", "nonzero_rows", "zero_is_negative"} & set(frame["protocol"])
