"""Train: one loop for all systems.

Everything is seeded, the validation fold alone selects the epoch, and every epoch's predictions are
kept for scores and protocols, which no selection reads.
"""

import argparse
import csv
import json
import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from msa.base import provenance
from msa.base.atomic import atomic_path, atomic_write
from msa.base.errors import InputError
from msa.base.learned import REMEDIES
from msa.training.batches import FOLDS, Fold
from msa.training.constant import constant_loss
from msa.training.network import build, predictions
from msa.training.optimizers import (
    Restart,
    Schedule,
    make_optimizer,
    phase_optimizers,
    planned_steps,
)
from msa.training.predict_folds import predict_folds
from msa.training.progress import Progress
from msa.training.run import (
    Places,
    add_data_arguments,
    load_run,
    open_run,
    record_of,
    say_lengths,
)
from msa.training.state import Epoch, Memory, State, Trained


def cross_entropy(prediction: Tensor, label: Tensor) -> Tensor:
    """Of class indices (b, k), for logits (b, classes), or (b, 2k) with two logits a target."""
    b, k = label.shape
    losses = functional.cross_entropy(
        prediction.reshape(b * k, -1), label.reshape(b * k), reduction="none"
    )
    return losses.reshape(b, k)


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": lambda prediction, label: (prediction - label).abs(),
    "mse": lambda prediction, label: (prediction - label) ** 2,
    "half_mse": lambda prediction, label: 0.5 * (prediction - label) ** 2,
    "cross_entropy": cross_entropy,
}


def selection_loss(hyper: Mapping[str, Any]) -> str:
    """The loss on the validation fold that epochs and trials are compared by."""
    return hyper["selection"] if hyper["selection"] in LOSSES else hyper["loss"]


def mean_loss(prediction: Tensor, label: Tensor, loss: str, targets: slice = slice(None)) -> float:
    """Loss averaged over rows and some of the targets, without a model's own terms."""
    return LOSSES[loss](prediction, label)[:, targets].double().mean(dim=-1).mean().item()


def snapshot(network: nn.Module) -> dict[str, Tensor]:
    """A copy of the network's state on the CPU."""
    return {key: value.detach().cpu().clone() for key, value in network.state_dict().items()}


def run_epoch(
    network: nn.Module,
    fold: Fold,
    optimizer: torch.optim.Optimizer,
    schedule: Schedule,
    hyper: Mapping[str, Any],
    order: Tensor,
    phase: str | None = None,
) -> tuple[Tensor, dict[str, float]]:
    """One pass over the training fold in the given order: (n,), or (k, n) of stacked networks.

    Args:
        network: in training mode afterwards.
        fold: the training fold.
        optimizer: of the parameters that the pass steps.
        schedule: told of every step.
        hyper: the settings' hyperparameters.
        order: of the fold's segments.
        phase: the name of a pass before the main one: the model's own terms are its whole loss.

    Returns:
        The task loss of each batch, or of a phase all its loss, summed over its rows: (batches,)
        or (batches, k) float64, on the CPU. The mean over rows of each of the model's own terms.
    """
    network.train()
    device = fold.label.device
    batches, together = order.split(hyper["batch_size"], dim=-1), hyper["accumulate"]["batches"]
    sums: list[Tensor] = []
    terms: dict[str, list[Tensor]] = {}
    for number, segments in enumerate(batches):
        batch = fold.batch(segments.flatten()) | ({"phase": phase} if phase else {})
        with torch.autocast(device.type, torch.bfloat16, enabled=hyper["precision"] == "bf16"):
            output = network(batch)
            prediction, own = output if isinstance(output, tuple) else (output, {})
            if phase:
                loss = means = sum(own.values(), torch.zeros((), device=device))
            else:
                losses = LOSSES[hyper["loss"]](prediction.float(), batch["label"])
                losses = losses.unflatten(0, segments.shape)  # (b, targets) or (k, b, targets)
                means = losses.mean(dim=(-2, -1))
                loss = losses.sum() if hyper["reduction"] == "sum" else means.sum()
                loss = sum(own.values(), loss)
        sums.append(means.detach() * segments.shape[-1])
        for name, term in own.items():
            terms.setdefault(name, []).append(term.detach() * segments.shape[-1])
        if number % together == 0:
            # of all parameters: those that this pass leaves as they are count for the norm too
            network.zero_grad(set_to_none=True)
        loss.backward()
        if hyper["clip_value"] is not None:
            nn.utils.clip_grad_value_(network.parameters(), hyper["clip_value"])
        missing = together - 1 - number % together
        if missing and (number < len(batches) - 1 or hyper["accumulate"]["tail"] == "drop"):
            continue
        if hyper["clip"] is not None:
            nn.utils.clip_grad_norm_(network.parameters(), hyper["clip"])
        optimizer.step()
        schedule.after_batch()
    rows = sum(segments.shape[-1] for segments in batches)
    said = {name: torch.stack(x).double().sum().item() / rows for name, x in terms.items()}
    return torch.stack(sums).double().cpu(), said


def run_phases(
    network: Any,
    fold: Fold,
    optimizers: Mapping[str, torch.optim.Optimizer],
    hyper: Mapping[str, Any],
    generator: torch.Generator,
    epoch: int,
) -> dict[str, float]:
    """The passes of an epoch before the main one; the mean over rows of each last one's terms."""
    said: dict[str, float] = {}
    times = {
        name: settings["before"] * (epoch == 1) if "before" in settings else 1
        for name, settings in hyper["phases"].items()
    }
    for phase in (name for name in optimizers for _ in range(times[name])):
        optimizer = optimizers[phase]
        order = torch.randperm(len(fold), generator=generator)
        batches = math.ceil(len(order) / hyper["batch_size"])
        share = math.ceil(batches * hyper["phases"][phase].get("share", 1))
        order = order[: share * hyper["batch_size"]]
        schedule = Schedule(optimizer, None, 0)
        losses, terms = run_epoch(network, fold, optimizer, schedule, hyper, order, phase)
        if not losses.isfinite().all():
            raise InputError(
                f"phase {phase}: the loss is not finite ({losses.sum().item()}); try a smaller lr "
                f"of phases: {phase}, or `clip`"
            )
        said |= {f"{phase}_{name}": mean for name, mean in terms.items()}
    return said


def require_finite(epoch: Epoch, losses: Tensor, who: str = "", kept: str = "") -> None:
    """Raise an InputError, with the step, where an epoch's loss is not a number.

    Args:
        epoch: the epoch.
        losses: the loss of each of its steps, (steps,).
        who: what the message begins with.
        kept: what it ends with.
    """
    if np.isfinite([epoch.train_loss, epoch.selection]).all():
        return
    steps = (~losses.isfinite()).nonzero().flatten().tolist()
    where = f"epoch {epoch.epoch}" + (f", step {steps[0] + 1} of {len(losses)}" if steps else "")
    raise InputError(
        f"{who}{where}: the loss is not finite (train {epoch.train_loss}, valid "
        f"{epoch.valid_loss}); try a smaller lr, `clip`, or standardise the columns "
        f"(clean: standardize){kept}"
    )


def fit_closed(network: Any, folds: Mapping[str, Fold], hyper: Mapping[str, Any]) -> Trained:
    """Train a model that has a closed form, `fit(train, valid)`: one epoch."""
    start = time.perf_counter()
    whole = {name: folds[name].batch(torch.arange(len(folds[name]))) for name in FOLDS[:2]}
    network.fit(whole["train"], whole["valid"])
    seconds = time.perf_counter() - start
    train, valid, test = (predictions(network, folds[name], hyper) for name in FOLDS)
    valid_loss = mean_loss(valid, folds["valid"].label, hyper["loss"])
    epoch = Epoch(
        1,
        mean_loss(train, folds["train"].label, hyper["loss"]),
        valid_loss,
        valid_loss,
        0.0,
        seconds,
        len(folds["train"]) / max(seconds, 1e-9),
    )
    return Trained(
        snapshot(network), [epoch], [valid.cpu().numpy()], [test.cpu().numpy()], 1, seconds
    )


def train(
    network: nn.Module,
    folds: Mapping[str, Fold],
    hyper: Mapping[str, Any],
    seed: int,
    watch: Callable[[Epoch, bool | None], None] = lambda epoch, better: None,
    state: State | None = None,
) -> Trained:
    """Train by gradient descent and keep the epoch that the validation fold prefers.

    Args:
        network: on the folds' device.
        folds: train, valid and test; test is only predicted, never looked at.
        hyper: the settings' hyperparameters.
        seed: of the order of the rows; the weights are the caller's.
        watch: called with every epoch's line and whether it is the best so far, None for an epoch
            of an earlier process.
        state: where the state is kept, and an earlier process's found; the result is the same.

    Raises:
        InputError: the loss is not a number.
    """
    fold = folds["train"]
    optimizer = make_optimizer(network, hyper["optimizer"])
    phases = phase_optimizers(network, hyper["phases"])
    schedule = Schedule(
        optimizer, hyper["schedule"], planned_steps(len(fold), hyper), hyper["epochs"]
    )
    restart = Restart(network, optimizer, hyper["schedule"])
    generator = torch.Generator().manual_seed(seed)
    if start_training := getattr(network, "start_training", None):
        start_training(fold.label)
    if start_features := getattr(network, "start_features", None):
        start_features({name: modality.rows for name, modality in fold.modalities.items()})
    start_epoch = getattr(network, "start_epoch", None)
    parts = {"network": network, "optimizer": optimizer, "schedule": schedule, **phases}
    parts |= {"memory": Memory(network), "restart": restart}
    trained = (state and state.load(parts, generator)) or Trained(snapshot(network))
    for epoch in trained.history:
        watch(epoch, None)
    for number in range(len(trained.history) + 1, hyper["epochs"] + 1):
        if hyper["patience"] and number - 1 - trained.best[1] >= hyper["patience"]:
            break
        if restart.over:
            break
        start = time.perf_counter()
        if start_epoch:
            start_epoch(number)
        terms = run_phases(network, fold, phases, hyper, generator, number)
        order = torch.randperm(len(fold), generator=generator)
        if hyper["optimizer"]["forget"]:
            optimizer.state.clear()
        lr = optimizer.param_groups[0]["lr"]
        losses, own = run_epoch(network, fold, optimizer, schedule, hyper, order)
        train_loss = losses.cumsum(0)[-1].item() / len(order)
        seconds = time.perf_counter() - start
        valid, test = (predictions(network, folds[name], hyper) for name in FOLDS[1:])
        valid_loss = mean_loss(valid, folds["valid"].label, hyper["loss"])
        selection = mean_loss(valid, folds["valid"].label, selection_loss(hyper))
        epoch = Epoch(
            number,
            train_loss,
            valid_loss,
            selection,
            lr,
            seconds,
            len(order) / seconds,
            own | terms,
        )
        kept = ""
        if state and trained.history:
            kept = f"; the state after epoch {number - 1} stays in {state.path}"
        require_finite(epoch, losses, kept=kept)
        schedule.after_epoch(valid_loss)
        restart.after_epoch(selection)
        last = hyper["selection"] == "last"
        better = trained.add(epoch, valid, test, partial(snapshot, network), last)
        trained.seconds += time.perf_counter() - start
        if state:
            state.save(trained, parts, generator)
        watch(epoch, better)
    return trained


def write(
    run: Path,
    record: dict[str, Any],
    network: nn.Module,
    trained: Trained,
    folds: Mapping[str, Fold],
    hyper: Mapping[str, Any],
) -> None:
    """Write what training leaves in the folder of its run, the selected epoch's predictions too."""
    best = trained.history[trained.selected - 1].selection
    criterion = LOSSES[selection_loss(hyper)]
    labels = folds["train"].label, folds["valid"].label
    constant = constant_loss(criterion, *labels, trained.test[0].shape[1])
    record |= {
        "parameters": sum(p.numel() for p in network.parameters()),
        "wall_time_s": trained.seconds,
        "rows_per_s": float(np.median([epoch.rows_per_s for epoch in trained.history])),
        "selected_epoch": trained.selected,
        "epochs": len(trained.history),
        "selection": hyper["loss"] if hyper["selection"] == "loss" else hyper["selection"],
        "best_valid_loss": best,
        "constant_valid_loss": constant,
        # a closed form is what it is: the mean is that constant itself
        "learned": None if hasattr(network, "fit") else best < constant,
    }
    if record["learned"] is False:
        print(
            f"{run}: did not learn: validation loss {best:.4f}, of a constant {constant:.4f}; "
            f"try {REMEDIES}",
            file=sys.stderr,
        )

    with atomic_path(run / "model.safetensors") as path:
        save_file({key: value.contiguous() for key, value in trained.weights.items()}, path)
    network.load_state_dict(trained.weights)
    predict_folds(run, network, folds, hyper)
    with atomic_path(run / "epochs.npz") as path, open(path, "wb") as file:
        numbers = np.array([epoch.epoch for epoch in trained.history])
        valid, test = np.stack(trained.valid), np.stack(trained.test)
        np.savez(file, epoch=numbers, valid=valid, test=test)
    with atomic_write(run / "history.csv") as file:
        lines = [asdict(epoch) for epoch in trained.history]
        lines = [line | line.pop("terms") for line in lines]
        table = csv.DictWriter(file, [*lines[0]], lineterminator="\n")
        table.writeheader()
        table.writerows(lines)
    with atomic_write(run / "training.json") as file:
        json.dump(record, file, indent=1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of the run, with settings.json")
    add_data_arguments(parser)
    parser.add_argument(
        "--log-every", type=int, default=1, help="epochs between progress lines; 0 for none"
    )
    parser.add_argument(
        "--state",
        type=Path,
        metavar="FILE",
        help="written after every epoch and removed in the end: a killed training goes on from it",
    )


def main(args: argparse.Namespace) -> None:
    settings, device = open_run(args.run, args.device)
    hyper = settings["hyperparameters"]
    folds, bert = load_run(Places.of(args), settings, FOLDS)
    network = build(settings, folds["train"], bert)
    # after build, which imports the model's file
    record = record_of(settings, folds, device)
    say_lengths(settings, record["lengths"])
    state = State(args.state, _key(record, network)) if args.state else None
    if hasattr(network, "fit"):
        trained = fit_closed(network, folds, hyper)
    else:
        folds = {name: fold.to(device) for name, fold in folds.items()}
        name = "{dataset}/{model} seed {seed}".format_map(settings)
        watch = Progress(args.run, name, hyper["epochs"], args.log_every)
        trained = train(network.to(device), folds, hyper, settings["seed"], watch, state)
        watch.board.close()
    write(args.run, record, network, trained, folds, hyper)
    if state:
        state.remove()


def _key(record: Mapping[str, Any], network: nn.Module) -> str:
    """Digest of all that training depends on; the first weights stand for the encoder."""
    weights = provenance.array_digest(value.numpy() for value in snapshot(network).values())
    names = ("config_digest", "data_digest", "code_digest", "versions", "device")
    return provenance.json_digest([weights, *(record["provenance"][name] for name in names)])
