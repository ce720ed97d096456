"""Batch normalization with a mean and a variance for each time step: MMSA's EF-LSTM normalizes
joined features so, and RAVEN the audio of each word."""

from torch import Tensor, nn

from msa.base.errors import InputError


def normalize_times(norm: nn.BatchNorm1d, x: Tensor, mask: Tensor) -> Tensor:
    """BatchNorm of (b, t, ..., d), a channel for each time, where ``mask`` (b, t, ...) is True.

    Each time has the statistics of all that is valid of it, over segments and features. A time of
    which nothing is keeps its running ones; without any, as ``track_running_stats=False`` has it,
    the batch's count in evaluation too.

    Raises:
        InputError: there are more times than channels.
    """
    t = x.shape[1]
    if t > norm.num_features:
        raise InputError(
            f"steps: expected at most {norm.num_features} of a segment, found {t}; give the "
            "architecture as many `steps` as the longest of `lengths`"
        )
    spread = (t, *[1] * (x.dim() - 2))  # of one number a time
    if norm.training or norm.running_mean is None:
        axes = [axis for axis in range(x.dim()) if axis != 1]
        valid = mask[..., None]
        count = mask.sum(axes[:-1]) * x.shape[-1]  # (t,)
        mean = (x * valid).sum(axes) / count.clamp(min=1)
        centred = (x - mean.view(spread)) * valid
        variance = centred.square().sum(axes) / count.clamp(min=1)
        unbiased = variance * count / (count - 1).clamp(min=1)
        share = (count > 0) * (norm.momentum or 0.0)
        for kept, new in zip((norm.running_mean, norm.running_var), (mean, unbiased), strict=True):
            if kept is not None:
                kept[:t].lerp_(new.detach().to(kept.dtype), share.to(kept.dtype))
    else:
        mean, variance = norm.get_buffer("running_mean")[:t], norm.get_buffer("running_var")[:t]
    scale = norm.weight[:t] / (variance + norm.eps).sqrt()
    return (x - mean.view(spread)) * scale.view(spread) + norm.bias[:t].view(spread)
