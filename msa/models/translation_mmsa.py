"""MCTN's networks as the MMSA framework has them: LSTMs, and a decoder that is told the target's
own previous step."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.models.padding import Steps, valid_steps
from msa.models.recurrence import recur
from msa.models.translation import share, squared_error, sum_directions


class Encoder(nn.Module):
    """The states of both directions, added, and where a decoder begins."""

    def __init__(self, input_dim: int, hidden: int) -> None:
        super().__init__()
        self.rnn = nn.LSTM(input_dim, hidden, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(hidden, hidden, bias=False)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        steps = valid_steps(mask, x)[0]
        states = Steps(recur(self.rnn, steps), steps.lengths)  # of 2 * hidden columns
        h = self.fc.in_features
        final = states.last[:, :h] + states.first[:, h:]
        code = Steps(sum_directions(states.rows), steps.lengths).padded()[0]
        return code, torch.tanh(self.fc(final))  # (b, t, hidden), (b, hidden)


class Attention(nn.Module):
    """How much each step of a code counts for a state."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.attn = nn.Linear(2 * hidden, hidden, bias=False)
        self.v = nn.Linear(hidden, 1, bias=False)

    def forward(self, state: Tensor, code: Tensor, mask: Tensor) -> Tensor:
        both = torch.cat([state[:, None].expand_as(code), code], dim=2)
        return share(self.v(torch.tanh(self.attn(both))), mask)  # (b, t, 1)


class Decoder(nn.Module):
    """A translation whose first step is zeros, each other one from the true step before it.

    Its LSTM takes each step without a past, so that its recurrent weights have no part.
    """

    def __init__(self, hidden: int, width: int) -> None:
        super().__init__()
        self.rnn = nn.LSTM(width + hidden, hidden, batch_first=True, bidirectional=True)
        self.fc_out = nn.Linear(2 * hidden, width)
        for name, parameter in self.rnn.named_parameters():
            parameter.requires_grad_("weight_hh" not in name)

    def forward(
        self, attention: Attention, target: Tensor, code: Tensor, state: Tensor, mask: Tensor
    ) -> Tensor:
        parts = dict(self.rnn.named_parameters())
        weight = torch.cat([parts["weight_ih_l0"], parts["weight_ih_l0_reverse"]])  # (8h, d)
        bias = torch.cat(
            [parts[f"bias_ih_l0{way}"] + parts[f"bias_hh_l0{way}"] for way in ("", "_reverse")]
        )
        width, both = target.shape[2], []
        for told in F.linear(target[:, :-1], weight[:, :width], bias).unbind(1):
            context = (attention(state, code, mask) * code).sum(1)
            gates = told + F.linear(context, weight[:, width:])
            first, _, new, out = gates.unflatten(1, (2, 4, -1)).unbind(2)  # (b, 2, hidden) each
            state = (out.sigmoid() * (first.sigmoid() * new.tanh()).tanh()).sum(1)
            both.append(torch.cat([state, context], dim=1))
        if not both:
            return torch.zeros_like(target)
        return F.pad(self.fc_out(torch.stack(both, dim=1)), (0, 0, 1, 0))  # (b, t, width)


class Regression(nn.Module):
    """An LSTM, whose states attention over time joins."""

    def __init__(self, input_dim: int, hidden: int, output_dim: int) -> None:
        super().__init__()
        self.rnn = nn.LSTM(input_dim, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, 1)
        self.linear2 = nn.Linear(hidden, output_dim)


class MMSATranslation(nn.Module):
    """Translations to one target and back, and of their code to a second target.

    With ``recurrence="batch"`` all but the attention of the regression takes the rows of the batch
    for steps, and padding for data.
    """

    def __init__(
        self,
        *,
        width: int,
        hidden: int,
        regression_hidden: int,
        output_dim: int,
        recurrence: str,
    ) -> None:
        super().__init__()
        self.recurrence = recurrence
        self.attn1, self.attn2 = Attention(hidden), Attention(hidden)
        self.encoder1, self.decoder1 = Encoder(width, hidden), Decoder(hidden, width)
        self.encoder2, self.decoder2 = Encoder(hidden, hidden), Decoder(hidden, width)
        self.regression = Regression(hidden, regression_hidden, output_dim)

    def forward(self, x: Sequence[Tensor], mask: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        seen = mask
        if self.recurrence == "batch":
            x, seen = [one.transpose(0, 1) for one in x], torch.ones_like(mask.T)
        source, target, second = x
        code, state = self.encoder1(source, seen)
        joint, joint_state = self.encoder2(code, seen)
        prediction = self._regress(joint, seen, mask)
        if not self.training:
            return prediction, {}
        translated = self.decoder1(self.attn1, target, code, state, seen)
        cycled = self.decoder1(self.attn1, source, *self.encoder1(translated, seen), seen)
        translated2 = self.decoder2(self.attn2, second, joint, joint_state, seen)
        return prediction, {
            "translation": squared_error(translated, target, seen),
            "cycle": squared_error(cycled, source, seen),
            "translation2": squared_error(translated2, second, seen),
        }

    def _regress(self, joint: Tensor, seen: Tensor, mask: Tensor) -> Tensor:
        steps = valid_steps(seen, joint)[0]
        states = Steps(recur(self.regression.rnn, steps), steps.lengths).padded()[0]
        if self.recurrence == "batch":
            states = states.transpose(0, 1)  # (b, t, h)
        weights = share(torch.tanh(self.regression.linear(states)), mask)
        return self.regression.linear2((weights * states).sum(1))
