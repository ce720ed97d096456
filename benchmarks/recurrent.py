"""Steps of MFN, MARN and RMFN, forward and backward, against a plain loop over time.

Batches of 32 segments of MOSI's widths, all as long as the longest (20 and 50 steps), then of
MOSI-like lengths (mean 12 words). The baselines are the same math with the same weights, a step and
a modality at a time, on arrays of the full length. Processor seconds count, of one thread.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.timing import row
from msa.models import model_class
from msa.models.lsthm import LSTHM

WIDTHS = {"text": 300, "audio": 74, "vision": 47}
LENGTHS = (20, 50)
BATCH = 32
WORDS = 12  # mean of a segment


def run(batches: int = 5, repeats: int = 15) -> list[dict[str, Any]]:
    """Milliseconds a batch, medians of passes that take turns."""
    torch.set_num_threads(1)
    rows = []
    for model, plain in PLAIN.items():
        torch.manual_seed(0)
        keywords = {f"{name}_dim": width for name, width in WIDTHS.items()}
        network = model_class(model)(**keywords, output_dim=1)
        for length in LENGTHS:
            for lengths in ("full", "MOSI's"):
                batch = make_batch(length, lengths == "full")
                ours = work(network, network, batch, batches)
                theirs = work(network, partial(plain, network), batch, batches)
                ours(), theirs()  # what is made only once
                runs = [(computing(ours), computing(theirs)) for _ in range(repeats)]
                fast, slow = (
                    statistics.median(values) * 1000 / batches for values in zip(*runs, strict=True)
                )
                title = f"forward and backward: {model}, {length} steps, {lengths} lengths"
                rows.append(row(f"{title}: computing", fast, "ms", slow, "at most 0.33"))
    return rows


def computing(work: Callable[[], None]) -> float:
    """Processor seconds."""
    start = time.process_time()
    work()
    return time.process_time() - start


def work(
    network: nn.Module,
    forward: Callable[[dict[str, Tensor]], Tensor],
    batch: dict[str, Tensor],
    batches: int,
) -> Callable[[], None]:
    """So many times a prediction, and the gradients of its sum."""

    def all_batches() -> None:
        for _ in range(batches):
            network.zero_grad()
            forward(batch).sum().backward()

    return all_batches


def make_batch(length: int, full: bool) -> dict[str, Tensor]:
    """Random steps of 32 segments, zeros behind."""
    rng, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
    lengths = np.full(BATCH, length)
    if not full:
        lengths = np.clip(rng.geometric(1 / WORDS, BATCH), 1, length)
    mask = torch.from_numpy(np.arange(length) < lengths[:, None])
    batch: dict[str, Tensor] = {}
    for name, width in WIDTHS.items():
        x = torch.randn(BATCH, length, width, generator=generator)
        batch |= {name: x * mask[..., None], f"{name}_mask": mask}
    return batch


def mfn(network: Any, batch: dict[str, Tensor]) -> Tensor:
    b = len(batch["text"])
    names = {"text": network.lstm_l, "audio": network.lstm_a, "vision": network.lstm_v}
    zeros = {name: batch[name].new_zeros(b, lstm.hidden_size) for name, lstm in names.items()}
    states, cells = zeros, zeros
    memory = batch["text"].new_zeros(b, network.att2_fc2.out_features)
    for t in range(batch["text"].shape[1]):
        before = cells
        new = {n: lstm(batch[n][:, t], (states[n], cells[n])) for n, lstm in names.items()}
        states, cells = ({name: pair[i] for name, pair in new.items()} for i in (0, 1))
        window = torch.cat([*before.values(), *cells.values()], dim=1)
        hidden = network.att1_dropout(F.relu(network.att1_fc1(window)))
        attended = network.att1_fc2(hidden).softmax(1) * window
        hidden = network.att2_dropout(F.relu(network.att2_fc1(attended)))
        proposed = torch.tanh(network.att2_fc2(hidden))
        both = torch.cat([attended, memory], dim=1)
        hidden = network.gamma1_dropout(F.relu(network.gamma1_fc1(both)))
        retain = torch.sigmoid(network.gamma1_fc2(hidden))
        hidden = network.gamma2_dropout(F.relu(network.gamma2_fc1(both)))
        memory = retain * memory + torch.sigmoid(network.gamma2_fc2(hidden)) * proposed
    x = torch.cat([*states.values(), memory], dim=1)
    return network.out_fc2(network.out_dropout(F.relu(network.out_fc1(x))))


def lsthm_step(
    lsthm: LSTHM, x: Tensor, state: Tensor, cell: Tensor, code: Tensor
) -> tuple[Tensor, Tensor]:
    forget, accept, show, candidate = (lsthm.W(x) + lsthm.U(state) + lsthm.V(code)).chunk(4, dim=1)
    cell = torch.sigmoid(forget) * cell + torch.sigmoid(accept) * torch.tanh(candidate)
    return torch.sigmoid(show) * torch.tanh(cell), cell


def together(
    network: Any, batch: dict[str, Tensor], fuse: Callable[[dict[str, Tensor]], Tensor]
) -> Tensor:
    """The last states and the last code."""
    b = len(batch["text"])
    states = {n: x.U.weight.new_zeros(b, x.U.in_features) for n, x in network.lsthm.items()}
    cells = dict(states)
    code = batch["text"].new_zeros(b, network.lsthm["text"].V.in_features)
    for t in range(batch["text"].shape[1]):
        for name, lsthm in network.lsthm.items():
            x = batch[name][:, t]
            states[name], cells[name] = lsthm_step(lsthm, x, states[name], cells[name], code)
        code = fuse(states)
    return torch.cat([*states.values(), code], dim=1)


def marn(network: Any, batch: dict[str, Tensor]) -> Tensor:
    widths = [lsthm.U.in_features for lsthm in network.lsthm.values()]

    def fuse(states: dict[str, Tensor]) -> Tensor:
        x = torch.cat([*states.values()], dim=1)
        weights = network.attention_model(x).unflatten(1, (network.attentions, -1)).softmax(2)
        parts = (weights * x[:, None]).split(widths, dim=2)
        layers = network.reduce.values()
        reduced = [layer(part.flatten(1)) for layer, part in zip(layers, parts, strict=True)]
        return network.hybrid_fc(torch.cat(reduced, dim=1))

    return network.output_fc(together(network, batch, fuse))


def rmfn(network: Any, batch: dict[str, Tensor]) -> Tensor:
    def fuse(states: dict[str, Tensor]) -> Tensor:
        read = x = torch.cat([*states.values()], dim=1)
        highlight = fuse = None
        fused = []
        for _ in range(network.stages):
            found, highlight = network.highlight(read[None], highlight)
            read = found[0].softmax(1) * x
            found, fuse = network.fuse(read[None], fuse)
            fused.append(found[0])
        return network.summarize(torch.cat(fused, dim=1))

    x = together(network, batch, fuse)
    return network.fc2(network.dropout(F.relu(network.fc1(x))))


PLAIN = {"mfn": mfn, "marn": marn, "rmfn": rmfn}
