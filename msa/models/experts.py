"""A mixture of experts: small networks, of which noisy gates choose a few for each vector."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Expert(nn.Module):
    def __init__(self, *, input_dim: int, hidden: int, output_dim: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(input_dim, hidden)
        self.fc2 = nn.Linear(hidden, output_dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.relu(self.fc1(x)))


def _spread(x: Tensor) -> Tensor:
    """The squared coefficient of variation, 0 for one expert."""
    if len(x) == 1:
        return x.new_zeros(())
    return x.var() / (x.mean() ** 2 + 1e-10)


class MixtureOfExperts(nn.Module):
    """Noisy top-k gating; gives the mixture and a loss that keeps all experts in use."""

    def __init__(
        self, *, input_dim: int, hidden: int, output_dim: int, experts: int, top_k: int
    ) -> None:
        super().__init__()
        self.top_k = min(top_k, experts)
        self.w_gate = nn.Parameter(torch.zeros(input_dim, experts))
        self.w_noise = nn.Parameter(torch.zeros(input_dim, experts))
        self.experts = nn.ModuleList(
            Expert(input_dim=input_dim, hidden=hidden, output_dim=output_dim)
            for _ in range(experts)
        )

    def forward(self, x: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """``noise`` (b, experts) takes the place of standard normal draws in training."""
        gates, load = self.gates(x, noise)  # (b, experts), (experts,)
        outputs = torch.stack([expert(x) for expert in self.experts], dim=1)  # (b, experts, d)
        chosen = (gates > 0)[..., None]
        # log(sum of gate * exp(output)), with the largest output taken out against overflow
        top = outputs.detach().masked_fill(~chosen, -torch.inf).amax(1, keepdim=True)
        scaled = torch.where(chosen, outputs - top, 0.0).exp()
        mixed = (gates[..., None] * scaled).sum(1).log() + top[:, 0]  # (b, d)
        floor = torch.tensor(torch.finfo(torch.float64).eps, dtype=x.dtype, device=x.device)
        mixed = torch.where(mixed.exp() == 0, floor.log(), mixed)
        return mixed, 0.01 * (_spread(gates.sum(0)) + _spread(load))

    def gates(self, x: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Weights of the experts, rows sum to 1 (b, experts), and how many rows each has."""
        k, experts = self.top_k, len(self.experts)
        clean = x @ self.w_gate  # (b, experts)
        logits, deviation = clean, torch.ones_like(clean)
        if self.training:
            deviation = F.softplus(x @ self.w_noise) + 0.01
            logits = clean + deviation * (torch.randn_like(clean) if noise is None else noise)
        top, index = logits.topk(min(k + 1, experts), dim=1)
        shares = top[:, :k].softmax(1)
        gates = shares.new_zeros(logits.shape).scatter(1, index[:, :k], shares)
        if not self.training or k == experts:
            return gates, (gates > 0).sum(0).to(x.dtype)
        # the chance to stay in the top k, or to get there, if the noise were drawn again
        last_in, first_out = top[:, k - 1 : k], top[:, k : k + 1]  # (b, 1)
        threshold = torch.where(logits > first_out, first_out, last_in)
        distance = (clean - threshold) / deviation
        # the normal distribution has mean .1 here: as released
        return gates, torch.special.ndtr(distance - 0.1).sum(0)
