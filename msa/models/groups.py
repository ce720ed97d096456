"""Optimizer groups: parameters of one rate and one weight decay each."""

from collections.abc import Callable
from typing import Any

from torch import nn


def grouped(
    model: nn.Module, choose: Callable[[str, nn.Parameter], tuple[float, float]]
) -> list[dict[str, Any]]:
    """All parameters that learn, by the rate and the decay chosen from name and parameter."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups.setdefault(choose(name, parameter), []).append(parameter)
    return [
        {"params": parameters, "lr": rate, "weight_decay": decay}
        for (rate, decay), parameters in groups.items()
    ]


def matrices_decay(model: nn.Module, lr: float, weight_decay: float) -> list[dict[str, Any]]:
    """No decay for biases and for what scales a normalisation."""
    return grouped(model, lambda name, p: (lr, weight_decay if p.dim() > 1 else 0.0))


def rate_groups(
    model: nn.Module,
    *,
    bert: tuple[float, float],
    audio: tuple[float, float],
    vision: tuple[float, float],
    others: tuple[float, float],
) -> list[dict[str, Any]]:
    """Rate and decay of the encoder, of `audio_model`, of `vision_model` and of the others.

    Biases and LayerNorms of the encoder do not decay.
    """
    parts = {"bert": bert, "audio_model": audio, "vision_model": vision}

    def choose(name: str, parameter: nn.Parameter) -> tuple[float, float]:
        part = name.partition(".")[0]
        rate, decay = parts.get(part, others)
        spared = part == "bert" and ("LayerNorm" in name or name.endswith("bias"))
        return rate, 0.0 if spared else decay

    return grouped(model, choose)
