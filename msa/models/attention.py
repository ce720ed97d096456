"""Attention with dropout on a CPU, where PyTorch has no fused kernel for it.

A few rows at a time, so that their scores stay in the cache; for the gradient nothing is kept but
one byte a score, which tells what was dropped, and the scores are computed once more.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from msa.models.dropout import LEVELS, draw

SCORES = 1 << 19  # at once, at most, if a row has no more


def attend(q: Tensor, k: Tensor, v: Tensor, visible: Tensor | None, p: float) -> Tensor:
    """What queries (r, h, t, d) take from values (r, h, s, d) where ``p`` of the weights drop out.

    ``visible``, of a shape that spreads to (r, 1, t, s), is added to the scores.
    """
    exact = torch.promote_types(q.dtype, torch.float32)
    shape = len(q), 1, q.shape[2], k.shape[2]
    visible = q.new_zeros(1, dtype=exact) if visible is None else visible.to(exact)
    with torch.autocast("cpu", enabled=False):
        x = DroppedAttention.apply(*(x.to(exact) for x in (q, k, v)), visible.expand(shape), p)
    return x.to(q.dtype)


class DroppedAttention(torch.autograd.Function):
    """As ``attend``, all of one precision, and ``visible`` (r, 1, t, s)."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, visible: Tensor, p: float) -> Tensor:
        q = q * q.shape[-1] ** -0.5
        kept = torch.empty(*q.shape[:3], k.shape[2], dtype=torch.int8)  # bool is slow
        output = q.new_empty(*q.shape[:3], v.shape[3])
        for part in _parts(q, k):
            weights = _weights(q[part], k[part], visible[part])
            kept[part] = draw(weights.shape, p).view(torch.int8)
            torch.matmul(weights.mul_(kept[part]), v[part], out=output[part])
        dropped = round(p * LEVELS)
        ctx.scale = LEVELS / max(LEVELS - dropped, 1)
        ctx.save_for_backward(q, k, v, visible, kept, output.mul_(ctx.scale))
        return output

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, visible, kept, output = ctx.saved_tensors
        by_q, by_k, by_v = (torch.empty_like(x) for x in (q, k, v))
        mean = (gradient * output).sum(-1, keepdim=True)
        gradient = gradient * ctx.scale
        for part in _parts(q, k):
            weights = _weights(q[part], k[part], visible[part])
            by_score = (gradient[part] @ v[part].mT).mul_(kept[part])
            by_score.sub_(mean[part]).mul_(weights)
            torch.matmul(weights.mul_(kept[part]).mT, gradient[part], out=by_v[part])
            torch.matmul(by_score, k[part], out=by_q[part])
            torch.matmul(by_score.mT, q[part], out=by_k[part])
        return by_q.mul_(q.shape[-1] ** -0.5), by_k, by_v, None, None


def _parts(q: Tensor, k: Tensor) -> Iterator[slice]:
    rows = max(1, SCORES // (q.shape[1] * q.shape[2] * k.shape[2]))
    return (slice(i, i + rows) for i in range(0, len(q), rows))


def _weights(q: Tensor, k: Tensor, visible: Tensor) -> Tensor:
    scores = (q @ k.mT).add_(visible)
    return torch.softmax(scores, -1, out=scores)
