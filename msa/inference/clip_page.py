"""What a page of clips shows, put together from what was extracted and predicted."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from msa.base.pauses import PAUSES
from msa.extract.extractors import extractor_facts
from msa.extract.media import Unusable, probe, read_sound
from msa.extract.preview import preview
from msa.extract.video import Part
from msa.inference.clips import Clips, Cutting, seconds_of
from msa.inference.segmenting import LONGEST
from msa.inference.tables import Prediction, table, with_words
from msa.report.clip import Clip, page


def clip_page(
    paths: Sequence[Path],
    clips: Clips,
    predictions: Mapping[str, Prediction],
    settings: Mapping[str, Any],
    cutting: Cutting,
) -> str:
    """The page of some clips.

    Args:
        paths: of the clips, those that were left out too.
        clips: what was made of them.
        predictions: by model.
        settings: of the extractors.
        cutting: how segments were made.
    """
    tables = {name: table(p.segments, p.runs) for name, p in predictions.items()}
    kept = set.intersection(*(set(frame["id"]) for frame in tables.values()))
    models = {
        name: with_words(frame[frame["id"].isin(kept)], clips) for name, frame in tables.items()
    }
    first = next(iter(predictions.values()))
    # of one model its seeds agree, or not
    seeds = [] if len(predictions) > 1 else [*_seeds(first, clips)]
    segments = next(iter(models.values()))["video"].value_counts()
    shown = [
        _clip(path, clips.parts[path.stem], int(segments.get(path.stem, 0)))
        for path in paths
        if path.stem in clips.parts
    ]
    notes = [*_notes(predictions, settings, cutting)]
    if lost := max(map(len, tables.values())) - len(kept):
        notes.append(f"{lost} segments that not every model can read are not here")
    task = next(iter(first.runs.values()))[0][0]["task"]
    return page(shown, models, seeds, task, notes)


def _seeds(prediction: Prediction, clips: Clips) -> Iterator[pd.DataFrame]:
    """The table of each seed."""
    for number in range(min(map(len, prediction.runs.values()))):
        runs = {target: [seeds[number]] for target, seeds in prediction.runs.items()}
        yield with_words(table(prediction.segments, runs), clips)


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
    seconds = seconds_of(part)
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
    predictions: Mapping[str, Prediction],
    settings: Mapping[str, Any],
    cutting: Cutting,
) -> Iterator[str]:
    """How a page was made, a line each."""
    for name, prediction in predictions.items():
        seeds = next(iter(prediction.runs.values()))
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
