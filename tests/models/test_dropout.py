"""Dropout by 16 random bits."""

import pytest
import torch

from msa.models.dropout import Dropout


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_as_many_are_dropped_and_the_rest_makes_up_for_them(rate: float) -> None:
    """In training; elements are independent, evaluation is the identity."""
    torch.manual_seed(0)
    dropout, x = Dropout(rate), torch.ones(1001, 1000, requires_grad=True)
    found = dropout(x)
    dropped = found == 0
    assert dropped.float().mean().item() == pytest.approx(rate, abs=2e-3)
    if rate < 1:
        kept = found[~dropped]
        torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - rate)), rtol=1e-4, atol=0)
        for step in (1, 2, 3, 4, 1000):  # 4 elements come from one draw
            both = (dropped.flatten()[step:] & dropped.flatten()[:-step]).float().mean().item()
            assert both == pytest.approx(rate**2, abs=2e-3)
    found.sum().backward()
    torch.testing.assert_close(x.grad, found.detach())
    assert torch.equal(dropout.eval()(x), x)


def test_the_seed_decides() -> None:
    """The same bits for the same seed, others for another."""
    dropout, x = Dropout(0.5), torch.ones(7, 5)
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append(dropout(x))
    assert torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])
