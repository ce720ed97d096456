"""MMIM's bounds of mutual information: between two modalities, and of one with the fusion."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Bound(nn.Module):
    """How likely a modality's vector y is by that of x, and how much y varies in a batch.

    The variation is measured together with the batch before, whose vectors are in the buffers
    `recent_positive` and `recent_negative`, (k, y / 4), by the sign of the label.
    """

    def __init__(self, *, x_dim: int, y_dim: int) -> None:
        super().__init__()
        self.mlp_mu, self.mlp_logvar = (
            nn.Sequential(nn.Linear(x_dim, y_dim), nn.ReLU(), nn.Linear(y_dim, y_dim))
            for _ in range(2)
        )
        self.entropy_prj = nn.Sequential(nn.Linear(y_dim, y_dim // 4), nn.Tanh())
        self.forget()

    def forget(self) -> None:
        """No batch before."""
        weight = self.get_parameter("entropy_prj.0.weight").detach()
        for side in ("recent_positive", "recent_negative"):
            self.register_buffer(side, weight.new_zeros(0, len(weight)), persistent=False)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The mean log-likelihood, but for constants."""
        mean, log_variance = self.mlp_mu(x), self.mlp_logvar(x)
        return (-((mean - y) ** 2) / (2 * log_variance.exp())).sum(1).mean()

    def entropy(self, y: Tensor, label: Tensor) -> Tensor | None:
        """The entropy of y (b, d) by its covariances on both sides of label (b,) 0.

        None where too few rows are on one of them for a covariance of full rank.
        """
        e = self.entropy_prj(y)
        sides = {"recent_positive": e[label > 0], "recent_negative": e[label < 0]}
        parts = []
        for side, rows in sides.items():
            joined = torch.cat([self.get_buffer(side).to(rows.dtype), rows])
            setattr(self, side, rows.detach())
            parts.append(_log_determinant(joined))
        found = [part for part in parts if part is not None]
        return 0.25 * torch.stack(found).sum() if len(found) == len(parts) else None


def _log_determinant(rows: Tensor) -> Tensor | None:
    """Of the covariance of rows (n, d); None where it is singular."""
    if len(rows) <= rows.shape[1]:
        return None
    # there is none in half precision
    with torch.autocast(rows.device.type, enabled=False):
        rows = rows if rows.dtype == torch.float64 else rows.float()
        centered = rows - rows.mean(0)
        found = torch.logdet(centered.T @ centered / len(rows))
    return found if found.isfinite() else None


class Contrast(nn.Module):
    """Contrastive predictive coding: how well a fusion tells its own vector from the batch's."""

    def __init__(self, *, fusion_dim: int, x_dim: int, layers: int) -> None:
        super().__init__()
        first = nn.Linear(fusion_dim, x_dim)
        deeper = [nn.Linear(x_dim, x_dim) for _ in range(layers - 1)]
        self.net = nn.Sequential(first, nn.Tanh(), *deeper) if deeper else first

    def forward(self, x: Tensor, fusion: Tensor) -> Tensor:
        x, guess = F.normalize(x, dim=1), F.normalize(self.net(fusion), dim=1)
        likeness = x @ guess.T  # (b, b)
        return -(likeness.diagonal() - likeness.logsumexp(1)).mean()
