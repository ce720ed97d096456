"""Refold: imported folds, all segments of them, in the folds of a deal."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.errors import InputError
from msa.base.ids import video_of
from msa.base.reading import read_json
from msa.data.labels import over_folds
from msa.data.split import read_folds
from msa.formats.segments import FOLDS, Segments, read, write


@dataclass(frozen=True)
class _Places(Sequence[np.ndarray]):
    """The rows of chosen segments of several folds."""

    rows: Mapping[str, Sequence[np.ndarray]]
    places: Sequence[tuple[str, int]]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, i: Any) -> Any:
        fold, number = self.places[i]
        return self.rows[fold][number]


def refold(
    imported: Mapping[str, Segments],
    folds: Mapping[str, Sequence[str]],
    dropped: Sequence[Mapping[str, str]] = (),
) -> dict[str, Segments]:
    """All segments, in the folds that their videos are in now.

    Args:
        imported: the folds as they came.
        folds: the videos of each new fold.
        dropped: {id, reason} of those that were left out before.

    Raises:
        InputError: a video is in no fold.
    """
    fold_of = {video: fold for fold, videos in folds.items() for video in videos}
    places: dict[str, list[tuple[str, int]]] = {fold: [] for fold in FOLDS}
    for name, segments in imported.items():
        for i, segment in enumerate(segments.ids):
            if video_of(segment) not in fold_of:
                raise InputError(f"{segment}: its video is in no fold; deal again")
            places[fold_of[video_of(segment)]].append((name, i))
    return {
        fold: Segments(
            [imported[name].ids[i] for name, i in chosen],
            np.array([imported[name].label[i] for name, i in chosen]),
            {
                sequence: _Places({n: s.sequences[sequence] for n, s in imported.items()}, chosen)
                for sequence in imported["train"].sequences
            },
            _context(imported, chosen),
            [*_of_fold(dropped, fold_of, fold)],
            {
                modality: np.array([imported[name].unimodal[modality][i] for name, i in chosen])
                for modality in imported["train"].unimodal
            },
        )
        for fold, chosen in places.items()
    }


def _context(
    imported: Mapping[str, Segments], chosen: Sequence[tuple[str, int]]
) -> np.ndarray | None:
    contexts = {name: segments.context for name, segments in imported.items()}
    known = {name: context for name, context in contexts.items() if context is not None}
    return np.array([known[name][i] for name, i in chosen]) if known else None


def _of_fold(
    dropped: Sequence[Mapping[str, str]], fold_of: Mapping[str, str], fold: str
) -> Iterator[Mapping[str, str]]:
    for segment in dropped:
        if fold_of.get(video_of(segment["id"]), "train") == fold:
            yield {"id": segment["id"], "reason": segment["reason"]}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, help="folder of folds, written by import-data")
    parser.add_argument("--folds", type=Path, required=True, help="JSON {train, valid, test: ids}")
    parser.add_argument("--output", type=Path, required=True, help="folder of the folds' folders")
    parser.add_argument("--card", type=Path, required=True, help="JSON file of counts to write")


def main(args: argparse.Namespace) -> None:
    card = read_json(args.data / "card.json", "route", "dropped")
    folds = refold(read(args.data), read_folds(args.folds), card["dropped"])
    if empty := [fold for fold, segments in folds.items() if not len(segments.ids)]:
        raise InputError(f"{args.folds}: the fold {empty[0]} has no segment")
    write(folds, args.output, args.card, card["route"], labels=over_folds(card.get("labels")))
