"""Share features: what an encoder made of one deal of a cross-validation, for another deal.

The features of a segment's words depend on the segment alone, so that all deals have the same; what
differs is the fold that a segment is in.
"""

import argparse
import json
from collections import deque
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from msa.base.atomic import atomic_path
from msa.base.errors import InputError
from msa.base.reading import read_offsets, read_words
from msa.data.pieces import count_pieces
from msa.data.tokenizer import load_fast_tokenizer, load_tokenizer, one_error
from msa.formats.segments import FOLDS, Segments, read


def share(encoded: Mapping[str, Segments], folds: Mapping[str, Segments]) -> dict[str, np.ndarray]:
    """The features of each fold, (words, hidden).

    Args:
        encoded: the folds of a deal, with `words` and `features`.
        folds: those of another, with `words`.

    Raises:
        InputError: a segment, or its words, are not the same in both.
    """
    places: dict[str, deque[tuple[str, int]]] = {}
    for fold, segments in encoded.items():
        for i, segment in enumerate(segments.ids):
            places.setdefault(segment, deque()).append((fold, i))
    features: dict[str, np.ndarray] = {}
    for fold, segments in folds.items():
        rows = []
        for i, segment in enumerate(segments.ids):
            # segments of one id stay in their order
            other, number = places[segment].popleft() if places.get(segment) else ("", 0)
            words = segments.sequences["words"][i]
            if not other or not np.array_equal(words, encoded[other].sequences["words"][number]):
                raise InputError(
                    f"{fold}: {segment}: expected the words that were encoded; split both again"
                )
            rows.append(encoded[other].sequences["features"][number])
        features[fold] = np.concatenate(rows)
    return features


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, help="folder of the folds to have features")
    parser.add_argument("--encoded", type=Path, required=True, help="folder of a deal's folds")
    parser.add_argument("--features", type=Path, required=True, help="and of its features")
    parser.add_argument("--encoder", type=Path, required=True, help="its folder")
    parser.add_argument(
        "--output", type=Path, required=True, help="folder to write, <fold>.npy and pieces.json"
    )


def main(args: argparse.Namespace) -> None:
    features = share(read(args.encoded, features=args.features), read(args.data))
    with one_error(args.encoder):
        tokenizer = load_tokenizer(args.encoder) or load_fast_tokenizer(args.encoder)
    counts = {}
    for fold in FOLDS:
        rows = read_offsets(args.data / fold / "offsets.npy", ["words"])["words"][-1]
        words = read_words(args.data / fold / "words.npy", rows)
        counts[fold] = count_pieces(words, tokenizer)
    with ExitStack() as stack:  # all folds' features, or none
        paths = {f: stack.enter_context(atomic_path(args.output / f"{f}.npy")) for f in FOLDS}
        counted = stack.enter_context(atomic_path(args.output / "pieces.json"))
        counted.write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")
        for fold, rows in features.items():
            with open(paths[fold], "wb") as file:
                np.save(file, rows)
