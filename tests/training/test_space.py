import numpy as np
import pytest

from msa.base.errors import InputError
from msa.base.workflow import WORKFLOW
from msa.config.check import configure
from msa.config.layers import merge
from msa.config.studies import search
from msa.training.space import applied, draw

SPACE = {"optimizer.lr": {"low": 1e-4, "high": 1e-2, "log": True}, "batch_size": [8, 16, 32]}
BASE = {"datasets": ["demo"], "models": ["lmf"], "seeds": [1]}


def test_a_trial_depends_on_the_space_the_seed_and_its_number_alone():
    first = [draw(SPACE, 0, trial) for trial in range(5)]
    assert [draw(SPACE, 0, trial) for trial in reversed(range(5))] == first[::-1]
    assert draw(dict(reversed(SPACE.items())), 0, 3) == first[3]
    assert draw(SPACE, 1, 3) != first[3]
    assert len({tuple(drawn.values()) for drawn in first}) == 5


def test_draws_fill_the_space():
    drawn = [draw(SPACE, 0, trial) for trial in range(600)]
    sizes, counts = np.unique([d["batch_size"] for d in drawn], return_counts=True)
    assert sizes.tolist() == [8, 16, 32] and counts.min() > 150
    logs = np.log10([d["optimizer.lr"] for d in drawn])
    assert (logs.min(), logs.max()) == pytest.approx((-4, -2), abs=0.05)
    # by its logarithm: half of the draws lie below the middle of the exponents
    assert np.mean(logs < -3) == pytest.approx(0.5, abs=0.08)


def test_a_uniform_range():
    drawn = [draw({"clip": {"low": 1.0, "high": 3.0}}, 0, trial)["clip"] for trial in range(200)]
    assert 1 <= min(drawn) < 1.1 and 2.9 < max(drawn) <= 3


@pytest.mark.parametrize("key", ["batch_size", "epochs", "lengths.text", "architecture.layers"])
@pytest.mark.parametrize("log", [False, True])
def test_whole_numbers_are_drawn_with_both_bounds(key, log):
    space = {key: {"low": 2, "high": 5, "log": log}}
    drawn = [draw(space, 0, trial)[key] for trial in range(400)]
    assert {type(value) for value in drawn} == {int}
    values, counts = np.unique(drawn, return_counts=True)
    assert values.tolist() == [2, 3, 4, 5] and counts.min() > 40
    # as many of each, or fewer of the larger ones
    assert (counts[0] > 1.5 * counts[-1]) is np.bool_(log)


def test_what_is_real_is_drawn_so_between_integers_too():
    for key in ("clip", "optimizer.lr", "optimizer.groups.factor_lr"):
        assert draw({key: {"low": 1, "high": 3}}, 0, 0)[key] % 1
    assert draw({"architecture.text_dropout": {"low": 0.0, "high": 1.0}}, 0, 0) != {
        "architecture.text_dropout": 0
    }


def test_applying_changes_what_is_drawn_and_nothing_else():
    settings = {"seed": 0, "hyperparameters": {"batch_size": 4, "optimizer": {"name": "adam"}}}
    changed = applied(settings, {"batch_size": 8, "optimizer.lr": 0.1, "optimizer.groups.x": 2})
    assert changed["hyperparameters"] == {
        "batch_size": 8,
        "optimizer": {"name": "adam", "lr": 0.1, "groups": {"x": 2}},
    }
    assert settings["hyperparameters"] == {"batch_size": 4, "optimizer": {"name": "adam"}}


def test_the_published_space_is_the_default():
    asked = search(configure(merge(BASE, {"search": {"lmf": {"trials": 3}}})), "demo", "lmf")
    assert asked["space"]["architecture.rank"] == [1, 4, 8, 16]
    assert (asked["trials"], asked["seed"], asked["trials_per_job"]) == (3, 0, 10)
    config = configure(merge(BASE, {"search": {"lmf": {}}}))
    # LMF's own for IEMOCAP
    assert search(config, "iemocap_lmf", "lmf")["space"]["architecture.audio_hidden"] == [8, 16, 32]
    assert search(config, "iemocap_lmf", "lmf")["space"]["architecture.rank"] == [1, 4, 8, 16]
    assert search(configure(BASE), "demo", "lmf") is None


def test_a_space_of_ones_own_replaces_it():
    own = {"search": {"demo/lmf": {"space": {"batch_size": [1, 2]}}}}
    assert search(configure(merge(BASE, own)), "demo", "lmf")["space"] == {"batch_size": [1, 2]}


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ({"lmff": {}}, 'config: search: unknown model "lmff"; did you mean "lmf"?'),
        ({"demi/lmf": {}}, 'config: search: unknown data set "demi"'),
        ({"lmf": {"trails": 3}}, 'unknown key "trails"; did you mean "trials"?'),
        ({"lmf": {"space": {"optimizer.lrr": [1]}}}, "optimizer.lrr"),
        ({"lmf": {"space": {"batch_size": []}}}, "space: batch_size"),
        (
            {"lmf": {"space": {"batch_size": [8, 16.5]}}},
            "config: search: lmf: space: batch_size: expected integer, got 16.5 (float)",
        ),
        (
            {"lmf": {"space": {"epochs": {"low": 1.5, "high": 3}}}},
            "config: search: lmf: space: epochs: expected integer, got 1.5 (float)",
        ),
        (
            {"lmf": {"space": {"optimizer.lr": {"low": 0, "high": 1, "log": True}}}},
            "config: search: lmf: space: optimizer.lr: expected low up to high, and above 0 with",
        ),
        (
            {"lmf": {"space": {"clip": {"low": 2, "high": 1}}}},
            "config: search: lmf: space: clip: expected low up to high",
        ),
    ],
)
def test_refusals(search, expected):
    with pytest.raises(InputError) as caught:
        configure(merge(BASE, {"search": search}))
    assert expected in str(caught.value)


def test_a_model_without_a_space_needs_one():
    with pytest.raises(InputError, match='config: search: nhfnet: the key "space" is missing'):
        configure(merge(BASE, {"models": ["nhfnet"], "search": {"nhfnet": {}}}))


def test_every_published_space_names_settings_of_its_model():
    from msa.models import model_class

    for path in (WORKFLOW / "recipes/models").glob("*.yaml"):
        space = configure(BASE).models[path.stem].get("space", {})
        for key in space:
            if key.startswith("architecture."):
                known = model_class(path.stem).__init__.__kwdefaults__
                assert key.removeprefix("architecture.") in known
