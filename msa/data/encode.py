"""Encode: frozen features of a transformers encoder, one vector a word.

A word's vector is the mean of the last hidden states of its pieces, found by the fast tokenizer's
word ids. A segment longer than the encoder's positions is encoded in consecutive parts. Beside the
features stands how well the encoder knows the words, pieces.json, as `count_pieces` has it by fold.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from msa.base.atomic import atomic_path
from msa.base.device import be_deterministic, choose_device
from msa.base.logs import PROGRESS
from msa.base.reading import read_offsets, read_words
from msa.data.encoder import load_encoder
from msa.data.pieces import check_pieces, count_pieces, pieces_line

FOLDS = ("train", "valid", "test")
CPU_TOKENS = 512  # more no longer fit the caches: benchmarks/encode.py
GPU_TOKENS = 16384


def cut_runs(pieces: Sequence[int], room: int) -> list[tuple[int, int]]:
    """Cut words into runs whose pieces fit: (first word, one past the last) of each run.

    Args:
        pieces: pieces of each word.
        room: pieces that fit; a single longer word makes a run of its own, which is truncated.
    """
    runs, begin, used = [], 0, 0
    for word, count in enumerate(pieces):
        if used and used + count > room:
            runs.append((begin, word))
            begin, used = word, 0
        used += count
    runs.append((begin, len(pieces)))
    return runs


@dataclass(frozen=True)
class Run:
    """Words of one segment as the encoder reads them.

    Attributes:
        tokens: the tokenizer's fields, t numbers each.
        rows: row of the word that each token belongs to, -1 for special ones, (t,).
    """

    tokens: dict[str, list[int]]
    rows: np.ndarray


def tokenize_runs(
    words: Sequence[str], offsets: np.ndarray, tokenizer: Any, length: int
) -> list[Run]:
    """Tokenize every segment, in parts where it is longer than `length` tokens.

    Args:
        words: all segments' words, one after another.
        offsets: where each segment begins in `words`, (segments + 1,).
        tokenizer: a fast tokenizer.
        length: most tokens of a run, special ones included.
    """
    spans = [(int(first), int(last)) for first, last in pairwise(offsets) if first < last]
    whole_runs, cut_spans = [], []
    room = length - tokenizer.num_special_tokens_to_add()
    for (first, last), run in zip(spans, _tokenize(words, spans, tokenizer), strict=True):
        if len(run.rows) <= length:
            whole_runs.append(run)
            continue
        pieces = np.bincount(run.rows[run.rows >= 0] - first, minlength=last - first)
        cut_spans += [
            (first + begin, first + end) for begin, end in cut_runs(pieces.tolist(), room)
        ]
    return whole_runs + _tokenize(words, cut_spans, tokenizer, truncation=True, max_length=length)


def _tokenize(
    words: Sequence[str], spans: Sequence[tuple[int, int]], tokenizer: Any, **limits: Any
) -> list[Run]:
    if not spans:
        return []
    texts = [list(words[first:last]) for first, last in spans]
    tokens = tokenizer(texts, is_split_into_words=True, verbose=False, **limits)
    return [
        Run(
            {name: values[i] for name, values in tokens.items()},
            np.array([-1 if word is None else first + word for word in tokens.word_ids(i)]),
        )
        for i, (first, _) in enumerate(spans)
    ]


def encode(
    words: Sequence[str],
    offsets: np.ndarray,
    tokenizer: Any,
    model: Any,
    batch_tokens: int | None = None,
    device: torch.device | str = "cpu",
) -> np.ndarray:
    """Features of every word: (words, hidden) float32, zeros for a word without pieces.

    Args:
        words: all segments' words, one after another.
        offsets: where each segment begins in `words`, (segments + 1,).
        tokenizer: a fast tokenizer; no more than its `model_max_length` are read at once.
        model: the encoder; it is put into evaluation mode.
        batch_tokens: tokens at once, padding included, in segments of nearly the same length;
            None for what suits the device.
        device: where the model runs.
    """
    model = model.to(device).eval()
    if batch_tokens is None:
        batch_tokens = CPU_TOKENS if torch.device(device).type == "cpu" else GPU_TOKENS
    queue = tokenize_runs(words, offsets, tokenizer, tokenizer.model_max_length)
    # the longest first: where memory is short, that shows at once
    queue.sort(key=lambda run: -len(run.rows))
    total = torch.zeros(len(words), model.config.hidden_size, device=device)
    count = torch.zeros(len(words), 1, device=device)
    with (
        torch.inference_mode(),
        tqdm(
            total=len(queue),
            desc="encode",
            unit=" segments",
            mininterval=2,
            bar_format=PROGRESS,
        ) as progress,
    ):
        begin = 0
        while begin < len(queue):
            batch = queue[begin : begin + max(1, batch_tokens // len(queue[begin].rows))]
            begin += len(batch)
            tokens = tokenizer.pad([run.tokens for run in batch], return_tensors="pt")
            hidden = model(**tokens.to(device)).last_hidden_state  # (b, t, d)
            vectors = hidden[tokens["attention_mask"].bool()]  # (sum of t, d)
            rows = torch.from_numpy(np.concatenate([run.rows for run in batch])).to(device)
            is_word = rows >= 0
            total.index_add_(0, rows[is_word], vectors[is_word].float())
            count.index_add_(0, rows[is_word], torch.ones_like(rows[is_word, None]).float())
            progress.update(len(batch))
    return (total / count.clamp(min=1)).cpu().numpy()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, help="folder of the folds, written by split")
    parser.add_argument("--encoder", type=Path, required=True, help="folder of a text encoder")
    parser.add_argument(
        "--output", type=Path, required=True, help="folder to write, <fold>.npy and pieces.json"
    )
    parser.add_argument("--batch-tokens", type=int, help="tokens at once")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--threads", type=int, default=1, help="torch's threads")


def main(args: argparse.Namespace) -> None:
    torch.set_num_threads(args.threads)
    be_deterministic()
    device = choose_device(args.device)
    tokenizer, model = load_encoder(args.encoder)
    folds = {}
    for fold in FOLDS:
        offsets = read_offsets(args.data / fold / "offsets.npy", ["words"])["words"]
        folds[fold] = read_words(args.data / fold / "words.npy", offsets[-1]), offsets
    counts = {fold: count_pieces(words, tokenizer) for fold, (words, _) in folds.items()}
    check_pieces(counts, args.encoder)
    with ExitStack() as stack:  # all folds' features, or none
        paths = {f: stack.enter_context(atomic_path(args.output / f"{f}.npy")) for f in FOLDS}
        counted = stack.enter_context(atomic_path(args.output / "pieces.json"))
        counted.write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")
        for fold in FOLDS:
            print(f"{fold}: {pieces_line(counts[fold])}", file=sys.stderr)
        for fold, (words, offsets) in folds.items():
            features = encode(words, offsets, tokenizer, model, args.batch_tokens, device)
            with open(paths[fold], "wb") as file:
                np.save(file, features)
