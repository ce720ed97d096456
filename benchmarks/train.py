"""An epoch of training against a plain one: the same math, batch size and threads.

1,284 segments of MOSI-like lengths (mean 12 words), cut at 50 steps, 20 for LMF. The baselines of
LMF, NHFNet and LMR-CBT are in `plain.py`; those of CM-BERT and GLoMo are the same networks on
batches padded to 50 pieces, with unfused attention and optimizer. BERT has random weights and
MiniLM's size: six layers of 384.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from benchmarks import plain
from benchmarks.timing import row
from msa.base.device import be_deterministic
from msa.config.check import configure
from msa.config.settings import run_settings
from msa.models import model_class
from msa.models.stacked import stack
from msa.training.batches import Fold, Ragged
from msa.training.optimizers import Schedule, make_optimizer
from msa.training.train import LOSSES, run_epoch

WIDTHS = {
    "lmf": (300, 74, 47),
    "nhfnet": (768, 74, 35),
    "lmr_cbt": (300, 74, 35),
    "cm_bert": (2, 5, 1),
    "glomo": (2, 74, 47),
}
BATCH = {"lmf": 32, "nhfnet": 16, "lmr_cbt": 16, "cm_bert": 24, "glomo": 64}
WANTED = {"lmf": 5, "nhfnet": 2.5, "lmr_cbt": 2.5, "cm_bert": 2, "glomo": 2}
PIECES = 1000  # ids
MINILM = {"hidden_size": 384, "num_hidden_layers": 6, "intermediate_size": 1536}
SEEDS = 5


def run(segments: int = 1284, repeats: int = 3, threads: int = 1) -> list[dict[str, Any]]:
    """Seconds of an epoch, medians of epochs that take turns."""
    torch.set_num_threads(threads)
    be_deterministic()
    rows = []
    for model in WIDTHS:
        # BERT's epochs are long, and the same all over
        share = 8 if model in ("cm_bert", "glomo") else 1
        epoch = Epoch(model, max(2, segments // share))
        ours, theirs = epoch.ours(), epoch.plain()
        runs = [(seconds(ours), seconds(theirs)) for _ in range(repeats)]
        fast, slow = (statistics.median(values) * share for values in zip(*runs, strict=True))
        title = f"train an epoch: {model}, {segments} segments, {threads} thread"
        rows.append(row(title, fast, "s", slow, f"at most {1 / WANTED[model]:.2g}"))
    epoch = Epoch("lmf", segments)
    one, many = epoch.ours(), epoch.ours(copies=SEEDS)
    runs = [(seconds(many), seconds(one)) for _ in range(2 * repeats)]
    together, alone = (statistics.median(values) for values in zip(*runs, strict=True))
    title = f"train an epoch: lmf, {SEEDS} seeds at once against one"
    return [*rows, row(title, together, "s", alone, "at most 3")]


def seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@dataclass(frozen=True)
class Epoch:
    """An epoch of one system, ours and a plain one.

    Attributes:
        model: its name.
        segments: of the fold.
        words: mean of a segment.
        steps: after which the epoch ends; None for a whole one.
        device: where it runs.
        bert: size of the encoder, where the model has one.
    """

    model: str
    segments: int
    words: int = 12
    steps: int | None = None
    device: str = "cpu"
    bert: Mapping[str, int] = field(default_factory=MINILM.copy)

    @cached_property
    def hyper(self) -> dict[str, Any]:
        config = configure({"datasets": ["demo"], "models": [self.model], "seeds": [0]})
        values = run_settings(config, "demo", self.model, 0, "all")["hyperparameters"]
        return values | {"batch_size": BATCH[self.model]}

    @property
    def length(self) -> int:
        return 20 if self.model == "lmf" else 50

    @cached_property
    def fold(self) -> Fold:
        return make_fold(self.model, self.segments, self.length, self.words)

    @property
    def used(self) -> int:
        """Segments until it ends."""
        return min(self.segments, (self.steps or self.segments) * BATCH[self.model])

    def ours(self, copies: int | None = None, precision: str = "fp32") -> Callable[[], None]:
        """As a training job does it; with `copies`, that many seeds at once."""
        hyper, fold = self.hyper | {"precision": precision}, self.fold.to(torch.device(self.device))
        network = make_network(self.model, "masked", self.bert).to(self.device)
        if copies:
            network = stack([network] * copies)
        optimizer = make_optimizer(network, hyper["optimizer"])
        schedule = Schedule(optimizer, None, 1)

        def work() -> None:
            order = torch.stack(
                [torch.randperm(self.segments)[: self.used] for _ in range(copies or 1)]
            )
            run_epoch(network, fold, optimizer, schedule, hyper, order if copies else order[0])

        return work

    def plain(self) -> Callable[[], None]:
        """The baseline."""
        batch_size, loss = BATCH[self.model], LOSSES[self.hyper["loss"]]
        loader = plain.loader(
            self.fold, self.used, self.length, batch_size, average=self.model == "lmf"
        )
        if self.model in plain.MODELS:
            network = plain.MODELS[self.model](*WIDTHS[self.model]).to(self.device)
            optimizer: torch.optim.Optimizer = torch.optim.Adam(network.parameters())
        else:
            network = Padded(make_network(self.model, "released", self.bert, "eager"))
            network = network.to(self.device)
            kind = plain.BertAdam if self.model == "cm_bert" else torch.optim.AdamW
            optimizer = kind(network.network.parameter_groups(lr=1e-5), lr=1e-5)

        def work() -> None:
            network.train()
            for batch in loader:
                *x, label = (tensor.to(self.device) for tensor in batch)
                optimizer.zero_grad()
                loss(network(*x), label).mean().backward()
                if self.hyper["clip"]:
                    nn.utils.clip_grad_norm_(network.parameters(), self.hyper["clip"])
                optimizer.step()

        return work


class Padded(nn.Module):
    """A network that reads pieces, on arrays of one length."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, pieces: Tensor, audio: Tensor, vision: Tensor) -> Tensor:
        ids, types = pieces.long().unbind(2)
        batch = {"input_ids": ids, "token_type_ids": types, "attention_mask": (ids > 0).long()}
        output = self.network({**batch, "audio": audio, "vision": vision})
        return output[0] if isinstance(output, tuple) else output


def make_network(model: str, padding: str, bert: Mapping[str, int], attention: str = "sdpa") -> Any:
    torch.manual_seed(0)
    text, audio, vision = WIDTHS[model]
    keywords: dict[str, Any] = {"text_dim": text, "audio_dim": audio, "vision_dim": vision}
    if model in ("cm_bert", "glomo"):
        size: dict[str, Any] = {"attn_implementation": attention, **bert}
        keywords["bert"] = BertModel(BertConfig(vocab_size=PIECES, num_attention_heads=12, **size))
    return model_class(model)(**keywords, output_dim=1, padding=padding)


def make_fold(model: str, segments: int, length: int, words: int) -> Fold:
    """Segments of random steps; the text is pieces for a model that reads them."""
    rng, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
    counts = torch.from_numpy(np.clip(rng.geometric(1 / words, segments), 1, length))
    n, begins = int(counts.sum()), counts.cumsum(0) - counts
    modalities, pad = {}, None
    for name, width in zip(("text", "audio", "vision"), WIDTHS[model], strict=True):
        rows = torch.randn(n, width, generator=generator)
        index = None
        if model in ("cm_bert", "glomo"):
            pad = 0
            if name == "text":
                ids = torch.randint(1, PIECES, (n,), generator=generator)
                rows = torch.stack([ids, torch.zeros_like(ids)], dim=1)
        modalities[name] = Ragged(rows, begins, counts, index=index)
    label = torch.randn(segments, 1, generator=generator)
    return Fold(np.arange(segments).astype(str), label, modalities, pad)
