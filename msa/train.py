"""Train: one loop for all systems.

Everything is seeded, the validation fold alone selects the epoch, and the test predictions of
every epoch are kept for the score stage, which no selection reads.
"""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.tensorboard import SummaryWriter

from msa.atomic import atomic_path, atomic_write
from msa.batches import Fold
from msa.errors import InputError
from msa.network import build, evaluate, predictions
from msa.optimizers import Schedule, make_optimizer
from msa.run import add_data_arguments, load_run, open_run, record_of

FOLDS = ("train", "valid", "test")


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


@dataclass(frozen=True)
class Epoch:
    """One line of the history; losses are means over rows, without auxiliary terms."""

    epoch: int
    train_loss: float
    valid_loss: float
    selection: float
    lr: float
    seconds: float
    rows_per_s: float


@dataclass
class Trained:
    """What training leaves behind.

    Attributes:
        weights: state of the selected epoch, on the CPU.
        history: one entry an epoch.
        test: test predictions of every epoch, (epochs, n, output).
        selected: the selected epoch, from 1.
    """

    weights: dict[str, Tensor]
    history: list[Epoch] = field(default_factory=list)
    test: list[np.ndarray] = field(default_factory=list)
    selected: int = 0


def mean_loss(network: nn.Module, fold: Fold, loss: str, hyper: Mapping[str, Any]) -> float:
    """Loss of a fold, averaged over rows, without auxiliary terms."""
    losses = [
        LOSSES[loss](prediction, label).double().mean(dim=-1)
        for prediction, label in evaluate(
            network, fold, hyper["batch_size"], hyper["precision"] == "bf16"
        )
    ]
    return torch.cat(losses).mean().item()


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
) -> float:
    """One pass over the training fold in the given order; the mean task loss over rows."""
    network.train()
    device = fold.label.device
    total = torch.zeros((), dtype=torch.float64, device=device)
    for segments in order.to(device).split(hyper["batch_size"]):
        batch = fold.batch(segments)
        with torch.autocast(device.type, torch.bfloat16, enabled=hyper["precision"] == "bf16"):
            output = network(batch)
            prediction, auxiliary = output if isinstance(output, tuple) else (output, None)
            losses = LOSSES[hyper["loss"]](prediction.float(), batch["label"])
            loss = losses.sum() if hyper["reduction"] == "sum" else losses.mean()
            if auxiliary is not None:
                loss = loss + auxiliary
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if hyper["clip"] is not None:
            nn.utils.clip_grad_norm_(network.parameters(), hyper["clip"])
        optimizer.step()
        schedule.after_batch()
        total += losses.detach().mean() * len(segments)
    return total.item() / len(fold)


def fit_closed(network: Any, folds: Mapping[str, Fold], hyper: Mapping[str, Any]) -> Trained:
    """Train a model that has a closed form, `fit(train, valid)`: one epoch."""
    start = time.perf_counter()
    whole = {name: folds[name].batch(torch.arange(len(folds[name]))) for name in FOLDS[:2]}
    network.fit(whole["train"], whole["valid"])
    seconds = time.perf_counter() - start
    valid_loss = mean_loss(network, folds["valid"], hyper["loss"], hyper)
    epoch = Epoch(
        1,
        mean_loss(network, folds["train"], hyper["loss"], hyper),
        valid_loss,
        valid_loss,
        0.0,
        seconds,
        len(folds["train"]) / max(seconds, 1e-9),
    )
    test = predictions(network, folds["test"], hyper["batch_size"]).cpu().numpy()
    return Trained(snapshot(network), [epoch], [test], 1)


def train(
    network: nn.Module,
    folds: Mapping[str, Fold],
    hyper: Mapping[str, Any],
    seed: int,
    watch: Callable[[Epoch, bool], None] = lambda epoch, better: None,
) -> Trained:
    """Train by gradient descent and keep the epoch that the validation fold prefers.

    Args:
        network: on the folds' device.
        folds: train, valid and test; test is only predicted, never looked at.
        hyper: the settings' hyperparameters.
        seed: of the order of the rows; the weights are the caller's.
        watch: called after every epoch with its line and whether it is the best so far.

    Raises:
        InputError: the loss is not a number.
    """
    optimizer = make_optimizer(network, hyper["optimizer"])
    batches = -(-len(folds["train"]) // hyper["batch_size"]) * hyper["epochs"]
    schedule = Schedule(optimizer, hyper["schedule"], batches)
    generator = torch.Generator().manual_seed(seed)
    autocast = hyper["precision"] == "bf16"
    best, best_epoch, trained = float("inf"), 0, Trained(snapshot(network))
    for number in range(1, hyper["epochs"] + 1):
        start = time.perf_counter()
        order = torch.randperm(len(folds["train"]), generator=generator)
        if hyper["optimizer"]["forget"]:
            optimizer.state.clear()
        lr = optimizer.param_groups[0]["lr"]
        train_loss = run_epoch(network, folds["train"], optimizer, schedule, hyper, order)
        seconds = time.perf_counter() - start
        valid_loss = mean_loss(network, folds["valid"], hyper["loss"], hyper)
        selection = valid_loss
        if hyper["selection"] in LOSSES:
            selection = mean_loss(network, folds["valid"], hyper["selection"], hyper)
        if not np.isfinite([train_loss, selection]).all():
            raise InputError(
                f"epoch {number}: the loss is not finite (train {train_loss}, valid {valid_loss}); "
                "try a smaller lr, `clip`, or standardise the columns (clean: standardize)"
            )
        epoch = Epoch(
            number,
            train_loss,
            valid_loss,
            selection,
            lr,
            seconds,
            len(order) / seconds,
        )
        trained.history.append(epoch)
        schedule.after_epoch(valid_loss)
        test = predictions(network, folds["test"], hyper["batch_size"], autocast)
        trained.test.append(test.cpu().numpy())
        better = selection < best
        if better:
            best, best_epoch = selection, number
        if better or hyper["selection"] == "last":
            trained.selected, trained.weights = number, snapshot(network)
        watch(epoch, better)
        if hyper["patience"] and number - best_epoch >= hyper["patience"]:
            break
    return trained


class Progress:
    """A progress line on standard error, and the same numbers for TensorBoard."""

    def __init__(self, run: Path, name: str, epochs: int, every: int) -> None:
        shutil.rmtree(run / "tensorboard", ignore_errors=True)
        self.board = SummaryWriter(str(run / "tensorboard"))
        self.name, self.epochs, self.every = name, epochs, every
        self.start = time.perf_counter()

    def __call__(self, epoch: Epoch, better: bool) -> None:
        for name in ("train_loss", "valid_loss", "selection", "lr", "rows_per_s"):
            self.board.add_scalar(name, getattr(epoch, name), epoch.epoch)
        if not self.every or (epoch.epoch % self.every and epoch.epoch != self.epochs):
            return
        left = (time.perf_counter() - self.start) / epoch.epoch * (self.epochs - epoch.epoch)
        print(
            f"{self.name}  epoch {epoch.epoch}/{self.epochs}  train {epoch.train_loss:.4f}  "
            f"valid {epoch.valid_loss:.4f}{' *' if better else '  '}  "
            f"{epoch.rows_per_s:.0f} rows/s  at most {left:.0f} s left",
            file=sys.stderr,
            flush=True,
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of the run, with settings.json")
    add_data_arguments(parser)
    parser.add_argument(
        "--log-every", type=int, default=1, help="epochs between progress lines; 0 for none"
    )


def main(args: argparse.Namespace) -> None:
    settings, device = open_run(args)
    hyper = settings["hyperparameters"]
    folds, bert = load_run(args, settings, FOLDS)
    record = record_of(settings, folds, device)
    network = build(settings, folds["train"], bert)
    start = time.perf_counter()
    if hasattr(network, "fit"):
        trained = fit_closed(network, folds, hyper)
    else:
        folds = {name: fold.to(device) for name, fold in folds.items()}
        name = "{dataset}/{model} seed {seed}".format_map(settings)
        watch = Progress(args.run, name, hyper["epochs"], args.log_every)
        trained = train(network.to(device), folds, hyper, settings["seed"], watch)
        watch.board.close()
    record |= {
        "parameters": sum(p.numel() for p in network.parameters()),
        "wall_time_s": time.perf_counter() - start,
        "rows_per_s": float(np.median([epoch.rows_per_s for epoch in trained.history])),
        "selected_epoch": trained.selected,
        "epochs": len(trained.history),
        "selection": hyper["loss"] if hyper["selection"] == "loss" else hyper["selection"],
        "best_valid_loss": trained.history[trained.selected - 1].selection,
    }

    with atomic_path(args.run / "model.safetensors") as path:
        save_file({key: value.contiguous() for key, value in trained.weights.items()}, path)
    with atomic_path(args.run / "epochs.npz") as path, open(path, "wb") as file:
        numbers = np.array([epoch.epoch for epoch in trained.history])
        np.savez(file, epoch=numbers, prediction=np.stack(trained.test))
    with atomic_write(args.run / "history.csv") as file:
        pd.DataFrame(map(asdict, trained.history)).to_csv(file, index=False)
    with atomic_write(args.run / "training.json") as file:
        json.dump(record, file, indent=1)
