"""Batch normalization of time steps."""

import torch
from torch import nn

from msa.models.time_norm import normalize_times


def test_time_steps_are_normalized_as_by_pytorch() -> None:
    """In training and in evaluation, the running statistics too, where all steps are there."""
    torch.manual_seed(0)
    theirs = nn.BatchNorm1d(7).double()
    nn.init.normal_(theirs.weight), nn.init.normal_(theirs.bias)
    ours = nn.BatchNorm1d(7).double()
    ours.load_state_dict(theirs.state_dict())
    for training in (True, True, False):
        x = torch.randn(4, 7, 5).double() * 3 + 1
        found = normalize_times(ours.train(training), x, torch.ones(4, 7, dtype=torch.bool))
        torch.testing.assert_close(found, theirs.train(training)(x))
        torch.testing.assert_close(ours.running_mean, theirs.running_mean)
        torch.testing.assert_close(ours.running_var, theirs.running_var)


def test_frames_that_are_not_valid_do_not_count() -> None:
    """Of a place whose frames differ in number; a place of none keeps its running statistics."""
    torch.manual_seed(0)
    x = torch.randn(2, 3, 4, 5).double()  # (b, t, frames, d)
    mask = torch.ones(2, 3, 4, dtype=torch.bool)
    mask[0, 0, 1:], mask[:, 1] = False, False
    norm = nn.BatchNorm1d(3).double().train()
    found = normalize_times(norm, x.masked_fill(~mask[..., None], 9), mask)
    valid = x[:, 0][mask[:, 0]]
    expected = (valid - valid.mean()) / (valid.var(unbiased=False) + norm.eps).sqrt()
    torch.testing.assert_close(found[:, 0][mask[:, 0]], expected)
    assert norm.running_mean[1] == 0 and norm.running_var[1] == 1


def test_without_running_statistics_the_batch_counts() -> None:
    """In evaluation too."""
    torch.manual_seed(0)
    norm = nn.BatchNorm1d(3, track_running_stats=False).double()
    x, mask = torch.randn(4, 3, 5).double(), torch.ones(4, 3, dtype=torch.bool)
    found = normalize_times(norm.eval(), x, mask)
    torch.testing.assert_close(found, norm(x))
