"""LSTMs over the valid steps alone.

On a GPU cuDNN does it. PyTorch's own LSTM for the CPU multiplies every padded step, and by far the
most of its time goes there; here the steps of all segments lie one time after the other, so that
one product covers all inputs, and only the product with the last state is left for each time.
"""

from itertools import accumulate
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from msa.models.dropout import Dropout
from msa.models.padding import Steps


class Recurrence(torch.autograd.Function):
    """An LSTM's states (n, h) from its projected inputs (n, 4h), times one after the other.

    ``sizes`` are the segments that each time still has, the longest segment first.
    """

    @staticmethod
    def forward(ctx: Any, projected: Tensor, weight: Tensor, sizes: list[int]) -> Tensor:
        n, h = len(projected), weight.shape[1]
        gates = projected.clone()
        cells, squashed, states = (projected.new_empty(n, h) for _ in range(3))
        transposed = weight.t().contiguous()
        state = cell = projected.new_zeros(sizes[0], h)
        for size, gate, now, squash, out in zip(
            sizes, *(x.split(sizes) for x in (gates, cells, squashed, states)), strict=True
        ):
            gate.addmm_(state[:size], transposed)
            entry, forget, new, leave = gate.split(h, dim=1)
            gate[:, : 2 * h].sigmoid_()
            new.tanh_()
            leave.sigmoid_()
            torch.mul(entry, new, out=now)
            now.addcmul_(forget, cell[:size])
            torch.mul(leave, torch.tanh(now, out=squash), out=out)
            state, cell = out, now
        ctx.save_for_backward(gates, cells, squashed, states, weight)
        ctx.sizes = sizes
        return states

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        gates, cells, squashed, states, weight = ctx.saved_tensors
        sizes: list[int] = ctx.sizes
        n, h = states.shape
        entry, forget, new, leave = gates.split(h, dim=1)
        # the state and the cell that each step came from
        previous = torch.zeros(2, n, h, dtype=states.dtype)
        begins = [0, *accumulate(sizes)]
        for begin, size, before in zip(begins[1:], sizes[1:], begins, strict=False):
            previous[0, begin : begin + size] = states[before : before + size]
            previous[1, begin : begin + size] = cells[before : before + size]
        # what each gate's input does, by the cell for the first three, by the state for the last
        slopes = torch.stack(
            [
                new * entry * (1 - entry),
                previous[1] * forget * (1 - forget),
                entry * (1 - new * new),
            ],
            dim=1,
        )  # (n, 3, h)
        leaving = squashed * leave * (1 - leave)
        through = leave * (1 - squashed * squashed)
        result = torch.empty_like(gates).view(n, 4, h)
        by_state = gradients[0].clone()
        by_cell = torch.zeros_like(by_state)
        parts = [
            x.split(sizes)
            for x in (by_state, by_cell, through, slopes, leaving, forget, result[:, :3])
        ]
        outputs, inputs = result[:, 3].split(sizes), result.view(n, 4 * h).split(sizes)
        for t in range(len(sizes) - 1, -1, -1):
            state, cell, across, slope, leaves, forgets, first = (x[t] for x in parts)
            cell.addcmul_(state, across)
            torch.mul(slope, cell[:, None], out=first)
            torch.mul(state, leaves, out=outputs[t])
            if t:
                parts[0][t - 1][: sizes[t]].addmm_(inputs[t], weight)
                torch.mul(cell, forgets, out=parts[1][t - 1][: sizes[t]])
        result = result.view(n, 4 * h)
        return result, result.t() @ previous[0], None


def recur(lstm: nn.LSTM, steps: Steps) -> Tensor:
    """An LSTM's outputs (n, h), or (n, 2h) in both directions, of every valid step."""
    lengths, device = steps.lengths, steps.rows.device
    order = np.argsort(-lengths, kind="stable")
    sizes = (lengths[:, None] > np.arange(lengths.max())).sum(0)  # segments at each time
    starts = np.concatenate([[0], np.cumsum(sizes)])
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    rank, length = np.repeat(rank, lengths), np.repeat(lengths, lengths)
    places = starts[steps.numbers] + rank
    if device.type == "cuda":
        place = torch.from_numpy(places).to(device)
        packed = torch.empty_like(steps.rows).index_copy(0, place, steps.rows)
        return lstm(PackedSequence(packed, torch.from_numpy(sizes)))[0].data[place]
    places_back = starts[length - 1 - steps.numbers] + rank
    x, dropout = steps.rows, Dropout(lstm.dropout).train(lstm.training)
    for layer in range(lstm.num_layers):
        directions = []
        for suffix, place in (("", places), ("_reverse", places_back))[: 1 + lstm.bidirectional]:
            input_weight, weight, input_bias, bias = (
                getattr(lstm, f"{kind}_l{layer}{suffix}")
                for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            ordered = x[torch.from_numpy(np.argsort(place))]
            projected = F.linear(ordered, input_weight, input_bias + bias)
            states = Recurrence.apply(projected, weight, sizes.tolist())
            directions.append(states[torch.from_numpy(place)])
        x = torch.cat(directions, dim=1)
        if layer < lstm.num_layers - 1:
            x = dropout(x)
    return x
