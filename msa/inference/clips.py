"""Clips of one's own: extracted as a system's training data were, and cut into segments.

What an extractor cannot have of a clip leaves that clip out, with its reason; others go on.
"""

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.errors import InputError
from msa.base.pauses import PAUSES
from msa.extract.extractors import extractor_facts
from msa.extract.gather import write_sequences
from msa.extract.labels import read_labels
from msa.extract.media import ENDINGS, Unusable, check_stems, media_files, read_sound
from msa.extract.speech import speech
from msa.extract.video import SEQUENCES, Part, extract_video
from msa.formats import csd
from msa.inference.segmenting import LONGEST, PAUSE, between_pauses, pieces

TRANSCRIPT = (
    "write what is said into a file called as the clip (.txt, .srt or .json), beside it or in "
    "--transcripts FOLDER"
)


@dataclass(frozen=True)
class Cutting:
    """How clips are cut into segments: by a table, by length, else by pauses.

    Attributes:
        table: .csv of video, start, end, and perhaps labels.
        seconds: length of a segment.
        pause: seconds in which nobody speaks, between two segments.
        targets: the table's columns that are labels, and the column of a .csd file for each.
    """

    table: Path | None = None
    seconds: float | None = None
    pause: float = PAUSE
    targets: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Clips:
    """What was made of the clips that are left.

    Attributes:
        parts: what was extracted, by clip.
        segments: start and end of each segment, (k, 2) seconds, by clip.
        files: .csd files by the part they play, `labels` where the table has some.
        intervals: a .csd file of the segments.
    """

    parts: Mapping[str, Part]
    segments: Mapping[str, np.ndarray]
    files: Mapping[str, Path]
    intervals: Path

    def clip_of(self, segment: str) -> str:
        """The clip of a segment's id."""
        # a name that looks like a segment's, "talk[1]", is the id of its only one
        return segment if segment in self.parts else segment.rpartition("[")[0]

    def words(self, clip: str, start: float, end: float) -> list[str]:
        """What is said in a clip between two seconds: words whose middle lies there."""
        said = self.parts[clip].words
        if said is None:
            return []
        middles = said.times.mean(axis=1)
        inside = np.flatnonzero((middles >= start) & (middles < end))
        return [said.texts[i] for i in inside if said.texts[i] not in PAUSES]


def find_clips(arguments: Sequence[str]) -> list[Path]:
    """The media files that are asked for, or those of the one folder; none where it holds .csd.

    Raises:
        InputError: a file is missing, or two have one stem.
    """
    paths = [Path(text) for text in arguments]
    if len(paths) == 1 and paths[0].is_dir():
        files = [path for path in paths[0].iterdir() if path.is_file()]
        media = any(path.suffix.lower() in ENDINGS for path in files)
        others = any(path.suffix in (".csd", ".npy", ".pkl") for path in files)
        return media_files(paths[0]) if media and not others else []
    if not all(path.suffix.lower() in ENDINGS for path in paths):
        return []
    for path in paths:
        if not path.is_file():
            raise InputError(f"{path}: no such file; expected a video or a sound")
    check_stems(paths)
    return paths


def read_clips(
    paths: Sequence[Path],
    folder: Path,
    settings: Mapping[str, Any],
    needed: Collection[str],
    cutting: Cutting,
    transcripts: Path | None = None,
    face_weights: Path | None = None,
) -> Clips:
    """Extract clips, cut them into segments, and write both as .csd files.

    Args:
        paths: of the clips.
        folder: to write into.
        settings: of the extractors.
        needed: sequences that the systems read; a clip without one of them is left out.
        cutting: into segments.
        transcripts: folder of what is said in the clips; None for beside each.
        face_weights: folder of the networks that find faces; None for the default.

    Raises:
        InputError: no clip is left, or the table of segments is none of these clips.
    """
    parts, lost = {}, {}
    for path in paths:
        part = extract_video(path, transcripts, settings, face_weights)
        for note in part.notes:
            print(f"{path}: {note}", file=sys.stderr)
        if reason := _lacks(part, needed):
            lost[path] = reason
        else:
            parts[path] = part
    table = _table(cutting, paths, parts.values()) if cutting.table else {}
    segments = {}
    for path, part in parts.items():
        if cutting.table:
            times = table.get(part.video, (np.zeros((0, 2)),))[0]
            missing = f"{cutting.table} has no segment of it"
        elif cutting.seconds:
            times, missing = pieces(seconds_of(part), cutting.seconds), "it lasts no time"
        else:
            times = between_pauses(_spoken(path, part), cutting.pause, LONGEST)
            missing = "nobody speaks in it, so that no pause parts segments: give --seconds"
        if len(times):
            segments[part.video] = times
        else:
            lost[path] = missing
    for path, reason in lost.items():
        print(f"left out: {path}: {reason}", file=sys.stderr)
    if not segments:
        raise InputError(f"none of {len(paths)} clips is left: {next(iter(lost.values()))}")
    kept = {part.video: part for part in parts.values() if part.video in segments}
    write_sequences(
        [*kept.values()],
        folder,
        {name: facts for name, facts in extractor_facts(settings).items() if name in needed},
    )
    files = {name: folder / f"{name}.csd" for name in sorted(needed)}
    csd.write(
        folder / "intervals.csd",
        "segments",
        {clip: (times, np.full((len(times), 1), np.nan)) for clip, times in segments.items()},
    )
    labels = {clip: table[clip] for clip in segments if clip in table}
    if any(values.shape[1] for _, values in labels.values()):
        files["labels"] = folder / "labels.csd"
        csd.write(files["labels"], "labels", labels)
    return Clips(kept, segments, files, folder / "intervals.csd")


def _lacks(part: Part, needed: Collection[str]) -> str:
    """Why a clip has not all that is needed, nothing where it has."""
    names: dict[str, list[str]] = {}
    for name in SEQUENCES:
        if name in needed and getattr(part, name) is None:
            reason = part.left_out.get(name, "not asked for in the training data")
            names.setdefault(reason, []).append(name)
    texts = [f"{', '.join(who)}: {reason}" for reason, who in names.items()]
    if not needed and "declared_seconds" not in part.facts:
        texts = [next(iter(part.left_out.values()))]  # no file to cut either
    if any("no transcript" in reason for reason in names):
        texts.append(TRANSCRIPT)
    return "; ".join(texts)


def _table(
    cutting: Cutting, clips: Sequence[Path], parts: Iterable[Part]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Segments, none beyond its clip's end, and labels by clip; clips left out count as known."""
    assert cutting.table is not None
    seconds: dict[str, float | None] = dict.fromkeys((clip.stem for clip in clips), np.inf)
    lasting = {part.video: seconds_of(part) for part in parts}
    names, table = read_labels(cutting.table, seconds | lasting, [*cutting.targets], labelled=False)
    columns = [cutting.targets[name] for name in names]
    width = max(columns, default=-1) + 1
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for clip in lasting.keys() & table.keys():
        times, values = table[clip]
        labels = np.full((len(times), width), np.nan)
        labels[:, columns] = values
        found[clip] = np.minimum(times, lasting[clip]), labels
    return found


def seconds_of(part: Part) -> float:
    """How long a clip is, as it declares, or as far as anything was read of it."""
    ends = [rows.times.max() for rows in (part.words, part.audio, part.vision) if rows]
    return float(part.facts["declared_seconds"] or max(ends, default=0))


def _spoken(path: Path, part: Part) -> np.ndarray:
    """When somebody speaks, (n, 2): the words, or without these what sounds like speech."""
    if part.words:
        said = np.array([text not in PAUSES for text in part.words.texts])
        return part.words.times[said]
    try:
        return speech(read_sound(path))
    except Unusable:
        return np.zeros((0, 2))
