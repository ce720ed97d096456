"""Training on a GPU, where there is one: what it does a second, and how much of a second it works.

The fold is as large as MOSEI's (16,326 segments, mean 20 words) and lies on the device; a hundred
batches of it are timed. BERT has the size of bert-base.
"""

import statistics
from collections.abc import Callable
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.timing import row
from benchmarks.train import BATCH, SEEDS, WIDTHS, Epoch, seconds
from msa.base.device import be_deterministic

MOSEI = {"segments": 16326, "words": 20}
BASE = {"hidden_size": 768, "num_hidden_layers": 12, "intermediate_size": 3072}


def run(steps: int = 100, repeats: int = 3) -> list[dict[str, Any]]:
    """Rows a second and shares; nothing where there is no GPU."""
    if not torch.cuda.is_available():
        print("gpu: there is none here")
        return []
    be_deterministic()
    rows = []
    given: dict[str, Any] = {**MOSEI, "steps": steps, "device": "cuda", "bert": BASE}
    for model in WIDTHS:
        epoch = Epoch(model, **given)
        ours, plain, short = epoch.ours(), epoch.plain(), epoch.ours(precision="bf16")
        segments = steps * BATCH[model]
        exact, other, half = (segments / median(work, repeats) for work in (ours, plain, short))
        title = f"gpu: {model}, {segments} segments"
        rows += [
            row(title, exact, "rows/s", other),
            row(f"{title}, bf16 against fp32", half, "rows/s", exact),
            row(f"{title}, share of the time it computes", busy(ours) * exact / segments, ""),
        ]
    epoch = Epoch("lmf", **given)
    one, many = epoch.ours(), epoch.ours(copies=SEEDS)
    together, alone = (median(work, repeats) for work in (many, one))
    return [*rows, row(f"gpu: lmf, {SEEDS} seeds at once", together, "s", alone, "at most 2")]


def median(work: Callable[[], None], repeats: int) -> float:
    """Seconds until the GPU has done it, once it is warm."""

    def whole() -> None:
        work()
        torch.cuda.synchronize()

    whole()
    return statistics.median(seconds(whole) for _ in range(repeats))


def busy(work: Callable[[], None]) -> float:
    """Seconds that the GPU computes or copies."""
    with profile(activities=[ProfilerActivity.CUDA], acc_events=True) as measured:
        work()
        torch.cuda.synchronize()
    return sum(event.self_device_time_total for event in measured.key_averages()) / 1e6
