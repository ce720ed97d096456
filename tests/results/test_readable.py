"""What can be read at all: by hand, by scipy, and in words."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scored import EMOTIONS, run, sentiment

from msa.results.compare import compare
from msa.results.readable import FACTOR, readable, sentence


def test_by_hand():
    """Deviations of 2 over resamples, and of the means over two and four seeds."""
    found = readable(np.array([-2.0, 0, 2]), np.array([1.0, 3]), np.array([0.0, 0, 2, 2]))
    assert found["se_test"] == pytest.approx(2)
    seeds = (2 / 2 + (4 / 3) / 4) ** 0.5
    assert found["se_seeds"] == pytest.approx(seeds)
    assert found["readable"] == pytest.approx(2.8015852 * (4 + seeds**2) ** 0.5)


def test_it_is_found_four_times_in_five():
    """The power of a two-sided test of 5 % for a true difference of that size."""
    least = readable(np.random.default_rng(0).normal(size=99), np.ones(2), np.ones(2))
    z = least["readable"] / least["se_test"]
    border = stats.norm.ppf(0.975)
    assert stats.norm.sf(border - z) + stats.norm.cdf(-border - z) == pytest.approx(0.8, abs=1e-5)


def test_one_seed_says_nothing_of_others():
    found = readable(np.array([-1.0, 1]), np.array([1.0]), np.array([1.0, 2]))
    assert found["se_seeds"] is None
    assert found["readable"] == pytest.approx(FACTOR * 2**0.5)
    none = {"se_test": None, "se_seeds": None, "readable": None}
    assert readable(np.empty(0), np.ones(2), np.ones(2)) == none


def noisy(name, noise, seeds=(1, 2, 3), **changes):
    """Runs of a model that errs by itself, and by another constant each seed."""
    runs = []
    for seed in seeds:
        made = run(seed, model=name, **changes)
        drawn = np.random.default_rng([*name.encode()]).normal(size=made.test.truth.shape)
        predicted = made.test.truth + drawn + noise * seed
        runs.append(replace(made, test=made.test._replace(prediction=predicted)))
    return runs


def test_the_standard_errors_are_scipys_and_the_seeds():
    runs = {name: noisy(name, noise) for name, noise in (("a", 0.1), ("b", 0.4))}
    [pair] = compare([*runs["a"], *runs["b"]], 5000)["targets"]["sentiment"]["mae"]
    errors = {
        name: np.stack([np.abs(r.test.prediction - r.test.truth)[:, 0] for r in of])
        for name, of in runs.items()
    }  # (s, n)
    difference = errors["a"].mean(axis=0) - errors["b"].mean(axis=0)
    drawn = stats.bootstrap((difference,), np.mean, n_resamples=5000, rng=0)
    assert pair["se_test"] == pytest.approx(drawn.standard_error, rel=0.05)
    scores = [of.mean(axis=1) for of in errors.values()]
    assert pair["se_seeds"] == pytest.approx(np.hypot(*map(stats.sem, scores)))
    assert pair["readable"] == pytest.approx(FACTOR * np.hypot(pair["se_test"], pair["se_seeds"]))


def test_it_is_the_spread_over_new_test_folds_and_new_seeds():
    """Of means over 4 seeds and 30 segments that are drawn anew: what no bootstrap has seen."""
    rng = np.random.default_rng(0)

    def scores(seeds, rows=30):
        return rng.normal(size=rows) + rng.normal(size=(seeds, 1)) + rng.normal(size=(seeds, rows))

    truly = np.std([scores(4).mean() for _ in range(3000)])
    squares = []
    for _ in range(300):
        drawn = scores(4)
        weights = rng.multinomial(30, np.ones(30) / 30, size=200)
        resampled = (drawn @ weights.T / 30).mean(axis=0)
        found = readable(resampled, drawn.mean(axis=1), np.zeros(4))
        squares.append((found["readable"] / FACTOR) ** 2)
        assert found["readable"] > FACTOR * found["se_test"]
    assert np.mean(squares) ** 0.5 == pytest.approx(truly, rel=0.1)


@pytest.fixture
def results():
    """Three systems and a baseline."""
    return [
        *(sentiment(name, 1.0, authority="released") for name in ("a", "b", "c")),
        sentiment("mean", 1.0, authority=None),
    ]


def pairs(**least):
    return [
        {"first": key[0], "second": "mean" if key[1:] == "m" else key[1], "se_seeds": 1.0}
        | {"readable": value}
        for key, value in least.items()
    ]


def test_the_sentence_is_of_systems(results):
    content = {"targets": {"sentiment": {"mae": pairs(ab=0.1, ac=0.02, bc=0.03, am=9.0)}}}
    text = sentence(results, content, "mae", "MAE")
    assert text.startswith("Differences under 0.030 in MAE cannot be told apart here: ")
    assert text.endswith("the median over 3 pairs of systems.")
    content["targets"]["sentiment"]["mae"][0] |= {"se_seeds": None}
    content["targets"]["sentiment"]["mae"][1] |= {"readable": None}
    text = sentence(results, content, "mae", "MAE")
    assert "under 0.065 in" in text and "over 2 pairs of systems. Of one seed the spread" in text


def test_without_systems_it_is_of_all_models(results):
    content = {"targets": {"sentiment": {"mae": pairs(am=0.5)}}}
    text = sentence([results[0], results[3]], content, "mae", "MAE")
    assert "under 0.500 in" in text and "of one pair of models." in text
    assert sentence(results, content, "mae", "MAE") == ""


def test_of_each_target():
    runs = [run(seed, EMOTIONS, model=name) for seed in (1, 2) for name in "ab"]
    content = compare(runs, 100)
    results = [sentiment(name, 1.0) for name in "ab"]
    found = {t: content["targets"][t]["f1"][0]["readable"] for t in ("happy", "sad")}
    text = sentence(results, content, "f1", "F1")
    assert f"under {found['happy']:.3f} (happy), {found['sad']:.3f} (sad) in F1 cannot" in text
