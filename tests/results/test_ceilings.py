"""What people reach: beside the systems in table, page and figures, and never among them."""

import pandas as pd
import pytest
from scored import sentiment

from msa.report.carries import human_rows
from msa.report.figures import bars, sizes, styles
from msa.results.ceilings import ceilings, lines
from msa.results.leaderboard import main_figures, markdown, table
from msa.results.published import beside, read_figures


@pytest.fixture
def published():
    """The shipped figures of MOSI beside a result of ours."""
    return beside([sentiment("lmf", 0.6), sentiment("mean", 1.4)], read_figures("mosi"), [])


def test_the_shipped_figures(published):
    human = published[published["kind"] == "human"].set_index("metric")
    shares = {"mae": 0.71, "corr": 0.82, "acc2": 0.857, "f1": 0.875}
    assert human["published"].to_dict() == pytest.approx(shares)
    assert set(human["target"]) == {"sentiment"} and human["difference"].isna().all()
    assert human["ours"].isna().all()
    assert set(published["kind"]) == {"human", "system"}
    assert "human" not in set(main_figures(published)["model"])
    [ceiling] = ceilings(published, ["mae", "corr", "acc7"])
    assert ceiling.name == "human, second hand" and ceiling.scores == {"mae": 0.71, "corr": 0.82}
    assert ceiling.remark == "acc2 0.857, f1 0.875; several papers' tables"


def test_the_last_row_of_the_leaderboard(published):
    """Whatever the scores of ours: it is not ranked."""
    text = markdown(table([sentiment("lmf", 0.6), sentiment("mean", 1.4)]), "mosi", published)
    first = text.partition("\n\n")[2].partition("\n\n")[0]
    names = [line.split("|")[1].strip() for line in first.splitlines()[2:]]
    assert names == ["lmf", "mean", "human, second hand"]
    cells = [cell.strip() for cell in first.splitlines()[-1].split("|")[2:-1]]
    assert cells[:2] == ["0.710", "0.820"] and set(cells[2:]) == {""}
    assert "human, second hand: not ranked (acc2 0.857, f1 0.875; several papers' tables)" in text
    assert "human" not in text.partition("## Published")[2]


def test_rows_of_the_page(published):
    [row] = human_rows(published, ["MAE", "Corr", "Acc7"], ["sentiment"])
    assert row["cells"] == ["0.710", "0.820", ""]
    [row] = human_rows(published, ["Acc7"], ["sentiment", "other"])
    assert row["name"] == "sentiment: human, second hand" and row["cells"] == [""]
    assert human_rows(published.iloc[:3], ["MAE"], ["sentiment"]) == []


def test_lines_of_the_figures(published):
    human = lines(published, "sentiment", "mae")
    assert human == {"human, second hand": 0.71}
    assert lines(published, "other", "mae") == lines(published, "sentiment", "acc7") == {}
    palette, score = styles(["a"]), {"a": {"mean": 1.0, "ci95": None}}
    for drawn, plain in (
        (bars(score, "MAE", palette, human), bars(score, "MAE", palette)),
        (sizes({"a": (9, 1.0)}, "MAE", palette, human), sizes({"a": (9, 1.0)}, "MAE", palette)),
    ):
        assert "human, second hand 0.710" in drawn and "human" not in plain
        assert drawn.count("stroke-dasharray") > plain.count("stroke-dasharray")


def test_of_a_source_that_measured_it():
    """What is not second hand is not called so."""
    keys = ["model", "target", "metric", "published", "source", "second_hand"]
    frame = pd.DataFrame([["human", "x", "f1", 0.9, "a paper", float("nan")]], columns=keys)
    [ceiling] = ceilings(frame, ["f1"])
    assert (ceiling.name, ceiling.remark) == ("human", "a paper")
    assert [*ceilings(None, ["f1"])] == []
