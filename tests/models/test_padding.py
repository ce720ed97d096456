"""How rows of unlike lengths enter a model."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from msa.base.errors import InputError
from msa.closure import closure
from msa.models.padding import (
    Steps,
    compact,
    convolve,
    masked_mean,
    max_pool,
    normalize,
    require_choice,
    shorten,
    valid_steps,
)

torch.set_num_threads(1)


def randn(*shape: int) -> Tensor:
    """The same normal numbers each time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_compact() -> None:
    """Valid steps to the front in order, the rest zero, spare columns gone."""
    mask = torch.tensor([[0, 0, 1, 1, 0], [0, 0, 0, 0, 0], [1, 0, 1, 0, 1]]).bool()
    ids = torch.arange(15).view(3, 5)
    found, numbers, vectors = compact(mask, ids, ids[..., None].double())
    assert found.tolist() == [[True, True, False], [True, False, False], [True, True, True]]
    assert numbers.tolist() == [[2, 3, 0], [0, 0, 0], [10, 12, 14]]
    assert torch.equal(vectors[..., 0], numbers.double())


def test_compact_keeps_the_order_of_long_rows() -> None:
    """A sort that is not stable would shuffle them."""
    mask = randn(1, 5000) > 0
    _, found = compact(mask, torch.arange(5000)[None])
    assert torch.equal(found[0], mask[0].nonzero()[:, 0])


def test_compact_stops_nan() -> None:
    """What stands in the padding, NaN included, is gone."""
    x = torch.full((1, 3, 2), math.nan)
    x[0, 2] = 1
    mask, found = compact(torch.tensor([[False, False, True]]), x)
    assert mask.tolist() == [[True]]
    assert found.tolist() == [[[1, 1]]]


@pytest.mark.parametrize("t", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("bins", [1, 3, 5])
def test_max_pool_is_adaptive_over_valid_steps(t: int, bins: int) -> None:
    """As PyTorch pools the valid steps alone."""
    x = randn(2, 9, 4)
    mask = torch.arange(9) < torch.tensor([[t], [9]])
    found = max_pool(x, mask, bins)
    for i, length in enumerate((t, 9)):
        alone = torch.nn.functional.adaptive_max_pool1d(x[i, :length].mT, bins)
        assert torch.equal(found[i], alone)
    torch.testing.assert_close(max_pool(x, None, bins)[1], found[1])


def test_one_of() -> None:
    """The message says what is allowed."""
    assert require_choice("padding", "masked", ("masked", "released")) == "masked"
    with pytest.raises(InputError, match="padding: expected one of masked, released, got 'x'"):
        require_choice("padding", "x", ("masked", "released"))


def test_average_is_over_valid_steps() -> None:
    """Padding does not count, NaN included; a row without a valid step is zero."""
    x, mask = randn(3, 4, 2), torch.tensor([[0, 1, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]]).bool()
    expected = torch.stack([x[0, 1:3].mean(0), torch.zeros(2).double(), x[2].mean(0)])
    x[0, 3] = math.nan
    torch.testing.assert_close(masked_mean(x, mask), expected)
    torch.testing.assert_close(masked_mean(x[2:], None), expected[2:])


@pytest.mark.parametrize("n", [1, 2, 5])
def test_normalize(n: int) -> None:
    """As PyTorch does it; one row in training as in evaluation, and nothing is learnt of it."""
    ours, theirs = nn.BatchNorm1d(3).double(), nn.BatchNorm1d(3).double()
    for norm in (ours, theirs):
        norm.running_mean.fill_(0.5)
        norm.running_var.fill_(4.0)
        norm.train(n > 1)
    expected = theirs(randn(n, 3))
    torch.testing.assert_close(normalize(ours.train(), randn(n, 3)), expected)
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)
    assert ours.num_batches_tracked == theirs.num_batches_tracked
    torch.testing.assert_close(normalize(ours.eval(), randn(n, 3)), ours(randn(n, 3)))


@pytest.mark.parametrize("model", ["lmf", "cm_bert", "mean", "ridge"])
def test_a_model_without_the_encoder_does_not_depend_on_it(model: str) -> None:
    """Else a change of the encoder would train it again."""
    assert "msa/models/transformer.py" not in closure("train", model)
    assert "msa/models/transformer.py" in closure("train", "nhfnet")


def test_valid_steps() -> None:
    """Segment after segment, whatever the side; a segment without any is one step of zeros."""
    mask = torch.tensor([[0, 0, 1, 1, 0], [0, 0, 0, 0, 0], [1, 0, 1, 0, 1]]).bool()
    steps = valid_steps(mask, torch.arange(15).view(3, 5))[0]
    assert steps.rows.tolist() == [2, 3, 0, 10, 12, 14]
    assert steps.lengths.tolist() == [2, 1, 3]
    assert steps.numbers.tolist() == [0, 1, 0, 0, 1, 2]
    assert steps.last.tolist() == [3, 0, 14]
    assert steps.padded()[0].tolist() == [[2, 3, 0], [0, 0, 0], [10, 12, 14]]
    means = Steps(steps.rows[:, None].double(), steps.lengths).mean()
    assert means.tolist() == [[2.5], [0], [12]]


@pytest.mark.parametrize("pad", [0, 1])
def test_convolve(pad: int) -> None:
    """As PyTorch convolves each segment alone; one shorter than the kernel is filled with zeros."""
    torch.manual_seed(0)
    conv = nn.Conv1d(4, 5, 3, padding=pad, bias=False).double()
    lengths = np.array([3, 1, 6, 2])
    rows = randn(12, 4)
    found = convolve(conv, Steps(rows, lengths))
    expected = []
    for x in rows.split(lengths.tolist()):
        x = torch.nn.functional.pad(x, (0, 0, 0, max(3 - 2 * pad - len(x), 0)))
        expected.append(conv(x.T).T)
    assert found.lengths.tolist() == [len(x) for x in expected]
    torch.testing.assert_close(found.rows, torch.cat(expected))


def test_shortened_steps() -> None:
    """Means; the last step is repeated where they do not divide, or where there are too few."""
    x = torch.arange(12.0, dtype=torch.float64)[:, None]
    found = shorten(Steps(x, np.array([5, 2, 1, 4])), np.array([2, 3, 1, 2]))
    assert found.lengths.tolist() == [2, 3, 1, 2]
    assert found.rows[:, 0].tolist() == [1, (3 + 4 + 4) / 3, 5, 6, 6, 7, 8.5, 10.5]
    same = Steps(x, np.array([5, 7]))
    assert torch.equal(shorten(same, same.lengths).rows, x)
