"""The column gain: signs, which models have one, tables and page."""

from dataclasses import replace

import numpy as np
import pytest
from scored import EMOTIONS, run, sentiment

from msa.results.compare import compare
from msa.results.gain import Gain, gain_texts, gains
from msa.results.leaderboard import markdown, table


def model(name, noise, encoder="bert", **settings):
    """Two seeds of a model whose predictions are the truth and some noise."""
    runs = []
    for seed in (1, 2):
        made = run(seed, model=name, encoder=encoder, **settings)
        truth = made.test.truth
        drawn = np.random.default_rng([seed, *name.encode()]).normal(size=truth.shape)
        runs.append(replace(made, test=made.test._replace(prediction=truth + noise * drawn)))
    return runs


@pytest.fixture
def comparisons():
    """A worse and a better model than the baseline, whose names come before and after its."""
    runs = [*model("text_only", 1.0), *model("a_better", 0.2), *model("z_better", 0.2)]
    runs += [*model("worse", 3.0), *model("other", 0.1, "deberta"), *model("mean", 2.0, None)]
    return compare([*runs, *model("a_better", 0.3, variant="best")], 10_000)


def test_above_zero_is_better(comparisons):
    """Whatever the metric, and whichever stands first in the comparison."""
    for metric in ("mae", "corr"):
        found = gains(comparisons, "sentiment", metric)
        assert sorted(found) == ["a_better", "a_better (best)", "worse", "z_better"]
        for name, gain in found.items():
            assert gain.gain_low < gain.gain < gain.gain_high
            assert (gain.gain > 0) == (name != "worse"), (metric, name)
    pairs = comparisons["targets"]["sentiment"]["mae"]
    [pair] = [p for p in pairs if {p["first"], p["second"]} == {"text_only", "z_better"}]
    gain = gains(comparisons, "sentiment", "mae")["z_better"]
    assert gain == (pair["difference"], *pair["ci95"], pair["p_holm"], pair["readable"])
    [pair] = [p for p in pairs if {p["first"], p["second"]} == {"a_better", "text_only"}]
    low, high = pair["ci95"]
    gain = gains(comparisons, "sentiment", "mae")["a_better"]
    assert gain == (-pair["difference"], -high, -low, pair["p_holm"], pair["readable"])


def test_only_on_the_same_encoder(comparisons):
    assert comparisons["encoders"]["other"] == "deberta"
    assert comparisons["encoders"]["mean"] is None
    found = gains(comparisons, "sentiment", "mae")
    assert not {"other", "mean", "text_only"} & set(found)


def test_without_the_baseline_there_is_no_column():
    content = compare([*model("a", 1.0), *model("b", 1.0), *model("c", 1.0, None)], 100)
    assert gains(content, "sentiment", "mae") == {}
    results = [sentiment(name, 1.0) for name in "abc"]
    assert not set(Gain._fields) & set(table(results, content))
    assert "gain" not in markdown(table(results, content), "demo")
    assert not set(Gain._fields) & set(table(results))


def test_what_is_undefined_has_none():
    constant = [
        replace(r, test=r.test._replace(prediction=np.zeros_like(r.test.prediction)))
        for r in model("constant", 1.0)
    ]
    content = compare([*constant, *model("text_only", 1.0)], 100)
    assert gains(content, "sentiment", "corr") == {}
    assert [*gains(content, "sentiment", "mae")] == ["constant"]


def test_columns_and_page(comparisons):
    names = ["text_only", "a_better", "worse", "mean"]
    frame = table([sentiment(name, 1.0 + i) for i, name in enumerate(names)], comparisons)
    assert [*frame.columns][5:11] == [*Gain._fields, "parameters"]
    known = frame["gain"].notna().tolist()
    assert known == [False, True, True, False]
    text = markdown(frame, "demo")
    head, _, *lines = [line.split("|")[1:-1] for line in text.splitlines() if line[:1] == "|"]
    column = [cell.strip() for cell in head].index("gain")
    shown = [line[column].strip() for line in lines]
    assert shown[0] == shown[3] == ""
    assert shown[1].startswith("+0.") and "* [+0." in shown[1]
    assert shown[1].endswith(f"] readable {frame['gain_readable'][1]:.3f}")
    assert shown[2].startswith("-") and "* [-" in shown[2]
    assert "gain: by how much better mae is than that of text_only, which" in text
    assert not [cell for cell in head if "gain_" in cell]


def test_the_star_is_for_what_is_significant():
    columns = {"gain": [0.5, 0.5, np.nan], "gain_low": [0.25, -1, np.nan]}
    columns |= {"gain_high": [0.75, 2, np.nan], "gain_p": [0.04, 0.05, np.nan]}
    columns |= {"gain_readable": [0.125, np.nan, np.nan]}
    frame = table([sentiment("lmf", 1.0)]).iloc[[0, 0, 0]].assign(**columns)
    shown = ["+0.500* [+0.250, +0.750] readable 0.125", "+0.500 [-1.000, +2.000]", ""]
    assert gain_texts(frame) == shown


def test_of_each_target():
    """A target that has no comparison with the baseline has no gain."""
    runs = [run(seed, EMOTIONS, model=name, encoder="x") for seed in (1, 2) for name in "ab"]
    runs += [run(seed, EMOTIONS, model="text_only", encoder="x") for seed in (1, 2)]
    content = compare(runs, 100)
    for target in ("happy", "sad"):
        assert set(gains(content, target, "f1")) == {"a", "b"}
