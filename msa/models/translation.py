"""What translations of one sequence to another have in common: a code of each step, in both
directions, attention over the valid steps, an error over them."""

import torch
from torch import Tensor


def turn(x: Tensor, mask: Tensor) -> Tensor:
    """The valid steps of each row (b, t, d), which are in front, in their opposite order."""
    t = mask.shape[1]
    place = (mask.sum(1, keepdim=True) - 1 - torch.arange(t, device=x.device)) % t  # (b, t)
    return x.gather(1, place[..., None].expand_as(x))


def share(scores: Tensor, mask: Tensor) -> Tensor:
    """Softmax over the valid steps of scores (b, t, k)."""
    return scores.masked_fill(~mask[..., None], -torch.inf).softmax(1)


def squared_error(found: Tensor, wanted: Tensor, mask: Tensor) -> Tensor:
    """The mean over all entries of the valid steps of (b, t, d)."""
    return (found - wanted)[mask].square().mean()


def sum_directions(x: Tensor) -> Tensor:
    """Both halves of the last dimension, one for each direction, added."""
    forward, backward = x.chunk(2, dim=-1)
    return forward + backward
