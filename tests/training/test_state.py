import random
import signal
from functools import cache

import numpy as np
import pytest
import torch
from making import make_fold

from msa.base.errors import InputError
from msa.config.check import configure
from msa.config.layers import merge
from msa.config.settings import run_settings
from msa.training.network import build
from msa.training.run import seed_everything
from msa.training.state import Epoch, State, Trained
from msa.training.train import train


class Killed(Exception):
    pass


@pytest.fixture(scope="module")
def settings():
    config = configure({"datasets": ["demo"], "models": ["lmf", "nhfnet", "mfm"], "seeds": [1]})
    return lambda model: run_settings(config, "demo", model, 1)


def make_folds():
    return {"train": make_fold(48, 0), "valid": make_fold(16, 1), "test": make_fold(16, 2)}


@pytest.fixture
def folds():
    return make_folds()


def run(settings, folds, hyper, path=None, kill_after=None):
    """Train from the start, or from the state that is there."""
    given = settings["hyperparameters"] | {"epochs": 6} | hyper
    seed_everything(1)
    network = build(settings | {"hyperparameters": given}, folds["train"])

    def watch(epoch, better):
        if epoch.epoch == kill_after:
            raise Killed

    return train(network, folds, given, 1, watch, State(path, "key") if path else None)


def assert_same(first, second):
    assert first.selected == second.selected
    assert first.weights.keys() == second.weights.keys()
    assert all(torch.equal(first.weights[key], second.weights[key]) for key in first.weights)
    np.testing.assert_array_equal(first.test, second.test)

    def losses(trained):
        return [(e.epoch, e.train_loss, e.valid_loss, e.selection, e.lr) for e in trained.history]

    assert losses(first) == losses(second)


SMALL = {"architecture": {"layers": 1, "text_hidden": 16}}
CASES = {
    "dropout": ("nhfnet", SMALL),
    "batch norm": ("lmf", {}),
    "bert_adam": ("lmf", {"optimizer": {"name": "bert_adam"}}),
    "adamw, forgetting": ("nhfnet", SMALL | {"optimizer": {"name": "adamw", "forget": True}}),
    "warm-up": ("lmf", {"schedule": {"name": "warmup_linear", "warmup": 0.3}}),
    "warm-up, cosine": ("lmf", {"schedule": {"name": "warmup_cosine", "warmup": 0.3, "epochs": 2}}),
    "steps": ("lmf", {"schedule": {"name": "steps", "epochs": [2, 4], "factor": 0.1}}),
    "plateau": ("lmf", {"schedule": {"name": "plateau", "patience": 0, "factor": 0.1}}),
    "last epoch": ("lmf", {"selection": "last"}),
    "two stages, drawn numbers": ("mfm", {"architecture": {"generative_epochs": 3}}),
}


@pytest.fixture(scope="module")
def arguments(settings):
    """A case's settings and hyperparameters, by its name."""

    def of_case(name):
        model, hyper = CASES[name]
        given = settings(model)
        return given, merge({"optimizer": given["hyperparameters"]["optimizer"]}, hyper)

    return of_case


@pytest.fixture(scope="module")
def undisturbed(arguments):
    """A case's training without a state, by its name."""

    @cache
    def trained(name):
        given, hyper = arguments(name)
        return run(given, make_folds(), hyper)

    return trained


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("kill_after", [2, 6])
def test_a_killed_training_goes_on_to_the_same_bits(
    name, kill_after, arguments, undisturbed, folds, tmp_path
):
    given, hyper = arguments(name)
    with pytest.raises(Killed):
        run(given, folds, hyper, tmp_path / "state.pt", kill_after)
    again = run(given, folds, hyper, tmp_path / "state.pt")
    assert_same(undisturbed(name), again)


def test_writing_the_state_changes_nothing(arguments, undisturbed, folds, tmp_path):
    given, hyper = arguments("dropout")
    assert_same(undisturbed("dropout"), run(given, folds, hyper, tmp_path / "state.pt"))


def test_killed_when_patience_was_at_its_end(settings, folds, tmp_path):
    folds["valid"].label.neg_()
    hyper = {"epochs": 200, "patience": 2}
    undisturbed = run(settings("lmf"), folds, hyper)
    last = len(undisturbed.history)
    assert last < 200
    with pytest.raises(Killed):
        run(settings("lmf"), folds, hyper, tmp_path / "state.pt", kill_after=last)
    assert_same(undisturbed, run(settings("lmf"), folds, hyper, tmp_path / "state.pt"))


@pytest.fixture
def saved(tmp_path):
    """A state of an optimizer with moments, and what restores it."""
    parameter = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(parameter.parameters())
    parameter(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    parts = {"network": parameter, "optimizer": optimizer}
    order = torch.Generator().manual_seed(5)
    trained = Trained({"a": torch.ones(2)}, [Epoch(1, 0.5, 0.25, 0.25, 0.1, 2.0, 3.0)])
    trained.valid.append(np.zeros((2, 1), dtype=np.float32))
    trained.test.append(np.ones((4, 1), dtype=np.float32))
    state = State(tmp_path / "sub" / "state.pt", "key")
    state.save(trained, parts, order)
    return state, parts, order


def test_a_signal_waits_until_the_state_is_whole(saved, monkeypatch):
    state, parts, order = saved
    trained = state.load(parts, order)
    save, stopped = torch.save, []

    def stop(number, frame):
        stopped.append(state.path.exists() and torch.load(state.path, weights_only=True)["key"])
        raise SystemExit

    def disturbed(content, file):
        signal.raise_signal(signal.SIGTERM)
        save(content, file)

    state.path.unlink()
    monkeypatch.setattr(torch, "save", disturbed)
    before = signal.signal(signal.SIGTERM, stop)
    try:
        with pytest.raises(SystemExit):
            state.save(trained, parts, order)
        assert signal.getsignal(signal.SIGTERM) is stop
    finally:
        signal.signal(signal.SIGTERM, before)
    assert stopped == [state.key]


def test_random_states_come_back(saved):
    state, parts, order = saved

    def draw():
        numbers = torch.rand(3).tolist(), torch.rand(3, generator=order).tolist()
        return random.random(), random.gauss(), np.random.rand(3).tolist(), *numbers

    random.gauss(), np.random.randn()  # each leaves a second number behind, part of its state
    state.save(Trained({}), parts, order)
    first = draw()
    assert draw() != first
    state.load(parts, order)
    assert draw() == first


def test_what_is_saved_comes_back(saved, capsys):
    state, parts, order = saved
    trained = state.load(parts, order)
    assert trained.history == [Epoch(1, 0.5, 0.25, 0.25, 0.1, 2.0, 3.0)]
    np.testing.assert_array_equal(trained.valid, [np.zeros((2, 1))])
    np.testing.assert_array_equal(trained.test, [np.ones((4, 1))])
    assert "going on after epoch 1" in capsys.readouterr().err
    assert [path.name for path in state.path.parent.iterdir()] == ["state.pt"]
    state.remove()
    assert state.load(parts, order) is None


def test_a_state_with_another_key_is_not_used_but_removed(saved, capsys):
    state, parts, order = saved
    assert State(state.path, "other").load(parts, order) is None
    assert "of other settings, data or code: training starts anew" in capsys.readouterr().err
    assert not state.path.exists()


@pytest.mark.parametrize("damage", ["empty", "truncated", "garbage", "a pickle that runs code"])
def test_a_damaged_state_is_not_used_but_removed(damage, saved, capsys, tmp_path):
    state, parts, order = saved
    content = state.path.read_bytes()
    if damage == "a pickle that runs code":

        class Evil:
            def __reduce__(self):
                return (tmp_path / "ran").touch, ()

        torch.save({"key": "key", "trained": Evil()}, state.path)
    else:
        damaged = {"empty": b"", "truncated": content[:-200], "garbage": b"x" * 500}
        state.path.write_bytes(damaged[damage])
    assert state.load(parts, order) is None
    assert "not readable" in capsys.readouterr().err
    assert not state.path.exists()
    assert not (tmp_path / "ran").exists()


def test_a_loss_that_is_not_a_number_keeps_the_last_good_state(settings, folds, tmp_path):
    path = tmp_path / "state.pt"
    with pytest.raises(Killed):
        run(settings("lmf"), folds, {}, path, kill_after=2)
    before = path.read_bytes()
    folds["train"].modalities["text"].rows[7] = torch.nan
    expected = r"epoch 3, step \d+ of \d+: the loss is not finite .* the state after epoch 2 stays"
    with pytest.raises(InputError, match=expected):
        run(settings("lmf"), folds, {}, path)
    assert path.read_bytes() == before
