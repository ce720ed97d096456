"""Optimizers and schedules of the published systems."""

import copy
import inspect
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import nn
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
    elsewhere = tuple(prefix for of in getattr(network, "phases", {}).values() for prefix in of)
    parameters = [
        parameter
        for name, parameter in network.named_parameters()
        if parameter.requires_grad and not name.startswith(elsewhere)
    ]
    if make_groups:
        parameters = make_groups(**usual, **groups)
    return KINDS[settings["name"]](parameters, **usual)


def phase_optimizers(network: Any, settings: Mapping[str, Any]) -> dict[str, Optimizer]:
    """An optimizer for each pass of an epoch before the main one, by the pass's name.

    Args:
        network: its `phases` name the passes, and what the names of their parameters begin with.
        settings: `phases` of the hyperparameters.

    Raises:
        InputError: the settings are not of the network's passes.
    """
    passes: Mapping[str, tuple[str, ...]] = getattr(network, "phases", {})
    if set(passes) != set(settings):
        raise InputError(
            f"phases: {type(network).__name__} has {', '.join(passes) or 'none'}, "
            f"got {', '.join(settings) or 'none'}"
        )
    return {
        phase: KINDS[settings[phase]["optimizer"]["name"]](
            [p for name, p in network.named_parameters() if name.startswith(prefixes)],
            lr=settings[phase]["optimizer"]["lr"],
            weight_decay=settings[phase]["optimizer"].get("weight_decay", 0.0),
        )
        for phase, prefixes in passes.items()
    }


def planned_steps(rows: int, hyper: Mapping[str, Any]) -> int:
    """The optimizer's steps in a whole training, as its schedule counts them."""
    schedule, size = hyper["schedule"] or {}, hyper["batch_size"]
    # as released: the last batch of an epoch, if it is a short one, is made and not counted
    batches = rows // size if schedule.get("total") == "floor" else -(-rows // size)
    together, tail = hyper["accumulate"]["batches"], hyper["accumulate"]["tail"]
    steps = batches // together if tail == "drop" else -(-batches // together)
    return max(steps, 1) * int(hyper["epochs"])


class Schedule:
    """What happens to the learning rate after a batch, and after an epoch.

    Args:
        optimizer: the optimizer.
        settings: None, or `name` with `warmup` (share of all batches, then linear decay to 0),
            `epochs` and `factor` ("steps"), `patience` and `factor` ("plateau"), `warmup`, the
            epochs of all before half a cosine ("cosine"), or `warmup`, the share of all batches
            before it, and of fewer `epochs` if given ("warmup_cosine"); what restarts is
            `Restart`'s.
        batches: number of steps in the whole training.
        epochs: number of epochs.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        settings: Mapping[str, Any] | None,
        batches: int,
        epochs: int = 0,
    ) -> None:
        self.per_batch: LambdaLR | None = None
        self.per_epoch: LambdaLR | MultiStepLR | None = None
        self.plateau: ReduceLROnPlateau | None = None
        name = settings["name"] if settings else None
        if settings and name == "warmup_linear":
            warm = settings["warmup"]

            def share(batch: int) -> float:
                done = batch / batches
                return done / warm if done < warm else max((1 - done) / (1 - warm), 0.0)

            self.per_batch = LambdaLR(optimizer, share)
        elif settings and name == "warmup_cosine":
            warm = settings["warmup"]
            whole = batches * settings.get("epochs", epochs) / epochs

            def wave(batch: int) -> float:
                done = batch / whole
                if done < warm:
                    return done / warm
                return (1 + math.cos(math.pi * (done - warm) / (1 - warm))) / 2

            self.per_batch = LambdaLR(optimizer, wave)
        elif settings and name == "cosine":
            rising = settings["warmup"]
            falling = max(epochs - rising, 1)
            first = 0 if settings.get("start") == "zero" else 1

            def height(epoch: int) -> float:
                done = epoch + first
                if done <= rising:
                    return done / rising
                return (1 + math.cos(math.pi * (done - rising - 1) / falling)) / 2

            self.per_epoch = LambdaLR(optimizer, height)
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


class Restart:
    """The schedule "restart": from the best epoch again, with a smaller learning rate.

    After more than `patience` epochs in a row without a better value, weights and optimizer are
    those of the best epoch again, with its learning rate times `factor`; after `times` of these
    training is over. The SDK's official tutorial trains so. With other schedules it does nothing.
    """

    def __init__(
        self, network: nn.Module, optimizer: Optimizer, settings: Mapping[str, Any] | None
    ) -> None:
        restarts = settings is not None and settings["name"] == "restart"
        self.settings = settings if restarts else None
        self.network, self.optimizer = network, optimizer
        self.state: dict[str, Any] = {"best": math.inf, "waited": 0, "done": 0}

    @property
    def over(self) -> bool:
        """Whether training is to end."""
        return self.settings is not None and self.state["done"] >= self.settings["times"]

    def after_epoch(self, value: float) -> None:
        """To be called after every epoch with what the validation fold selects by."""
        if self.settings is None:
            return
        if value < self.state["best"]:
            kept = {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}
            self.state |= {"best": value, "waited": 0, **copy.deepcopy(kept)}
            return
        self.state["waited"] += 1
        if self.state["waited"] > self.settings["patience"]:
            self.network.load_state_dict(self.state["network"])
            self.optimizer.load_state_dict(copy.deepcopy(self.state["optimizer"]))
            for group in self.optimizer.param_groups:
                group["lr"] *= self.settings["factor"]
            self.state |= {"waited": 0, "done": self.state["done"] + 1}

    def state_dict(self) -> dict[str, Any]:
        """What the best epoch was like, and how often and how long it was waited for."""
        return self.state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to where `state_dict` was asked for."""
        self.state = dict(state)
