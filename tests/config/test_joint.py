from msa.config.check import configure
from msa.config.joint import followers, searched, trained_run, trained_with
from msa.config.layers import merge
from msa.config.settings import targets

BASE = {"datasets": ["demo"], "models": ["lmf"], "seeds": [1]}


def tuple_of(run):
    return tuple(run[key] for key in ("dataset", "model", "target", "seed"))


def test_traits_of_the_same_published_settings_are_trained_once():
    config = configure(BASE)
    same = ("passionate", "credible", "thorough", "persuasive")
    assert [*map(tuple_of, followers(config))] == [("pom_lmf", "lmf", trait, "1") for trait in same]
    first = trained_with(config, "pom_lmf", "lmf")
    assert [*first] == targets(config, "pom_lmf", "lmf")
    assert {trait for trait in first if first[trait] != trait} == set(same)
    assert {first[trait] for trait in same} == {"confident"}


def test_a_closed_form_is_solved_once_for_all_seeds():
    config = configure(BASE | {"models": ["ridge", "lmf"], "seeds": [4, 1, 2]})
    shared = {tuple_of(run) for run in followers(config) if run["dataset"] == "demo"}
    assert shared == {("demo", model, "all", s) for model in ("ridge", "mean") for s in "12"}
    run = {"dataset": "demo", "model": "ridge", "variant": "main", "target": "all", "seed": "2"}
    assert trained_run(config, run) == run | {"seed": "4"}
    assert trained_run(config, run | {"model": "lmf"}) == run | {"model": "lmf"}


def test_where_the_configuration_makes_all_settings_the_same():
    own = {"batch_size": 8, "optimizer": {"lr": 0.1, "weight_decay": 0, "groups": {"factor_lr": 1}}}
    names = "audio_hidden vision_hidden text_hidden audio_dropout vision_dropout text_dropout rank"
    own["architecture"] = dict.fromkeys(names.split(), 1)
    config = configure(merge(BASE, {"settings": {"pom_lmf/lmf": own}}))
    assert {*trained_with(config, "pom_lmf", "lmf").values()} == {"confident"}
    del own["architecture"]["rank"]
    config = configure(merge(BASE, {"settings": {"pom_lmf/lmf": own}}))
    ranks = {"confident", "pleasant", "vivid", "entertaining"}  # 4, 1, 16 and 8
    assert {*trained_with(config, "pom_lmf", "lmf").values()} == ranks


def test_binary_targets_have_models_of_their_own():
    config = configure(BASE)
    for target, first in trained_with(config, "iemocap_lmf", "lmf").items():
        assert target == first
    space = frozenset(config.models["lmf"]["space"])
    assert searched(config, "iemocap_lmf", "lmf", space) == targets(config, "iemocap_lmf", "lmf")


def test_a_search_has_trials_for_all_where_it_draws_whatever_differs():
    config = configure(BASE)
    space = config.models["lmf"]["space"].keys()
    assert searched(config, "pom_lmf", "lmf", frozenset(space)) == ["all"]
    assert searched(config, "demo", "lmf", frozenset(space)) == ["all"]
    for key in space:
        fewer = frozenset(space) - {key}
        assert searched(config, "pom_lmf", "lmf", fewer) == targets(config, "pom_lmf", "lmf"), key


def test_what_was_published_for_every_target_alike_is_not_lost_in_a_search():
    config = configure(BASE)
    published = config.models["lmf"]["published"]["pom_lmf"]
    traits = targets(config, "pom_lmf", "lmf")
    published["per_target"] = {trait: {"patience": 3} for trait in traits}
    assert searched(config, "pom_lmf", "lmf", frozenset(["batch_size"])) == traits
    assert searched(config, "pom_lmf", "lmf", frozenset(["batch_size", "patience"])) == ["all"]
    assert {*trained_with(config, "pom_lmf", "lmf").values()} == {"confident"}


def test_settings_that_cannot_be_are_no_reason_to_refuse_other_runs():
    own = {"batch_seeds": True, "seeds": [1, 2], "settings": {"pom_lmf/lmf": {"clip": 1.0}}}
    runs = followers(configure(merge(BASE, own)))
    assert runs and {run["model"] for run in runs} == {"ridge", "mean"}
