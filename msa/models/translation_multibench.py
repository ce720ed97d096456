"""MCTN's networks as the MultiBench framework has them: GRUs, and a decoder that is told its own
previous step, or in half the steps of training the target's."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from msa.models.dropout import Dropout
from msa.models.translation import share, squared_error, sum_directions

TEACHER = 0.5  # share of steps


def recur(gru: nn.GRU, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """A GRU's states at the valid steps of (b, t, d), and its final ones (directions, b, h)."""
    lengths = mask.sum(1).cpu()
    # autocast computes GRUs in float16 on a GPU, and fails on some CPUs, whatever it is asked for
    with torch.autocast(x.device.type, enabled=False):
        x = x.to(gru.get_parameter("weight_ih_l0").dtype)
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        states, final = gru(packed)
    return pad_packed_sequence(states, batch_first=True, total_length=x.shape[1])[0], final


class Encoder(nn.Module):
    """The states of both directions, added, and the final ones (2, b, hidden)."""

    def __init__(self, input_dim: int, hidden: int) -> None:
        super().__init__()
        self.gru = nn.GRU(input_dim, hidden, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        states, final = recur(self.gru, x, mask)
        return sum_directions(states), final


class Attention(nn.Module):
    """How much each step of a code counts for a state; the weights are not of any one sum."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.attn = nn.Linear(2 * hidden, hidden)
        self.v = nn.Parameter(torch.empty(hidden).uniform_(-(hidden**-0.5), hidden**-0.5))

    def forward(self, state: Tensor, code: Tensor, mask: Tensor) -> Tensor:
        both = torch.cat([state[:, None].expand_as(code), code], dim=2)
        return F.relu(share(self.attn(both), mask) @ self.v)[..., None]  # (b, t, 1)


class Decoder(nn.Module):
    """One step of a translation, of which the output is logarithms of shares, and its state."""

    def __init__(self, hidden: int, width: int) -> None:
        super().__init__()
        self.attention = Attention(hidden)
        self.gru = nn.GRU(hidden + width, hidden, batch_first=True)
        self.out = nn.Linear(2 * hidden, width)

    def forward(
        self, previous: Tensor, state: Tensor, code: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        context = (self.attention(state, code, mask) * code).sum(1)
        with torch.autocast(code.device.type, enabled=False):
            given = torch.cat([previous, context.to(code.dtype)], dim=1).to(code.dtype)
            _, [state] = self.gru(given[:, None], state[None])
        return self.out(torch.cat([state, context], dim=1)).log_softmax(1), state


class Seq2Seq(nn.Module):
    """A translation (b, t, width), and the code (b, t, hidden) that it is from."""

    def __init__(self, input_dim: int, hidden: int, width: int) -> None:
        super().__init__()
        self.encoder = Encoder(input_dim, hidden)
        self.decoder = Decoder(hidden, width)

    def forward(
        self, x: Tensor, mask: Tensor, target: Tensor, teacher: Sequence[bool]
    ) -> tuple[Tensor, Tensor]:
        """``teacher`` says after which of the t steps ``target`` is told."""
        code, (state, _) = self.encoder(x, mask)
        row, rows = torch.zeros_like(target[:, 0]), []
        for told, true in zip(teacher, target.unbind(1), strict=True):
            row, state = self.decoder(row, state, code, mask)
            rows.append(row)
            row = true if told else row
        return torch.stack(rows, dim=1), code


class MultiBenchTranslation(nn.Module):
    """Translations to one target and back, and of the code of the way back to a second target.

    With ``evaluation_code="states"`` the prediction of evaluation is from something else: the two
    final states of each encoder are taken for a sequence of two steps.
    """

    def __init__(
        self,
        *,
        width: int,
        hidden: int,
        regression_hidden: int,
        head_hidden: int,
        output_dim: int,
        dropout: float,
        evaluation_code: str,
    ) -> None:
        super().__init__()
        self.evaluation_code = evaluation_code
        self.seq2seq0 = Seq2Seq(width, hidden, width)
        self.seq2seq1 = Seq2Seq(hidden, hidden, width)
        self.regression = nn.GRU(hidden, regression_hidden, batch_first=True)
        self.dropout = Dropout(dropout)
        self.head = nn.ModuleDict(
            {
                "fc": nn.Linear(regression_hidden, head_hidden),
                "fc2": nn.Linear(head_hidden, output_dim),
            }
        )

    def forward(self, x: Sequence[Tensor], mask: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        source, target, second = x
        t = mask.shape[1]
        if not self.training:
            translated, _ = self.seq2seq0(source, mask, target, [False] * t)
            return self._predict(*self._code(translated, mask)), {}
        teacher = self.draw(3 * t)
        translated, _ = self.seq2seq0(source, mask, target, teacher[:t])
        cycled, code = self.seq2seq0(translated, mask, source, teacher[t : 2 * t])
        translated2, joint = self.seq2seq1(code, mask, second, teacher[2 * t :])
        return self._predict(joint, mask), {
            "translation": squared_error(translated, target, mask),
            "cycle": squared_error(cycled, source, mask),
            "translation2": squared_error(translated2, second, mask),
        }

    def draw(self, count: int) -> list[bool]:
        """After which steps the target is told."""
        return (torch.rand(count) < TEACHER).tolist()

    def _code(self, translated: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """What is predicted from in evaluation (b, t, hidden), and what of it is valid (b, t)."""
        x = translated
        for encoder in (self.seq2seq0.encoder, self.seq2seq1.encoder):
            x, final = encoder(x, mask)
            if self.evaluation_code == "states":
                x = final.transpose(0, 1)  # (b, 2, hidden)
                mask = torch.ones_like(x[..., 0], dtype=torch.bool)
        return x, mask

    def _predict(self, code: Tensor, mask: Tensor) -> Tensor:
        _, [state] = recur(self.regression, code, mask)
        hidden = F.relu(self.head["fc"](self.dropout(state)))
        # the authors of the framework drop predictions out too
        return self.dropout(self.head["fc2"](hidden))
