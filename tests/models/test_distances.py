"""Distances whose values are known."""

import torch

from msa.models.distances import divergence, mean_discrepancy


def test_the_discrepancy_of_a_sample_from_itself_is_nothing() -> None:
    """And from two points far away, what each has in common with itself alone."""
    x = torch.randn(5, 3, dtype=torch.float64)
    assert mean_discrepancy(x, x).abs() < 1e-12
    two = torch.tensor([[0.0], [100.0]])
    assert torch.isclose(mean_discrepancy(two, two + 1e4), torch.tensor(1.0))


def test_the_kernel_has_the_width_squared() -> None:
    """The mean over the features, over their number once more."""
    x, y = torch.zeros(1, 4), torch.full((1, 4), 2.0)
    assert torch.isclose(mean_discrepancy(x, y), 2 - 2 * torch.exp(torch.tensor(-1.0)))


def test_a_standard_normal_does_not_diverge() -> None:
    """Others do, and the sum is over the rows too."""
    zeros = torch.zeros(2, 3)
    assert divergence(zeros, zeros) == 0
    assert torch.isclose(divergence(zeros + 2, zeros), torch.tensor(0.5 * 4 * 6))
