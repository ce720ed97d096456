"""What the loop does for models with passes, tables and terms of their own."""

import copy
import json

import numpy as np
import pandas as pd
import pytest
import torch
from making import make_fold
from torch import nn
from torch.nn import functional

from msa.base.errors import InputError
from msa.config.settings import DEFAULTS
from msa.training.network import evaluate
from msa.training.optimizers import Restart, phase_optimizers, planned_steps
from msa.training.state import State
from msa.training.train import train, write

HYPER = DEFAULTS | {
    "batch_size": 8,
    "epochs": 4,
    "loss": "mse",
    "optimizer": DEFAULTS["optimizer"] | {"lr": 0.01},
}
ADAM = {"name": "adam", "lr": 0.01}
BOUNDS = {"phases": {"bounds": {"optimizer": ADAM, "share": 0.5}}}


class Network(nn.Module):
    """A pass for `bound`, a table with a number for each training row, a count of the epochs."""

    def __init__(self) -> None:
        super().__init__()
        self.phases = {"bounds": ("bound.",)}
        self.layer = nn.Linear(4, 1)
        self.bound = nn.Linear(4, 1)
        self.seen: list = []

    def start_training(self, labels):
        self.register_buffer("table", labels[:, 0].clone(), persistent=False)
        self.register_buffer("recent", labels.new_zeros(0), persistent=False)

    def start_features(self, features):
        self.features = features

    def start_epoch(self, number):
        self.number = number

    def forward(self, batch):
        x = batch["text"].mean()
        if batch.get("phase") == "bounds":
            self.seen.append(("bounds", batch["segments"]))
            return None, {"lld": (self.bound(x) - self.layer(x)).square().mean()}
        if not self.training:
            return self.layer(x)
        self.seen.append(("main", batch["segments"]))
        drawn = x + torch.randn_like(x) * 0.01
        old = self.table[batch["segments"]]
        prediction = self.layer(drawn)
        self.table[batch["segments"]] = (old * self.number + prediction[:, 0].detach()) / 9
        self.recent = prediction.detach()[: self.number]
        return prediction, {"table": 0.1 * (prediction[:, 0] - old).abs().mean()}


@pytest.fixture
def folds():
    return {"train": make_fold(44, 0), "valid": make_fold(16, 1), "test": make_fold(16, 2)}


def run(folds, hyper, network=None, **keywords):
    torch.manual_seed(0)
    network = network or Network()
    return network, train(network, folds, HYPER | hyper, 3, **keywords)


def gradients(network, fold, order):
    """Of the mean squared error, of each batch of 8."""
    found = []
    for segments in order.split(8):
        batch = fold.batch(segments)
        network.zero_grad()
        functional.mse_loss(network(batch), batch["label"]).backward()
        found.append([p.grad.clone() for p in network.parameters()])
    return found


class Plain(nn.Module):
    """A linear layer on the text's mean."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 1)

    def forward(self, batch):
        return self.layer(batch["text"].mean())


@pytest.mark.parametrize(("tail", "steps"), [("step", [2, 2, 2]), ("drop", [2, 2])])
def test_gradients_of_several_batches_are_summed(folds, tail, steps):
    """By hand with plain Adam; 44 rows are six batches, and five with the last one apart."""
    hyper = {"accumulate": {"batches": 4, "tail": tail}, "epochs": 1}
    torch.manual_seed(0)
    network = Plain()
    expected = copy.deepcopy(network)
    train(network, folds, HYPER | hyper, 3)
    order = torch.randperm(44, generator=torch.Generator().manual_seed(3))
    optimizer = torch.optim.Adam(expected.parameters(), lr=0.01)
    whole = gradients(expected, folds["train"], order)
    groups = [whole[:4]]
    if tail == "step":
        groups.append(None)
    for group in groups:
        if group is None:  # after a step the weights are others
            group = gradients(expected, folds["train"], order)[4:]
        for parameter, *parts in zip(expected.parameters(), *group, strict=True):
            parameter.grad = sum(parts)
        optimizer.step()
    for ours, theirs in zip(network.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(
    ("tail", "total", "expected"),
    [("step", "steps", 20), ("drop", "steps", 10), ("step", "floor", 20), ("drop", "floor", 10)],
)
def test_the_schedule_counts_steps(tail, total, expected):
    hyper = {"schedule": {"total": total}, "accumulate": {"batches": 4, "tail": tail}}
    assert planned_steps(44, HYPER | hyper | {"epochs": 10}) == expected
    alone = {"schedule": {"total": total}, "epochs": 10}
    assert planned_steps(44, HYPER | alone) == {"steps": 60, "floor": 50}[total]


def test_each_element_of_the_gradient_may_be_clipped(folds):
    torch.manual_seed(0)
    network = Plain()
    expected = copy.deepcopy(network)
    train(network, folds, HYPER | {"clip_value": 0.05, "epochs": 1, "batch_size": 44}, 3)
    batch = folds["train"].batch(torch.arange(44))
    functional.mse_loss(expected(batch), batch["label"]).backward()
    assert max(p.grad.abs().max() for p in expected.parameters()) > 0.05
    for parameter in expected.parameters():
        parameter.grad.clamp_(-0.05, 0.05)
    torch.optim.Adam(expected.parameters(), lr=0.01).step()
    for ours, theirs in zip(network.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_pass_before_the_main_one_steps_its_own_parameters(folds):
    """Half of its batches first, rounded up, in an order of their own; then all of the others."""
    network, trained = run(folds, BOUNDS | {"epochs": 1})
    names = [name for name, _ in network.seen]
    assert names == ["bounds"] * 3 + ["main"] * 6
    segments = {name: torch.cat([s for n, s in network.seen if n == name]) for name in names}
    assert len(segments["bounds"]) == 24
    assert sorted(segments["main"].tolist()) == [*range(44)]
    assert not torch.equal(segments["main"][:24], segments["bounds"])
    assert set(trained.history[0].terms) == {"table", "bounds_lld"}

    torch.manual_seed(0)
    first = Network()
    still, _ = run(folds, {"epochs": 1, "phases": {"bounds": {"optimizer": ADAM | {"lr": 1e-12}}}})
    # stepped in its pass alone
    torch.testing.assert_close(still.bound.weight, first.bound.weight)
    assert not torch.equal(still.layer.weight, first.layer.weight)
    assert not torch.equal(network.bound.weight, first.bound.weight)


def test_passes_before_the_first_epoch_alone(folds):
    """All of them before its main pass; what they say last is in its line of the history."""
    before = {"phases": {"bounds": BOUNDS["phases"]["bounds"] | {"before": 2}}}
    network, trained = run(folds, before | {"epochs": 2})
    assert [name for name, _ in network.seen] == ["bounds"] * 6 + ["main"] * 12
    assert [set(epoch.terms) for epoch in trained.history] == [{"table", "bounds_lld"}, {"table"}]
    none, _ = run(folds, {"phases": {"bounds": {"optimizer": ADAM, "before": 0}}, "epochs": 1})
    assert {name for name, _ in none.seen} == {"main"}


def test_passes_that_the_network_does_not_have(folds):
    with pytest.raises(InputError, match="phases: Plain has none, got bounds"):
        phase_optimizers(Plain(), BOUNDS["phases"])
    with pytest.raises(InputError, match="phases: Network has bounds, got none"):
        phase_optimizers(Network(), {})


def test_terms_are_the_means_over_rows_and_the_loss_has_them(folds, tmp_path):
    """With one batch an epoch, by hand."""
    hyper = {"batch_size": 44, "epochs": 2, **BOUNDS}
    network, trained = run(folds, hyper)
    torch.manual_seed(0)
    fresh = Network()
    batch = folds["train"].batch(torch.arange(44))
    lld = (fresh.bound(batch["text"].mean()) - fresh.layer(batch["text"].mean())).square().mean()
    assert trained.history[0].terms["bounds_lld"] == pytest.approx(lld.item(), rel=1e-5)
    write(tmp_path, {}, network, trained, folds, HYPER | hyper)
    history = pd.read_csv(tmp_path / "history.csv")
    assert [*history.columns][-2:] == ["table", "bounds_lld"]
    assert history["table"].tolist() == [epoch.terms["table"] for epoch in trained.history]
    assert json.loads((tmp_path / "training.json").read_text())["epochs"] == 2


class Killed(Exception):
    pass


@pytest.mark.parametrize(
    "hyper",
    [
        BOUNDS,
        {"phases": {"bounds": BOUNDS["phases"]["bounds"] | {"before": 2}}},
        BOUNDS | {"accumulate": {"batches": 4, "tail": "drop"}, "clip_value": 0.1, "clip": 0.05},
        BOUNDS | {"schedule": {"name": "cosine", "warmup": 2}},
        BOUNDS | {"schedule": {"name": "restart", "patience": 0, "factor": 0.1, "times": 2}},
    ],
)
def test_all_of_it_goes_through_a_kill_to_the_same_bits(folds, tmp_path, hyper):
    hyper = hyper | {"epochs": 7}
    network, undisturbed = run(folds, hyper)

    def watch(epoch, better):
        if epoch.epoch == 3:
            raise Killed

    state = State(tmp_path / "state.pt", "key")
    with pytest.raises(Killed):
        run(folds, hyper, watch=watch, state=state)
    again, trained = run(folds, hyper, state=state)
    assert len(trained.history) == len(undisturbed.history) > 3
    assert [e.terms for e in trained.history] == [e.terms for e in undisturbed.history]
    np.testing.assert_array_equal(trained.test, undisturbed.test)
    for key, weight in undisturbed.weights.items():
        assert torch.equal(weight, trained.weights[key])
    assert torch.equal(network.table, again.table)
    assert torch.equal(network.recent, again.recent)


def test_the_features_of_the_training_fold_come_first(folds):
    """Once, before the first epoch, every modality's rows."""
    network, _ = run(folds, BOUNDS | {"epochs": 1})
    modalities = folds["train"].modalities
    assert {*network.features} == {*modalities}
    assert all(torch.equal(network.features[name], modalities[name].rows) for name in modalities)


def test_tables_are_no_weights(folds):
    network, trained = run(folds, BOUNDS)
    assert set(trained.weights) == {
        f"{part}.{x}" for part in ("layer", "bound") for x in ("weight", "bias")
    }
    assert len(network.table) == 44
    assert len([*evaluate(network, folds["test"], HYPER)]) == 2


def test_restart_goes_back_to_the_best_epoch():
    """Weights and optimizer of the best epoch, a tenth of its rate, over after the second time."""
    torch.manual_seed(0)
    network = nn.Linear(2, 1)
    optimizer = torch.optim.Adam(network.parameters(), lr=1.0)
    restart = Restart(
        network, optimizer, {"name": "restart", "patience": 1, "factor": 0.1, "times": 2}
    )
    seen = []
    for value in (3.0, 2.0, 2.0, 2.5, 1.9, 1.9, 2.0):
        assert not restart.over
        network(torch.ones(1, 2)).sum().backward()
        optimizer.step()
        seen.append(network.weight.detach().clone())
        restart.after_epoch(value)
        seen.append((network.weight.detach().clone(), optimizer.param_groups[0]["lr"]))
    best, again = seen[2], seen[7]
    assert torch.equal(again[0], best)
    assert again[1] == pytest.approx(0.1)
    assert torch.equal(seen[-1][0], seen[8])
    assert seen[-1][1] == pytest.approx(0.01)
    assert restart.over


def test_without_that_schedule_nothing_restarts():
    network = nn.Linear(2, 1)
    restart = Restart(network, torch.optim.Adam(network.parameters()), None)
    for _ in range(30):
        restart.after_epoch(1.0)
    assert not restart.over
    assert restart.state_dict().keys() == {"best", "waited", "done"}
