"""Train seeds: several seeds of a small model as one program, for the time of two or three.

Each seed has the weights, the order of rows, the early stopping and the files that it has on its
own; the draws of dropout alone are others. A training that is killed starts anew.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from msa.base.errors import InputError
from msa.models.stacked import apart, keep, stack
from msa.training.batches import FOLDS, Fold
from msa.training.network import build, evaluate
from msa.training.optimizers import Schedule, make_optimizer
from msa.training.progress import Progress
from msa.training.run import (
    Places,
    add_data_arguments,
    load_run,
    open_run,
    read_settings,
    record_of,
    say_lengths,
    seed_everything,
)
from msa.training.state import Epoch, Trained
from msa.training.train import (
    mean_loss,
    require_finite,
    run_epoch,
    selection_loss,
    snapshot,
    write,
)

# what seeds that train together cannot have
ALONE = ("schedule", "clip", "clip_value", "phases")


def train_seeds(
    networks: Sequence[nn.Module],
    folds: Mapping[str, Fold],
    hyper: Mapping[str, Any],
    seeds: Sequence[int],
    watches: Sequence[Callable[[Epoch, bool | None], None]],
) -> list[Trained]:
    """Train networks of one architecture together, each as `msa.training.train.train` would.

    Args:
        networks: one a seed, on the folds' device.
        folds: train, valid and test.
        hyper: the settings' hyperparameters, the same for all.
        seeds: of the orders of the rows.
        watches: one a seed, called with every epoch's line and whether it is its best so far.

    Raises:
        InputError: a loss is not a number; a layer or a setting is not made for it.
    """
    for name in ALONE:
        if hyper[name]:
            raise InputError(
                f"{name}: expected none where several seeds train at once, got {hyper[name]}; "
                "set batch_seeds: false"
            )
    together = stack(networks)
    optimizer = make_optimizer(together, hyper["optimizer"])
    schedule = Schedule(optimizer, None, 0)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    trained = [Trained(snapshot(network)) for network in networks]
    active = list(range(len(seeds)))
    selects_by = selection_loss(hyper)
    rows = len(folds["train"])
    for number in range(1, hyper["epochs"] + 1):
        if patience := hyper["patience"]:
            going = [i for i in active if number - 1 - trained[i].best[1] < patience]
            if not going:
                break
            if going != active:
                keep(together, optimizer, [active.index(i) for i in going])
                active = going
        start = time.perf_counter()
        order = torch.stack([torch.randperm(rows, generator=generators[i]) for i in active])
        if hyper["optimizer"]["forget"]:
            optimizer.state.clear()
        lr = optimizer.param_groups[0]["lr"]
        losses, _ = run_epoch(together, folds["train"], optimizer, schedule, hyper, order)
        seconds = (time.perf_counter() - start) / len(active)
        valid, test = (_predict(together, folds[name], hyper, len(active)) for name in FOLDS[1:])
        better = []
        for place, i in enumerate(active):
            epoch = Epoch(
                number,
                losses[:, place].cumsum(0)[-1].item() / rows,
                mean_loss(valid[place], folds["valid"].label, hyper["loss"]),
                mean_loss(valid[place], folds["valid"].label, selects_by),
                lr,
                seconds,
                rows / seconds,
            )
            require_finite(epoch, losses[:, place], f"seed {seeds[i]}, ")
            weights, last = partial(apart, together, place), hyper["selection"] == "last"
            better.append(trained[i].add(epoch, valid[place], test[place], weights, last))
        passed = (time.perf_counter() - start) / len(active)
        for i, best in zip(active, better, strict=True):
            trained[i].seconds += passed
            watches[i](trained[i].history[-1], best)
    return trained


def _predict(together: nn.Module, fold: Fold, hyper: Mapping[str, Any], copies: int) -> Tensor:
    """Predictions of each network, (k, n, output)."""
    batches = evaluate(together, fold, hyper, copies)
    return torch.cat([p.unflatten(0, (copies, -1)) for p, _ in batches], dim=1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs", type=Path, nargs="+", help="folders of runs whose settings differ in the seed alone"
    )
    add_data_arguments(parser)
    parser.add_argument(
        "--log-every", type=int, default=1, help="epochs between progress lines; 0 for none"
    )


def main(args: argparse.Namespace) -> None:
    every = [read_settings(run) for run in args.runs]
    for run, settings in zip(args.runs, every, strict=True):
        if settings | {"seed": None} != every[0] | {"seed": None}:
            raise InputError(
                f"{run}/settings.json: expected the settings of {args.runs[0]} with another seed; "
                "write them again, or train this one alone"
            )
    first, hyper = every[0], every[0]["hyperparameters"]
    device = open_run(args.runs[0], args.device)[1]
    folds, bert = load_run(Places.of(args), first, FOLDS)
    networks = []
    for settings in every:
        seed_everything(settings["seed"])
        networks.append(build(settings, folds["train"], bert).to(device))
    records = [record_of(settings, folds, device) for settings in every]
    say_lengths(first, records[0]["lengths"])
    folds = {name: fold.to(device) for name, fold in folds.items()}
    name = "{dataset}/{model} seed {seed}"
    watches = [
        Progress(run, name.format_map(settings), hyper["epochs"], args.log_every)
        for run, settings in zip(args.runs, every, strict=True)
    ]
    seeds = [settings["seed"] for settings in every]
    trainings = train_seeds(networks, folds, hyper, seeds, watches)
    for watch in watches:
        watch.board.close()
    for run, record, network, trained in zip(args.runs, records, networks, trainings, strict=True):
        write(run, record, network, trained, folds, hyper)
