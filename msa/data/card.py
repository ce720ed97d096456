"""The data card: what there is to know of the folds, as Markdown."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.coverage import uncovered
from msa.base.reading import read_offsets
from msa.data.cleaning import FOLDS, POLICIES
from msa.data.labels import label_table
from msa.data.licences import licence_table

ODD_TIMES = {
    "reversed": "end before they start",
    "repeated": "have the times of another one of their video",
}


def segment_lengths(folder: Path) -> dict[str, dict[str, int]]:
    """By sequence, how many rows a fold's segments have: the median, 95 % of them at most, most."""
    offsets = read_offsets(folder / "offsets.npy")
    shares = {"median": 0.5, "p95": 0.95, "most": 1.0}
    counts = {name: np.diff(offsets[name]) for name in offsets.dtype.names or ()}
    return {
        name: {
            key: int(np.quantile(rows, share, method="inverted_cdf"))
            for key, share in shares.items()
        }
        for name, rows in counts.items()
    }


def _oddities(card: Mapping[str, Any]) -> list[str]:
    """A line for each kind of odd times of a sequence, and of faulty ids of a fold."""
    lines = [
        f"- {name}: rows that {ODD_TIMES[kind]}, {sum(rows.values())}: in {_first([*rows])}"
        for name, kinds in card.get("times", {}).items()
        for kind, rows in kinds.items()
    ]
    for fold, ids in card.get("ids", {}).items():
        if twice := ids["twice"]:
            lines.append(f"- {fold}: ids twice or more, {len(twice)}: {_first(twice)}")
        if ids["empty"]:
            lines.append(f"- {fold}: empty ids, {ids['empty']}")
    return lines and ["", *lines]


def _first(names: Sequence[str]) -> str:
    """The first few of many names."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _pauses(card: Mapping[str, Any]) -> str:
    """What became of pauses, and which words they were."""
    counts = sum((Counter(words) for words in card.get("pause_words", {}).values()), Counter())
    words = ", ".join(f'"{word}" {count}' for word, count in counts.most_common())
    return f"Pauses: {card['pauses']}{f' ({words})' if words else ''}."


def _imputed(card: Mapping[str, Any], fold: str, name: str) -> Any:
    """How many rows are zeros because there is none; empty where that is not known."""
    count = card.get("coverage", {}).get(fold, {}).get(name, {})
    if count.get("unit") == "words":
        return count["without_rows"]
    return card["sequences"][fold][name].get("imputed_rows", "")


def _coverage(card: Mapping[str, Any]) -> list[str]:
    """Lines on words and segments without rows of a sequence, where that is known."""
    if "coverage" not in card:
        return []
    lines = ["", "## Words and segments without rows", ""]
    lines += ["| fold | sequence | of | without rows | share |", "|---|---|---:|---:|---:|"]
    lines += [
        f"| {fold} | {name} | {count['total']} {count['unit']} | {count['without_rows']} "
        f"| {count['without_rows'] / max(count['total'], 1):.1%} |"
        for fold, sequences in card["coverage"].items()
        for name, count in sequences.items()
    ]
    remarks = [f"- {remark}" for remark in card.get("remarks", [])]
    remarks += [
        f"- {fold}: no row of {name} in the whole of {', '.join(videos)}"
        for fold, sequences in card["coverage"].items()
        for name, videos in uncovered(sequences).items()
    ]
    return [*lines, "", *remarks] if remarks else lines


def _unimodal(card: Mapping[str, Any]) -> list[str]:
    """A line on the labels that single modalities have, where they have some."""
    folds = card.get("unimodal", {})
    counts = [
        f"{name} {', '.join(f'{fold} {of[name]}' for fold, of in folds.items())}"
        for name in folds.get("train", {})
    ]
    return ["", f"Labels of one modality alone: {'; '.join(counts)}."] if counts else []


def card_markdown(card: dict[str, Any]) -> str:
    """The data card as Markdown."""
    lines = ["# Data card", "", f"Alignment: {card['route']}. {_pauses(card)}", ""]
    lines += ["| fold | videos | segments | others report |", "|---|---:|---:|---:|"]
    lines += [
        f"| {fold} | {card['videos'][fold]} | {card['segments'][fold]} "
        f"| {card['expected'].get(fold, '')} |"
        for fold in FOLDS
    ]
    videos = {"Videos in more than one fold": card.get("videos_in_two_folds", [])}
    for fold, absent in card.get("videos_without_segments", {}).items():
        videos[f"Videos of the fold {fold} without a segment"] = absent
    if any(videos.values()):
        lines += ["", *(f"- {kind}: {', '.join(ids)}" for kind, ids in videos.items() if ids)]
    lines += _oddities(card)
    lines += _unimodal(card)
    cleaning = card["cleaning"]
    lines += ["", f"Cleaning: {cleaning['policy']} ({POLICIES[cleaning['policy']]})."]
    lines += [f"Standardised: {', '.join(cleaning['standardized']) or 'nothing'}.", ""]
    columns = "fold | sequence | rows | a segment: median | 95 % at most | most | width | imputed"
    lines += [f"| {columns} | NaN | inf | worst columns | left |"]
    lines += ["|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---|---:|"]
    for fold in FOLDS:
        for name, counts in card["sequences"][fold].items():
            nan, inf = counts.get("nan", {}), counts.get("inf", {})
            not_finite = {c: nan.get(c, 0) + inf.get(c, 0) for c in nan | inf}
            worst = sorted(not_finite, key=lambda c: -not_finite[c])[:3]
            lines.append(
                f"| {fold} | {name} | {counts['rows']} "
                f"| {' | '.join(map(str, card['lengths'][fold][name].values()))} "
                f"| {counts['width']} "
                f"| {_imputed(card, fold, name)} "
                f"| {sum(nan.values())} | {sum(inf.values())} "
                f"| {', '.join(f'{c}: {not_finite[c]}' for c in worst)} "
                f"| {cleaning['counts'][fold].get(name, {}).get('left', '')} |"
            )
    lines += _coverage(card)
    lines += label_table(card)
    lines += licence_table(card.get("licences", []))
    lines += ["", f"## Dropped segments: {len(card['dropped'])}", ""]
    lines += ["| segment | fold | reason |", "|---|---|---|"]
    lines += [f"| {d['id']} | {d['fold'] or 'none'} | {d['reason']} |" for d in card["dropped"]]
    return "\n".join(lines) + "\n"
