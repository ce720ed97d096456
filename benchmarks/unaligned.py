"""Epochs of MulT, MISA, Self-MM and MMIM on unaligned input, against plain ones.

Segments of CMU-MOSI's durations (mean 4.2 s) with 12.5 rows of audio and 15 of vision a second, cut
at 375 and 500 steps as the files that circulate are; text of 50 steps, pieces of an encoder of
MiniLM's size or GloVe. The baselines are the same math: MulT as in `plain.py`, padded to the full
lengths; of the others the same networks, BERT unfused on batches padded to 50 pieces, PyTorch's own
LSTMs over packed sequences, unfused optimizers.
"""

import statistics
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence
from torch.utils.data import DataLoader
from transformers import BertConfig, BertModel

from benchmarks import plain
from benchmarks.timing import row
from benchmarks.train import MINILM, PIECES, seconds
from msa.base.device import be_deterministic
from msa.config.check import configure
from msa.config.settings import run_settings
from msa.models import model_class
from msa.models.bert import hidden_states
from msa.models.padding import Steps
from msa.training.batches import Fold, Ragged
from msa.training.optimizers import Schedule, make_optimizer, phase_optimizers
from msa.training.train import LOSSES, run_epoch, run_phases

LENGTHS = {"text": 50, "audio": 375, "vision": 500}
WIDTHS = {"text": 300, "audio": 5, "vision": 20}
RATES = {"text": 3.5, "audio": 12.5, "vision": 15.0}
MODELS = ("mult", "misa", "self_mm", "mmim")
BATCH = 24
# where their LSTMs are
USES_LSTM = {
    "mult": "mult",
    "misa": "recurrent_pair",
    "self_mm": "last_state",
    "mmim": "last_state",
}


def run(segments: int = 96, repeats: int = 3, threads: int = 1) -> list[dict[str, Any]]:
    """Seconds of an epoch, medians of epochs that take turns; of MulT a quarter of one."""
    torch.set_num_threads(threads)
    be_deterministic()
    rows = []
    for model in MODELS:
        used = segments // 4 if model == "mult" else segments
        fold = make_fold(used, pieces=model != "mult")
        ours, theirs = our_epoch(model, fold), plain_epoch(model, fold)
        runs = [(seconds(ours), seconds(theirs)) for _ in range(repeats)]
        fast, slow = (statistics.median(values) for values in zip(*runs, strict=True))
        title = f"train an epoch: {model}, unaligned, {used} segments, {threads} thread"
        rows.append(row(title, fast, "s", slow, "at most 0.5"))
    return rows


def make_fold(segments: int, pieces: bool) -> Fold:
    """Segments of log-normal durations, each modality at its rate."""
    rng, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
    spoken = rng.lognormal(np.log(4.2) - 0.3, 0.77, segments)
    modalities = {}
    for name, length in LENGTHS.items():
        counts = torch.from_numpy(np.clip(np.rint(spoken * RATES[name]), 1, length).astype(int))
        rows = torch.randn(int(counts.sum()), WIDTHS[name], generator=generator)
        if name == "text" and pieces:
            ids = torch.randint(1, PIECES, (len(rows),), generator=generator)
            rows = torch.stack([ids, torch.zeros_like(ids)], dim=1)
        modalities[name] = Ragged(rows, counts.cumsum(0) - counts, counts)
    label = torch.randn(segments, 1, generator=generator)
    pad = 0 if pieces else None
    return Fold(np.arange(segments).astype(str), label, modalities, pad, own_rows=pieces)


def make_network(model: str, fold: Fold, attention: str, hyper: dict[str, Any]) -> Any:
    """With random weights, and told of the labels as before a training."""
    torch.manual_seed(0)
    keywords: dict[str, Any] = {f"{name}_dim": width for name, width in WIDTHS.items()}
    if fold.pad is not None:
        size: dict[str, Any] = {"attn_implementation": attention, **MINILM}
        keywords["bert"] = BertModel(BertConfig(vocab_size=PIECES, num_attention_heads=12, **size))
    network = model_class(model)(**keywords, output_dim=1, **hyper["architecture"])
    if hasattr(network, "start_training"):
        network.start_training(fold.label)
    return network


def settings(model: str) -> dict[str, Any]:
    """The recipe's own."""
    config = configure({"datasets": ["demo"], "models": [model], "seeds": [0]})
    values = run_settings(config, "mosi_unaligned", model, 0, "all")["hyperparameters"]
    return values | {"batch_size": BATCH}


def our_epoch(model: str, fold: Fold) -> Callable[[], None]:
    """As a training job does it; each call is a further epoch."""
    hyper = settings(model)
    network = make_network(model, fold, "sdpa", hyper)
    optimizer = make_optimizer(network, hyper["optimizer"])
    phases = phase_optimizers(network, hyper["phases"])
    generator, number = torch.Generator().manual_seed(0), count(1)

    def work() -> None:
        if hasattr(network, "start_epoch"):
            network.start_epoch(next(number))
        run_phases(network, fold, phases, hyper, generator, 1)
        order = torch.randperm(len(fold), generator=generator)
        run_epoch(network, fold, optimizer, Schedule(optimizer, None, 0), hyper, order)

    return work


def plain_epoch(model: str, fold: Fold) -> Callable[[], None]:
    """The baseline: arrays of the full lengths, made segment after segment."""
    hyper = settings(model)
    loss = LOSSES[hyper["loss"]]
    segments: Any = range(len(fold))
    loader: DataLoader = DataLoader(segments, BATCH, shuffle=True, collate_fn=collate(fold))
    number = count(1)
    network: Any
    if model == "mult":
        torch.manual_seed(0)
        network = plain.MulT(*WIDTHS.values())
    else:
        network = make_network(model, fold, "eager", hyper)
    passes = [*getattr(network, "phases", {}), None]
    optimizers = [torch.optim.Adam(network.parameters(), foreach=False) for _ in passes]

    def work() -> None:
        network.train()
        if hasattr(network, "start_epoch"):
            network.start_epoch(next(number))
        for phase, optimizer in zip(passes, optimizers, strict=True):
            for batch in loader:
                if phase:
                    batch["phase"] = phase
                optimizer.zero_grad()
                with unaided(model):
                    x = [batch[name] for name in LENGTHS] if model == "mult" else [batch]
                    output = network(*x)
                prediction, terms = output if isinstance(output, tuple) else (output, {})
                label = batch["label"]
                task = label.new_zeros(()) if phase else loss(prediction, label).mean()
                sum(terms.values(), task).backward()
                if hyper["clip"]:
                    nn.utils.clip_grad_norm_(network.parameters(), hyper["clip"])
                optimizer.step()

    return work


def collate(fold: Fold) -> Callable[[list[int]], dict[str, Any]]:
    """Batches of padded arrays from the segments' numbers; true lengths where a mask is read."""

    def batch(numbers: list[int]) -> dict[str, Any]:
        made: dict[str, Any] = {"segments": torch.tensor(numbers), "label": fold.label[numbers]}
        for name, ragged in fold.modalities.items():
            x = torch.zeros(len(numbers), LENGTHS[name], ragged.width, dtype=ragged.rows.dtype)
            mask = torch.zeros(x.shape[:2], dtype=torch.bool)
            for i, number in enumerate(numbers):
                begin, count = int(ragged.begins[number]), int(ragged.counts[number])
                x[i, :count], mask[i, :count] = ragged.rows[begin : begin + count], True
            made[name], made[f"{name}_mask"] = x, mask
        if fold.pad is not None:
            pieces, mask = made.pop("text"), made.pop("text_mask")
            made |= {"input_ids": pieces[..., 0], "token_type_ids": pieces[..., 1]}
            made["attention_mask"] = mask.long()
        return made

    return batch


@contextmanager
def unaided(model: str) -> Iterator[None]:
    """PyTorch's own LSTMs, and an encoder that sees the pieces as they are padded."""
    replaced: dict[str, Callable[..., Any]] = {f"{USES_LSTM[model]}.recur": packed}
    if model != "mult":
        replaced[f"{model}.hidden_states"] = padded
        replaced[f"{model}.compact"] = lambda *x: x
    with ExitStack() as stack:
        for name, function in replaced.items():
            stack.enter_context(mock.patch(f"msa.models.{name}", function, create=True))
        yield


def padded(bert: nn.Module, ids: Tensor, types: Tensor, mask: Tensor, padding: str) -> list[Tensor]:
    """What `hidden_states` gives, of rows that no two segments share."""
    return hidden_states(bert, ids, types, mask, "released")


def packed(lstm: nn.LSTM, steps: Steps) -> Tensor:
    """What `recur` gives, by PyTorch's own LSTM."""
    sequences = pack_sequence(list(steps.rows.split(steps.lengths.tolist())), enforce_sorted=False)
    output, _ = nn.utils.rnn.pad_packed_sequence(lstm(sequences)[0], batch_first=True)
    return torch.cat([x[:n] for x, n in zip(output, steps.lengths, strict=True)])
