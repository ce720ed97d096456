"""Which figures a regression has: those of the scores that its task names."""

import numpy as np
import pytest

from msa.report import figures
from msa.report.illustrate import _regression_figures


@pytest.mark.parametrize(
    ("task", "title", "expected"),
    [
        ({"range": [-3, 3]}, "Confusion of the seven classes", {(1, 1): 2, (5, 4): 1}),
        (
            {"range": [-1, 1], "metrics": "sims"},
            "Confusion of the five classes",
            {(0, 0): 2, (4, 3): 1},
        ),
        ({"range": [-1, 1]}, None, {}),
        ({"range": [-3, 3], "metrics": "rounded"}, None, {}),
    ],
)
def test_a_regression_is_cut_into_the_classes_of_its_scores(monkeypatch, task, title, expected):
    drawn = []
    monkeypatch.setattr(figures, "matrices", lambda *given: drawn.append(given) or "")
    values = {
        "seven": ([-1.9, -2.1, 1.8], [-2.4, -1.6, 1.2]),
        "sims": ([-1, -0.7, 0.8], [-2, -0.9, 0.7]),
    }
    truth, output = values["sims" if task.get("metrics") == "sims" else "seven"]
    read = {"lmf": (np.array(truth, dtype=float), np.array(output, dtype=float)[:, None])}
    titles = [figure.title for figure in _regression_figures(read, task, "The 3 test segments")]
    assert titles[0] == "Predicted and true"
    assert titles[1:] == ([title, "Calibration of the sign"] if title else [])
    for counts, names in drawn:
        cells = counts["lmf"]
        assert len(names) == len(cells) == {"seven": 7, "five": 5}[title.split()[3]]
        assert {(i, j): cells[i, j] for i, j in zip(*np.nonzero(cells), strict=True)} == expected
