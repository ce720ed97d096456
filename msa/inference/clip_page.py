"""What a page of clips shows, put together from what was extracted and predicted."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.pauses import PAUSES
from msa.extract.extractors import extractor_facts
from msa.extract.media import Unusable, probe, read_sound
from msa.extract.preview import preview
from msa.extract.video import Part
from msa.inference.clips import Clips, Cutting
from msa.inference.segmenting import LONGEST
from msa.inference.tables import Runs, table, with_words
from msa.report.clip import Clip, page


def clip_page(
    paths: Sequence[Path],
    clips: Clips,
    predictions: Mapping[str, tuple[Any, Runs]],
    settings: Mapping[str, Any],
    cutting: Cutting,
) -> str:
    """The page of some clips.

    Args:
        paths: of the clips, those that were left out too.
        clips: what was made of them.
        predictions: by model, its segments and runs.
        settings: of the extractors.
        cutting: how segments were made.
    """
    tables = {name: table(segments, runs) for name, (segments, runs) in predictions.items()}
    kept = set.intersection(*(set(frame["id"]) for frame in tables.values()))
    models = {
        name: with_words(frame[frame["id"].isin(kept)], clips) for name, frame in tables.items()
    }
    (segments, runs), *others = predictions.values()
    number = min(map(len, runs.values()))
    seeds = (
        []
        if others
        else [
            with_words(table(segments, {target: [of[i]] for target, of in runs.items()}), clips)
            for i in range(number)
        ]
    )
    task = next(iter(runs.values()))[0][0]["task"]
    shown = [
        _clip(path, clips.parts[path.stem], len(clips.segments[path.stem]))
        for path in paths
        if path.stem in clips.parts
    ]
    notes = [*_notes(predictions, settings, cutting)]
    if lost := {len(frame) for frame in tables.values()} - {len(kept)}:
        notes.append(f"{max(lost) - len(kept)} segments that not every model can read are not here")
    return page(shown, models, seeds, task, notes)


def _clip(path: Path, part: Part, segments: int) -> Clip:
    media = probe(path)
    try:
        kind, content = preview(path)
    except Unusable:
        kind, content = "video/mp4" if media.video else "audio/mp4", None
    try:
        sound = read_sound(path) if media.audio else np.zeros(0, np.int16)
    except Unusable:
        sound = np.zeros(0, np.int16)
    words = part.words
    faces = None
    if part.vision:
        faces = part.vision.times[part.vision.features.any(axis=1)]
    ends = [rows.times.max() for rows in (words, part.audio, part.vision) if rows]
    seconds = float(part.facts["declared_seconds"] or max(ends))
    return Clip(
        part.video,
        path.name,
        seconds,
        kind,
        content,
        [
            (text, *times)
            for text, times in zip(words.texts, words.times.tolist(), strict=True)
            if text not in PAUSES
        ]
        if words
        else [],
        sound,
        faces,
        [*_facts(part, seconds, segments)],
    )


def _facts(part: Part, seconds: float, segments: int) -> Iterator[str]:
    """What there is to know of a clip, a line each."""
    yield f"{seconds:.1f} s, {segments} segment{'s' * (segments != 1)}"
    if words := part.words:
        source = part.facts.get("transcript", "the sound")
        how = {"given": "with their times", "aligned": "aligned to the sound"}.get(words.origin, "")
        fit = "" if words.fit is None else f" (fit {words.fit:.0f}, the nearer to 0 the better)"
        yield " ".join(f"{len(words.texts)} words of {source} {how}{fit}".split())
    else:
        yield f"no words: {part.left_out.get('words', 'not asked for')}"
    if (share := part.facts.get("share_with_face")) is not None:
        yield f"a face in {share:.0%} of the pictures"
    yield from part.notes


def _notes(
    predictions: Mapping[str, tuple[Any, Runs]],
    settings: Mapping[str, Any],
    cutting: Cutting,
) -> Iterator[str]:
    """How a page was made, a line each."""
    for name, (_, runs) in predictions.items():
        seeds = next(iter(runs.values()))
        number = f"{len(seeds)} seeds, the mean of which is shown" if len(seeds) > 1 else "one seed"
        yield f"{name}, trained on {seeds[0][0]['dataset']}: {number}"
    if cutting.table:
        yield f"segments: those of {cutting.table.name}"
    elif cutting.seconds:
        yield f"segments: pieces of {cutting.seconds:g} s"
    else:
        yield (
            f"segments: what is said between pauses of {cutting.pause:g} s, at most {LONGEST:g} s"
        )
    for sequence, facts in extractor_facts(settings).items():
        columns = f"{len(facts['columns'])} columns, " if facts["columns"] else ""
        yield f"{sequence}: {facts['name']}, {columns}{facts['package']}, {facts['licence']}"
    yield "sound: its level from silence (-60 dB) to full scale"
