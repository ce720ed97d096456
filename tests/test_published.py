"""Published figures beside ours."""

import re

import numpy as np
import pandas as pd
import pytest
import yaml
from test_leaderboard import emotions, result, sentiment, spread

from msa.leaderboard import markdown, table
from msa.published import COLUMNS, RESOURCES, beside, read_figures

PROTOCOLS = [{"source": "CM-BERT paper.*", "model": "cm_bert", "differs": "F1 swapped"}]


def test_ours_the_papers_and_the_difference():
    figures = read_figures("mosi", unaligned=False)
    ours = result("cm_bert", {"sentiment": {"mae": spread(0.7, 0.8), "acc7": spread(0.45)}})
    frame = beside([ours, sentiment("lmf", 0.9)], figures, PROTOCOLS)
    assert tuple(frame.columns) == COLUMNS
    mine = frame[frame["model"] == "cm_bert"].set_index("metric")
    assert mine.loc["mae", "published"] == 0.729
    assert mine.loc["mae", "difference"] == pytest.approx(0.75 - 0.729)
    assert mine.loc["acc7", "published"] == pytest.approx(0.449)  # percent in the paper
    assert mine.loc["acc7", "difference"] == pytest.approx(0.001)
    assert np.isnan(mine.loc["corr", "ours"]) and np.isnan(mine.loc["corr", "difference"])
    assert set(mine["protocol"]) == {"F1 swapped; ours: adapted settings"}
    others = frame[~frame["model"].isin(["cm_bert", "lmf"])]
    assert len(others) > 20 and others["ours"].isna().all()


def test_a_target_is_a_setting_and_unaligned_is_apart():
    figures = read_figures("iemocap", unaligned=False)
    frame = beside([emotions("lmf", 0.8, 0.7)], figures, []).set_index("target")
    assert frame.loc["sad", "difference"] == pytest.approx(0.7 - 0.859)
    assert set(read_figures("mosei", unaligned=True)["model"]) >= {"lmr_cbt", "lmf"}
    assert "lmr_cbt" not in set(read_figures("mosei", unaligned=False)["model"])
    assert read_figures("demo", unaligned=False).empty


def test_the_accuracy_of_two_classes():
    frame = beside(
        [result("glomo", {"humor": {"acc": spread(0.75), "f1": spread(0.75)}})],
        read_figures("urfunny", unaligned=False),
        [],
    )
    assert frame["difference"].tolist() == pytest.approx([0.0005])


def test_a_best_of_a_search_is_not_compared():
    frame = beside([sentiment("lmf", 0.9, variant="best")], read_figures("mosi", False), [])
    assert frame["ours"].isna().all()


def test_the_leaderboard_shows_them_apart():
    ours = [sentiment("cm_bert", 0.75)]
    figures = beside(ours, read_figures("mosi", False), PROTOCOLS)
    board, papers = markdown(table(ours), "mosi", figures).split("## Published")
    assert "0.729" not in board and "0.729" in papers
    assert "CM-BERT paper, table 1" in papers and "F1 swapped" in papers
    assert "## Published" not in markdown(table(ours), "demo", figures.iloc[:0])


def test_every_figure_has_a_source():
    figures = pd.read_csv(RESOURCES / "published.csv", keep_default_na=False)
    assert (figures["source"] != "").all()
    shares = figures["metric"].str.startswith(("acc", "f1"))
    assert figures.loc[shares, "value"].between(1, 100).all()


def protocols(model, metric, dataset="mosi", unaligned=False, ours=()):
    entries = yaml.safe_load((RESOURCES / "protocols.yaml").read_text(encoding="utf-8"))
    frame = beside(ours, read_figures(dataset, unaligned), entries)
    rows = frame[(frame["model"] == model) & (frame["metric"] == metric)]
    return rows["protocol"].tolist()


def test_what_was_done_otherwise():
    assert "F1 are swapped" in protocols("cm_bert", "f1_non0")[0]
    assert "F1 are swapped" not in protocols("cm_bert", "mae")[0]
    assert "the best test epoch" in protocols("lmr_cbt", "f1_non0", "mosei", True)[0]
    assert protocols("lmr_cbt", "parameters", "mosei", True) == [""]
    [of_lmf] = protocols("lmf", "mae")
    [of_mmsa] = protocols("lmf", "mae", unaligned=True)
    assert "random search" in of_lmf and "random search" not in of_mmsa
    assert "MMSA's files" in of_mmsa


def test_what_is_ours_otherwise():
    ours = sentiment("cm_bert", 0.75, settings="adapted", missing_modalities=["vision"])
    assert protocols("cm_bert", "mae", ours=[ours])[0].endswith(
        "; ours: adapted settings; ours: no vision"
    )


def test_every_protocol_is_of_a_figure():
    figures = pd.read_csv(RESOURCES / "published.csv", keep_default_na=False).to_dict("records")
    for entry in yaml.safe_load((RESOURCES / "protocols.yaml").read_text(encoding="utf-8")):
        patterns = {key: pattern for key, pattern in entry.items() if key != "differs"}
        assert entry["differs"] and any(
            all(re.fullmatch(pattern, figure[key]) for key, pattern in patterns.items())
            for figure in figures
        ), entry
