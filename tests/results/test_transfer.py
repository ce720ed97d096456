import json

import numpy as np
import pytest

from msa.base.errors import InputError
from msa.report.transfers import transfers
from msa.results.transfer import table

TASK = {"type": "regression", "targets": ["sentiment"], "range": [-3, 3]}
TRUTH = np.array([[1.0], [-1], [2]])


def write_run(path, seed, errors, **changes):
    """A run whose predictions are the truth plus an error, by test set."""
    (path / "predictions").mkdir(parents=True)
    settings = {"model": "lmf", "target": "all", "seed": seed, "task": TASK}
    (path / "settings.json").write_text(json.dumps(settings))
    for name, error in errors.items():
        arrays = {"ids": np.array(list("abc")), "truth": TRUTH, "prediction": TRUTH + error}
        arrays |= {"seen": np.array([False, True, True])} | changes
        np.savez(path / f"predictions/transfer-{name}.npz", **arrays)
    return path


@pytest.fixture
def frame(tmp_path):
    runs = [
        write_run(tmp_path / "1", 1, {"sims": 0.1, "mosi": 0.5}),
        write_run(tmp_path / "2", 2, {"sims": 0.3, "mosi": 0.5}),
    ]
    return table(runs, ["sims", "mosi"])


def test_means_and_deviations_over_the_seeds_of_each_test_set(frame):
    assert list(frame) == "model test target metric rows seen mean std seeds".split()
    mae = frame[frame["metric"] == "mae"].set_index("test")
    assert mae["mean"].to_dict() == pytest.approx({"sims": 0.2, "mosi": 0.5})
    assert mae["std"].to_dict() == pytest.approx({"sims": np.sqrt(0.02), "mosi": 0})
    assert set(frame["rows"]) == {3} and set(frame["seen"]) == {2} and set(frame["seeds"]) == {2}
    assert set(frame["model"]) == {"lmf"} and set(frame["target"]) == {"sentiment"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"prediction": np.zeros((3, 2))}, r"transfer-mosi.npz: prediction: expected shape \(3, 1"),
        ({"truth": np.full((3, 1), np.nan)}, "truth: expected finite numbers, got 3 others"),
    ],
)
def test_what_does_not_fit(tmp_path, changes, expected):
    run = write_run(tmp_path / "1", 1, {"mosi": 0}, **changes)
    with pytest.raises(InputError, match=expected):
        table([run], ["mosi"])


def test_where_several_may_be_present_the_mean_over_them_comes_first(tmp_path):
    present = {"type": "binary", "targets": ["happy", "sad"], "present": {"above": 0}}
    truth = np.array([[1.0, 0], [0, 1], [0, 0]])
    logits = np.array([[0.0, 1, 1, 0], [1, 0, 1, 0], [1, 0, 1, 0]])  # sad is not found
    run = write_run(tmp_path / "1", 1, {"mosi": 0}, truth=truth, prediction=logits)
    settings = json.loads((run / "settings.json").read_text())
    (run / "settings.json").write_text(json.dumps(settings | {"task": present}))
    frame = table([run], ["mosi"])
    acc = frame[frame["metric"] == "acc"]
    assert acc["target"].tolist() == ["all", "happy", "sad"]
    assert acc["mean"].tolist() == pytest.approx([5 / 6, 1, 2 / 3])


class Shown:
    """A model on the page."""

    def __init__(self, name, variant="main"):
        self.result = {"model": name, "variant": variant}


def test_the_page_has_a_line_a_test_set_and_a_column_a_metric(frame, tmp_path):
    frame.to_csv(tmp_path / "lmf.transfer.csv", index=False)
    frame.to_csv(tmp_path / "gone.transfer.csv", index=False)
    shown = transfers(tmp_path, [Shown("lmf"), Shown("lmf", "best"), Shown("ridge")])
    assert [(line["name"], line["test"], line["seen"]) for line in shown["lines"]] == [
        ("lmf", "sims", 2),
        ("lmf", "mosi", 2),
    ]
    assert shown["columns"][:2] == ["MAE", "Corr"]
    assert shown["lines"][0]["cells"][0] == "0.200 ± 0.141"
    assert transfers(tmp_path, [Shown("ridge")]) is None
