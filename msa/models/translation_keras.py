"""MCTN's networks as its authors have them in Keras and recurrentshop: LSTMs whose gates are hard
sigmoids, and a decoder that is told nothing but the code of the source.

Kernels are (in, out).
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.models.translation import share, squared_error, turn


def hard_sigmoid(x: Tensor) -> Tensor:
    """That of Keras, 0.2 x + 0.5 between 0 and 1; PyTorch's slope is a sixth."""
    return F.hardsigmoid(1.2 * x)


def recur(projected: Tensor, recurrent: Tensor, order: str, tanh_cell: bool) -> Tensor:
    """The states (k, b, t, h) of k LSTMs from their projected inputs (k, b, t, 4h).

    ``order`` has the letters i, f, o and g of their gates as they lie there, and in ``recurrent``
    (k, h, 4h). With ``tanh_cell`` a cell is kept as its tanh.
    """
    states = []
    state = cell = projected.new_zeros(*projected.shape[:2], recurrent.shape[1])
    for x in projected.unbind(2):
        gates = x + state @ recurrent  # (k, b, 4h)
        opened = dict(zip(order, hard_sigmoid(gates).chunk(4, dim=2), strict=True))
        new = gates.chunk(4, dim=2)[order.index("g")].tanh()
        cell = opened["f"] * cell + opened["i"] * new
        shown = cell.tanh()
        cell = shown if tanh_cell else cell
        state = opened["o"] * shown
        states.append(state)
    return torch.stack(states, dim=2)


class Dense(nn.Module):
    """A linear layer as Keras lays it out."""

    def __init__(self, input_dim: int, output_dim: int, bias: bool = True) -> None:
        super().__init__()
        self.kernel = nn.Parameter(nn.init.xavier_uniform_(torch.empty(input_dim, output_dim)))
        self.bias = nn.Parameter(torch.zeros(output_dim)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.kernel if self.bias is None else x @ self.kernel + self.bias


class Direction(nn.Module):
    """One direction of an encoder."""

    def __init__(self, input_dim: int, hidden: int) -> None:
        super().__init__()
        self.kernel = Dense(input_dim, 4 * hidden)
        self.recurrent = Dense(hidden, 4 * hidden, bias=False)


class Encoder(nn.Module):
    """The states of both directions, added."""

    def __init__(self, input_dim: int, hidden: int, tanh_cell: bool) -> None:
        super().__init__()
        self.tanh_cell = tanh_cell
        self.ahead = Direction(input_dim, hidden)
        self.backward = Direction(input_dim, hidden)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        ways = (self.ahead, self.backward)
        projected = torch.stack([ways[0].kernel(x), ways[1].kernel(turn(x, mask))])
        recurrent = torch.stack([way.recurrent.kernel for way in ways])
        ahead, backward = recur(projected, recurrent, "fiog", self.tanh_cell)
        return ahead + turn(backward, mask)  # (b, t, hidden)


class Decoder(nn.Module):
    """A translation of as many steps as the code has.

    With ``attention_state`` a tanh mixes code and state for the attention. Released, its scores are
    a sum, in which the state's part is the same for all steps and changes no weight.
    ``forget_gate="input"`` has the input gate for it.
    """

    def __init__(
        self, hidden: int, width: int, attention_state: bool, forget_gate: str, outputs: str
    ) -> None:
        super().__init__()
        self.forget_gate, self.outputs = forget_gate, outputs
        self.attention_state = attention_state
        if attention_state:
            self.mix_code = Dense(hidden, hidden)
            self.mix_state = Dense(hidden, hidden, bias=False)
        self.W3 = Dense(hidden if attention_state else 2 * hidden, 1)
        self.W1 = Dense(hidden, 4 * hidden)
        self.U = Dense(hidden, 4 * hidden)
        self.W2 = Dense(hidden, width)

    def forward(self, code: Tensor, mask: Tensor) -> Tensor:
        state = cell = torch.zeros_like(code[:, 0])
        states = []
        if self.attention_state:
            mixed = self.mix_code(code)
        else:
            scores = self.W3(F.pad(code, (0, code.shape[2])))  # without the state's part
            told = self.W1((share(scores, mask) * code).sum(1))
        for _ in range(code.shape[1]):
            if self.attention_state:
                scores = self.W3((mixed + self.mix_state(cell)[:, None]).tanh())  # (b, t, 1)
                told = self.W1((share(scores, mask) * code).sum(1))
            gates = told + self.U(state)
            first, second, _, out = hard_sigmoid(gates).chunk(4, dim=1)
            new = gates.chunk(4, dim=1)[2].tanh()
            cell = (first if self.forget_gate == "input" else second) * cell + first * new
            state = out * cell.tanh()
            states.append(state)
        rows = self.W2(torch.stack(states, dim=1))  # (b, t, width)
        return rows.tanh() if self.outputs == "tanh" else rows


class LSTM(nn.Module):
    """Keras' own, with a forget gate that is open at first."""

    def __init__(self, input_dim: int, hidden: int) -> None:
        super().__init__()
        self.kernel = nn.Parameter(nn.init.xavier_uniform_(torch.empty(input_dim, 4 * hidden)))
        self.recurrent_kernel = nn.Parameter(nn.init.orthogonal_(torch.empty(hidden, 4 * hidden)))
        self.bias = nn.Parameter(torch.cat([torch.full((hidden,), x) for x in (0.0, 1.0, 0, 0)]))

    def forward(self, x: Tensor) -> Tensor:
        projected, recurrent = x @ self.kernel + self.bias, self.recurrent_kernel
        return recur(projected[None], recurrent[None], "ifgo", tanh_cell=False)[0]


class KerasTranslation(nn.Module):
    """Translations to one target and back, and of their code to a second target if there is one."""

    def __init__(
        self,
        *,
        targets: int,
        width: int,
        hidden: int,
        regression_hidden: int,
        output_dim: int,
        tanh_cell: bool,
        attention_state: bool,
        forget_gate: str,
        outputs: str,
    ) -> None:
        super().__init__()
        decoder = (hidden, width, attention_state, forget_gate, outputs)
        self.encoder = Encoder(width, hidden, tanh_cell)
        self.decoder = Decoder(*decoder)
        self.targets = targets
        if targets == 2:
            self.encoder2 = Encoder(hidden, hidden, tanh_cell)
            self.decoder2 = Decoder(*decoder)
        self.lstm_layer = LSTM(hidden, regression_hidden)
        self.attention = Dense(regression_hidden, 1)
        self.regression_output = Dense(regression_hidden, output_dim)

    def forward(self, x: Sequence[Tensor], mask: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        source, target, *second = x
        code = joint = self.encoder(source, mask)
        if self.targets == 2:
            joint = self.encoder2(code, mask)
        states = self.lstm_layer(joint)
        weights = share(self.attention(states).tanh(), mask)
        score = self.regression_output((weights * states).sum(1))
        if not self.training:
            return score, {}
        translated = self.decoder(code, mask)
        cycled = self.decoder(self.encoder(translated, mask), mask)
        terms = {
            "translation": squared_error(translated, target, mask),
            "cycle": squared_error(cycled, source, mask),
        }
        if self.targets == 2:
            terms["translation2"] = squared_error(self.decoder2(joint, mask), second[0], mask)
        return score, terms | {"l2": self.regression_output.kernel.square().sum()}
