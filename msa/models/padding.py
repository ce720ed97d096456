"""How rows of unlike lengths enter a model, each seeing its own valid steps only.

Legend, here and in every model: b batch, t steps, d features, h heads.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.errors import InputError


def one_of(name: str, value: str, allowed: Sequence[str]) -> str:
    """``value``, or an error that names the keyword and what it may be."""
    if value not in allowed:
        raise InputError(f"{name}: expected one of {', '.join(allowed)}, got {value!r}")
    return value


def compact(mask: Tensor, *sequences: Tensor) -> tuple[Tensor, ...]:
    """Move the valid steps of each row to the front, zero the rest, cut what no row needs.

    ``mask`` is (b, t), True where valid, and each sequence (b, t) or (b, t, d). Afterwards nothing
    depends on the side or the amount of padding. A row without any valid step becomes one step of
    zeros, so that no softmax, average or maximum runs over nothing.
    """
    length = mask.sum(1).clamp(min=1)  # (b,)
    t = int(length.max())
    order = mask.to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :t]
    invalid = ~mask.gather(1, order)
    moved = []
    for x in sequences:
        if x.dim() == 2:
            moved.append(x.gather(1, order).masked_fill(invalid, 0))  # (b, t)
        else:
            index = order[..., None].expand(-1, -1, x.shape[2])
            moved.append(x.gather(1, index).masked_fill(invalid[..., None], 0))  # (b, t, d)
    return torch.arange(t, device=mask.device) < length[:, None], *moved


def sequence(batch: dict[str, Tensor], modality: str, padding: str) -> tuple[Tensor, Tensor | None]:
    """A modality's sequence and mask, compact; with ``padding="released"`` as it is, no mask."""
    if padding == "released":
        return batch[modality], None
    mask, x = compact(batch[f"{modality}_mask"], batch[modality])
    return x, mask


def last_step(x: Tensor, mask: Tensor | None) -> Tensor:
    """The last valid step of each compact row; without a mask the last step of the array."""
    if mask is None:
        return x[:, -1]  # (b, d)
    return x[torch.arange(len(x), device=x.device), mask.sum(1) - 1]  # (b, d)


def average(x: Tensor, mask: Tensor | None) -> Tensor:
    """The mean over the valid steps, zeros where there are none: (b, t, d) to (b, d)."""
    if mask is None:
        return x.mean(1)
    total = x.masked_fill(~mask[..., None], 0).sum(1)  # (b, d)
    return total / mask.sum(1, keepdim=True).clamp(min=1)


def max_pool(x: Tensor, mask: Tensor | None, bins: int) -> Tensor:
    """Adaptive max pooling over the valid steps of compact rows: (b, t, d) to (b, d, bins)."""
    b, t, _ = x.shape
    x = x.transpose(1, 2)  # (b, d, t)
    if mask is None:
        # not F.adaptive_max_pool1d, which has no deterministic gradient on a GPU
        mask = torch.ones(b, t, dtype=torch.bool, device=x.device)
    length, i = mask.sum(1, keepdim=True), torch.arange(bins, device=x.device)
    start, end = i * length // bins, -(-(i + 1) * length // bins)  # (b, bins)
    step = torch.arange(t, device=x.device)
    inside = (step >= start[..., None]) & (step < end[..., None])  # (b, bins, t)
    return x[:, :, None].masked_fill(~inside[:, None], -torch.inf).amax(-1)


def normalize(norm: nn.BatchNorm1d, rows: Tensor) -> Tensor:
    """BatchNorm of rows (n, d); one row has no variance: the running statistics instead."""
    if norm.training and len(rows) == 1:
        mean, variance = norm.running_mean, norm.running_var
        return F.batch_norm(rows, mean, variance, norm.weight, norm.bias, eps=norm.eps)
    return norm(rows)
