"""Optimizer groups of systems whose encoder, audio and vision have rates of their own."""

from collections.abc import Mapping
from typing import Any

from torch import nn


def rate_groups(
    model: nn.Module, parts: Mapping[str, tuple[float, float]], others: tuple[float, float]
) -> list[dict[str, Any]]:
    """Groups of one rate and one weight decay each; biases and LayerNorms of `bert` do not decay.

    Args:
        model: whose parameters they are.
        parts: by what the parameters' names begin with, rate and decay.
        others: rate and decay of the others.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        rate, decay = next((parts[part] for part in parts if name.startswith(part)), others)
        if name.startswith("bert.") and ("LayerNorm" in name or name.endswith("bias")):
            decay = 0.0
        groups.setdefault((rate, decay), []).append(parameter)
    return [
        {"params": parameters, "lr": rate, "weight_decay": decay}
        for (rate, decay), parameters in groups.items()
    ]
