"""LSTMs over the valid steps alone.

On a GPU cuDNN does it, for a network alone. PyTorch's own LSTM for the CPU multiplies every padded
step, and by far the most of its time goes there; here the steps of all segments lie one time after
the other, so that one product covers all inputs, and only the product with the last state is left
for each time. The LSTMs of several networks, stacked, go through the times together.
"""

from itertools import accumulate
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from msa.models.dropout import Dropout
from msa.models.padding import Steps, numbers


class Recurrence(torch.autograd.Function):
    """The states and cells (n, k, h) of k LSTMs from their projected inputs (n, k, 4h).

    ``weight`` is (k, 4h, h); ``sizes`` are the segments of each that a time still has, the longest
    segment first.
    """

    @staticmethod
    def forward(
        ctx: Any, projected: Tensor, weight: Tensor, sizes: list[int]
    ) -> tuple[Tensor, Tensor]:
        n, k, _ = projected.shape
        h = weight.shape[2]
        gates = projected.clone(memory_format=torch.contiguous_format)
        cells, tanh_cells, states = (projected.new_empty(n, k, h) for _ in range(3))
        transposed = weight.mT.contiguous()
        state = cell = projected.new_zeros(sizes[0], k, h)
        for size, gate, new_cell, tanh_cell, out in zip(
            sizes, *(x.split(sizes) for x in (gates, cells, tanh_cells, states)), strict=True
        ):
            gate.transpose(0, 1).baddbmm_(state[:size].transpose(0, 1), transposed)
            input_gate, forget_gate, candidate, output_gate = gate.split(h, dim=2)
            gate[:, :, : 2 * h].sigmoid_()
            candidate.tanh_()
            output_gate.sigmoid_()
            torch.mul(input_gate, candidate, out=new_cell)
            new_cell.addcmul_(forget_gate, cell[:size])
            torch.mul(output_gate, torch.tanh(new_cell, out=tanh_cell), out=out)
            state, cell = out, new_cell
        ctx.save_for_backward(gates, cells, tanh_cells, states, weight)
        ctx.sizes = sizes
        ctx.set_materialize_grads(False)
        return states, cells

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor, Tensor, None]:
        gates, cells, tanh_cells, states, weight = ctx.saved_tensors
        sizes: list[int] = ctx.sizes
        n, k, h = states.shape
        input_gate, forget_gate, candidate, output_gate = gates.split(h, dim=2)
        # the state and the cell that each step came from
        previous = states.new_zeros(2, n, k, h)
        begins = [0, *accumulate(sizes)]
        for begin, size, before in zip(begins[1:], sizes[1:], begins, strict=False):
            previous[0, begin : begin + size] = states[before : before + size]
            previous[1, begin : begin + size] = cells[before : before + size]
        # what each gate's input does, by the cell for the first three, by the state for the last
        slopes = torch.stack(
            [
                candidate * input_gate * (1 - input_gate),
                previous[1] * forget_gate * (1 - forget_gate),
                input_gate * (1 - candidate * candidate),
            ],
            dim=2,
        )  # (n, k, 3, h)
        leaving = tanh_cells * output_gate * (1 - output_gate)
        through = output_gate * (1 - tanh_cells * tanh_cells)
        result = torch.empty_like(gates).view(n, k, 4, h)
        by_state, by_cell = (
            torch.zeros_like(states)
            if gradient is None
            else gradient.clone(memory_format=torch.contiguous_format)
            for gradient in gradients
        )
        parts = [
            x.split(sizes)
            for x in (by_state, by_cell, through, slopes, leaving, forget_gate, result[:, :, :3])
        ]
        outputs, inputs = result[:, :, 3].split(sizes), result.flatten(2).split(sizes)
        for t in range(len(sizes) - 1, -1, -1):
            state, cell, across, slope, leaves, forgets, first = (x[t] for x in parts)
            cell.addcmul_(state, across)
            torch.mul(slope, cell[:, :, None], out=first)
            torch.mul(state, leaves, out=outputs[t])
            if t:
                earlier = parts[0][t - 1][: sizes[t]]
                earlier.transpose(0, 1).baddbmm_(inputs[t].transpose(0, 1), weight)
                parts[1][t - 1][: sizes[t]].addcmul_(cell, forgets)
        by_weight = torch.bmm(result.flatten(2).permute(1, 2, 0), previous[0].transpose(0, 1))
        return result.flatten(2), by_weight, None


def recur(lstm: nn.LSTM, steps: Steps) -> Tensor:
    """An LSTM's outputs (n, h), or (n, 2h) in both directions, of every valid step.

    Of a stacked LSTM, whose weights have a leading k, the segments are those of the first network,
    then those of the second, and so on, as many of each.
    """
    device = steps.rows.device
    weight = lstm.get_parameter("weight_ih_l0")
    stacked = weight.dim() == 3
    k = len(weight) if stacked else 1
    lengths = steps.lengths.reshape(k, -1)
    order = np.argsort(-lengths, axis=1, kind="stable")
    # segments at each time, of the network that has the most
    sizes = (lengths[..., None] > np.arange(lengths.max())).sum(1).max(0)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(order.shape[1])[None], axis=1)
    network = np.repeat(np.arange(k), lengths.sum(1))
    rank, length = np.repeat(rank.flat, steps.lengths), np.repeat(steps.lengths, steps.lengths)
    number = steps.numbers
    places = [
        torch.from_numpy((starts[at] + rank) * k + network).to(device)
        for at in (number, length - 1 - number)[: 1 + lstm.bidirectional]
    ]
    # autocast computes LSTMs in float16 on a GPU, and fails on some CPUs, whatever it is asked for
    with torch.autocast(device.type, enabled=False):
        x = steps.rows.to(weight.dtype)
        if device.type == "cuda" and not stacked:
            packed = torch.empty_like(x).index_copy(0, places[0], x)
            return lstm(PackedSequence(packed, torch.from_numpy(sizes)))[0].data[places[0]]
        return _layers(lstm, x, places, sizes.tolist(), stacked)


class Times:
    """The steps of all segments one time after the other, the longest segment first.

    Attributes:
        places: where each step goes, segment after segment, (n,).
        sizes: segments that a time still has.
    """

    def __init__(self, lengths: np.ndarray, device: torch.device) -> None:
        order = np.argsort(-lengths, kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        self.sizes: list[int] = (lengths[:, None] > np.arange(lengths.max())).sum(0).tolist()
        starts = np.cumsum([0, *self.sizes])
        places = starts[numbers(lengths)] + np.repeat(rank, lengths)
        self.places = torch.from_numpy(places).to(device)

    def arrange(self, rows: Tensor) -> Tensor:
        """Rows (n, d) of segment after segment in the order of times."""
        return torch.empty_like(rows).index_copy(0, self.places, rows)


def recur_cell(cell: nn.LSTMCell, steps: Steps, times: Times) -> tuple[Tensor, Tensor]:
    """The states and the cells (n, h) of an LSTM cell after every valid step."""
    with torch.autocast(steps.rows.device.type, enabled=False):
        x = times.arrange(steps.rows.to(cell.weight_ih.dtype))
        projected = F.linear(x, cell.weight_ih, cell.bias_ih + cell.bias_hh)[:, None]  # (n, 1, 4h)
        found = Recurrence.apply(projected, cell.weight_hh[None], times.sizes)
        states, cells = (x[times.places, 0] for x in found)
    return states, cells


def _layers(
    lstm: nn.LSTM, x: Tensor, places: list[Tensor], sizes: list[int], stacked: bool
) -> Tensor:
    """One layer after another, in each direction with the places of its times."""
    dropout = Dropout(lstm.dropout).train(lstm.training)
    for layer in range(lstm.num_layers):
        directions = []
        for suffix, place in zip(("", "_reverse"), places, strict=False):
            input_weight, weight, input_bias, bias = (
                parameter if stacked else parameter[None]
                for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
                for parameter in [lstm.get_parameter(f"{kind}_l{layer}{suffix}")]
            )
            # zeros where another network has more segments
            ordered = x.new_zeros(sum(sizes) * len(weight), x.shape[1]).index_copy(0, place, x)
            ordered = ordered.unflatten(0, (-1, len(weight))).transpose(0, 1)  # (k, n, d)
            bias = (input_bias + bias)[:, None]
            projected = torch.baddbmm(bias, ordered, input_weight.mT)  # (k, n, 4h)
            states, _ = Recurrence.apply(projected.transpose(0, 1), weight, sizes)
            directions.append(states.flatten(0, 1)[place])
        x = torch.cat(directions, dim=1)
        if layer < lstm.num_layers - 1:
            x = dropout(x)
    return x
