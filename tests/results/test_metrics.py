"""Every metric against scikit-learn and scipy, on arrays with ties, zeros and constants."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    mean_absolute_error,
)

from msa.results.bootstrap import resamples
from msa.results.metrics import (
    classification,
    confusion,
    presence,
    regression,
    scored_targets,
    target_scores,
)

Scores = dict[str, Any]


def expected_regression(truth: np.ndarray, prediction: np.ndarray) -> Scores:
    """The scores in [-3, 3] as scikit-learn and scipy give them; NaN where they are undefined."""
    scores: Scores = {"mae": mean_absolute_error(truth, prediction), "corr": np.nan}
    if len(truth) > 1 and np.ptp(truth) and np.ptp(prediction):
        scores["corr"] = pearsonr(truth, prediction).statistic
    for key, limit in (("acc7", 3), ("acc5", 2)):
        true, guess = (np.round(np.clip(side, -limit, limit)) for side in (truth, prediction))
        scores[key] = accuracy_score(true, guess)
    non0 = truth != 0
    binary = {
        "non0": (truth[non0] > 0, prediction[non0] > 0),
        "has0": (truth >= 0, prediction >= 0),
    }
    for key, (true, guess) in binary.items():
        for name in (f"acc2_{key}", f"f1_{key}"):
            scores[name] = np.nan
        if len(true):
            scores[f"acc2_{key}"] = accuracy_score(true, guess)
            scores[f"f1_{key}"] = f1_score(true, guess, average="weighted", zero_division=0)
    return scores


def assert_same(found: Scores, expected: Scores) -> None:
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=0, atol=1e-9, err_msg=key)


def quietly(*args: Any, **keywords: Any) -> Scores:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return regression(*args, **keywords)


# halves and thirds: ties of the rounding, exact zeros, values outside [-3, 3]
SCORE = st.sampled_from([n / 2 for n in range(-8, 9)] + [n / 3 for n in range(-9, 10)])
ROWS = st.lists(st.tuples(SCORE, SCORE), min_size=1, max_size=12)


@settings(deadline=None, max_examples=150)
@given(rows=ROWS)
def test_regression_matches_sklearn_and_scipy(rows: list[tuple[float, float]]) -> None:
    truth, prediction = np.array(rows).T
    found = quietly(truth, prediction)
    assert_same(found, expected_regression(truth, prediction))


@pytest.mark.parametrize("n", [1, 2, 686])
def test_regression_of_real_numbers(n: int) -> None:
    rng = np.random.default_rng(n)
    truth, prediction = np.round(rng.normal(0, 1.5, n) * 3) / 3, rng.normal(0, 1.5, n)
    found = quietly(truth, prediction)
    assert_same(found, expected_regression(truth, prediction))


def test_rounding_is_half_to_even() -> None:
    scores = regression(np.array([0.0, 2.0, 2.0, -2.0]), np.array([0.5, 1.5, 2.5, -0.5]))
    assert scores["acc7"] == 0.75
    scores = regression(np.array([2.0, 4.0, 5.0]), np.array([2.5, 3.5, 5.5]), "rounded")
    assert scores["acc"] == 2 / 3


def test_zero_counts_as_positive_in_has0_alone() -> None:
    scores = regression(np.array([0.0, 1.0, -1.0]), np.array([0.0, 0.0, -2.0]))
    assert scores["acc2_has0"] == 1
    assert scores["acc2_non0"] == 0.5


def test_rounded_values_have_other_scores() -> None:
    truth, prediction = np.array([1.0, 4.0, 7.0]), np.array([8.0, 4.4, 6.6])
    scores = regression(truth, prediction, "rounded")
    assert list(scores) == ["mae", "corr", "acc"]
    assert scores["acc"] == 2 / 3


@pytest.mark.parametrize(
    ("task", "more"),
    [
        ({"range": [-3, 3]}, ["acc7", "acc5", "acc2_non0", "f1_non0", "acc2_has0", "f1_has0"]),
        ({"range": [-3.0, 3.0], "metrics": "rounded"}, ["acc"]),
        ({"range": [-1, 1]}, []),
        ({"range": [1, 7]}, []),
        ({"range": [-1, 1], "metrics": "sims"}, ["acc2_sims", "f1_sims", "acc3_sims", "acc5_sims"]),
        ({"range": [-1, 1], "metrics": "sentiment7"}, ["acc7", "acc5", "acc2_non0", "f1_non0"]),
    ],
)
def test_scores_follow_the_task_and_never_silently_its_range(
    task: dict[str, Any], more: list[str]
) -> None:
    task = {"type": "regression", "targets": ["sentiment"], **task}
    truth = np.array([[-0.4], [0.6], [1.0]])
    scores = target_scores(task, "sentiment", truth, truth[::-1])
    assert [*scores][: 2 + len(more)] == ["mae", "corr", *more]
    assert len(scores) == 2 + (6 if "acc7" in more else len(more))


def expected_sims(truth: np.ndarray, prediction: np.ndarray) -> Scores:
    """CH-SIMS's scores as pandas cuts intervals that are closed on the right."""
    truth, prediction = truth.clip(-1, 1), prediction.clip(-1, 1)
    scores: Scores = {"mae": mean_absolute_error(truth, prediction), "corr": np.nan}
    if len(truth) > 1 and np.ptp(truth) and np.ptp(prediction):
        scores["corr"] = pearsonr(truth, prediction).statistic
    borders = {"acc2": [0], "acc3": [-0.1, 0.1], "acc5": [-0.7, -0.1, 0.1, 0.7]}
    for key, inner in borders.items():
        edges = [-np.inf, *inner, np.inf]
        true, guess = (pd.cut(side, edges, labels=False) for side in (truth, prediction))
        scores[f"{key}_sims"] = accuracy_score(true, guess)
        if key == "acc2":
            f1 = f1_score(true, guess, average="weighted", zero_division=0)
            scores["f1_sims"] = f1
    return scores


# the borders, as float64 and as float32 store them, their neighbours, labels, and what is clipped
BORDERS = [-0.7, -0.1, 0.0, 0.1, 0.7, 1.0, -1.0]
NEAR = [np.nextafter(b, side) for b in BORDERS for side in (-9, 9)]
SINGLE = [float(np.float32(b)) for b in BORDERS]
STEPS = [float(np.float32(round(n / 5, 1))) for n in range(-5, 6)]
SIMS = st.sampled_from([*BORDERS, *NEAR, *SINGLE, *STEPS, 1.3, -2.0])


# scipy's of such rows is then not compared
@pytest.mark.filterwarnings("ignore::scipy.stats.NearConstantInputWarning")
@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(SIMS, SIMS), min_size=1, max_size=12))
@example([(-0.7, 0.1), (-0.1, 0.09999999999999999)])
def test_sims_matches_pandas_sklearn_and_scipy(rows: list[tuple[float, float]]) -> None:
    truth, prediction = np.array(rows).T
    found = quietly(truth, prediction, "sims")
    expected = expected_sims(truth, prediction)
    if np.ptp(truth.clip(-1, 1)) < 1e-6 or np.ptp(prediction.clip(-1, 1)) < 1e-6:
        del found["corr"], expected["corr"]  # constant but for the last bits
    assert_same(found, expected)


@pytest.mark.parametrize(
    ("value", "two", "three", "five"),
    [
        (-1.0, 0, 0, 0),
        (-0.7, 0, 0, 0),
        (np.nextafter(-0.7, 0), 0, 0, 1),
        (-0.1, 0, 0, 1),
        (np.nextafter(-0.1, 0), 0, 1, 2),
        (0.0, 0, 1, 2),
        (5e-324, 1, 1, 2),
        (0.1, 1, 1, 2),
        (np.nextafter(0.1, 1), 1, 2, 3),
        (0.7, 1, 2, 3),
        (np.nextafter(0.7, 1), 1, 2, 4),
        (1.0, 1, 2, 4),
        # in float64 as float32 stored them: -.7 and .7 lie within, -.1 and .1 without
        (float(np.float32(-0.7)), 0, 0, 1),
        (float(np.float32(-0.1)), 0, 0, 1),
        (float(np.float32(0.1)), 1, 2, 3),
        (float(np.float32(0.7)), 1, 2, 3),
    ],
)
def test_a_border_of_sims_belongs_to_the_class_below(
    value: float, two: int, three: int, five: int
) -> None:
    within = {  # a value of each class, and the class of ours
        "acc2_sims": ([-0.4, 0.4], two),
        "acc3_sims": ([-0.4, 0.05, 0.4], three),
        "acc5_sims": ([-0.9, -0.4, 0.05, 0.4, 0.9], five),
    }
    for kind in (np.float64, np.float32):
        if float(kind(value)) != value:
            continue  # float32 has no such number
        for key, (values, own) in within.items():
            for number, other in enumerate(values):
                sides = np.array([value], kind), np.array([other], kind)
                for truth, prediction in (sides, sides[::-1]):
                    assert quietly(truth, prediction, "sims")[key] == (number == own), (key, other)


def test_sims_clips_both_sides_first() -> None:
    truth, prediction = np.array([-1.0, 0.2, 1.0]), np.array([-3.0, 0.2, 1.5])
    scores = regression(truth, prediction, "sims")
    assert scores["mae"] == 0 and scores["corr"] == pytest.approx(1)
    assert regression(prediction, truth, "sims")["mae"] == 0
    with pytest.warns(UserWarning, match="^corr: undefined"):
        assert np.isnan(regression(truth, np.array([2.0, 3.0, 4.0]), "sims")["corr"])


def test_sims_of_leading_axes_and_weights_matches_single_calls() -> None:
    rng = np.random.default_rng(4)
    truth, prediction = rng.choice(STEPS, 40), rng.normal(0, 0.7, (2, 40))
    weights = resamples(np.arange(40), 9)
    scores = regression(truth, prediction, "sims", weights)
    for i, r in ((0, 0), (1, 8)):
        rows = np.repeat(np.arange(40), weights[r].astype(int))
        drawn = expected_sims(truth[rows], prediction[i, rows])
        assert_same({key: values[i, r] for key, values in scores.items()}, drawn)


def test_keys_without_request() -> None:
    scores = regression(np.array([1.0, 2.0]), np.array([1.0, 3.0]))
    assert list(scores) == [
        *("mae", "corr", "acc7", "acc5"),
        *("acc2_non0", "f1_non0", "acc2_has0", "f1_has0"),
    ]


@pytest.mark.parametrize("n", [1, 3, 10, 686])
@pytest.mark.parametrize("constant", [0.1, 1 / 3, 1e6 + 0.1])
def test_constant_prediction_has_no_correlation(constant: float, n: int) -> None:
    other = np.linspace(-2, 1.7, n)
    for sides in ((other, np.full(n, constant)), (np.full(n, constant), other)):
        with pytest.warns(UserWarning, match="^corr: undefined"):
            scores = regression(*sides)
        assert np.isnan(scores["corr"])
        assert np.isfinite(scores["mae"])


def test_all_zero_truth_is_undefined_where_zeros_do_not_count() -> None:
    with pytest.warns(UserWarning, match="^corr, acc2_non0, f1_non0: undefined"):
        scores = regression(np.zeros(3), np.array([1.0, -1.0, 0.0]))
    assert np.isnan(scores["acc2_non0"])
    assert np.isnan(scores["f1_non0"])
    assert scores["acc2_has0"] == 2 / 3


def test_a_small_spread_on_a_large_offset_has_a_correlation() -> None:
    truth = np.array([1.0, 2.0, 3.0, 5.0])
    for prediction in (1e6 + 10 * truth, 1.42 + 1e-5 * truth):
        assert regression(truth, prediction)["corr"] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("constant", [-1.42, 0.3, 2.9, 1e-3])
def test_the_last_bits_of_float32_are_no_correlation(constant: float) -> None:
    """A network that puts out one number does so up to rounding, by batch size and kernel."""
    rng = np.random.default_rng(0)
    other = rng.normal(size=200)
    bits = np.spacing(np.float32(constant)) * rng.integers(-3, 4, 200).astype(np.float32)
    rounded = (np.float32(constant) + bits).astype(float)
    assert len(np.unique(rounded)) > 5
    weights = resamples(np.arange(200), 50)
    for sides in ((other, rounded), (rounded, other)):
        with pytest.warns(UserWarning, match="^corr: undefined"):
            scores = regression(*sides)
        assert np.isnan(scores["corr"]) and np.isfinite(scores["mae"])
        assert np.isnan(regression(*sides, weights=weights)["corr"]).all()
        assert np.isnan(regression(sides[0], sides[1][None])["corr"]).all()


def test_a_resample_without_the_one_row_that_differs_has_no_correlation() -> None:
    """Its side is constant up to float32, though the whole one is not."""
    prediction = np.full(30, np.float32(-1.42)).astype(float)
    prediction[::2] += np.spacing(np.float32(1.42))
    prediction[0] = -1.4
    weights = resamples(np.arange(30), 100)
    scores = regression(np.sin(np.arange(30)), prediction, weights=weights)
    np.testing.assert_array_equal(np.isnan(scores["corr"]), weights[:, 0] == 0)


CLASSES = ["neutral", "happy", "sad", "angry"]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12))
def test_classification_matches_sklearn(rows: list[tuple[int, int]]) -> None:
    truth, predicted = np.array(rows).T
    labels = range(4)
    each = f1_score(truth, predicted, labels=labels, average=None, zero_division=np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = classification(truth.astype(float), predicted, 4, CLASSES)
    expected = {
        "acc": accuracy_score(truth, predicted),
        "f1": f1_score(truth, predicted, average="weighted", zero_division=0),
        **{f"f1_{name}": value for name, value in zip(CLASSES, each, strict=True)},
    }
    assert_same(found, expected)
    matrix = confusion_matrix(truth, predicted, labels=labels)
    assert confusion(truth.astype(float), predicted, 4).tolist() == matrix.tolist()


def test_class_in_neither_side_warns() -> None:
    with pytest.warns(UserWarning, match="^f1_c: undefined"):
        scores = classification(np.array([0, 1]), np.array([1, 1]), 3, ["a", "b", "c"])
    assert np.isnan(scores["f1_c"])
    assert scores["f1_a"] == 0


def test_raw_outputs_of_each_task() -> None:
    task: dict[str, Any] = {"type": "classification", "targets": ["e"], "classes": ["a", "b", "c"]}
    logits = np.array([[2.0, 2.0, 1.0], [0.0, 1.0, 3.0]])  # a tie goes to the first class
    assert target_scores(task, "e", np.array([[0.0], [2.0]]), logits, np.ones((1, 2)))["acc"] == 1

    task = {"type": "binary", "targets": ["happy", "sad"]}
    truth = np.array([[1.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    logits = np.array([[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 2.0, 1.0], [0.0, 1.0, 0.0, 1.0]])
    assert target_scores(task, "happy", truth, logits) == {"acc": 1, "f1": 1}
    sad = target_scores(task, "sad", truth, logits)
    assert sad["acc"] == 2 / 3
    assert sad["f1"] == pytest.approx(f1_score([0, 0, 1], [1, 0, 1], average="weighted"))

    task = {"type": "regression", "targets": ["vivid", "relaxed"], "range": [1, 7]}
    values = np.array([[1.0, 2.0], [3.0, 5.0]])
    shifted = values + np.array([0.0, 1.0])
    assert target_scores(task, "vivid", values, shifted)["mae"] == 0
    assert target_scores(task, "relaxed", values, shifted)["mae"] == 1


PRESENT: dict[str, Any] = {
    **{"type": "binary", "targets": ["happy", "sad"], "present": {"above": 0}},
}


def test_presence_by_exact_values() -> None:
    truth = np.array([[1.0, 0], [0, 0], [0, 0], [0, 1], [0, 1]])
    chosen = np.array([[1, 0], [0, 1], [1, 0], [0, 1], [0, 0]])
    logits = np.stack([1 - chosen, chosen], axis=-1).reshape(5, 4).astype(float)
    happy = target_scores(PRESENT, "happy", truth, logits)
    # one of one present, three of four absent
    assert list(happy) == ["acc", "wacc", "f1"]
    assert happy["acc"] == 0.8 and happy["wacc"] == (1 + 3 / 4) / 2
    assert happy["f1"] == pytest.approx((2 / 3 + 4 * 6 / 7) / 5)
    sad = target_scores(PRESENT, "sad", truth, logits)
    assert sad["acc"] == 0.6 and sad["wacc"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert sad["f1"] == pytest.approx((2 * 1 / 2 + 3 * 2 / 3) / 5)
    every = target_scores(PRESENT, "all", truth, logits)
    assert every == {key: pytest.approx((happy[key] + sad[key]) / 2) for key in happy}
    assert scored_targets(PRESENT) == ["all", "happy", "sad"]
    # one emotion alone, and other tasks, have no mean, and no weighted accuracy
    assert scored_targets({**PRESENT, "targets": ["sad"]}) == ["sad"]
    others = {"type": "binary", "targets": ["happy", "sad"]}
    assert scored_targets(others) == ["happy", "sad"]
    assert list(target_scores(others, "sad", truth, logits)) == ["acc", "f1"]


@settings(deadline=None)
@given(rows=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=9))
def test_weighted_accuracy_is_balanced_accuracy(rows: list[tuple[bool, bool]]) -> None:
    truth, guess = np.array(rows).T.astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = presence(truth, guess)["wacc"]
    if len(set(truth)) == 1:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(balanced_accuracy_score(truth, guess))


def test_a_class_that_does_not_occur_leaves_weighted_accuracy_undefined() -> None:
    truth = np.array([[0.0, 1], [0, 0]])
    logits = np.array([[2.0, 1, 0, 1], [2, 1, 1, 0]])
    with pytest.warns(UserWarning, match="wacc: undefined"):
        every = target_scores(PRESENT, "all", truth, logits)
    # a mean without it would hide that
    assert np.isnan(every["wacc"]) and every["acc"] == every["f1"] == 1
    # of resamples those that have both
    weights = np.array([[1.0, 1], [2, 0]])
    sad = target_scores(PRESENT, "sad", truth, logits[None], weights)["wacc"]
    np.testing.assert_array_equal(sad, [[1, np.nan]])


def test_leading_axes_and_weights_match_single_calls() -> None:
    rng = np.random.default_rng(3)
    truth = np.round(rng.normal(0, 1.5, 40))
    prediction = rng.normal(0, 1.5, (2, 3, 40))
    weights = resamples(np.arange(40), 25)
    scores = regression(truth, prediction, weights=weights)
    plain = regression(truth, prediction)
    for key, values in scores.items():
        assert values.shape == (2, 3, 25)
        assert plain[key].shape == (2, 3)
    for i, j, r in ((0, 0, 0), (1, 2, 24), (0, 1, 7)):
        rows = np.repeat(np.arange(40), weights[r].astype(int))
        drawn = expected_regression(truth[rows], prediction[i, j, rows])
        assert_same({key: values[i, j, r] for key, values in scores.items()}, drawn)
        alone = expected_regression(truth, prediction[i, j])
        assert_same({key: values[i, j] for key, values in plain.items()}, alone)


def test_undefined_resamples_are_nan_and_silent() -> None:
    truth = np.array([1.7, *np.zeros(28)])
    weights = resamples(np.arange(29), 200)
    constant = weights[:, 0] == 0  # all its rows are alike, but a sum leaves a rounding error
    assert constant.any()
    for prediction in (truth + np.arange(29), np.sin(np.arange(29))):
        scores = regression(truth, prediction, weights=weights)
        np.testing.assert_array_equal(np.isnan(scores["corr"]), constant)
        np.testing.assert_array_equal(np.isnan(scores["acc2_non0"]), constant)
        swapped = regression(prediction, truth, weights=weights)
        np.testing.assert_array_equal(np.isnan(swapped["corr"]), constant)
