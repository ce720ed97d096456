"""How far the representations of the same segments, or two samples, are from each other.

Hazarika et al., MM 2020; the second is of Zellinger et al., "Central Moment Discrepancy (CMD) for
Domain-Invariant Representation Learning", ICLR 2017.
"""

import torch
from torch import Tensor
from torch.linalg import vector_norm

MOMENTS = 5


def difference(x: Tensor, y: Tensor) -> Tensor:
    """How far two representations (b, d) of the same segments are from being orthogonal."""
    x, y = x - x.mean(0), y - y.mean(0)
    x = x / (vector_norm(x, dim=1, keepdim=True).detach() + 1e-6)
    y = y / (vector_norm(y, dim=1, keepdim=True).detach() + 1e-6)
    return (x.T @ y).square().mean()


def central_moment_discrepancy(x: Tensor, y: Tensor) -> Tensor:
    """The distance of two distributions, (b, d) each, by their first five moments.

    Of one row all but the first are zero; the gradient of their distance is zero there, not NaN
    as in the released code.
    """
    x_mean, y_mean = x.mean(0), y.mean(0)
    x, y = x - x_mean, y - y_mean
    distances = [vector_norm(x_mean - y_mean)]
    for k in range(2, MOMENTS + 1):
        distances.append(vector_norm(x.pow(k).mean(0) - y.pow(k).mean(0)))
    return torch.stack(distances).sum()
