"""Audit: what of a data set would make scores too good, or is odd.

It reads the folds as split and import-data write them, and changes nothing. What two folds share, a
text, a stretch of time, a video or a speaker, is leakage, an error; all else a warning or a note.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from msa.base.atomic import atomic_write
from msa.base.reading import read_array, read_json, read_offsets, read_words
from msa.base.speakers import read_speakers, speaker_of
from msa.data.aligned import read_segments
from msa.data.audit_rows import (
    column_findings,
    empty_findings,
    empty_segments,
    label_facts,
    label_findings,
)
from msa.data.audit_segments import Pool, group_findings, id_findings, time_findings
from msa.data.findings import SEVERITIES, Finding, counted, leakage, markdown
from msa.data.labels import BEYOND, MISSING
from msa.data.near_texts import text_findings, tokens
from msa.formats.importers.segment_table import SPAN, names_of, read_table
from msa.formats.segments import FOLDS

ANYTHING = "sequence at all"  # in the sentence on labels without media


@dataclass(frozen=True)
class Fold:
    """One fold, n segments.

    Attributes:
        ids: (n,).
        label: (n, targets).
        rows: by sequence of numbers its rows, (t, d), memory-mapped.
        bounds: by sequence where each segment begins, (n + 1,).
        words: of all segments, (t,); None where the data has none.
        context: how many leading words of each segment are context, (n,).
    """

    ids: Sequence[str]
    label: np.ndarray
    rows: Mapping[str, np.ndarray]
    bounds: Mapping[str, np.ndarray]
    words: Sequence[str] | None = None
    context: np.ndarray | None = None

    @property
    def texts(self) -> list[tuple[str, ...]]:
        """The tokens of each segment's own words, (n,)."""
        words, context = self.words or (), self.context
        skipped = [0] * len(self.ids) if context is None else context.tolist()
        spans = zip(pairwise(self.bounds["words"].tolist()), skipped, strict=True)
        return [tokens(" ".join(words[first + n : last])) for (first, last), n in spans]


def read_fold(folder: Path) -> Fold:
    """A fold that split or import-data wrote; InputError where it is damaged."""
    offsets = read_offsets(folder / "offsets.npy")
    bounds = {name: offsets[name] for name in offsets.dtype.names or ()}
    n, context = len(offsets) - 1, folder / "context.npy"
    return Fold(
        read_array(folder / "ids.npy", "text", 1, n).tolist(),
        read_array(folder / "label.npy", "numbers", 2, n),
        {
            name: read_array(folder / f"{name}.npy", "numbers", 2, ends[-1], mapped=True)
            for name, ends in bounds.items()
            if name != "words"
        },
        bounds,
        read_words(folder / "words.npy", bounds["words"][-1]) if "words" in bounds else None,
        read_array(context, "numbers", 1, n) if context.is_file() else None,
    )


def audit(
    folds: Mapping[str, Fold],
    card: Mapping[str, Any],
    *,
    times: Mapping[str, tuple[float, float]] | None = None,
    speakers: Mapping[str, str] | None = None,
    targets: Sequence[str] = (),
    classes: bool = False,
) -> dict[str, Any]:
    """What audit.json holds.

    Args:
        folds: by the names in `FOLDS`.
        card: the data card's counts.
        times: of segments start and end in seconds, by their ids, where they are known.
        speakers: by the ids of videos or segments, where they are given.
        targets: what the labels' columns are called.
        classes: the labels are numbers of classes.
    """
    pool = Pool(
        [segment for fold in folds.values() for segment in fold.ids],
        [FOLDS.index(name) for name, fold in folds.items() for _ in fold.ids],
    )
    missing = []
    findings = [*id_findings(pool), *group_findings(pool, pool.videos, "video")]
    if speakers:
        findings += group_findings(pool, [speaker_of(i, speakers) for i in pool.ids], "speaker")
        findings += _without_speaker(pool, speakers)
    else:
        missing.append("speakers in two folds: the recipe names no table of `speakers`")
    if all(fold.words is not None for fold in folds.values()):
        findings += text_findings(pool, [words for fold in folds.values() for words in fold.texts])
    else:
        missing.append("equal texts: the data has no words")
    if times:
        nowhere = (np.nan, np.nan)
        findings += time_findings(pool, np.array([times.get(i, nowhere) for i in pool.ids]))
    else:
        missing.append("segments that overlap: the data does not say when they start and end")
    findings += _left_out(card)
    findings += _of_sequences(folds)
    facts = {}
    for k, target in enumerate(targets or map(str, range(folds["train"].label.shape[1]))):
        labels = {name: fold.label[:, k] for name, fold in folds.items()}
        facts[target] = label_facts(labels, not classes)
        findings += label_findings(target, facts[target])
    findings.sort(key=lambda finding: [*SEVERITIES].index(finding.severity))
    return {
        "segments": {name: len(fold.ids) for name, fold in folds.items()},
        "not_looked_for": missing,
        "findings": [finding.as_json() for finding in findings],
        "labels": facts,
    }


def _without_speaker(pool: Pool, speakers: Mapping[str, str]) -> Iterator[Finding]:
    unknown = [name for name in pool.ids if not speaker_of(name, speakers)]
    if unknown:
        text = f"Segments without a speaker in the table: {len(unknown)} of {len(pool.ids):,}"
        advice = "Give each video or segment its speaker"
        examples = [(name,) for name in unknown]
        yield Finding("warning", "no speaker", [], len(unknown), text, advice, examples)


def _left_out(card: Mapping[str, Any]) -> Iterator[Finding]:
    """What the data card says of ids outside the folds, and of labels without media."""
    homeless = [(d["id"],) for d in card["dropped"] if d["fold"] is None]
    if homeless:
        text = f"Segments in no fold: {len(homeless)}"
        advice = "Nothing is trained or tested on them; the data card lists them"
        yield Finding("note", "in no fold", [], len(homeless), text, advice, homeless)
    for fold, videos in card.get("videos_without_segments", {}).items():
        if videos:
            text = f"Ids of the fold {fold} without a segment in the data: {len(videos)}"
            advice = "Others may have tested on them: compare the numbers of segments"
            examples = [(video,) for video in videos]
            yield Finding("note", "ids without data", [fold], len(videos), text, advice, examples)
    lost = [d for d in card["dropped"] if d["fold"] and d["reason"] not in (BEYOND, MISSING)]
    if lost:
        reasons = Counter(d["reason"] for d in lost).most_common()
        why = ", ".join(f"{count} because {reason}" for reason, count in reasons)
        text = f"Segments with a label that were left out: {why}"
        advice = "Others may have kept them, with zeros: compare the numbers of segments"
        folds = [fold for fold in FOLDS if any(d["fold"] == fold for d in lost)]
        examples = [(d["id"],) for d in lost]
        yield Finding("note", "label without media", folds, len(lost), text, advice, examples)


def _of_sequences(folds: Mapping[str, Fold]) -> Iterator[Finding]:
    """Columns that carry nothing, and segments that have nothing of a sequence, or of all."""
    ids = {fold: content.ids for fold, content in folds.items()}
    nothing = {
        fold: np.diff(content.bounds["words"]) == 0
        if content.words
        else np.ones(len(ids[fold]), bool)
        for fold, content in folds.items()
    }
    for name in folds["train"].rows:
        rows = {fold: content.rows[name] for fold, content in folds.items()}
        yield from column_findings(name, rows)
        empty = {f: empty_segments(part, folds[f].bounds[name]) for f, part in rows.items()}
        yield from empty_findings(name, empty, ids)
        nothing = {fold: nothing[fold] & empty[fold] for fold in folds}
    yield from empty_findings(ANYTHING, nothing, ids)


def read_times(paths: Sequence[Path]) -> dict[str, tuple[float, float]]:
    """Start and end of segments by id, in seconds, as far as they are known.

    Args:
        paths: the folder that align wrote, or files of which one is a table of segments.
    """
    times: dict[str, tuple[float, float]] = {}
    for path in paths:
        if path.is_dir():
            table = read_segments(path)
            ids, spans = table["key"].tolist(), [table[name].astype(float) for name in SPAN]
        elif "id" in [name.lower() for name in names_of(path)[0]]:
            own = read_table(path)
            ids, spans = (
                own.ids,
                [pd.Series(own.values(name)) for name in SPAN if name in own.columns],
            )
        else:
            continue
        times |= dict(zip(ids, zip(*spans, strict=True), strict=True)) if len(spans) == 2 else {}
    return times


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, help="folder of the folds' folders")
    parser.add_argument("--card", type=Path, help="the data card (default: card.json there)")
    parser.add_argument(
        "--times", type=Path, nargs="*", default=[], help="folder of align, or a table of segments"
    )
    parser.add_argument("--speakers", type=Path, help="table with the columns id and speaker")
    parser.add_argument("--targets", nargs="*", default=[], help="what the labels are called")
    parser.add_argument("--classes", action="store_true", help="labels are numbers of classes")
    parser.add_argument("--output", type=Path, required=True, help="JSON file, and .md beside it")


def main(args: argparse.Namespace) -> None:
    card = read_json(args.card or args.data / "card.json", "dropped")
    report = audit(
        {fold: read_fold(args.data / fold) for fold in FOLDS},
        card,
        times=read_times(args.times),
        speakers=read_speakers(args.speakers) if args.speakers else None,
        targets=args.targets,
        classes=args.classes,
    )
    for path, text in (
        (args.output, json.dumps(report, indent=1)),
        (args.output.with_suffix(".md"), markdown(report)),
    ):
        with atomic_write(path) as file:
            file.write(text)
    for line in leakage(report):
        print(f"leakage: {line}", file=sys.stderr)
    print(f"{args.output}: {counted(report['findings'])}", file=sys.stderr)
