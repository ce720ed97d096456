"""LSTHM, the recurrence of MARN and RMFN: Zadeh, Liang, Poria, Vij, Cambria, Morency,
"Multi-attention Recurrent Network for Human Communication Comprehension", AAAI 2018.

A long short-term hybrid memory is an LSTM that sees, beside its own state, the code which all
modalities made of their states at the step before. That leaves nothing to do ahead but the inputs'
products. So the modalities are one network at each step, whose weight has zeros where one state
does not see another; what its small tensors cost most is PyTorch's account of every operation, so
gradients are taken by hand, those of the weights in one product over all steps.
"""

from collections.abc import Mapping
from itertools import accumulate
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.models.padding import Steps
from msa.models.recurrence import Times


class LSTHM(nn.Module):
    """The weights of one modality; gates in the order forget, input, output, candidate."""

    def __init__(self, *, input_dim: int, hidden: int, code: int) -> None:
        super().__init__()
        self.W = nn.Linear(input_dim, 4 * hidden)
        self.U = nn.Linear(hidden, 4 * hidden)
        self.V = nn.Linear(code, 4 * hidden)


class Fusion(Protocol):
    """What makes the code of the states, step after step, and then the gradients backward.

    Attributes:
        weights: that it has gradients for.
    """

    weights: tuple[Tensor, ...]

    def forward(self, states: Tensor) -> Tensor:
        """The code (b, code) from the states (b, H) of all modalities, at the next step."""

    def backward(self, t: int, by_code: Tensor) -> Tensor:
        """The gradient for the states of a step, of which the last comes first."""

    def gradients(self) -> tuple[Tensor, ...]:
        """Those for the weights."""


class Layer:
    """A linear layer at many steps; weight (out, in)."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.weight, self.transposed = weight.detach(), weight.detach().t().contiguous()
        self.bias = bias.detach()
        self.uses: list[tuple[Tensor, Tensor]] = []

    def forward(self, x: Tensor) -> Tensor:
        return torch.addmm(self.bias, x, self.transposed)

    def backward(self, x: Tensor, gradient: Tensor) -> Tensor:
        self.uses.append((x, gradient))
        return gradient @ self.weight

    def gradients(self) -> tuple[Tensor, Tensor]:
        x, gradient = (torch.cat(tensors) for tensors in zip(*self.uses, strict=True))
        self.uses.clear()
        return gradient.t() @ x, gradient.sum(0)


class Cells:
    """An LSTM at many steps; weight (4h, in), its gates in the order output, input, forget,
    candidate."""

    def __init__(self, weight: Tensor) -> None:
        self.weight, self.transposed = weight.detach(), weight.detach().t().contiguous()
        self.inputs: list[Tensor] = []
        self.kept: list[tuple[Tensor, Tensor, Tensor]] = []
        self.parts: list[tuple[Tensor, ...]] = []

    def forward(self, x: Tensor, cell: Tensor, added: Tensor) -> tuple[Tensor, Tensor]:
        """State and cell (b, h) from ``x`` (b, in), or what of it is not zero, and the cell before.

        ``added`` (b, 4h) or (4h,) goes into the gates too.
        """
        h = cell.shape[1]
        gates = torch.addmm(added, x, self.transposed[: x.shape[1]])
        gates[:, : 3 * h].sigmoid_()
        gates[:, 3 * h :].tanh_()
        show, accept, forget, candidate = gates.split(h, dim=1)
        new = (forget * cell).addcmul_(accept, candidate)
        shown = new.tanh()
        self.inputs.append(x)
        self.kept.append((gates, cell, shown))
        return show * shown, new

    def _start_backward(self) -> None:
        """What the gradients are multiplied with, of all steps at once."""
        sizes = [len(x) for x in self.inputs]
        gates, before, shown = (torch.cat(tensors) for tensors in zip(*self.kept, strict=True))
        show, accept, forget, candidate = gates.split(before.shape[1], dim=1)
        slopes = [
            candidate * accept * (1 - accept),
            before * forget * (1 - forget),
            accept * (1 - candidate * candidate),
        ]
        leaving, across = shown * show * (1 - show), show * (1 - shown * shown)
        self.result = torch.empty_like(gates)  # by the gates' inputs
        parts = (leaving, across, torch.stack(slopes, dim=1), forget, self.result)
        self.parts = list(zip(*(x.split(sizes) for x in parts), strict=True))

    def backward(self, step: int, by_state: Tensor, by_cell: Tensor) -> Tensor:
        """The gradient for the gates' inputs; ``by_cell`` becomes that for the cell before."""
        if not self.parts:
            self._start_backward()
        leaving, across, slopes, forget, result = self.parts[step]
        by_cell.addcmul_(by_state, across)
        by_show, others = result.unflatten(1, (4, -1)).split([1, 3], dim=1)
        torch.mul(by_state, leaving, out=by_show[:, 0])
        torch.mul(slopes, by_cell[:, None], out=others)
        by_cell.mul_(forget)
        return result

    def gradient(self) -> Tensor:
        """That for the weight."""
        width = self.weight.shape[1]
        inputs = [F.pad(x, (0, width - x.shape[1])) for x in self.inputs]
        return self.result.t() @ torch.cat(inputs)


class Together(torch.autograd.Function):
    """States and codes (n, H + code) after every step from projected inputs (n, 4H)."""

    @staticmethod
    def forward(
        ctx: Any,
        projected: Tensor,
        weight: Tensor,
        sizes: list[int],
        fusion: Fusion,
        *weights: Tensor,
    ) -> Tensor:
        cells, found = Cells(weight), []
        x = weight.new_zeros(sizes[0], weight.shape[1])
        cell = weight.new_zeros(sizes[0], weight.shape[0] // 4)
        for size, added in zip(sizes, projected.split(sizes), strict=True):
            state, cell = cells.forward(x[:size], cell[:size], added)
            x = torch.cat([state, fusion.forward(state)], dim=1)
            found.append(x)
        ctx.cells, ctx.fusion, ctx.sizes = cells, fusion, sizes
        return torch.cat(found)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        cells, fusion, sizes = ctx.cells, ctx.fusion, ctx.sizes
        h = cells.weight.shape[0] // 4
        by_x = gradients[0].clone(memory_format=torch.contiguous_format).split(sizes)
        by_cell = by_x[0].new_zeros(sizes[0], h)
        for t in range(len(sizes) - 1, -1, -1):
            by_state = fusion.backward(t, by_x[t][:, h:]).add_(by_x[t][:, :h])
            by_gates = cells.backward(t, by_state, by_cell[: sizes[t]])
            if t:
                by_x[t - 1][: sizes[t]].addmm_(by_gates, cells.weight)
        return cells.result, cells.gradient(), None, None, *fusion.gradients()


def reorder(x: Tensor) -> Tensor:
    """Rows of forget, input, output gates and candidates in the order of ``Cells``."""
    forget, accept, show, candidate = x.chunk(4)
    return torch.cat([show, accept, forget, candidate])


def recur_together(
    networks: nn.ModuleDict, sequences: Mapping[str, Steps], fusion: Fusion
) -> Tensor:
    """The last states, in the order of ``networks``, which are LSTHMs, and the last code."""
    lsthms = {name: lsthm for name, lsthm in networks.items() if isinstance(lsthm, LSTHM)}
    lengths = next(iter(sequences.values())).lengths
    device = next(iter(lsthms.values())).V.weight.device
    widths = [lsthm.U.in_features for lsthm in lsthms.values()]
    begins = accumulate(widths, initial=0)
    times = Times(lengths, device)
    with torch.autocast(device.type, enabled=False):
        inputs, weights = [], []
        for (name, lsthm), begin, width in zip(lsthms.items(), begins, widths, strict=False):
            x = times.arrange(sequences[name].rows.to(lsthm.W.weight.dtype))
            bias = lsthm.W.bias + lsthm.U.bias + lsthm.V.bias
            projected = F.linear(x, reorder(lsthm.W.weight), reorder(bias))
            inputs.append(projected.unflatten(1, (4, width)))
            own = F.pad(lsthm.U.weight, (begin, sum(widths) - begin - width))
            both = reorder(torch.cat([own, lsthm.V.weight], dim=1))  # (4 * width, H + code)
            weights.append(both.unflatten(0, (4, width)))
        x, weight = torch.cat(inputs, dim=2).flatten(1), torch.cat(weights, dim=1).flatten(0, 1)
        found = Together.apply(x, weight, times.sizes, fusion, *fusion.weights)
    last = torch.from_numpy(np.cumsum(lengths) - 1).to(device)
    return found[times.places[last]]
