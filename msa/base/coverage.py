"""Coverage: how many words, or segments, have no row of a sequence; what is said of it.

A fold's coverage is, by sequence, {unit, total, without_rows}: of the words that the route "words"
makes rows of, those that no row of the sequence meets (zeros stand in their place); else of the
segments, those in which the sequence has no row. A data card has {videos} too: by video, the same
two numbers, where some are without.
"""

from collections.abc import Mapping, Sequence
from typing import Any

LIMIT = 0.05  # a share that is said; pauses alone bring some

Fold = Mapping[str, Mapping[str, Any]]


def counts(cards: Sequence[Mapping[str, Fold] | None]) -> dict[str, dict[str, Any]] | None:
    """The same without the videos: of one data set, or the sums of the deals of one."""
    known = [card for card in cards if card is not None]
    if len(known) < len(cards) or not known:
        return None
    return {
        fold: {
            name: {
                "unit": count["unit"],
                **{
                    key: sum(card[fold][name][key] for card in known)
                    for key in ("total", "without_rows")
                },
            }
            for name, count in sequences.items()
        }
        for fold, sequences in known[0].items()
    }


def lacks(fold: Fold, least: float = LIMIT) -> list[str]:
    """A sentence for each sequence that more than a share of the words or segments is without."""
    return [
        f"{count['without_rows']} of {count['total']} {count['unit']} "
        f"({count['without_rows'] / count['total']:.1%}) have no row of {name}"
        + (": zeros stand in their place" if count["unit"] == "words" else "")
        for name, count in fold.items()
        if count["without_rows"] > least * count["total"]
    ]


def fold_lacks(coverage: Mapping[str, Fold] | None) -> list[str]:
    """The same of every fold, beginning with its name; nothing where coverage is not known."""
    return [f"{name}: {text}" for name, fold in (coverage or {}).items() for text in lacks(fold)]


def uncovered(fold: Fold) -> dict[str, list[str]]:
    """By sequence, the videos in which it covers nothing at all."""
    videos = {
        name: [
            video
            for video, numbers in count["videos"].items()
            if numbers["without_rows"] == numbers["total"]
        ]
        for name, count in fold.items()
    }
    return {name: ids for name, ids in videos.items() if ids}
