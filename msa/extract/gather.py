"""Gather what was extracted of all videos: words.csd, audio.csd and vision.csd in the SDK's layout.

What was left out of them stands in dropped.csv with its reason; the card says what was found.
"""

import argparse
import json
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from msa.base.atomic import atomic_folder
from msa.base.errors import InputError
from msa.extract.extractors import DEFAULTS, extractor_facts
from msa.extract.labels import read_labels
from msa.extract.media import media_files
from msa.extract.parts import Rows, Words
from msa.extract.video import (
    SEQUENCES,
    Part,
    add_settings,
    extract_video,
    read_part,
)
from msa.formats import csd

COLUMNS = ("video", "sequence", "reason")


def sequences(
    parts: Sequence[Part], asked: Collection[str] = SEQUENCES
) -> dict[str, dict[str, tuple[np.ndarray, Any]]]:
    """What the .csd files hold: sequence to video to times (n, 2) and features (n, d) or words.

    A video that lacks the audio or vision that others have gets a row of zeros of it over its
    whole length: else alignment would drop the video. What is not asked for has no videos.

    Raises:
        InputError: a sequence was asked for and no video has it.
    """
    found: dict[str, dict[str, tuple[np.ndarray, Any]]] = {name: {} for name in SEQUENCES}
    for part in sorted(parts, key=lambda part: part.video):
        for name in SEQUENCES:
            rows: Words | Rows | None = getattr(part, name)
            if rows:
                values = rows.texts if isinstance(rows, Words) else rows.features
                found[name][part.video] = rows.times, values
    for name in asked:
        if not found[name]:
            reasons = sorted({part.left_out.get(name, "") for part in parts})
            raise InputError(
                f"{name}: none of {len(parts)} videos has any ({'; '.join(reasons[:3])}); mend "
                "them, or set none for it under `extract`"
            )
    for name in ("audio", "vision"):
        width = max((values.shape[1] for _, values in found[name].values()), default=0)
        for part in parts if width else ():
            if part.video not in found[name] and (end := _end(part)):
                found[name][part.video] = np.array([[0, end]]), np.zeros((1, width), np.float32)
    return found


def _end(part: Part) -> float:
    """Where a video ends, as far as anything of it was read; 0 where nothing was."""
    every = (part.words, part.audio, part.vision)
    return max((float(rows.times.max()) for rows in every if rows), default=0.0)


def dropped(parts: Sequence[Part]) -> pd.DataFrame:
    """What was left out, a line each of `COLUMNS`."""
    lines = [(p.video, name, reason) for p in parts for name, reason in p.left_out.items()]
    return pd.DataFrame(sorted(lines), columns=list(COLUMNS))


def _models(parts: Sequence[Part]) -> dict[str, str]:
    """By setting, which commit of a model of the hub read all videos."""
    found: dict[str, str] = {}
    for part in parts:
        for key, name in part.facts.get("models", {}).items():
            if (other := found.setdefault(key, name)) != name:
                raise InputError(
                    f"{part.video}: {key}: expected {other}, which read the videos before, got "
                    f"{name}; name one as NAME@COMMIT under `extract`, and run again"
                )
    return found


def card(parts: Sequence[Part], settings: Mapping[str, Any]) -> dict[str, Any]:
    """What was found: videos, seconds, the words' origins, extractors, each video's facts."""
    origins = [part.facts["words"] for part in parts if part.words]
    return {
        "videos": len(parts),
        "with": {name: sum(getattr(p, name) is not None for p in parts) for name in SEQUENCES},
        "seconds": sum(p.facts.get("declared_seconds") or 0.0 for p in parts),
        "words": sum(len(p.words.texts) for p in parts if p.words),
        "words_by_origin": {name: origins.count(name) for name in sorted(set(origins))},
        "extractors": extractor_facts(settings),
        "settings": dict(settings),
        "each": {
            p.video: p.facts | {"notes": p.notes, "left_out": p.left_out}
            for p in sorted(parts, key=lambda part: part.video)
        },
    }


def card_text(content: Mapping[str, Any]) -> str:
    """The card as Markdown."""
    counts = {name: f"{n} of {content['videos']}" for name, n in content["with"].items()}
    lines = [
        "# What was extracted",
        "",
        f"{content['videos']} videos, {content['seconds'] / 60:.1f} minutes. "
        f"Words in {counts['words']}, audio in {counts['audio']}, vision in {counts['vision']}.",
        "",
        *(f"- words {origin}: {n} videos" for origin, n in content["words_by_origin"].items()),
        "",
    ]
    table = pd.DataFrame(
        [
            {
                "sequence": name,
                "extractor": facts["name"],
                "columns": len(facts["columns"]) or "",
                "licence": facts["licence"],
                "commercial use": facts["commercial"],
            }
            for name, facts in content["extractors"].items()
        ]
    )
    lines += [table.to_markdown(index=False), ""]
    said = [
        f"- {video}: {text}"
        for video, facts in content["each"].items()
        for text in (
            *facts["notes"],
            *(f"{name} left out: {reason}" for name, reason in facts["left_out"].items()),
        )
    ]
    return "\n".join([*lines, *(["## What to know", "", *said, ""] if said else [])])


def write_sequences(
    parts: Sequence[Part], folder: Path, extractors: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write words.csd, audio.csd and vision.csd; the extractors are those of `extractor_facts`."""
    for name, videos in sequences(parts, extractors).items():
        extractor = extractors.get(name, {"columns": None})
        metadata = {
            "dimension names": extractor["columns"] or None,
            "computational sequence description": json.dumps(extractor, sort_keys=True),
            "creator": "extract",
        }
        csd.write(folder / f"{name}.csd", name, videos, metadata)


def gather(
    parts: Sequence[Part],
    output: Path,
    settings: Mapping[str, Any],
    labels: Path | None = None,
    targets: Sequence[str] | None = None,
) -> None:
    """Write the .csd files, dropped.csv and the card into a folder; targets as of `read_labels`.

    Raises:
        InputError: parts were made by several commits of a model; or as of `sequences` and
            `read_labels`.
    """
    facts = card(parts, {**settings, **_models(parts)})
    seconds = {p.video: p.facts.get("declared_seconds") or _end(p) or None for p in parts}
    with atomic_folder(output) as folder:
        write_sequences(parts, folder, facts["extractors"])
        if labels:
            names, rows = read_labels(labels, seconds, targets)
            csd.write(folder / "labels.csd", "labels", rows, {"dimension names": names})
        dropped(parts).to_csv(folder / "dropped.csv", index=False)
        (folder / "card.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
        (folder / "card.md").write_text(card_text(facts), encoding="utf-8")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "videos", type=Path, nargs="+", help="a folder of videos, or parts that were extracted"
    )
    add_settings(parser)
    parser.add_argument("--labels", type=Path, help="table of video, start, end, targets")
    parser.add_argument("--targets", nargs="+", help="of the labels' columns; default: all")
    parser.add_argument("--output", type=Path, required=True, help="folder of the .csd files")


def main(args: argparse.Namespace) -> None:
    settings = {**DEFAULTS, **args.settings}
    paths = args.videos
    if len(paths) == 1 and paths[0].is_dir():
        paths = media_files(paths[0])
    parts = []
    for path in paths:
        if path.suffix == ".npz":
            parts.append(read_part(path))
            continue
        parts.append(extract_video(path, args.transcripts, settings, args.face_weights))
        print(f"{path}: {parts[-1].left_out or 'whole'}", file=sys.stderr)
    gather(parts, args.output, settings, args.labels, args.targets)
    for line in dropped(parts).itertuples(index=False):
        print(f"{line.video}: {line.sequence} left out: {line.reason}", file=sys.stderr)
