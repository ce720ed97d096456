import numpy as np
import pytest
import torch

from msa.config.check import configure
from msa.config.joint import searched
from msa.config.settings import run_settings
from msa.data.clean import clean
from msa.data.import_data import import_data
from msa.demo.look_alikes import lmf
from msa.training.network import build, predictions
from msa.training.run import Places, load_run, seed_everything
from msa.training.space import applied, draw
from msa.training.train import train
from msa.training.trials import FOLDS, attempt, own_loss

CONFIG = configure({"datasets": ["pom_lmf"], "models": ["lmf", "nhfnet"], "seeds": [1]})


@pytest.fixture(scope="module")
def where(tmp_path_factory):
    """The folds of POM's look-alike, and where they lie."""
    folder = tmp_path_factory.mktemp("pom")
    recipe = CONFIG.recipes["pom_lmf"]
    columns, span = range(len(recipe["task"]["targets"])), recipe["task"]["range"]
    path, data = lmf.write(folder, np.random.default_rng(0), "pom"), folder / "data"
    kept = {"holds": recipe["holds"], "columns": columns, "span": span}
    import_data(path, "lmf", data, folder / "card.json", **kept)
    clean(data, folder / "clean", "zero", [])
    return Places(data, folder / "clean")


def settings_of(model="lmf", target="all", **hyper):
    settings = run_settings(CONFIG, "pom_lmf", model, 0, target)
    settings["hyperparameters"] |= {"epochs": 3, "batch_size": 8} | hyper
    return settings


@pytest.mark.parametrize("selection", ["loss", "mse", "last"])
def test_a_trial_of_one_trait_is_judged_by_that_trait(selection, where):
    settings = settings_of(target="vivid", selection=selection)
    hyper, traits = settings["hyperparameters"], settings["task"]["targets"]
    seed_everything(settings["seed"])
    folds, _ = load_run(where, settings, FOLDS)
    network = build(settings, folds["train"])
    trained = train(network, folds, hyper, settings["seed"])
    judged = {
        t: own_loss(trained, network, folds["valid"], settings | {"target": t}) for t in traits
    }

    network.load_state_dict(trained.weights)
    errors = predictions(network, folds["valid"], hyper) - folds["valid"].label
    losses = errors**2 if selection == "mse" else errors.abs()
    assert list(judged.values()) == pytest.approx(losses.mean(0).tolist(), rel=1e-5)
    # the epoch is the joint network's, as published: all traits together select it
    joint = trained.history[trained.selected - 1].selection
    assert np.mean(list(judged.values())) == pytest.approx(joint, rel=1e-5)
    assert own_loss(trained, network, folds["valid"], settings | {"target": "all"}) == joint

    tried = attempt(where, settings, torch.device("cpu"))
    assert (tried["value"], tried["failure"]) == (pytest.approx(judged["vivid"]), None)
    assert tried["value"] != pytest.approx(joint, rel=1e-3)


def test_one_trial_for_all_traits_is_that_for_each(where):
    """To the bit, of what is drawn, whatever was published for the trait."""
    drawn = draw(CONFIG.models["lmf"]["space"], 0, 3)
    assert searched(CONFIG, "pom_lmf", "lmf", frozenset(drawn)) == ["all"]
    tried = attempt(where, applied(settings_of(), drawn), torch.device("cpu"))
    for trait in ("vivid", "nervous"):
        own = attempt(where, applied(settings_of(target=trait), drawn), torch.device("cpu"))
        assert own["value"] == tried["values"][trait] and own["values"] == {}
        assert own["selected_epoch"] == tried["selected_epoch"]
    assert len({*tried["values"].values()}) == len(tried["values"]) == 16
    assert tried["value"] == pytest.approx(np.mean([*tried["values"].values()]))


@pytest.mark.parametrize(
    ("architecture", "reason"),
    [
        ({"d_model": 32, "heads": 5}, "heads: expected a divisor of d_model 32, got 5"),
        ({"d_model": 0}, "must be greater than zero"),
        ({"layer": 2}, "unexpected keyword argument 'layer'"),
    ],
)
def test_a_draw_that_cannot_be_built_is_recorded(architecture, reason, where):
    settings = settings_of("nhfnet", architecture=architecture)
    tried = attempt(where, settings, torch.device("cpu"))
    assert tried["value"] is None
    assert reason in tried["failure"]


def test_a_training_that_fails_is_recorded(where):
    settings = settings_of()
    settings["hyperparameters"]["optimizer"]["lr"] = 1e30
    tried = attempt(where, settings, torch.device("cpu"))
    assert tried["value"] is None and "the loss is not finite" in tried["failure"]
