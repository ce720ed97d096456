"""How far the representations of the same segments, or two samples, are from each other.

Those of MISA (Hazarika et al., MM 2020): `difference`, and `central_moment_discrepancy` of
Zellinger et al., "Central Moment Discrepancy (CMD) for Domain-Invariant Representation Learning",
ICLR 2017. Those of MFM (Tsai et al., ICLR 2019): `mean_discrepancy` of Gretton et al., "A Kernel
Two-Sample Test", JMLR 2012, and `divergence`.
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


def mean_discrepancy(x: Tensor, y: Tensor) -> Tensor:
    """The maximum mean discrepancy of two samples (b, d) each; a row is compared to itself too."""

    def likeness(a: Tensor, b: Tensor) -> Tensor:
        distance = (a[:, None] - b).square().mean(-1) / a.shape[1]  # (b, b)
        return torch.exp(-distance).mean()

    return likeness(x, x) + likeness(y, y) - 2 * likeness(x, y)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Kullback and Leibler's, of normal distributions (b, d) from the standard one, summed."""
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
