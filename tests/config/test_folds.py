import pytest

from msa.base.errors import InputError
from msa.config.check import configure
from msa.config.flags import audit_flags, card_flags, deal_flags
from msa.config.folds import deals, speakers_table, whole
from msa.config.layers import merge
from msa.config.paths import audit_files, dealt_files, run_files, study_files
from msa.config.recipes import extend_recipe
from msa.config.settings import run_settings
from msa.config.sources import (
    Source,
    checked_sources,
    data_sources,
    dataset_sources,
    folds_source,
)
from msa.config.studies import required_ablation, required_search

BASE = {"datasets": ["mine"], "models": ["lmf", "cm_bert"], "seeds": [1, 2]}


def config(folds=None, **changes):
    recipe = {"extends": "mosi", "folds": folds or {"by": "video", "k": 3}}
    return configure(merge(BASE, {"recipes": {"mine": recipe}}, changes))


def test_each_deal_is_a_data_set_of_the_same_files():
    crossed = config()
    assert deals(crossed, "mine") == ["mine.fold1", "mine.fold2", "mine.fold3"]
    assert deals(crossed, "mosi") == deals(crossed, "mine.fold1") == []
    assert [whole(crossed, name) for name in ("mine.fold2", "mine", "mosi")] == [
        "mine",
        "mine",
        "mosi",
    ]
    assert data_sources(crossed, "mine.fold2") == data_sources(crossed, "mine")
    assert folds_source(crossed, "mine.fold2").path == "data/mine.fold2/folds.json"
    flags = ["--by=video", "--k=3", "--valid=0.1", "--seed=0", "--fold=2"]
    assert sorted(deal_flags(crossed, "mine.fold2")) == sorted(flags)
    assert deal_flags(config({"by": "session"}), "mine.fold5")
    # what others report is of the official folds
    assert "--expected" in card_flags(crossed.recipes["mosi"])
    assert "--expected" not in card_flags(crossed.recipes["mine.fold2"])


def test_settings_of_ones_own_hold_for_every_deal_and_none_is_published():
    crossed = config(settings={"mine/lmf": {"epochs": 7}})
    for name in ("mine", "mine.fold3"):
        settings = run_settings(crossed, name, "lmf", 1)
        assert settings["hyperparameters"]["epochs"] == 7 and settings["settings"] == "adapted"
        assert settings["folds"] == {
            **{"by": "video", "k": 3, "valid": 0.1, "seed": 0},
            **({"fold": 3} if name == "mine.fold3" else {}),
        }
    assert "folds" not in run_settings(crossed, "mosi", "lmf", 1)


@pytest.mark.parametrize("model", ["glomo", "nhfnet", "cm_bert"])
def test_what_is_adapted_to_a_data_set_holds_for_its_deals_too(model):
    demo = {"extends": "mosi", "folds": {"by": "video"}}
    crossed = configure(BASE | {"models": [model], "datasets": ["demo"], "recipes": {"demo": demo}})
    of_whole, of_deal = (
        run_settings(crossed, name, model, 1)["hyperparameters"] for name in ("demo", "demo.fold2")
    )
    assert of_deal == of_whole


def test_the_runs_of_the_whole_and_of_its_deals():
    crossed = config()
    assert run_files(crossed, "training.json", "mine", "lmf") == [
        f"runs/mine/lmf/main/all/{seed}/training.json" for seed in (1, 2)
    ]
    run = {"dataset": "mine", "model": "lmf", "variant": "main", "target": "all", "seed": "2"}
    assert dealt_files(crossed, run, "training.json") == [
        f"runs/mine.fold{n}/lmf/main/all/2/training.json" for n in (1, 2, 3)
    ]


def test_what_asks_for_one_model_is_refused_for_the_whole_and_not_for_a_fold():
    crossed = config(search={"lmf": {"trials": 3}}, ablate=True, robustness=True)
    assert study_files(crossed, "mine") == [] != study_files(crossed, "mine.fold1")
    asks = [
        lambda name: required_search(crossed, name, "lmf"),
        lambda name: required_ablation(crossed, name, "lmf"),
        lambda name: run_files(crossed, "model.safetensors", name, "lmf"),
    ]
    for ask in asks:
        with pytest.raises(
            InputError, match="mine: .*it is cross-validated.*ask for .* mine.fold1"
        ):
            ask("mine")
        ask("mine.fold1")


@pytest.mark.parametrize(
    ("folds", "problem"),
    [
        ({"by": "vidoe"}, """expected one of ['session', 'speaker', 'video'], got "vidoe"; did"""),
        ({"by": "video", "k": 1}, "1 is less than the minimum of 2"),
        ({"by": "video", "file": "mosi"}, 'recipe mine: folds: file: not with "by"'),
        ({"by": "video", "speakers": "x.csv"}, "speakers: only with by: speaker, got by: video"),
        ({"file": "x", "k": 3}, 'recipe mine: folds: k: needs the key "by"'),
    ],
)
def test_refusals(folds, problem):
    with pytest.raises(InputError) as caught:
        config(folds)
    assert problem in str(caught.value)


@pytest.mark.parametrize("where", ["recipe", "folds"])
def test_one_table_of_speakers_deals_and_is_audited(where):
    folds, more = {"by": "speaker", "k": 2}, {}
    (more if where == "recipe" else folds)["speakers"] = "my/s.csv"
    crossed = config(folds, recipes={"mine": more})
    for name in ("mine", "mine.fold2"):
        assert speakers_table(crossed.recipes[name]) == "my/s.csv"
        assert audit_flags(crossed, name) == ["--targets", "sentiment", "--speakers=my/s.csv"]
    assert "--speakers=my/s.csv" in deal_flags(crossed, "mine.fold2")
    assert Source("my/s.csv") in dataset_sources(crossed, "mine.fold2")


def test_speakers_that_no_deal_is_made_by_change_nothing_but_the_audit():
    """What is trained does not depend on them, and is not trained again when they come."""
    crossed = config({"by": "video"}, recipes={"mine": {"speakers": "my/s.csv"}})
    assert "--speakers=my/s.csv" not in deal_flags(crossed, "mine.fold1")
    assert "--speakers=my/s.csv" in audit_flags(crossed, "mine.fold1")
    assert Source("my/s.csv") not in dataset_sources(crossed, "mine.fold1")
    assert Source("my/s.csv") in checked_sources(crossed).values()


def test_speakers_are_named_once():
    with pytest.raises(InputError, match="recipe mine: speakers: expected it once, got it in fold"):
        config({"by": "speaker", "speakers": "a.csv"}, recipes={"mine": {"speakers": "b.csv"}})


def test_the_audits_that_the_page_asks_for():
    paths = [f"data/mine.fold{n}/audit.json" for n in (1, 2)]
    assert audit_files(config({"by": "video", "k": 2})) == paths
    strict = config({"by": "video", "k": 2}, recipes={"mine": {"audit": "strict"}})
    passed = [path.replace(".json", ".passed") for path in paths]
    assert sorted(audit_files(strict)) == sorted(paths + passed)


def test_a_fold_has_no_settings_of_its_own():
    with pytest.raises(InputError, match="mine.fold1/lmf: all folds have the same, those of mine/"):
        config(settings={"mine.fold1/lmf": {"epochs": 3}})


def test_one_way_of_making_folds_replaces_another():
    recipes = {
        "dealt": {"extends": "file", "folds": {"by": "video"}},
        "file": {"folds": "a.json"},
        "again": {"extends": "dealt", "folds": "b.json"},
        "seeded": {"extends": "dealt", "folds": {"seed": 3}},
    }
    found = {name: extend_recipe(name, recipes)["folds"] for name in recipes}
    assert found["dealt"] == {"by": "video"} and found["again"] == {"file": "b.json"}
    assert found["seeded"] == {"by": "video", "seed": 3}
