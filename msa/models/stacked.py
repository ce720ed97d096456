"""Several networks of one architecture as one, so that small products become larger ones.

Every parameter and buffer is stacked, (k, ...). The segments of a batch are those of the first
network, then those of the second, and so on, as many of each: (k * b, d).
"""

import copy
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.base.errors import InputError


class Linear(nn.Linear):
    """A linear layer of each network."""

    def forward(self, x: Tensor) -> Tensor:
        x = x.unflatten(0, (len(self.weight), -1))  # (k, b, d)
        return torch.baddbmm(self.bias[:, None], x, self.weight.mT).flatten(0, 1)


class BatchNorm1d(nn.BatchNorm1d):
    """BatchNorm over the rows of each network; one row has no variance: as ``normalize``."""

    def forward(self, x: Tensor) -> Tensor:
        k, d = self.weight.shape
        x = x.view(k, -1, d).transpose(0, 1)  # (b, k, d)
        several = self.training and len(x) > 1
        own: list[Any] = [self.running_mean, self.running_var, self.weight, self.bias]
        mean, variance, weight, bias = (tensor.view(-1) for tensor in own)
        share = self.momentum or 0.0
        x = F.batch_norm(x.flatten(1), mean, variance, weight, bias, several, share, self.eps)
        if several and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        return x.view(-1, k, d).transpose(0, 1).flatten(0, 1)


STACKED: dict[type[nn.Module], type[nn.Module]] = {
    nn.Linear: Linear,
    nn.BatchNorm1d: BatchNorm1d,
    nn.LSTM: nn.LSTM,  # `recur` tells a stacked one by its weights
}


def stack(networks: Sequence[nn.Module]) -> nn.Module:
    """One network for all; what stands in the networks' own class it must do itself.

    Raises:
        InputError: a layer with parameters that cannot be stacked.
    """
    stacked_network = copy.deepcopy(networks[0])
    states = [network.state_dict() for network in networks]
    for path, module in stacked_network.named_modules():
        tensors = dict(module.named_parameters(recurse=False))
        if tensors and module is not stacked_network:
            if type(module) not in STACKED:
                raise InputError(
                    f"{path}: a {type(module).__name__} cannot train several seeds at once; "
                    "set batch_seeds: false"
                )
            module.__class__ = STACKED[type(module)]
        tensors |= dict(module.named_buffers(recurse=False))
        for name, tensor in tensors.items():
            key = f"{path}.{name}".lstrip(".")
            stacked = torch.stack([state[key] for state in states])
            whole = nn.Parameter(stacked) if isinstance(tensor, nn.Parameter) else stacked
            setattr(module, name, whole)
    return stacked_network


def apart(stacked_network: nn.Module, number: int) -> dict[str, Tensor]:
    """A copy of the state of one of the networks, on the CPU."""
    return {key: value[number].cpu().clone() for key, value in stacked_network.state_dict().items()}


def keep(stacked_network: nn.Module, optimizer: torch.optim.Optimizer, numbers: list[int]) -> None:
    """Leave some of the networks, in this order, and the optimizer's state of them."""
    for module in stacked_network.modules():
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, buffer[numbers])
    for parameter in stacked_network.parameters():
        parameter.data, parameter.grad = parameter.data[numbers], None
        for name, value in optimizer.state.get(parameter, {}).items():
            if value.dim():  # not the count of steps
                optimizer.state[parameter][name] = value[numbers]
