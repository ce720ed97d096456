"""LSTHM, the recurrence of MARN and RMFN: Zadeh, Liang, Poria, Vij, Cambria, Morency,
"Multi-attention Recurrent Network for Human Communication Comprehension", AAAI 2018.

A long short-term hybrid memory is an LSTM that sees, beside its own state, the code which all
modalities made of their states at the step before. That leaves nothing to do ahead but the inputs'
products. So the modalities are one network at each step, whose weight has zeros where one state
does not see another, and the gradients of weights are one product over all steps.
"""

from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.models.padding import Steps
from msa.models.recurrence import Times

Uses = list[tuple[Tensor, Tensor]]  # what a layer was given, and the gradient of what it gave


class LSTHM(nn.Module):
    """The weights of one modality; gates in the order forget, input, output, candidate."""

    def __init__(self, *, input_dim: int, hidden: int, code: int) -> None:
        super().__init__()
        self.W = nn.Linear(input_dim, 4 * hidden)
        self.U = nn.Linear(hidden, 4 * hidden)
        self.V = nn.Linear(code, 4 * hidden)


class Gather(torch.autograd.Function):
    """Hands out a layer's weights, and takes the gradients of all its uses back at once."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, bias: Tensor | None, uses: Uses) -> Tensor:
        ctx.uses = uses
        return weight.new_empty(0)

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        if not ctx.uses:
            return None, None, None
        x, gradient = (torch.cat(tensors) for tensors in zip(*ctx.uses, strict=True))
        ctx.uses.clear()
        return gradient.t() @ x, gradient.sum(0) if ctx.needs_input_grad[1] else None, None


class Product(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, handed_out: Tensor, weight: Tensor, bias: Tensor | None, uses: Uses
    ) -> Tensor:
        ctx.save_for_backward(x)
        ctx.weight, ctx.uses = weight, uses
        return F.linear(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        ctx.uses.append((ctx.saved_tensors[0].detach(), gradients[0]))
        return gradients[0] @ ctx.weight, None, None, None, None


class Gates(torch.autograd.Function):
    """The state and the cell (b, h) after a step from ``x``, and from the cell before."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        cell: Tensor,
        added: Tensor | None,
        handed_out: Tensor,
        weight: Tensor,
        bias: Tensor,
        uses: Uses,
    ) -> tuple[Tensor, Tensor]:
        h = cell.shape[1]
        gates = torch.addmm(bias if added is None else added, x, weight.t())  # (b, 4h)
        gates[:, : 3 * h].sigmoid_()
        gates[:, 3 * h :].tanh_()
        forget, accept, show, candidate = gates.split(h, dim=1)
        new_cell = (forget * cell).addcmul_(accept, candidate)
        shown = new_cell.tanh()
        ctx.save_for_backward(x, cell, gates, shown)
        ctx.weight, ctx.uses = weight, uses
        ctx.set_materialize_grads(False)
        return show * shown, new_cell

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        x, cell, gates, shown = ctx.saved_tensors
        h = cell.shape[1]
        by_state, by_cell = gradients
        forget, accept, show, candidate = gates.split(h, dim=1)
        result = gates.addcmul(gates, gates, value=-1)  # slopes of the sigmoids
        forgets, accepts, shows, candidates = result.split(h, dim=1)
        if by_state is None:
            through = torch.zeros_like(cell)
            shows.zero_()
        else:
            out = by_state * shown
            through = (by_state * show).addcmul_(out * show, shown, value=-1)
            shows.mul_(out)
        if by_cell is not None:
            through += by_cell
        forgets.mul_(cell).mul_(through)
        accepts.mul_(candidate).mul_(through)
        taken = through * accept
        torch.addcmul(taken, taken * candidate, candidate, value=-1, out=candidates)
        ctx.uses.append((x.detach(), result))
        by_x = result @ ctx.weight if ctx.needs_input_grad[0] else None
        by_added = result if ctx.needs_input_grad[2] else None
        return by_x, through.mul_(forget), by_added, None, None, None, None


class Repeated:
    """A linear layer (out, in) that is used at many steps."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self.uses: Uses = []
        self.handed_out = Gather.apply(weight, bias, self.uses)
        self.weight, self.bias = weight.detach(), None if bias is None else bias.detach()

    def __call__(self, x: Tensor) -> Tensor:
        return Product.apply(x, self.handed_out, self.weight, self.bias, self.uses)

    def gates(self, x: Tensor, cell: Tensor, added: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """State and cell of an LSTM; ``added`` (b, 4h) goes into the gates in the bias's place."""
        return Gates.apply(x, cell, added, self.handed_out, self.weight, self.bias, self.uses)


def recur_together(
    lsthms: Mapping[str, LSTHM], sequences: Mapping[str, Steps], fuse: Callable[[Tensor], Tensor]
) -> Tensor:
    """The last states of all modalities and the last code, (b, H + code).

    ``fuse`` makes the code (b, code) from the states (b, H), in the order of ``lsthms``.
    """
    lengths = next(iter(sequences.values())).lengths
    first = next(iter(lsthms.values()))
    device, code = first.V.weight.device, first.V.in_features
    widths = [lsthm.U.in_features for lsthm in lsthms.values()]
    hidden, begins = sum(widths), accumulate(widths, initial=0)
    times = Times(lengths, device)
    with torch.autocast(device.type, enabled=False):
        inputs, weights = [], []
        for (name, lsthm), begin, width in zip(lsthms.items(), begins, widths, strict=False):
            x = times.arrange(sequences[name].rows.to(lsthm.W.weight.dtype))
            bias = lsthm.W.bias + lsthm.U.bias + lsthm.V.bias
            inputs.append(F.linear(x, lsthm.W.weight, bias).unflatten(1, (4, width)))
            own = F.pad(lsthm.U.weight, (begin, hidden - begin - width))
            both = torch.cat([own, lsthm.V.weight], dim=1)  # (4 * width, H + code)
            weights.append(both.unflatten(0, (4, width)))
        projected = torch.cat(inputs, dim=2).flatten(1)  # (n, 4H)
        layer = Repeated(torch.cat(weights, dim=1).flatten(0, 1))
        x = projected.new_zeros(times.sizes[0], hidden + code)
        cell, ended = projected.new_zeros(times.sizes[0], hidden), []
        for size, added in zip(times.sizes, projected.split(times.sizes), strict=True):
            if size < len(x):
                ended.append(x[size:])
                x, cell = x[:size], cell[:size]
            state, cell = layer.gates(x, cell, added)
            x = torch.cat([state, fuse(state)], dim=1)
    return torch.cat([x, *reversed(ended)])[times.ranks]
