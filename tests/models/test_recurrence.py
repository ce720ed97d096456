"""LSTMs over valid steps, against PyTorch's."""

import numpy as np
import pytest
import torch
from torch import nn

from msa.models.padding import Steps
from msa.models.recurrence import Times, recur, recur_cell

torch.set_num_threads(1)

LENGTHS = np.array([3, 7, 1, 3, 5])


@pytest.mark.parametrize("lengths", [LENGTHS, LENGTHS[:1], np.array([4, 4])])
@pytest.mark.parametrize(("layers", "both"), [(1, False), (1, True), (2, True), (3, False)])
def test_is_pytorchs(lengths: np.ndarray, layers: int, both: bool) -> None:
    """Outputs, and gradients of the input and of all weights, as of each segment alone."""
    torch.manual_seed(0)
    lstm = nn.LSTM(4, 6, num_layers=layers, bidirectional=both, batch_first=True).double()
    rows = torch.randn(lengths.sum(), 4, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(lengths.sum(), 6 * (1 + both), dtype=torch.float64)

    expected = torch.cat([lstm(x[None])[0][0] for x in rows.split(lengths.tolist())])
    found = recur(lstm, Steps(rows, lengths))
    torch.testing.assert_close(found, expected)
    inputs = [rows, *lstm.parameters()]
    gradients = (torch.autograd.grad((x * weight).sum(), inputs) for x in (found, expected))
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_gradients_are_the_differences() -> None:
    """Numerically."""
    torch.manual_seed(0)
    lstm = nn.LSTM(2, 3, bidirectional=True).double()
    rows = torch.randn(6, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: recur(lstm, Steps(x, np.array([2, 1, 3]))), (rows,))


def test_dropout_is_between_layers_in_training() -> None:
    """Not in evaluation, and not behind the last layer."""
    torch.manual_seed(0)
    steps = Steps(torch.randn(9, 4), np.array([4, 5]))
    for layers, changes in ((1, False), (2, True)):
        lstm = nn.LSTM(4, 6, num_layers=layers)
        lstm.dropout = 0.5
        plain = recur(lstm.eval(), steps)
        torch.testing.assert_close(recur(lstm, steps), plain)
        assert torch.allclose(recur(lstm.train(), steps), plain) is not changes


@pytest.mark.parametrize("outputs", [(0,), (1,), (0, 1)])
def test_a_cell_is_pytorchs(outputs: tuple[int, ...]) -> None:
    """States, cells or both, of each segment alone, and their gradients."""
    torch.manual_seed(0)
    cell = nn.LSTMCell(4, 6).double()
    rows = torch.randn(LENGTHS.sum(), 4, dtype=torch.float64, requires_grad=True)
    expected = []
    for segment in rows.split(LENGTHS.tolist()):
        last = None
        for x in segment:
            last = cell(x[None], last)
            expected.append(torch.cat(last))
    steps = Steps(rows, LENGTHS)
    found = torch.stack(recur_cell(cell, steps, Times(LENGTHS, rows.device)), dim=1)  # (n, 2, h)
    sides = [x[:, list(outputs)] for x in (found, torch.stack(expected))]
    torch.testing.assert_close(*sides)
    weight = torch.randn_like(sides[0])
    inputs = [rows, *cell.parameters()]
    gradients = (torch.autograd.grad((x * weight).sum(), inputs) for x in sides)
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs)
