"""The mixture of experts: what it mixes, and its noise."""

from typing import Any

import pytest
import torch
from making import randomize

from msa.models.experts import MixtureOfExperts


def make_experts(experts: int, top_k: int) -> Any:
    """Random experts."""
    torch.manual_seed(4)
    model = MixtureOfExperts(input_dim=6, hidden=5, output_dim=4, experts=experts, top_k=top_k)
    return randomize(model)


def test_mixture_is_the_log_of_weighted_exponentials() -> None:
    """The mixture and its loss, row by row."""
    model, x = make_experts(4, 2).eval(), torch.randn(7, 6, dtype=torch.float64)
    mixed, auxiliary = model(x)
    clean = x @ model.w_gate
    importance, load = torch.zeros(4).double(), torch.zeros(4).double()
    for row, logits, found in zip(x, clean, mixed, strict=True):
        first, second = logits.argsort(descending=True)[:2].tolist()
        share = torch.sigmoid(logits[first] - logits[second])
        one, other = model.experts[first](row), model.experts[second](row)
        expected = (share * one.exp() + (1 - share) * other.exp()).log()
        torch.testing.assert_close(found, expected)
        for index, gate in ((first, share), (second, 1 - share)):
            importance[index] += gate
            load[index] += 1
    spread = sum(x.var() / (x.mean() ** 2 + 1e-10) for x in (importance, load))
    torch.testing.assert_close(auxiliary, 0.01 * spread)


def test_mixture_of_large_outputs_is_finite() -> None:
    """No overflow; what underflows is the float64 eps."""
    model, x = make_experts(3, 2).float(), torch.randn(5, 6)
    for expert in model.experts:
        expert.fc2.bias.data[:2] = torch.tensor([200.0, -200.0])
    mixed, _ = model(x)
    mixed.sum().backward()
    assert (mixed[:, 0] > 150).all()
    torch.testing.assert_close(mixed[:, 1], torch.full((5,), 2.0**-52).log())
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize(("experts", "top_k"), [(1, 2), (2, 2), (3, 1)])
def test_other_numbers_of_experts(experts: int, top_k: int) -> None:
    """One expert, all experts, one of three."""
    model, x = make_experts(experts, top_k).train(), torch.randn(5, 6, dtype=torch.float64)
    mixed, auxiliary = model(x)
    assert mixed.isfinite().all()
    assert auxiliary.isfinite()
    if experts == 1:
        assert auxiliary == 0
        torch.testing.assert_close(mixed, model.experts[0](x))


def test_noise_is_for_training_only() -> None:
    """Evaluation has no noise."""
    model, x = make_experts(4, 2), torch.randn(5, 6, dtype=torch.float64)
    noise = torch.randn(5, 4, dtype=torch.float64)
    assert torch.equal(model.eval()(x)[0], model(x, noise=noise)[0])
    assert not torch.allclose(model.train()(x, noise=noise)[0], model.eval()(x)[0])
