"""Published figures beside ours."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import yaml
from scored import emotions, result, run, sentiment, spread, write
from sklearn.metrics import accuracy_score, f1_score, mean_absolute_error

from msa.__main__ import main
from msa.config.check import configure
from msa.config.references import published_as
from msa.results.leaderboard import footnotes, markdown, table
from msa.results.protocols import UNKNOWN, parse
from msa.results.published import (
    COLUMNS,
    INPUTS,
    RESOURCES,
    SHARES,
    beside,
    read_figures,
    their_way,
)
from msa.results.selections import EPOCHS
from msa.results.summarize import summarize

CATALOGUE = configure({"datasets": [], "models": [], "seeds": [1]})
EMOTIONS = ["anger", "disgust", "fear", "happy", "sad", "surprise", "all"]
DIFFERS = [{"source": "CM-BERT paper.*", "model": "cm_bert", "differs": "text and audio alone"}]


def test_ours_the_papers_and_the_difference():
    figures = read_figures("mosi")
    ours = result("cm_bert", {"sentiment": {"mae": spread(0.7, 0.8), "acc7": spread(0.45)}})
    frame = beside([ours, sentiment("lmf", 0.9)], figures, DIFFERS)
    assert tuple(frame.columns) == COLUMNS
    mine = frame[frame["model"] == "cm_bert"].set_index("metric")
    assert mine.loc["mae", "published"] == 0.729
    assert mine.loc["mae", "difference"] == pytest.approx(0.75 - 0.729)
    assert mine.loc["acc7", "published"] == pytest.approx(0.449)  # percent in the paper
    assert mine.loc["acc7", "difference"] == pytest.approx(0.001)
    assert np.isnan(mine.loc["corr", "ours"]) and np.isnan(mine.loc["corr", "difference"])
    assert set(mine["differs"].iloc[3:]) == {"text and audio alone; ours: adapted settings"}
    others = frame[~frame["model"].isin(["cm_bert", "lmf"])]
    assert len(others) > 20 and others["ours"].isna().all()


def test_a_reconstruction_stands_apart():
    figures = pd.DataFrame(
        {"dataset": "mosi", "setting": "", "model": model, "metric": "mae", "value": 0.9}
        | {"variant": "", "source": "the paper", "second_hand": "", "note": "", "protocol": "ours"}
        for model in ("lmf", "rmfn")
    )
    rebuilt = sentiment("rmfn", 1.0, authority="reconstruction", ours="the fusion.")
    frame = beside([sentiment("lmf", 1.0), rebuilt], figures, DIFFERS)
    assert frame["authority"].tolist() == ["released", "reconstruction"]
    assert frame["difference"].isna().tolist() == [False, True]
    board = table([sentiment("lmf", 1.0), rebuilt])
    text = markdown(board, "mosi", frame, footnotes([rebuilt]))
    _, theirs, apart = re.split(r"## Published|Of these systems ours is a reconstruction", text)
    assert "| lmf" in theirs and "rmfn" not in theirs
    assert "| rmfn" in apart and "lmf" not in apart
    assert (
        "- rmfn is a reconstruction, which its authors' code has not confirmed: the fusion\n"
        in text
    )


def test_figures_of_sims_by_their_names_in_papers():
    scores = {"mae": 0.4, "acc2_sims": 0.8, "acc3_sims": 0.6, "acc5_sims": 0.4, "f1_sims": 0.7}
    ours = result("lmf", {"sentiment": {key: spread(value) for key, value in scores.items()}})
    published = {"mae": 0.44, "acc2": 77.8, "acc3": 64.7, "acc5": 40.5, "f1": 77.9}
    figures = pd.DataFrame(
        {"dataset": "sims", "setting": "unaligned", "model": "lmf", "metric": metric}
        | {
            "value": value,
            "variant": "",
            "source": "MMSA",
            "second_hand": "",
            "note": "",
            "protocol": "ours",
        }
        for metric, value in published.items()
    )
    frame = beside([ours], figures, DIFFERS).set_index("metric")
    expected = {"mae": -0.04, "acc2": 0.022, "acc3": -0.047, "acc5": -0.005, "f1": -0.079}
    assert frame["difference"].to_dict() == pytest.approx(expected)
    assert published_as(CATALOGUE, "sims") == ("sims", "unaligned")
    assert published_as(CATALOGUE, "sims_v2") == ("simsv2", "unaligned")


@pytest.mark.parametrize("setting", INPUTS)
def test_a_target_is_a_setting_of_every_input(setting):
    figures = read_figures("iemocap", setting)
    figures = figures[figures["source"].str.startswith("LMF paper")]
    frame = beside([emotions("lmf", 0.8, 0.7)], figures, []).set_index("target")
    assert frame.loc["sad", "difference"] == pytest.approx(0.7 - 0.859)
    others = beside([emotions("lmr_cbt", 0.8, 0.7)], figures, [])
    assert others["target"].tolist() == ["happy", "sad", "angry", "neutral"]
    assert others["ours"].isna().all()


EXPECTED = {
    # name and setting: the recipes, how many rows, LMF's MAE
    ("mosi", ""): (
        "mosi mosi_direct mosi_mag mosi_mag_deberta mosi_mult mosi_mmsa mosi_cmbert mosi_lmf",
        426,
        0.912,
    ),
    ("mosi", "unaligned"): ("mosi_unaligned mosi_mult_unaligned mosi_mmsa_unaligned", 53, 0.9504),
    ("mosei", ""): (
        "mosei mosei_direct mosei_mag mosei_mag_deberta mosei_mult mosei_mmsa mosei_msaf",
        245,
        None,
    ),
    ("mosei", "unaligned"): (
        "mosei_unaligned mosei_mult_unaligned mosei_mmsa_unaligned",
        55,
        0.5757,
    ),
    ("iemocap", ""): ("iemocap_mult iemocap_lmf", 76, None),
    ("iemocap", "unaligned"): ("iemocap_unaligned", 76, None),
    ("urfunny", ""): ("urfunny urfunny_albert", 4, None),
    ("mustard", ""): ("mustard mustard_albert", 3, None),
    ("mosei_emotion", ""): ("mosei_emotion", 42, None),
    ("sims", "unaligned"): ("sims", 66, None),
    ("simsv2", "unaligned"): ("sims_v2", 18, None),
}


def test_the_figures_of_every_recipe():
    config = configure({"datasets": [], "models": [], "seeds": [1]})
    found = {name: published_as(config, name) for name in config.recipes}
    for name, of in found.items():
        figures = read_figures(*of)
        recipes, count, mae = EXPECTED.get(of, (name, 0, None))
        assert name in recipes.split() and len(figures) == count, name
        lmf = figures[(figures["model"] == "lmf") & (figures["metric"] == "mae")]
        assert lmf["value"].tolist() == ([] if mae is None else [mae]), name
        assert ("lmr_cbt" in set(figures["model"])) == (of == ("mosei", "unaligned")), name
    assert all(found[name] == of for of in EXPECTED for name in EXPECTED[of][0].split())
    everything = pd.read_csv(RESOURCES / "published.csv", keep_default_na=False)
    shown = [read_figures(*of) for of in EXPECTED]
    assert len(pd.concat(shown).drop_duplicates()) == len(everything)


def test_a_recipe_of_ones_own_says_which_figures_it_has():
    own = {"a": {"extends": "mosi_unaligned"}, "b": {"extends": "mosi", "published": "mosi"}}
    own["c"] = {"extends": "mosi_unaligned", "published": "mosi"}
    config = configure({"datasets": [], "models": [], "seeds": [1], "recipes": own})
    assert published_as(config, "a")[0] == "a"
    assert published_as(config, "b") == ("mosi", "")
    assert published_as(config, "c") == ("mosi", "unaligned")


def test_the_accuracy_of_two_classes():
    frame = beside(
        [result("glomo", {"humor": {"acc": spread(0.75), "f1": spread(0.75)}})],
        read_figures("urfunny"),
        [],
    )
    assert frame["difference"].dropna().tolist() == pytest.approx([0.0005])


def test_a_best_of_a_search_is_not_compared():
    frame = beside([sentiment("lmf", 0.9, variant="best")], read_figures("mosi"), [])
    assert frame["ours"].isna().all()


def test_the_leaderboard_shows_them_apart():
    ours = [sentiment("cm_bert", 0.75)]
    figures = beside(ours, read_figures("mosi"), DIFFERS)
    board, papers = markdown(table(ours), "mosi", figures).split("## Published")
    assert "0.729" not in board and "0.729" in papers
    assert "CM-BERT paper, table 1" in papers and "text and audio alone" in papers
    assert "## Published" not in markdown(table(ours), "demo", figures.iloc[:0])


KEY = ["dataset", "setting", "model", "variant", "metric", "source"]
METRICS = {
    *("mae", "corr", "mae_non0", "corr_non0", "acc7", "acc5", "acc3", "acc2", "f1", "acc", "wacc"),
    *("acc2_non0", "f1_non0", "acc2_has0", "f1_has0", "f1_3", "auc", "parameters"),
}


def test_every_figure_has_a_source_and_stands_there_once():
    figures = pd.read_csv(RESOURCES / "published.csv", keep_default_na=False)
    assert (figures["source"] != "").all() and (figures["model"] != "").all()
    assert figures[figures.duplicated(KEY)].empty
    assert set(figures["metric"]) == METRICS
    shares = figures["metric"].str.startswith(SHARES)
    assert figures.loc[shares, "value"].between(1, 100).all()
    assert figures.loc[figures["metric"].str.startswith("corr"), "value"].between(-1, 1).all()


def test_what_is_quoted_is_marked():
    figures = pd.read_csv(RESOURCES / "published.csv", keep_default_na=False)
    quoted = figures["note"].str.contains("second hand|third hand|quoted|aggregator")
    second_hand = figures["second_hand"] == "yes"
    assert set(figures["second_hand"]) == {"", "yes"} and second_hand[quoted].all()
    by_readme = figures[figures["source"].isin(["LMR-CBT README", "CM-BERT README"])]
    own = by_readme["model"].isin(["lmr_cbt", "t_bert"])
    assert (by_readme["second_hand"] == own.map({True: "", False: "yes"})).all()
    assert not second_hand[figures["source"].str.startswith("MMSA result-stat")].any()


def test_variants_and_unknown_systems_have_nothing_of_ours():
    """A system's ablation is not its main form; what the source quotes says so."""
    figures = read_figures("mosi")
    ours = result("mib_complete", {"sentiment": {"acc7": spread(0.4), "mae": spread(0.9)}})
    frame = beside([ours], figures, [])
    mine = frame[frame["model"] == "mib_complete"]
    main = mine[mine["variant"] == ""].set_index("metric")
    assert main.loc["acc7", "ours"] == 0.4 and main.loc["mae_non0", "ours"] == 0.9
    assert len(mine) > 20 and mine.loc[mine["variant"] != "", "ours"].isna().all()
    ranked, papers = markdown(table([ours]), "mosi", frame).split("## Published")
    assert "beta" not in papers and "human" not in papers and "human, second hand" in ranked
    assert "| CM-BERT README (second hand)" in papers and "| MFN README  " in papers


def test_the_emotions_of_mosei_by_their_targets():
    targets = {t: {"acc": spread(0.8), "wacc": spread(0.6), "f1": spread(0.7)} for t in EMOTIONS}
    frame = beside([result("mib_late", targets)], read_figures("mosei_emotion"), [])
    mine = frame[(frame["model"] == "mib_late") & (frame["metric"] == "wacc")]
    assert mine["target"].tolist() == EMOTIONS and mine["ours"].eq(0.6).all()
    assert mine["published"].between(0.5, 0.9).all()


def differs(model, metric, dataset="mosi", setting="", ours=()):
    entries = yaml.safe_load((RESOURCES / "differs.yaml").read_text(encoding="utf-8"))
    frame = beside(ours, read_figures(dataset, setting), entries)
    rows = frame[(frame["model"] == model) & (frame["metric"] == metric)]
    return rows["differs"].tolist()


def test_what_was_done_otherwise():
    assert "F1 are swapped" in differs("cm_bert", "f1")[0]
    assert "count as negative" in differs("cm_bert", "acc2")[0]
    assert "F1 are swapped" not in differs("cm_bert", "mae")[0]
    assert "its own best test epoch" in differs("lmr_cbt", "f1_non0", "mosei", "unaligned")[0]
    assert differs("lmr_cbt", "parameters", "mosei", "unaligned") == [""]
    [of_lmf] = differs("lmf", "mae")
    [of_mmsa] = differs("lmf", "mae", setting="unaligned")
    assert "random search" in of_lmf and "random search" not in of_mmsa
    assert "MMSA's files" in of_mmsa


def test_what_is_ours_otherwise():
    ours = sentiment("cm_bert", 0.75, settings="adapted", missing_modalities=["vision"])
    assert differs("cm_bert", "mae", ours=[ours])[0].endswith(
        "; ours: adapted settings; ours: no vision"
    )


def test_every_protocol_has_a_definition():
    figures = pd.read_csv(RESOURCES / "published.csv", keep_default_na=False)
    known = figures.loc[figures["protocol"] != UNKNOWN, "protocol"].unique()
    assert {parse(name).epoch for name in known} == {"", *EPOCHS} - {"best_test_epoch"}
    by_model = figures[figures["variant"] == ""].groupby("model")["protocol"].agg(set)
    assert by_model["mmim"] == {"valid_and_test"} and by_model["hkt"] == {"best_seed"}
    assert by_model["clgsi"] == {"ours"} and by_model["human"] == {UNKNOWN}
    # MMSA's F1 had its sides swapped, nobody knows until when
    of_mmsa = figures[figures["source"].str.startswith("MMSA result-stat")]
    f1 = of_mmsa["metric"].str.startswith("f1")
    assert set(of_mmsa.loc[f1, "protocol"]) == {UNKNOWN}
    assert set(of_mmsa.loc[~f1, "protocol"]) == {"ours"}


def figure(metric, value, protocol, model="lmf"):
    return {
        **{"dataset": "demo", "setting": "", "model": model, "variant": "", "metric": metric},
        **{"value": value, "source": "the paper", "second_hand": "", "note": ""},
        "protocol": protocol,
    }


@pytest.fixture
def stored(tmp_path):
    """A result of two runs whose second epoch is another one, and the folder of all runs."""
    runs = [run(seed, selected_epoch=1) for seed in (1, 2)]
    for made in runs:
        write(tmp_path / "demo/lmf/main/all" / made.seed, made)
    return summarize(runs), tmp_path, runs


def test_ours_their_way_and_ours(stored):
    """From the same predictions; where nothing is known, or to be chosen, there is none."""
    result, folder, runs = stored
    told = [
        figure("mae", 0.5, "ours"),
        figure("mae", 0.5, "unknown"),
        figure("mae", 0.5, "last_epoch"),
        figure("mae_non0", 0.5, "nonzero_rows"),
        figure("f1_has0", 50, "last_epoch+f1_swapped"),
        figure("acc2", 50, "zero_is_negative"),
        figure("acc2", 50, "unknown"),
        figure("acc7", 50, "nonzero_rows"),
        figure("acc7", 50, "best_seed", "ridge"),
    ]
    figures = pd.DataFrame(told)
    known = [name for name in figures["protocol"].unique() if name not in ("ours", "unknown")]
    theirs = their_way(result, known, folder)
    frame = beside([result, sentiment("ridge", 0.9)], figures, [], theirs)
    way, own = frame["ours_their_way"].tolist(), frame["ours"].tolist()
    sides = [(made.test.truth[:, 0], made.test.prediction[:, 0]) for made in runs]
    mae = np.mean([mean_absolute_error(*side) for side in sides])
    halves = np.array([mean_absolute_error(true, guess / 2) for true, guess in sides])
    assert own[:4] == pytest.approx([mae] * 4)
    assert way[:3] == pytest.approx([mae, np.nan, halves.mean()], nan_ok=True)
    assert frame["ours_their_way_std"][2] == pytest.approx(halves.std(ddof=1))
    assert frame["difference_their_way"][2] == pytest.approx(halves.mean() - 0.5)
    assert frame["difference"][2] == pytest.approx(mae - 0.5)
    assert way[3] == pytest.approx(mae)  # no label of the test fold is 0
    swapped = [f1_score(guess >= 0, true >= 0, average="weighted") for true, guess in sides]
    plain = [f1_score(true >= 0, guess >= 0, average="weighted") for true, guess in sides]
    assert abs(np.mean(swapped) - np.mean(plain)) > 0.0001
    assert way[4] == pytest.approx(np.mean(swapped)) and own[4] == pytest.approx(np.mean(plain))
    assert frame["difference_their_way"][4] == pytest.approx(np.mean(swapped) - 0.5)
    accuracy = [accuracy_score(true > 0, guess > 0) for true, guess in sides]
    assert way[5] == pytest.approx(np.mean(accuracy))
    assert own[5] == pytest.approx(result["targets"]["sentiment"]["acc2_has0"]["mean"])
    assert np.isnan([way[6], own[6], way[8], own[8]]).all()
    assert way[7] == own[7]  # left as it is
    assert frame["differs"][4].startswith(
        "the last epoch, without a selection; the two sides of F1"
    )


def test_their_way_of_a_reconstruction_has_no_difference(stored):
    result, folder, _ = stored
    figures = pd.DataFrame([figure("mae", 0.5, "last_epoch")])
    theirs = their_way(result, ["last_epoch"], folder)
    rebuilt = result | {"authority": "reconstruction"}
    frame = beside([rebuilt], figures, [], theirs)
    assert frame["ours_their_way"].notna().all() and frame["difference_their_way"].isna().all()


def test_the_stage_reads_the_predictions(stored, tmp_path, monkeypatch):
    result, folder, runs = stored
    shutil.copytree(RESOURCES, tmp_path / "resources")
    pd.DataFrame([figure("mae", 0.5, "best_seed")]).to_csv(
        tmp_path / "resources/published.csv", index=False
    )
    monkeypatch.setattr("msa.results.published.RESOURCES", tmp_path / "resources")
    (folder / "lmf.json").write_text(json.dumps(result))
    flags = ["--runs", str(folder), "--dataset", "demo", "--output", str(folder / "out.csv")]
    assert main(["published", str(folder / "lmf.json"), *flags]) == 0
    [row] = pd.read_csv(folder / "out.csv").to_dict("records")
    each = [mean_absolute_error(made.test.truth, made.test.prediction) for made in runs]
    assert row["ours_their_way"] == pytest.approx(min(each))
    assert row["ours"] == pytest.approx(np.mean(each)) and np.isnan(row["ours_their_way_std"])


def test_every_difference_is_of_a_figure():
    figures = pd.read_csv(RESOURCES / "published.csv", keep_default_na=False).to_dict("records")
    for entry in yaml.safe_load((RESOURCES / "differs.yaml").read_text(encoding="utf-8")):
        patterns = {key: entry[key] for key in entry if key != "differs"}
        assert entry["differs"] and any(
            all(re.fullmatch(pattern, figure[key]) for key, pattern in patterns.items())
            for figure in figures
        ), entry
