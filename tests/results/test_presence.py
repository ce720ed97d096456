"""Emotions that may be present together: their mean in results, comparisons and tables."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scored import EMOTIONS, of_one, rows, run, valid

from msa.report.illustrate import draw
from msa.report.trained import Model
from msa.results.compare import compare
from msa.results.leaderboard import markdown, table
from msa.results.metrics import target_scores
from msa.results.paper_table import caption, cells
from msa.results.score import score
from msa.results.summarize import Run, summarize

PRESENT: dict[str, Any] = EMOTIONS | {"present": {"above": 0}}
SEEDS = (1, 2)


def runs(model: str, sure: float = 0.0) -> list[Run]:
    """Two seeds of a model, the surer the more often right."""
    made = []
    for seed in SEEDS:
        one = run(seed, PRESENT, model=model)
        right = np.stack([1 - one.test.truth, one.test.truth], axis=2).reshape(-1, 4)
        test = one.test._replace(prediction=one.test.prediction + sure * right)
        scores = score(PRESENT, {"valid": rows(PRESENT, 20, seed), "test": test})
        made.append(replace(one, test=test, scores=scores))
    return made


@pytest.fixture(scope="module")
def results() -> list[dict[str, Any]]:
    return [valid(summarize(runs(model, sure))) for model, sure in (("lmf", 0), ("lmr_cbt", 3))]


def test_the_mean_stands_before_the_emotions(results: list[dict[str, Any]]) -> None:
    targets = results[0]["targets"]
    assert list(targets) == ["all", "happy", "sad"]
    assert list(targets["all"]) == ["acc", "wacc", "f1"]
    for metric in ("acc", "wacc", "f1"):
        each = [targets[name][metric]["mean"] for name in EMOTIONS["targets"]]
        assert targets["all"][metric]["mean"] == pytest.approx(np.mean(each))
        low, high = targets["all"][metric]["ci95"]
        assert low < targets["all"][metric]["mean"] < high
    made = runs("lmf")[1]
    for name in targets:
        found = target_scores(PRESENT, name, made.test.truth, made.test.prediction)
        assert targets[name]["wacc"]["per_seed"]["2"] == found["wacc"]
    assert list(results[0]["valid"]) == list(targets)


def test_its_oracle_is_of_one_epoch() -> None:
    made = run(1, PRESENT)
    epochs = np.stack([-made.test.prediction, made.test.prediction])
    oracle = score(PRESENT, {"valid": made.test, "test": made.test}, (np.array([4, 5]), epochs))
    both = [target_scores(PRESENT, "all", made.test.truth, outputs) for outputs in epochs]
    best = max((0, 1), key=lambda i: both[i]["wacc"])
    assert oracle["oracle"]["all"]["wacc"] == {"value": both[best]["wacc"], "epoch": 4 + best}


def test_models_are_compared_by_it_too() -> None:
    found = compare([*runs("lmf"), *runs("lmr_cbt", 3)], 200)["targets"]
    assert list(found) == ["all", "happy", "sad"]
    for metric in ("acc", "wacc", "f1"):
        every, happy, sad = (found[name][metric][0]["difference"] for name in found)
        assert every == pytest.approx((happy + sad) / 2) and every < 0


def test_tables_are_sorted_by_weighted_accuracy(results: list[dict[str, Any]]) -> None:
    board = table(results)
    assert board["target"].tolist() == ["all"] * 2 + ["happy"] * 2 + ["sad"] * 2
    assert board["model"].tolist() == ["lmr_cbt", "lmf"] * 3
    assert "oracle wacc (selected on test)" in markdown(board, "mosei_emotion")
    comparisons = compare([*runs("lmf"), *runs("lmr_cbt", 3)], 200)
    shown, marks = cells(results, comparisons)
    assert list(shown) == ["Acc", "WAcc", "F1"]
    assert marks.loc["all: lmr_cbt", "WAcc"] == "best"
    text = caption(results, comparisons)
    assert (
        "WAcc: mean of the accuracies on presence and on absence. F1: weighted. all: plain" in text
    )


def test_an_emotion_that_does_not_occur_leaves_the_mean_undefined() -> None:
    made = run(1, PRESENT)
    truth = made.test.truth.copy()
    truth[:, 1] = 0
    test = made.test._replace(truth=truth)
    with pytest.warns(UserWarning, match="wacc: undefined"):
        scores = score(PRESENT, {"valid": test, "test": test})
    of_test = {name: folds["test"] for name, folds in scores["targets"].items()}
    assert of_test["sad"]["wacc"] is None and of_test["all"]["wacc"] is None
    assert of_test["happy"]["wacc"] is not None and of_test["all"]["f1"] is not None
    result = valid(summarize([replace(made, scores=scores, test=test)]))
    assert result["targets"]["all"]["wacc"]["mean"] is None
    assert " n/a |" in markdown(table([result]), "mosei_emotion")


def test_the_page_draws_it(results: list[dict[str, Any]], tmp_path) -> None:
    models = [Model(result, [], PRESENT) for result in results]
    drawn = list(draw(models, tmp_path, "all"))
    assert [figure.title for figure in drawn] == ["WAcc of each model", "Size and score"]
    assert "Higher is better." in drawn[0].caption


def test_other_binary_tasks_have_the_scores_that_they_had() -> None:
    result = summarize([run(seed, EMOTIONS) for seed in SEEDS])
    assert list(result["targets"]) == ["happy", "sad"]
    assert list(result["targets"]["sad"]) == ["acc", "f1"]
    alone = summarize([of_one(1, target, "lmf") for target in EMOTIONS["targets"]])
    assert list(alone["targets"]) == ["happy", "sad"]
