"""The gated memory of MFN and of those that came from it: Graph-MFN and MFM."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.models.recurrence import Times

Gate = tuple[nn.Linear, nn.Linear, nn.Module]


def remember(x: Tensor, proposed: Tensor, gates: tuple[Gate, Gate], times: Times) -> Tensor:
    """The memory (n, memory) after each step, zeros before the first.

    Args:
        x: what the gates see beside the memory, (n, d).
        proposed: what the memory takes in, (n, memory).
        gates: how much it retains, and how much it takes in; of each the layer that sees x and
            the memory joined, the layer behind it, and the dropout between them.
        times: of the segments.
    """
    width, parts = x.shape[1], []
    for fc1, fc2, dropout in gates:
        # all but the memory's own part in the gates goes ahead
        of_step = F.linear(x, fc1.weight[:, :width], fc1.bias)  # (n, hidden)
        kept = dropout(torch.ones_like(of_step)).split(times.sizes)
        parts.append((times.arrange(of_step).split(times.sizes), fc1.weight[:, width:], kept, fc2))
    memory, memories = proposed.new_zeros(times.sizes[0], proposed.shape[1]), []
    for t, new in enumerate(times.arrange(proposed).split(times.sizes)):
        memory = memory[: len(new)]
        retain, update = (
            torch.sigmoid(fc2(F.relu(of_step[t] + F.linear(memory, weight)) * kept[t]))
            for of_step, weight, kept, fc2 in parts
        )
        memory = retain * memory + update * new
        memories.append(memory)
    return torch.cat(memories)[times.places]
