"""An epoch of training against a plain one: the same math, batch size and threads.

1,284 segments of MOSI-like lengths (mean 12 words), cut at 50 steps, 20 for LMF. The baselines of
LMF, NHFNet and LMR-CBT are in `plain.py`; those of CM-BERT and GLoMo are the same networks on
batches padded to 50 pieces, with unfused attention and optimizer. BERT has random weights and
MiniLM's size: six layers of 384.
"""

import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from benchmarks import plain
from benchmarks.timing import row
from msa.batches import Fold, Ragged
from msa.config import Config
from msa.device import be_deterministic
from msa.models import model_class
from msa.models.stacked import stack
from msa.optimizers import Schedule, make_optimizer
from msa.train import LOSSES, run_epoch

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
        ours, theirs = make(model, max(2, segments // share))
        runs = [(seconds(ours), seconds(theirs)) for _ in range(repeats)]
        fast, slow = (statistics.median(values) * share for values in zip(*runs, strict=True))
        title = f"train an epoch: {model}, {segments} segments, {threads} thread"
        rows.append(row(title, fast, "s", slow, f"at most {1 / WANTED[model]:.2g}"))
    one, (many, _) = make("lmf", segments)[0], make("lmf", segments, copies=SEEDS)
    runs = [(seconds(many), seconds(one)) for _ in range(2 * repeats)]
    together, alone = (statistics.median(values) for values in zip(*runs, strict=True))
    title = f"train an epoch: lmf, {SEEDS} seeds at once against one"
    return [*rows, row(title, together, "s", alone, "at most 3")]


def seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def make(
    model: str,
    segments: int,
    copies: int | None = None,
    *,
    words: int = 12,
    steps: int | None = None,
    device: str = "cpu",
    precision: str = "fp32",
    bert: Mapping[str, int] = MINILM,
) -> tuple[Callable[[], None], Callable[[], None]]:
    """An epoch of ours, of several seeds at once with ``copies``, and a plain one.

    Args:
        model: its name.
        segments: of the fold.
        copies: seeds that train at once; None for one alone.
        words: mean of a segment.
        steps: after which the epochs end; None for whole ones.
        device: where they run.
        precision: of ours.
        bert: size of the encoder, where the model has one.
    """
    config = Config({"datasets": ["demo"], "models": [model], "seeds": [0]})
    hyper = config.settings("demo", model, 0, "all")["hyperparameters"]
    recipe = {"lmf": 20}.get(model, 50)
    batch_size = BATCH[model]
    hyper = hyper | {"batch_size": batch_size, "precision": precision}
    used = min(segments, steps * batch_size if steps else segments)
    given = make_fold(model, segments, recipe, words)
    fold = given.to(torch.device(device))
    network = make_network(model, "masked", bert).to(device)
    if copies:
        network = stack([network] * copies)
    optimizer = make_optimizer(network, hyper["optimizer"])
    schedule = Schedule(optimizer, None, 1)

    def ours() -> None:
        order = torch.stack([torch.randperm(segments)[:used] for _ in range(copies or 1)])
        run_epoch(network, fold, optimizer, schedule, hyper, order if copies else order[0])

    if model in plain.MODELS:
        baseline = plain.MODELS[model](*WIDTHS[model]).to(device)
        loader: Iterable[Any] = plain.loader(
            given, used, recipe, batch_size, average=model == "lmf"
        )
        plain_optimizer: torch.optim.Optimizer = torch.optim.Adam(baseline.parameters())
    else:
        baseline = Padded(make_network(model, "released", bert, "eager")).to(device)
        loader = plain.loader(given, used, recipe, batch_size)
        groups = baseline.network.parameter_groups(lr=1e-5)
        kind = plain.BertAdam if model == "cm_bert" else torch.optim.AdamW
        plain_optimizer = kind(groups, lr=1e-5)

    def theirs() -> None:
        baseline.train()
        for batch in loader:
            *x, label = (tensor.to(device) for tensor in batch)
            loss = LOSSES[hyper["loss"]](baseline(*x), label).mean()
            plain_optimizer.zero_grad()
            loss.backward()
            if hyper["clip"]:
                nn.utils.clip_grad_norm_(baseline.parameters(), hyper["clip"])
            plain_optimizer.step()

    return ours, theirs


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
        config = BertConfig(
            vocab_size=PIECES, num_attention_heads=12, attn_implementation=attention, **bert
        )
        keywords["bert"] = BertModel(config)
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
