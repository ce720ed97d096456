"""Optimizers and schedules of the published systems."""

import inspect
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, MultiStepLR, ReduceLROnPlateau

from msa.base.errors import InputError

CORRECTED = ("lr", "eps", "weight_decay")


def plain(method: Callable[..., Any]) -> Any:
    """A method of torch's optimizers without what its decorator does for torch's compiler.

    Decorated, the first call imports the compiler, which takes over a second and is never used.
    """
    return getattr(method, "__wrapped__", method)


class Plain(Optimizer):
    """What all optimizers share, without the compiler."""

    add_param_group = plain(Optimizer.add_param_group)
    zero_grad = plain(Optimizer.zero_grad)
    state_dict = plain(Optimizer.state_dict)
    load_state_dict = plain(Optimizer.load_state_dict)


class Adam(Plain, torch.optim.Adam):
    """Torch's own."""

    step = torch.no_grad()(plain(torch.optim.Adam.step))


class AdamW(Plain, torch.optim.AdamW):
    """Torch's own."""

    step = torch.no_grad()(plain(torch.optim.AdamW.step))


class BertAdam(AdamW):
    """Adam as BERT was released with it: no bias correction, decay apart, each gradient clipped.

    Devlin et al., NAACL 2019; the gradient of each parameter is clipped to norm 1 on its own.
    """

    def __init__(self, params: Any, lr: float, weight_decay: float = 0.01) -> None:
        super().__init__(params, lr=lr, eps=1e-6, weight_decay=weight_decay, fused=True)
        for group in self.param_groups:
            group["steps"] = 0

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        usual = [{key: group[key] for key in CORRECTED} for group in self.param_groups]
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.grad.mul_((1 / (parameter.grad.norm() + 1e-6)).clamp(max=1))
            # a state that was emptied starts anew
            group["steps"] = group["steps"] + 1 if self.state else 1
            mean, root = 1 - 0.9 ** group["steps"], math.sqrt(1 - 0.999 ** group["steps"])
            # what makes up for the bias correction of the fused step
            group["lr"] *= mean / root
            group["eps"] /= root
            group["weight_decay"] *= root / mean
        super().step()
        for group, values in zip(self.param_groups, usual, strict=True):
            group.update(values)


KINDS: dict[str, Callable[..., Optimizer]] = {
    "adam": partial(Adam, fused=True),
    "adamw": partial(AdamW, fused=True),
    "bert_adam": BertAdam,
}


def make_optimizer(network: Any, settings: Mapping[str, Any]) -> Optimizer:
    """The optimizer that the settings name, over the model's own parameter groups, if any.

    Raises:
        InputError: `groups` has a keyword that the model's `parameter_groups` does not take.
    """
    usual = {"lr": settings["lr"], "weight_decay": settings["weight_decay"]}
    make_groups, groups = getattr(network, "parameter_groups", None), settings["groups"]
    known = (
        [name for name in inspect.signature(make_groups).parameters if name not in usual]
        if make_groups
        else []
    )
    if unknown := [name for name in groups if name not in known]:
        raise InputError(
            f"optimizer: groups: {type(network).__name__} has {', '.join(known) or 'none'}, "
            f"got {', '.join(unknown)}"
        )
    parameters = [p for p in network.parameters() if p.requires_grad]
    if make_groups:
        parameters = make_groups(**usual, **groups)
    return KINDS[settings["name"]](parameters, **usual)


class Schedule:
    """What happens to the learning rate after a batch, and after an epoch.

    Args:
        optimizer: the optimizer.
        settings: None, or `name` with `warmup` (share of all batches, then linear decay to 0),
            `epochs` and `factor` ("steps"), or `patience` and `factor` ("plateau").
        batches: number of batches in the whole training.
    """

    def __init__(
        self, optimizer: Optimizer, settings: Mapping[str, Any] | None, batches: int
    ) -> None:
        self.per_batch: LambdaLR | None = None
        self.per_epoch: MultiStepLR | None = None
        self.plateau: ReduceLROnPlateau | None = None
        name = settings["name"] if settings else None
        if settings and name == "warmup_linear":
            warm = settings["warmup"]

            def share(batch: int) -> float:
                done = batch / batches
                return done / warm if done < warm else max((1 - done) / (1 - warm), 0.0)

            self.per_batch = LambdaLR(optimizer, share)
        elif settings and name == "steps":
            self.per_epoch = MultiStepLR(optimizer, settings["epochs"], settings["factor"])
        elif settings and name == "plateau":
            factor, patience = settings["factor"], settings["patience"]
            self.plateau = ReduceLROnPlateau(optimizer, factor=factor, patience=patience)

    def after_batch(self) -> None:
        """To be called after every step of the optimizer."""
        if self.per_batch:
            self.per_batch.step()

    def after_epoch(self, valid_loss: float) -> None:
        """To be called after every epoch with the validation loss."""
        if self.per_epoch:
            self.per_epoch.step()
        if self.plateau:
            self.plateau.step(valid_loss)

    def state_dict(self) -> dict[str, Any]:
        """Where each part of the schedule is."""
        return {name: part.state_dict() for name, part in vars(self).items() if part}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to where `state_dict` was asked for."""
        for name, part in state.items():
            getattr(self, name).load_state_dict(part)
