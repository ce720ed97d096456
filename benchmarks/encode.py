"""Encoding against one segment at a time, padded to 50 tokens, as NHFNet's script has it.

The encoder has MiniLM's size and random weights: six layers of 384. One thread.
"""

import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast
from transformers.utils import logging

from benchmarks.timing import row
from msa.data.encode import encode
from msa.demo.encoder import train_tokenizer

LENGTH = 50
MEAN_WORDS = 12  # MOSI's


def run(segments: int = 200, repeats: int = 3) -> list[dict[str, Any]]:
    """Rows a second of both, taking turns, and how far their features differ."""
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    rng = np.random.default_rng(0)
    vocabulary = ["".join(rng.choice(list("aeioulmnrst"), 5)) for _ in range(2000)]
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=train_tokenizer(vocabulary, 4000),  # all words whole
        model_max_length=512,
        **{f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep")},
    )
    torch.manual_seed(0)
    model = BertModel(
        BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=384,
            num_hidden_layers=6,
            num_attention_heads=12,
            intermediate_size=1536,
        )
    ).eval()
    counts = np.clip(rng.geometric(1 / MEAN_WORDS, segments), 1, 40)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    words = list(rng.choice(vocabulary, offsets[-1]))

    def one_by_one() -> None:
        with torch.no_grad():
            for first, last in pairwise(offsets):
                tokens = tokenizer(
                    words[first:last],
                    is_split_into_words=True,
                    padding="max_length",
                    truncation=True,
                    max_length=LENGTH,
                    return_tensors="pt",
                )
                model(**tokens)

    def batched() -> None:
        encode(words, offsets, tokenizer, model)

    clocks: list[Callable[[], float]] = [time.perf_counter, time.process_time]
    runs = [[took(work, clocks) for work in (batched, one_by_one)] for _ in range(repeats)]
    fast, slow = (
        [statistics.median(seconds) for seconds in zip(*of, strict=True)]
        for of in zip(*runs, strict=True)
    )
    name = f"encode, {segments} segments of {counts.mean():.0f} words"
    wanted = "at least 3"
    return [
        row(name, segments / fast[0], "rows/s", segments / slow[0], wanted),
        row(f"{name}: computing", segments / fast[1], "rows/s", segments / slow[1], wanted),
    ]


def took(work: Callable[[], None], clocks: list[Callable[[], float]]) -> list[float]:
    """What each clock says that the work takes."""
    before = [clock() for clock in clocks]
    work()
    return [clock() - start for clock, start in zip(clocks, before, strict=True)]
