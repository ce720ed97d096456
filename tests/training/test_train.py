import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from making import fp32, make_fold
from running import ROOT, environment, run_stage
from safetensors.torch import load_file
from torch.nn import functional

from msa.base.errors import InputError
from msa.config.check import configure
from msa.config.settings import run_settings
from msa.results.selections import task_loss
from msa.training.batches import Fold
from msa.training.network import build, predictions
from msa.training.optimizers import make_optimizer
from msa.training.run import seed_everything
from msa.training.train import LOSSES, mean_loss, train


@pytest.fixture(scope="module")
def settings():
    """A model's on the demo, NHFNet smaller than by default."""
    small = {"nhfnet": {"architecture": {"layers": 1, "text_hidden": 16}}}
    values = {"datasets": ["demo"], "models": ["lmf", "nhfnet"], "seeds": [1], "settings": small}
    config = configure(values)
    return lambda model, seed=1: run_settings(config, "demo", model, seed)


@pytest.fixture
def folds():
    return {"train": make_fold(96, 0), "valid": make_fold(32, 1), "test": make_fold(32, 2)}


def run(settings, folds, **hyper):
    given = settings["hyperparameters"] | {"epochs": 4} | hyper
    seed_everything(settings["seed"])
    network = build(settings | {"hyperparameters": given}, folds["train"])
    return network, train(network, folds, given, settings["seed"])


@pytest.mark.parametrize("model", ["lmf", "nhfnet"])
def test_the_same_seed_gives_the_same_bits(model, settings, folds):
    _, first = run(settings(model), folds)
    _, second = run(settings(model), folds)
    _, other = run(settings(model, seed=2), folds)
    for key, weight in first.weights.items():
        torch.testing.assert_close(weight, second.weights[key], rtol=0, atol=0)
    np.testing.assert_array_equal(first.test, second.test)
    assert not np.array_equal(first.test[-1], other.test[-1])


def test_it_learns(settings, folds):
    _, trained = run(settings("lmf"), folds, epochs=60, patience=None, batch_size=8)
    losses = [epoch.valid_loss for epoch in trained.history]
    assert min(losses) < 0.6 * losses[0]


def test_the_validation_fold_selects(settings, folds):
    network, trained = run(settings("lmf"), folds, epochs=12, patience=None)
    best = min(trained.history, key=lambda epoch: epoch.selection)
    assert trained.selected == best.epoch
    network.load_state_dict(trained.weights)
    # the weights kept are the selected epoch's: its test predictions come out again
    test = predictions(network, folds["test"], fp32(16)).numpy()
    np.testing.assert_allclose(test, trained.test[best.epoch - 1], rtol=1e-5, atol=1e-6)


def test_the_test_fold_changes_nothing_but_its_predictions(settings, folds):
    _, first = run(settings("lmf"), folds)
    _, second = run(settings("lmf"), folds | {"test": make_fold(50, 9)})
    assert first.selected == second.selected
    for key, weight in first.weights.items():
        torch.testing.assert_close(weight, second.weights[key], rtol=0, atol=0)


def test_early_stopping(settings, folds):
    flipped = Fold(folds["valid"].ids, -folds["valid"].label, folds["valid"].modalities)
    _, trained = run(settings("lmf"), folds | {"valid": flipped}, epochs=200, patience=3)
    assert len(trained.history) == trained.selected + 3


def test_selection_may_be_another_loss(settings, folds):
    _, trained = run(settings("nhfnet"), folds, selection="l1", loss="mse")
    assert all(epoch.selection != epoch.valid_loss for epoch in trained.history)


def test_the_last_epoch_may_be_asked_for(settings, folds):
    network, trained = run(settings("lmf"), folds, selection="last", epochs=30, patience=4)
    last = trained.history[-1]
    assert trained.selected == last.epoch
    assert min(e.selection for e in trained.history) < last.selection
    network.load_state_dict(trained.weights)
    test = predictions(network, folds["test"], fp32(16)).numpy()
    np.testing.assert_allclose(test, trained.test[-1], rtol=1e-5, atol=1e-6)


def test_a_loss_that_is_not_a_number_stops(settings, folds):
    folds["train"].modalities["text"].rows[7] = torch.nan
    with pytest.raises(InputError, match=r"epoch 1, step \d+ of \d+: the loss is not finite"):
        run(settings("lmf"), folds)


def test_bf16_is_close(settings, folds):
    _, full = run(settings("lmf"), folds)
    _, half = run(settings("lmf"), folds, precision="bf16")
    assert half.history[-1].valid_loss == pytest.approx(full.history[-1].valid_loss, rel=0.1)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("l1", functional.l1_loss),
        ("mse", functional.mse_loss),
        ("half_mse", lambda p, y, **k: functional.mse_loss(p, y, **k) / 2),
    ],
)
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_losses_are_torchs(name, expected, reduction):
    prediction, label = torch.randn(2, 5, 3)
    loss = getattr(LOSSES[name](prediction, label), reduction)()
    torch.testing.assert_close(loss, expected(prediction, label, reduction=reduction))


def test_cross_entropy_of_classes_and_of_binary_targets():
    logits, label = torch.randn(5, 7), torch.randint(0, 7, (5, 1))
    expected = functional.cross_entropy(logits, label[:, 0])
    torch.testing.assert_close(LOSSES["cross_entropy"](logits, label).mean(), expected)
    logits, label = torch.randn(5, 8), torch.randint(0, 2, (5, 4))
    expected = functional.cross_entropy(logits.view(5, 4, 2).permute(0, 2, 1), label)
    torch.testing.assert_close(LOSSES["cross_entropy"](logits, label).mean(), expected)
    # a loss a row and target: a mean over rows does not weigh a short last batch more
    assert LOSSES["cross_entropy"](logits, label).shape == label.shape


@pytest.mark.parametrize("name", LOSSES)
def test_protocols_have_the_same_losses(name):
    prediction, label = torch.randn(5, 6), torch.randn(5, 3)
    if name == "cross_entropy":
        label = torch.randint(0, 2, (5, 3))
    else:
        prediction = prediction[:, :3]
    found = task_loss(label.numpy(), prediction.numpy(), name)
    assert found == pytest.approx(mean_loss(prediction, label, name))


def test_factors_have_their_own_learning_rate(settings, folds):
    network = build(settings("lmf"), folds["train"])
    hyper = {"name": "adam", "lr": 0.01, "weight_decay": 0.1, "groups": {"factor_lr": 0.5}}
    groups = make_optimizer(network, hyper).param_groups
    assert sorted(group["lr"] for group in groups) == [0.01, 0.5]
    assert sum(len(g["params"]) for g in groups) == len(list(network.parameters()))


def test_an_unknown_architecture_keyword(settings, folds):
    given = settings("lmf")
    given["hyperparameters"]["architecture"] = {"hiden": 3}
    with pytest.raises(InputError, match=r"model lmf: architecture: .*hiden"):
        build(given, folds["train"])


@pytest.fixture
def where(encoded_demo):
    """Where the demo's folds are, cleaned and encoded."""
    data, features = encoded_demo / "data/demo", encoded_demo / "features/demo/demo"
    return ["--data", data, "--clean", data / "clean", "--features", features]


def train_demo(where, run, settings):
    run.mkdir()
    settings["hyperparameters"]["epochs"] = 2
    (run / "settings.json").write_text(json.dumps(settings))
    return run_stage("train", run, *where, "--device", "cpu").stderr


# a network is as good as another, but for what tests/models ask of each
@pytest.mark.parametrize(
    "model", ["lmf", pytest.param("nhfnet", marks=pytest.mark.slow), "ridge", "mean"]
)
def test_train_and_predict_as_stages(model, where, settings, tmp_path):
    train_demo(where, tmp_path / "b", settings(model))
    progress = train_demo(where, tmp_path / "a", settings(model))
    predictions = tmp_path / "a/predictions/clean.npz"
    by_training = predictions.read_bytes()
    predictions.unlink()
    run_stage("predict-folds", tmp_path / "a", *where, "--device", "cpu")
    assert predictions.read_bytes() == by_training
    first, second = (load_file(tmp_path / run / "model.safetensors") for run in "ab")
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)

    saved = np.load(tmp_path / "a" / "predictions" / "clean.npz")
    epochs = np.load(tmp_path / "a" / "epochs.npz")
    record = json.loads((tmp_path / "a" / "training.json").read_text())
    history = pd.read_csv(tmp_path / "a" / "history.csv")
    assert saved["test/prediction"].shape == saved["test/truth"].shape
    assert list(history["epoch"]) == list(epochs["epoch"])
    for fold in ("valid", "test"):
        selected = epochs[fold][record["selected_epoch"] - 1]
        np.testing.assert_allclose(saved[f"{fold}/prediction"], selected, rtol=1e-5, atol=1e-6)
    assert record["rows"]["test"] == len(saved["test/ids"])
    assert record["provenance"]["versions"]["torch"] == torch.__version__
    if model in ("lmf", "nhfnet"):
        assert f"demo/{model} seed 1  epoch 2/2  train " in progress
        assert list((tmp_path / "a" / "tensorboard").glob("events.*"))


# each takes from a third of a second to three, in every job
HEAVY = "transformers torch._dynamo sympy sklearn scipy pandas matplotlib jsonschema h5py".split()
LOADED = f"""
import sys
from msa.__main__ import main
assert main(sys.argv[1:]) == 0
print(*sorted(set({HEAVY}) & set(sys.modules)))
"""


def loaded(*arguments):
    """What of `HEAVY` a stage has imported when it is done."""
    command = [sys.executable, "-c", LOADED, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, check=True)
    return done.stdout.decode().split()


# CM-BERT reads words too: what it does without, LMF does
@pytest.mark.parametrize("model", [pytest.param("lmf", marks=pytest.mark.slow), "cm_bert"])
def test_jobs_import_no_more_than_they_use(model, where, demo_encoder, settings, tmp_path):
    """Neither torch's compiler nor transformers, also where the text is words."""
    given = settings(model)
    given["hyperparameters"] |= {"epochs": 1}
    (tmp_path / "settings.json").write_text(json.dumps(given))
    run = [tmp_path, *where, "--encoder", demo_encoder, "--device", "cpu"]
    assert loaded("train", *run, "--state", tmp_path / "state.pt") == []
    assert loaded("predict-folds", *run) == []
    assert loaded("perturb", *run, "--noise", "1") == []


def test_encoding_imports_no_model_of_transformers(where, demo_encoder, tmp_path):
    imported = loaded("encode", where[1], "--encoder", demo_encoder, "--output", tmp_path)
    assert imported == ["transformers"]  # the tokenizer


def test_a_gpu_that_is_not_there(where, settings, tmp_path):
    (tmp_path / "settings.json").write_text(json.dumps(settings("mean")))
    done = run_stage("train", tmp_path, *where[:2], "--device", "cuda:7", check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: device cuda:7: expected one of")
    assert [p.name for p in tmp_path.iterdir()] == ["settings.json"]


def test_settings_that_are_not_there(tmp_path):
    done = run_stage("train", tmp_path, "--data", tmp_path, check=False)
    assert done.returncode == 1
    assert f"error: {tmp_path}/settings.json: expected a JSON file, got: " in done.stderr
