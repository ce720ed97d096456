import inspect
import math
import subprocess
import sys
from functools import partial

import pytest
import torch
from running import ROOT, environment
from torch import nn

from msa.base.errors import InputError
from msa.config.check import configure
from msa.models import MODELS, model_class
from msa.training.optimizers import KINDS, BertAdam, Schedule, make_optimizer


def rates(settings, batches=20, losses=None):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = Schedule(optimizer, settings, batches, batches)
    found = []
    for i in range(batches):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.after_batch()
        if losses:
            schedule.after_epoch(losses[i])
    return found


def test_warmup_then_linear_decay_to_zero():
    found = rates({"name": "warmup_linear", "warmup": 0.25})
    assert found[:6] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert found[-1] == pytest.approx(1 / 15)
    assert found[10] == pytest.approx(10 / 15)


def test_a_factor_at_some_epochs():
    found = rates({"name": "steps", "epochs": [2, 4], "factor": 0.1}, 6, [1.0] * 6)
    assert found == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_a_factor_where_validation_stands_still():
    found = rates({"name": "plateau", "patience": 1, "factor": 0.5}, 5, [3, 2, 2, 2, 2])
    assert found == [1, 1, 1, 1, 0.5]


@pytest.mark.parametrize(("start", "shift"), [("step", 1), ("zero", 0)])
def test_warmup_then_half_a_cosine_by_epochs(start, shift):
    """ALMT's: at e = 21 the full rate, and its first epoch has none."""
    found = rates({"name": "cosine", "warmup": 20, "start": start}, 200, [1.0] * 200)
    at = [
        min(e / 20, 1) if e <= 21 else (1 + math.cos(math.pi * (e - 21) / 180)) / 2
        for e in range(201)
    ]
    assert found == pytest.approx(at[shift : shift + 200])


@pytest.mark.parametrize("epochs", [None, 20])
def test_warmup_then_half_a_cosine_by_steps(epochs):
    """CLGSI's: over all epochs, or over fewer, after which the rate rises again as released."""
    short = {"epochs": epochs} if epochs else {}
    found = rates({"name": "warmup_cosine", "warmup": 0.25, **short}, 40)
    whole = epochs or 40
    warm = whole // 4
    assert found[: warm + 1] == pytest.approx([i / warm for i in range(warm + 1)])
    falling = [(1 + math.cos(math.pi * i / (whole - warm))) / 2 for i in range(40 - warm)]
    assert found[warm:] == pytest.approx(falling)
    assert (found[-1] > min(found[warm:])) is bool(epochs)


def test_a_training_that_is_over_while_the_rate_rises():
    assert rates({"name": "cosine", "warmup": 4}, 4, [1.0] * 4) == pytest.approx(
        [0.25, 0.5, 0.75, 1]
    )


def test_no_schedule():
    assert rates(None, 3, [1.0] * 3) == [1, 1, 1]


def test_bert_adam_step_by_step():
    """By hand: no bias correction, decay apart, the gradient clipped to norm 1."""
    weight = nn.Parameter(torch.tensor([1.0, -2.0]))
    optimizer = BertAdam([weight], lr=0.1, weight_decay=0.01)
    mean = square = torch.zeros(2)
    expected = weight.detach().clone()
    for gradient in (torch.tensor([3.0, 4.0]), torch.tensor([0.1, 0.0])):
        weight.grad = gradient.clone()
        optimizer.step()
        clipped = gradient / max(1.0, gradient.norm().item())
        mean = 0.9 * mean + 0.1 * clipped
        square = 0.999 * square + 0.001 * clipped**2
        expected = expected - 0.1 * (mean / (square.sqrt() + 1e-6) + 0.01 * expected)
        torch.testing.assert_close(weight.detach(), expected, rtol=1e-5, atol=1e-6)
    assert not math.isclose(weight[0].item(), 1.0)


def trained(kind):
    torch.manual_seed(0)
    network, x = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)), torch.randn(7, 3)
    optimizer = kind(network.parameters(), lr=0.1, weight_decay=0.1)
    for _ in range(4):
        optimizer.zero_grad()
        network(x).square().sum().backward()
        optimizer.step()
        optimizer.load_state_dict(optimizer.state_dict())
    return torch.cat([p.detach().flatten() for p in network.parameters()])


@pytest.mark.parametrize(
    ("name", "torchs"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)]
)
def test_without_the_compiler_an_optimizer_is_torchs_to_the_bit(name, torchs):
    assert torch.equal(trained(KINDS[name]), trained(partial(torchs, fused=True)))


WITHOUT_COMPILER = """
import sys, torch
from msa.training.optimizers import KINDS
for make in KINDS.values():
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = make([weight], lr=0.1, weight_decay=0.1)
    optimizer.zero_grad()
    weight.sum().backward()
    optimizer.step()
    optimizer.load_state_dict(optimizer.state_dict())
assert "torch._dynamo" not in sys.modules
"""


def test_no_optimizer_imports_the_compiler():
    command = [sys.executable, "-c", WITHOUT_COMPILER]
    subprocess.run(command, cwd=ROOT, env=environment(), check=True)


def test_frozen_parameters_are_left_out():
    network = nn.Linear(2, 2)
    network.bias.requires_grad_(False)
    settings = {"name": "adamw", "lr": 0.1, "weight_decay": 0.5, "groups": {}}
    (group,) = make_optimizer(network, settings).param_groups
    assert [id(p) for p in group["params"]] == [id(network.weight)]
    assert group["weight_decay"] == 0.5


class Grouped(nn.Linear):
    def parameter_groups(self, lr, weight_decay, head_lr):
        return [{"params": [self.weight], "lr": head_lr}, {"params": [self.bias], "lr": lr}]


@pytest.mark.parametrize(
    ("network", "groups", "expected"),
    [
        (nn.Linear(2, 2), {"head_lr": 1}, "optimizer: groups: Linear has none, got head_lr"),
        (Grouped(2, 2), {"head": 1}, "optimizer: groups: Grouped has head_lr, got head"),
        (Grouped(2, 2), {"head_lr": 1, "lr": 1}, "optimizer: groups: Grouped has head_lr, got lr"),
    ],
)
def test_groups_that_the_model_has_not(network, groups, expected):
    settings = {"name": "adam", "lr": 0.1, "weight_decay": 0.0, "groups": groups}
    with pytest.raises(InputError, match=expected):
        make_optimizer(network, settings)


@pytest.mark.parametrize("model", MODELS)
def test_a_recipe_has_all_groups_of_its_model(model):
    """They are what the configuration may set, which is checked without the model's code."""
    own = getattr(model_class(model), "parameter_groups", None)
    taken = set(inspect.signature(own).parameters) if own else {"self", "lr", "weight_decay"}
    config = configure({"datasets": [], "models": [], "seeds": [1]})
    groups = config.models[model]["settings"]["optimizer"].get("groups", {})
    assert set(groups) == taken - {"self", "lr", "weight_decay"}
