import numpy as np
import pytest
from scored import run, valid

from msa.base.errors import InputError
from msa.results.pool import pool, record
from msa.results.score import Fold
from msa.results.summarize import protocol, summarize

GROUPS = {"a": "x", "b": "x", "c": "y", "d": "z"}


def fold(*ids, seed=0):
    rng = np.random.default_rng([seed, len(ids)])
    return Fold(np.array(ids), rng.normal(size=(len(ids), 1)), rng.normal(size=(len(ids), 1)))


def test_each_row_keeps_its_group_and_its_fold():
    tests = [fold("a[0]", "b[0]", "a[1]"), fold("c[0]"), fold("d[4]", "d[5]")]
    rows = pool(tests, GROUPS)
    assert rows["ids"].tolist() == ["a[0]", "b[0]", "a[1]", "c[0]", "d[4]", "d[5]"]
    assert rows["group"].tolist() == ["x", "x", "x", "y", "z", "z"]
    assert rows["fold"].tolist() == [1, 1, 1, 2, 3, 3]
    np.testing.assert_array_equal(rows["prediction"][:3], tests[0].prediction)


def test_a_group_that_two_deals_test_is_refused():
    with pytest.raises(InputError, match="x is in the test fold of 2 deals"):
        pool([fold("a[0]"), fold("b[0]", "c[0]")], GROUPS)


def test_groups_without_a_segment_are_said(capsys):
    pool([fold("a[0]"), fold("c[0]")], GROUPS)
    assert "for none of its segments was kept: z" in capsys.readouterr().out


def deals(*rows):
    names = ("train", "valid", "test")
    return [
        run(1).training
        | {"rows": dict(zip(names, counts, strict=True)), "wall_time_s": 2.0 * n, "parameters": 7}
        for n, counts in enumerate(rows, start=1)
    ]


def test_the_record_of_the_whole():
    whole = record(deals((5, 2, 3), (6, 1, 3), (4, 2, 4)), {"folds": {}})
    assert whole["rows"] == {"train": 5, "valid": 2, "test": 10}
    assert whole["wall_time_s"] == 12.0 and whole["selected_epoch"] is None
    assert whole["parameters"] == 7 and whole["provenance"]["code_digest"] == "e"
    assert whole["lengths"]["audio"]["cut_steps"]["test"] == pytest.approx(0.7)
    other = record(deals((5, 2, 3), (6, 1, 3), (4, 2, 4)), {"folds": {"seed": 1}})
    assert whole["provenance"]["config_digest"] != other["provenance"]["config_digest"]


@pytest.mark.parametrize("rows", [[(5, 2, 3), (6, 1, 4)], [(5, 2, 3), (5, 2, 3), (5, 2, 3)]])
def test_deals_of_other_segments_are_refused(rows):
    with pytest.raises(InputError, match="expected deals of the same segments, each tested once"):
        record(deals(*rows), {})


def test_scores_of_each_fold_and_intervals_over_groups():
    folds = {"by": "speaker", "k": 4, "valid": 0.1, "seed": 0}
    group = np.repeat(["x", "y", "z", "w"], 10)
    deal = {"group": group, "fold": np.repeat([1, 2, 3, 4], 10)}
    runs = [run(seed, folds=folds) for seed in (1, 2)]
    for one in runs:
        object.__setattr__(one, "deal", deal)
    result = valid(summarize(runs))
    assert result["bootstrap"] == {"unit": "speaker", "n": 4}
    errors = np.mean([np.abs(r.test.prediction - r.test.truth)[:, 0] for r in runs], axis=0)
    scores = result["folds"]["targets"]["sentiment"]["mae"]
    each = errors.reshape(4, 10).mean(axis=1)
    assert list(scores["per_fold"].values()) == pytest.approx(each)
    assert (scores["mean"], scores["std"]) == pytest.approx((each.mean(), each.std(ddof=1)))
    # the interval as one would compute it: whole speakers drawn
    drawn = np.random.default_rng(0).integers(4, size=(1000, 4))
    means = errors.reshape(4, 10).mean(axis=1)[drawn].mean(axis=1)
    expected = np.quantile(means, (0.025, 0.975))
    assert result["targets"]["sentiment"]["mae"]["ci95"] == pytest.approx(expected)
    assert protocol(result).startswith("a 4-fold cross-validation by speaker (seed 0, 0.1 of")
    assert protocol(result | {"folds": folds | {"fold": 2}}).startswith("fold 2 of a 4-fold")
    assert protocol({}) == ""


def test_a_deal_that_did_not_learn_marks_the_whole():
    every = deals((5, 2, 3), (6, 1, 3), (4, 2, 4))
    assert record(every, {})["learned"] is True
    assert record([every[0], every[1] | {"learned": False}, every[2]], {})["learned"] is False
    assert record([deal | {"learned": None} for deal in every], {})["learned"] is None
