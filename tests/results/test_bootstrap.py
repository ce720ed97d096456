"""Videos are resampled, not their segments: against what theory says of the spread."""

from dataclasses import replace

import numpy as np
import pytest
from scored import run, valid

from msa.results.bootstrap import caution, description, drawn, resamples, videos
from msa.results.compare import compare
from msa.results.metrics import regression
from msa.results.score import Fold, score
from msa.results.summarize import Run, summarize

VIDEOS, CLIPS = 400, 9
ALONE = np.arange(50)
NORMAL = 1.96  # deviations to each side of a 95 % interval


def clustered(model: str, deviation: np.ndarray, ids: list[str]) -> Run:
    """A run whose prediction is wrong by a deviation, one for each row (n,)."""
    n = len(ids)
    truth = np.random.default_rng(1).uniform(-3, 3, (n, 1))
    test = Fold(np.array(ids), truth, truth + deviation[:, None])
    made = run(1, model=model)
    scores = score(made.settings["task"], {"valid": test, "test": test})
    return replace(made, scores=scores, test=test)


def alike(model: str = "lmf", shift: float = 0.0) -> tuple[Run, Run, float]:
    """Runs of rows that are alike in each video, as videos and as segments of none; the mean
    absolute error's standard error by theory."""
    errors = np.random.default_rng(5).gamma(2, 0.5, VIDEOS)
    rows = np.repeat(errors, CLIPS) + shift
    named = [f"v{i}[{j}]" for i in range(VIDEOS) for j in range(CLIPS)]
    runs = [clustered(model, rows, ids) for ids in (named, [f"test/{i}" for i in range(len(rows))])]
    return runs[0], runs[1], errors.std(ddof=1) / VIDEOS**0.5


def width(interval: list[float]) -> float:
    return interval[1] - interval[0]


def test_an_interval_is_as_wide_as_the_videos_make_it() -> None:
    """Nine segments alike are one: three times the width of as many independent ones."""
    by_video, by_segment, error = alike()
    widths = []
    for one, unit in ((by_video, "video"), (by_segment, "segment")):
        result = valid(summarize([one]))
        assert result["bootstrap"]["unit"] == unit
        widths.append(width(result["targets"]["sentiment"]["mae"]["ci95"]))
    assert widths[0] == pytest.approx(2 * NORMAL * error, rel=0.1)
    assert widths[0] / widths[1] == pytest.approx(CLIPS**0.5, rel=0.1)


def test_videos_of_unequal_size() -> None:
    """Against the linearised deviation of a ratio of two sums over videos (Cochran, 1977, 2.11)."""
    rng = np.random.default_rng(2)
    sizes = rng.integers(1, 30, VIDEOS)
    errors = np.repeat(rng.gamma(2, 0.5, VIDEOS), sizes) + rng.uniform(0, 1, sizes.sum())
    video = np.repeat(np.arange(VIDEOS), sizes)
    weights = resamples(video, 4000)
    assert len(set(weights.sum(axis=1))) > 100
    drawn_maes = regression(np.zeros(len(errors)), errors, weights=weights)["mae"]
    beyond = np.bincount(video, errors - errors.mean())
    expected = np.sqrt((beyond**2).sum() * VIDEOS / (VIDEOS - 1)) / len(errors)
    assert drawn_maes.std() == pytest.approx(expected, rel=0.05)
    assert drawn_maes.mean() == pytest.approx(errors.mean(), abs=0.1 * expected)


def test_two_models_are_compared_on_the_same_videos() -> None:
    """One is worse by as much on every row: the difference is the same in every resample."""
    (first, alone, error), (second, other, _) = alike("a"), alike("b", 0.5)
    [pair] = compare([first, second], 500)["targets"]["sentiment"]["mae"]
    assert pair["difference"] == pytest.approx(-0.5)
    np.testing.assert_allclose(pair["ci95"], -0.5)
    # a third model is right everywhere: its difference varies as the videos do
    for one, others, factor in ((first, second, 1.0), (alone, other, CLIPS**0.5)):
        right = replace(others, test=others.test._replace(prediction=others.test.truth))
        content = compare([one, right], 2000)
        [pair] = content["targets"]["sentiment"]["mae"]
        assert width(pair["ci95"]) == pytest.approx(2 * NORMAL * error / factor, rel=0.1)
        assert content["bootstrap"] == description(one.test.ids)


def test_one_video_alone_has_no_interval() -> None:
    ids = [f"v[{i}]" for i in range(8)]
    runs = [clustered(model, np.linspace(0, i, 8), ids) for i, model in ((1, "a"), (2, "b"))]
    result = valid(summarize(runs[:1]))
    assert result["bootstrap"] == {"unit": "video", "n": 1}
    assert all(score["ci95"] is None for score in result["targets"]["sentiment"].values())
    assert result["targets"]["sentiment"]["mae"]["mean"] == pytest.approx(0.5)
    for [pair] in compare(runs, 500)["targets"]["sentiment"].values():
        assert [pair[key] for key in ("ci95", "p", "p_holm")] == [None] * 3


def test_a_video_is_drawn_whole_wherever_its_segments_stand() -> None:
    ids = ["b[0]", "a[1]", "b[7]", "lone", "a[0]", "b[1]"]
    video = videos(ids)
    assert video.tolist() == [0, 1, 0, 2, 1, 0]
    weights = resamples(video, 500)
    assert (weights == weights[:, [0, 1, 0, 3, 1, 0]]).all()
    np.testing.assert_array_equal(weights[:, [0, 1, 3]].sum(axis=1), 3)
    assert (weights[:, 0] != weights[:, 1]).any()


def test_what_is_drawn_in_words() -> None:
    assert description(["a[0]", "a[1]", "b[0]"]) == {"unit": "video", "n": 2}
    assert description(["a[0]", "b[0]", "c[0]"]) == {"unit": "segment", "n": 3}
    assert drawn({"unit": "video", "n": 2}) == "the 2 test videos, each with all its segments"
    assert drawn({"unit": "segment", "n": 3}) == "the 3 test segments"
    few = "So few videos make intervals too narrow and p-values too small. "
    said = {n: caution({"unit": "video", "n": n}) for n in (1, 2, 30, 31)}
    assert said == {1: "", 2: few, 30: few, 31: ""}


def test_segments_of_no_video_are_drawn_one_by_one_the_same_every_time() -> None:
    weights = resamples(ALONE, 2000)
    assert weights.shape == (2000, 50)
    assert (weights.sum(axis=1) == 50).all()
    np.testing.assert_array_equal(weights, resamples(ALONE, 2000))
    assert (weights != resamples(ALONE, 2000, seed=1)).any()
    # binomial(50, 1 / 50): mean 1, variance 0.98
    assert weights.mean(axis=0) == pytest.approx(np.ones(50), abs=0.15)
    assert weights.var() == pytest.approx(0.98, abs=0.02)
