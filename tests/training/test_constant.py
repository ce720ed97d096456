"""What a constant prediction scores, and that a run which is no better is marked."""

import json

import pytest
import torch
from making import make_fold
from torch.nn import functional

from msa.config.check import configure
from msa.config.settings import run_settings
from msa.training.batches import Fold
from msa.training.constant import constant_loss
from msa.training.network import build
from msa.training.run import seed_everything
from msa.training.train import LOSSES, fit_closed, train, write


def test_the_better_of_mean_and_median():
    train_label, valid = torch.tensor([[0.0], [0.0], [9.0]]), torch.tensor([[0.0], [1.0]])
    assert constant_loss(LOSSES["l1"], train_label, valid, 1) == pytest.approx(0.5)
    valid = torch.tensor([[3.0], [5.0]])
    assert constant_loss(LOSSES["mse"], train_label, valid, 1) == pytest.approx(2.0)
    assert constant_loss(LOSSES["half_mse"], train_label, valid, 1) == pytest.approx(1.0)


def test_the_shares_of_classes_for_one_target_or_several():
    label, valid = torch.tensor([[0], [0], [0], [2]]), torch.tensor([[0], [2], [1]])
    shares = torch.tensor([0.75, 0.125, 0.25])  # half a row of the class never seen
    expected = functional.cross_entropy(shares.log().expand(3, -1), valid[:, 0]).item()
    assert constant_loss(LOSSES["cross_entropy"], label, valid, 3) == pytest.approx(expected)
    label, valid = torch.tensor([[0, 1], [1, 1], [1, 0]]), torch.tensor([[1, 0]])
    shares = torch.tensor([[1 / 3, 2 / 3], [1 / 3, 2 / 3]])
    expected = -(shares[0, 1].log() + shares[1, 0].log()).item() / 2
    assert constant_loss(LOSSES["cross_entropy"], label, valid, 4) == pytest.approx(expected)


@pytest.fixture
def folds():
    return {"train": make_fold(96, 0), "valid": make_fold(32, 1), "test": make_fold(32, 2)}


def record_of(folds, run, model="lmf", **hyper):
    """The training.json of a model trained on these folds."""
    config = configure({"datasets": ["demo"], "models": [model], "seeds": [1]})
    settings = run_settings(config, "demo", model, 1)
    settings["hyperparameters"] |= hyper
    given = settings["hyperparameters"]
    seed_everything(1)
    network = build(settings, folds["train"])
    closed = hasattr(network, "fit")
    trained = fit_closed(network, folds, given) if closed else train(network, folds, given, 1)
    run.mkdir()
    write(run, {}, network, trained, folds, given)
    return json.loads((run / "training.json").read_text())


SMALL = {"batch_size": 8, "patience": None}


def test_a_run_that_learns_is_not_marked(folds, tmp_path, capsys):
    record = record_of(folds, tmp_path / "run", epochs=60, **SMALL)
    assert record["learned"] is True
    assert record["best_valid_loss"] < record["constant_valid_loss"]
    assert "did not learn" not in capsys.readouterr().err


def test_a_run_that_cannot_learn_is_marked(folds, tmp_path, capsys):
    """Its labels lie far from where it starts, and its steps are tiny."""
    far = {name: Fold(fold.ids, fold.label + 5, fold.modalities) for name, fold in folds.items()}
    tiny = {"optimizer": {"name": "adam", "lr": 1e-9, "weight_decay": 0.0, "forget": False}}
    tiny["optimizer"]["groups"] = {"factor_lr": 1e-9}
    for selection in ("loss", "mse", "last"):
        run = tmp_path / selection
        record = record_of(far, run, epochs=2, selection=selection, **SMALL, **tiny)
        assert record["learned"] is False
        assert record["best_valid_loss"] >= record["constant_valid_loss"] > 0
        assert "did not learn" in capsys.readouterr().err


@pytest.mark.parametrize("model", ["mean", "ridge"])
def test_closed_forms_are_not_marked(model, folds, tmp_path):
    record = record_of(folds, tmp_path / "run", model)
    assert record["learned"] is None and record["constant_valid_loss"] > 0
