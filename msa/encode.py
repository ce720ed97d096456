"""Encode: frozen features of a transformers encoder, one vector a word.

A word's vector is the mean of the last hidden states of its pieces, found by the fast tokenizer's
word ids. A segment longer than the encoder's positions is encoded in consecutive parts.
"""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from msa.atomic import atomic_path
from msa.device import choose_device
from msa.encoder import load_encoder
from msa.reading import read_offsets, read_words

FOLDS = ("train", "valid", "test")


def parts(pieces: Sequence[int], room: int) -> list[tuple[int, int]]:
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


def encode(
    words: Sequence[str],
    offsets: np.ndarray,
    tokenizer: Any,
    model: Any,
    batch_size: int = 64,
    device: torch.device | str = "cpu",
) -> np.ndarray:
    """Features of every word: (words, hidden) float32, zeros for a word without pieces.

    Args:
        words: all segments' words, one after another.
        offsets: where each segment begins in `words`, (segments + 1,).
        tokenizer: a fast tokenizer.
        model: the encoder; it is put into evaluation mode.
        batch_size: sequences at once; batches are sorted by length.
        device: where the model runs.
    """
    model = model.to(device).eval()
    positions = getattr(model.config, "max_position_embeddings", tokenizer.model_max_length)
    length = min(tokenizer.model_max_length, positions)
    room = length - tokenizer.num_special_tokens_to_add()
    split = {"is_split_into_words": True, "add_special_tokens": False, "verbose": False}
    runs: list[tuple[int, int, int]] = []  # first word, one past the last, pieces
    for first, last in pairwise(offsets):
        if first == last:
            continue
        ids = tokenizer(list(words[first:last]), **split).word_ids()
        pieces = np.bincount(ids, minlength=last - first)
        for begin, end in parts(pieces.tolist(), room):
            runs.append((int(first) + begin, int(first) + end, int(pieces[begin:end].sum())))
    runs.sort(key=lambda run: run[2])

    total = torch.zeros(len(words), model.config.hidden_size, device=device)
    count = torch.zeros(len(words), 1, device=device)
    batches = [runs[i : i + batch_size] for i in range(0, len(runs), batch_size)]
    with torch.inference_mode():
        for batch in tqdm(batches, "encode", unit=" batches", mininterval=2):
            tokens = tokenizer(
                [list(words[begin:end]) for begin, end, _ in batch],
                is_split_into_words=True,
                truncation=True,
                max_length=length,
                padding=True,
                return_tensors="pt",
            )
            hidden = model(**tokens.to(device)).last_hidden_state  # (b, t, d)
            word, row, step = [], [], []
            for i, (begin, _, _) in enumerate(batch):
                for t, w in enumerate(tokens.word_ids(i)):
                    if w is not None:
                        word.append(begin + w)
                        row.append(i)
                        step.append(t)
            index = torch.tensor(word, device=device)
            total.index_add_(0, index, hidden[row, step].float())
            count.index_add_(0, index, torch.ones(len(index), 1, device=device))
    return (total / count.clamp(min=1)).cpu().numpy()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, help="folder of the folds, written by split")
    parser.add_argument("--encoder", type=Path, required=True, help="folder of a text encoder")
    parser.add_argument("--output", type=Path, required=True, help="folder to write, <fold>.npy")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--threads", type=int, default=1, help="torch's threads")


def main(args: argparse.Namespace) -> None:
    torch.set_num_threads(args.threads)
    torch.use_deterministic_algorithms(True)
    device = choose_device(args.device)
    tokenizer, model = load_encoder(args.encoder)
    folds = {}
    for fold in FOLDS:
        offsets = read_offsets(args.data / fold / "offsets.npy", ["words"])["words"]
        folds[fold] = read_words(args.data / fold / "words.npy", offsets[-1]), offsets
    with ExitStack() as stack:  # all folds' features, or none
        paths = {f: stack.enter_context(atomic_path(args.output / f"{f}.npy")) for f in FOLDS}
        for fold, (words, offsets) in folds.items():
            features = encode(words, offsets, tokenizer, model, args.batch_size, device)
            with open(paths[fold], "wb") as file:
                np.save(file, features)
