"""Two models on the same rows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scored import EMOTIONS, of_one, run

from msa.base.errors import InputError
from msa.results.compare import compare, holm, two_sided


def model(name, seed, noise=None, variant="main"):
    """A run of another model; noise replaces its predictions."""
    made = run(seed, model=name, variant=variant)
    if noise is not None:
        truth = made.test.truth
        drawn = np.random.default_rng([seed, *name.encode()]).normal(size=truth.shape)
        made = replace(made, test=made.test._replace(prediction=truth + noise * drawn))
    return made


def test_a_cross_validation_is_not_compared_with_other_folds():
    folds = {"by": "video", "k": 5, "valid": 0.1, "seed": 0}
    for other in ({}, {"folds": folds | {"seed": 1}}, {"folds": folds | {"fold": 1}}):
        runs = [run(1, folds=folds), run(1, model="other", **other)]
        with pytest.raises(InputError, match="folds: expected .*compare models of one data set"):
            compare(runs, 10)


def test_a_better_model_is_better_and_a_twin_is_not():
    runs = [model("good", s, 0.3) for s in (1, 2)] + [model("bad", s, 2.0) for s in (1, 2)]
    runs += [replace(r, settings=r.settings | {"variant": "best"}) for r in runs[:2]]
    content = compare(runs, 500)
    pairs = {(p["first"], p["second"]): p for p in content["targets"]["sentiment"]["mae"]}
    assert set(pairs) == {("bad", "good"), ("bad", "good (best)"), ("good", "good (best)")}
    better, twin = pairs["bad", "good"], pairs["good", "good (best)"]
    maes = [
        np.mean([np.abs(r.test.prediction - r.test.truth).mean() for r in side])
        for side in (runs[2:4], runs[:2])
    ]
    assert better["difference"] == pytest.approx(maes[0] - maes[1])
    assert 0 < better["ci95"][0] < better["difference"] < better["ci95"][1]
    assert better["p"] == pytest.approx(2 / 501)
    assert twin["difference"] == 0 and twin["p"] == twin["p_holm"] == 1
    tests = sum(len(of) for of in content["targets"]["sentiment"].values())
    assert better["p_holm"] == pytest.approx(min(1, tests * 2 / 501), rel=0.5)


def test_the_interval_is_that_of_scipys_paired_bootstrap():
    runs = [model("a", 1, 0.9), model("b", 1, 1.1)]
    errors = [np.abs(r.test.prediction - r.test.truth)[:, 0] for r in runs]
    [pair] = compare(runs, 5000)["targets"]["sentiment"]["mae"]
    reference = stats.bootstrap(
        (errors[0] - errors[1],), np.mean, n_resamples=5000, method="percentile", rng=0
    )
    np.testing.assert_allclose(pair["ci95"], reference.confidence_interval, atol=0.02)
    far = (reference.bootstrap_distribution >= 0).mean()
    assert pair["p"] == pytest.approx(2 * min(far, 1 - far), abs=0.03)


def test_significance_is_within_reach_however_much_is_compared():
    runs = [model(name, 1, 0.1 if name == "a" else 3.0) for name in "abcdefghi"]
    content = compare(runs)
    tables = content["targets"]["sentiment"]
    assert content["resamples"] > 10_000
    assert max(p["p_holm"] for p in tables["mae"] if p["first"] == "a") < 0.05


def test_a_target_that_no_model_has_is_left_out():
    runs = [run(1, EMOTIONS, "happy", model=name) for name in "ab"]
    assert list(compare(runs, 100)["targets"]) == ["happy"]


def test_a_model_an_emotion_and_one_of_all():
    """A model of one run an emotion is scored as one with the same outputs in one run is."""
    joint = [run(seed, EMOTIONS, model="joint") for seed in (1, 2)]
    each = [of_one(seed, target, "each") for target in ("sad", "happy") for seed in (1, 2)]
    content = compare([*each, *joint], 100)
    assert list(content["targets"]) == ["happy", "sad"]
    for tables in content["targets"].values():
        for [pair] in tables.values():
            assert (pair["first"], pair["second"]) == ("each", "joint")
            assert pair["difference"] == 0 and pair["p"] == 1
    alone = compare(each, 100)["targets"]
    assert alone == {target: {"acc": [], "f1": []} for target in ("happy", "sad")}


def test_another_truth_of_one_emotion_is_refused():
    other = of_one(1, "sad", "each")
    other.test.truth[0] = 1 - other.test.truth[0]
    with pytest.raises(InputError, match="runs/sad/1.*the test rows are not those of runs/all/1"):
        compare([run(1, EMOTIONS, model="joint"), replace(other, path=Path("runs/sad/1"))])


def test_another_kind_of_task_is_refused():
    with pytest.raises(InputError, match="task: expected {'type': 'regression', 'range'"):
        compare([model("a", 1), run(1, EMOTIONS, model="b")])


def test_two_sided():
    assert two_sided(np.array([1.0, 2, 3])) == pytest.approx(0.5)
    assert two_sided(np.array([-1.0, 1])) == 1
    assert two_sided(np.zeros(9)) == 1


def test_holm_by_hand():
    assert holm([]) == []
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1, 1])


def test_what_is_undefined_is_none():
    constant = model("mean", 1)
    same = np.zeros_like(constant.test.prediction)
    constant = replace(constant, test=constant.test._replace(prediction=same))
    content = compare([constant, model("a", 1)], 200)
    [pair] = content["targets"]["sentiment"]["corr"]
    undefined = ("difference", "ci95", "p", "p_holm", "se_test", "se_seeds", "readable")
    assert [pair[key] for key in undefined] == [None] * 7


def test_other_rows_are_refused():
    other = model("b", 1)
    other = replace(other, test=other.test._replace(ids=other.test.ids[::-1]))
    with pytest.raises(InputError, match="the test rows are not those of"):
        compare([model("a", 1), other])
    with pytest.raises(InputError, match="dataset: expected demo"):
        compare([model("a", 1), run(1, dataset="mosi")])


def test_a_run_twice_is_refused():
    with pytest.raises(InputError, match="expected each model's runs once, got .* with seed 1 too"):
        compare([model("a", 1), model("b", 1), model("a", 1)])
