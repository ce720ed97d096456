"""Seeds that train together are the seeds that train alone."""

import json
import re
import shutil

import numpy as np
import pytest
import torch
import yaml
from making import LMF_WITHOUT_DROPOUT, make_fold
from running import run_stage, snakemake
from safetensors.torch import load_file

from msa.base.errors import InputError
from msa.config.check import configure
from msa.config.settings import run_settings
from msa.training.network import build, predictions
from msa.training.run import seed_everything
from msa.training.train import train
from msa.training.train_seeds import train_seeds

SEEDS = [3, 5, 8]


def settings_of(model="lmf", **hyper):
    config = configure({"datasets": ["demo"], "models": [model], "seeds": SEEDS})
    settings = run_settings(config, "demo", model, SEEDS[0])
    given = {"architecture": LMF_WITHOUT_DROPOUT, "batch_size": 8, "patience": None} | hyper
    if model == "lmf":
        settings["hyperparameters"] |= given
    return settings


@pytest.fixture
def folds():
    return {"train": make_fold(33, 0), "valid": make_fold(32, 1), "test": make_fold(32, 2)}


def networks(settings, folds):
    made = []
    for seed in SEEDS:
        seed_everything(seed)
        made.append(build(settings, folds["train"]))
    return made


def both(settings, folds):
    """Each seed alone, and all of them together."""
    hyper = settings["hyperparameters"]
    alone = [
        train(network, folds, hyper, seed)
        for seed, network in zip(SEEDS, networks(settings, folds), strict=True)
    ]
    watches = [lambda epoch, better: None] * len(SEEDS)
    return alone, train_seeds(networks(settings, folds), folds, hyper, SEEDS, watches)


def test_twenty_steps_are_those_of_each_seed_alone(folds):
    # five steps an epoch, and the last has one row
    alone, together = both(settings_of(epochs=4, selection="last"), folds)
    for one, other in zip(alone, together, strict=True):
        assert one.weights.keys() == other.weights.keys()
        for key, weight in one.weights.items():
            torch.testing.assert_close(weight, other.weights[key], rtol=0, atol=1e-4)
        np.testing.assert_allclose(one.test, other.test, atol=1e-3)
        for ours, theirs in zip(one.history, other.history, strict=True):
            assert ours.train_loss == pytest.approx(theirs.train_loss, abs=1e-3)
            assert ours.selection == pytest.approx(theirs.selection, abs=1e-3)
    assert not torch.equal(*(of.weights["fusion_weights"] for of in together[:2]))


def test_each_seed_stops_by_itself(folds):
    alone, together = both(settings_of(epochs=60, patience=2), folds)
    assert len({len(of.history) for of in alone}) > 1
    for one, other in zip(alone, together, strict=True):
        assert len(other.history) == len(other.test) == len(one.history)
        assert other.selected == one.selected == len(other.history) - 2
        np.testing.assert_allclose(one.test, other.test, atol=0.02)


def test_another_loss_may_select(folds):
    alone, together = both(settings_of(epochs=3, loss="mse", selection="l1"), folds)
    for one, other in zip(alone, together, strict=True):
        assert other.history[-1].selection == pytest.approx(one.history[-1].selection, abs=1e-3)
        assert other.history[-1].valid_loss == pytest.approx(one.history[-1].valid_loss, abs=1e-3)


def test_dropout_differs_between_seeds(folds):
    given = settings_of(epochs=2)
    given["hyperparameters"]["architecture"] = {}
    hyper = given["hyperparameters"]
    seed_everything(1)
    network = build(given, folds["train"])
    seeds, watches = [4, 4], [lambda epoch, better: None] * 2
    first, second = train_seeds([network, network], folds, hyper, seeds, watches)
    assert not torch.equal(first.weights["fusion_weights"], second.weights["fusion_weights"])


def test_each_predicts_in_the_precision_that_it_trains_in(folds):
    given = settings_of(epochs=1, selection="last", precision="bf16")
    hyper = given["hyperparameters"]
    for network, one in zip(networks(given, folds), both(given, folds)[1], strict=True):
        network.load_state_dict(one.weights)
        short, exact = (
            predictions(network, folds["test"], hyper | {"precision": precision}).numpy()
            for precision in ("bf16", "fp32")
        )
        assert 4 * np.abs(one.test[-1] - short).max() < np.abs(one.test[-1] - exact).max()


def test_a_loss_that_is_not_a_number_names_the_seed(folds):
    given = settings_of(epochs=2)
    made = networks(given, folds)
    with torch.no_grad():
        made[1].fusion_bias.fill_(torch.nan)
    watches = [lambda epoch, better: None] * len(SEEDS)
    with pytest.raises(InputError, match=r"^seed 5, epoch 1, step 1 of 5: the loss is not finite"):
        train_seeds(made, folds, given["hyperparameters"], SEEDS, watches)


def test_what_cannot_be_stacked_is_refused(folds):
    given = settings_of("nhfnet", schedule=None)
    given["hyperparameters"]["schedule"] = None
    with pytest.raises(InputError, match=r"a \w+ cannot train several seeds at once"):
        train_seeds(networks(given, folds), folds, given["hyperparameters"], SEEDS, [])


@pytest.mark.parametrize(("key", "value"), [("clip", 1.0), ("schedule", {"name": "plateau"})])
def test_what_would_mix_the_seeds_is_refused(key, value, folds):
    given = settings_of(**{key: value})
    with pytest.raises(InputError, match=f"^{key}: expected none"):
        train_seeds(networks(given, folds), folds, given["hyperparameters"], SEEDS, [])
    own = {"datasets": ["demo"], "models": ["lmf"], "seeds": SEEDS, "batch_seeds": True}
    if key == "clip":
        with pytest.raises(InputError, match="lmf on demo has a clip"):
            run_settings(configure(own | {"settings": {"lmf": {key: value}}}), "demo", "lmf", 3)


def test_released_padding_together_needs_lengths():
    own = {"datasets": ["demo"], "models": ["lmf"], "seeds": SEEDS, "batch_seeds": True}
    given = {"architecture": {"padding": "released"}}
    with pytest.raises(InputError, match="lmf on demo pads audio to .* `lengths` of audio, vision"):
        run_settings(configure(own | {"settings": {"lmf": given}}), "demo", "lmf", 3)
    given["lengths"] = {"audio": 20, "vision": 20}
    run_settings(configure(own | {"settings": {"lmf": given}}), "demo", "lmf", 3)


@pytest.fixture(scope="module")
def project(tmp_path_factory, encoded_demo):
    """The demo, ready for training."""
    return shutil.copytree(encoded_demo, tmp_path_factory.mktemp("seeds") / "project")


CONFIG = {
    "datasets": ["demo"],
    "models": ["lmf", "ridge"],
    "seeds": SEEDS,
    "batch_seeds": True,
    "settings": {"lmf": {"epochs": 3}},
}


@pytest.mark.slow
def test_the_workflow_trains_them_in_one_job(project):
    (project / "quick.yaml").write_text(yaml.safe_dump(CONFIG))
    target = ["results/demo/lmf.json", "--configfile", "quick.yaml"]
    planned = snakemake(project, "-n", *target).stdout
    assert re.search(r"^train_seeds +1$", planned, re.M)
    assert not re.search(r"^train +\d+$", planned, re.M)
    snakemake(project, *target)
    again = snakemake(project, *target)
    assert "Nothing to be done" in again.stdout + again.stderr
    result = json.loads((project / "results/demo/lmf.json").read_text())
    assert result["provenance"]["seeds"] == SEEDS
    [train] = [job for job in result["provenance"]["cost"] if job["stage"] == "train"]
    assert train["runs"] == [str(seed) for seed in SEEDS] and train["seconds"] > 1
    for seed in SEEDS:
        run = project / f"runs/demo/lmf/main/all/{seed}"
        assert json.loads((run / "settings.json").read_text())["seeds_together"] == SEEDS
        assert (run / "history.csv").read_text().count("\n") == 4
        assert load_file(run / "model.safetensors")["fusion_weights"].shape == (1, 4)
    # models whose seeds would not gain train as ever
    others = ["results/demo/nhfnet.json", "--configfile", "quick.yaml"]
    planned = snakemake(project, "-n", *others).stdout
    assert re.search(r"^train +3$", planned, re.M)


def test_runs_of_unlike_settings_are_refused(project, tmp_path):
    for seed, epochs in ((1, 3), (2, 4)):
        config = configure({"datasets": ["demo"], "models": ["lmf"], "seeds": [1, 2]})
        settings = run_settings(config, "demo", "lmf", seed)
        settings["hyperparameters"]["epochs"] = epochs
        (tmp_path / str(seed)).mkdir()
        (tmp_path / str(seed) / "settings.json").write_text(json.dumps(settings))
    runs = [tmp_path / "1", tmp_path / "2"]
    done = run_stage("train-seeds", *runs, "--data", project / "data/demo", check=False)
    assert done.returncode == 1
    assert f"error: {tmp_path}/2/settings.json: expected the settings of {tmp_path}/1" in (
        done.stderr
    )
