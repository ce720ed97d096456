"""Dropout that draws 16 random bits an element: on a CPU most of PyTorch's time is the drawing."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEVELS = 1 << 16


def draw(shape: Sequence[int], p: float) -> Tensor:
    """Which elements are kept, of a tensor on a CPU."""
    size = math.prod(shape)
    bits = torch.empty(-(-size // 4), dtype=torch.int64).random_(-(1 << 63), None)
    return bits.view(torch.int16)[:size].view(*shape) >= round(p * LEVELS) - LEVELS // 2


class Dropout(nn.Dropout):
    """As ``nn.Dropout``, its rate rounded to a 65536th where it runs on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        dropped = round(self.p * LEVELS)
        if not self.training or not dropped or dropped == LEVELS or x.device.type != "cpu":
            return F.dropout(x, self.p, self.training)
        kept = draw(x.shape, self.p)
        return x * kept.to(x.dtype).mul_(LEVELS / (LEVELS - dropped))
