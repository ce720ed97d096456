"""The page of clips: each beside the timeline of what models predict, its words coloured by it.

It is one HTML file with the clips in it; the same clips and predictions give the same bytes.
"""

import math
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from msa.report.page import environment
from msa.report.scale import Reading, Scale, legend

LARGEST = 64 << 20  # bytes of all clips that a page takes in
BINS = 600  # of the line of the sound's level
SILENCE = -60.0  # dB of full scale: the line's ground
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)  # seconds between marks of time
MARKS = 8  # of time, on paper
MARKS_A_SECOND = 0.1  # where a long timeline scrolls


@dataclass(frozen=True)
class Clip:
    """A clip as the page shows it.

    Attributes:
        name: its id.
        file: its file's name.
        seconds: how long it is.
        kind: of its media, as `video/mp4`, and `media`, the bytes; None where they cannot be shown.
        words: text, start and end of each.
        sound: samples (n,), full scale is 32768; empty without sound.
        faces: start and end of pictures with a face, (k, 2); None where nobody looked.
        facts: what there is to know of it, a sentence each.
    """

    name: str
    file: str
    seconds: float
    kind: str | None
    media: bytes | None
    words: Sequence[tuple[str, float, float]]
    sound: np.ndarray
    faces: np.ndarray | None
    facts: Sequence[str] = field(default_factory=list)


def page(
    clips: Sequence[Clip],
    models: Mapping[str, pd.DataFrame],
    seeds: Sequence[pd.DataFrame],
    task: Mapping[str, Any],
    notes: Sequence[str],
) -> str:
    """The whole page as HTML.

    Args:
        clips: in order.
        models: by name, the table of predictions with the columns id, video, start, end, words and
            the targets', as predict makes it for one model; the same rows in each.
        seeds: tables of a single model's seeds, which agree or not; with several models, not used.
        task: of the settings.
        notes: how it was made, a sentence each.
    """
    voices = [*models.values()] if len(models) > 1 else [*seeds]
    room = LARGEST
    shown = []
    for clip in clips:
        rows = next(iter(models.values()))["video"].to_numpy() == clip.name
        media = clip.media if clip.media is not None and len(clip.media) <= room else None
        room -= len(media or b"")
        shown.append(
            {
                "name": clip.name,
                "file": clip.file,
                "seconds": round(clip.seconds, 3),
                "kind": (clip.kind or "video").partition("/")[0],
                "source": media and f"data:{clip.kind};base64,{b64encode(media).decode()}",
                "large": clip.media is not None and media is None,
                "level": _line(level(clip.sound)),
                "faces": None if clip.faces is None else _spans(joined(clip.faces), clip.seconds),
                "times": _times(clip.seconds),
                "facts": clip.facts,
                "targets": [
                    _target(
                        clip,
                        Scale(task, target),
                        {name: frame[rows].reset_index() for name, frame in models.items()},
                        [frame[rows].reset_index() for frame in voices],
                    )
                    for target in task["targets"]
                ],
            }
        )
    scales = [Scale(task, target) for target in task["targets"]]
    return (
        environment()
        .get_template("clip.html")
        .render(
            clips=shown,
            models=[*models],
            targets=task["targets"],
            legend=legend(scales[0]),
            voices="models" if len(models) > 1 else "seeds",
            notes=notes,
        )
    )


def level(sound: np.ndarray) -> np.ndarray:
    """How loud a sound is, in dB of full scale, at `BINS` times; nothing of no sound.

    Args:
        sound: samples (n,), full scale is 32768.
    """
    if not len(sound):
        return np.zeros(0)
    edges = np.linspace(0, len(sound), min(BINS, len(sound)) + 1).astype(int)
    power = np.add.reduceat((sound / 32768) ** 2, edges[:-1]) / np.diff(edges)
    return np.maximum(10 * np.log10(power + 1e-10), SILENCE)


def joined(spans: np.ndarray, gap: float = 0.05) -> np.ndarray:
    """Spans (k, 2) in order, those that meet as one."""
    if not len(spans):
        return spans
    breaks = np.flatnonzero(spans[1:, 0] - spans[:-1, 1] > gap) + 1
    firsts, lasts = np.append(0, breaks), np.append(breaks, len(spans)) - 1
    return np.column_stack([spans[firsts, 0], spans[lasts, 1]])


def _line(levels: np.ndarray) -> str:
    """The path of a filled line over 1000 by 100."""
    if not len(levels):
        return ""
    x = (np.arange(len(levels)) + 0.5) * 1000 / len(levels)
    y = 100 * levels / SILENCE
    points = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))
    return f"M0 100L{points}L1000 100Z"


def _place(start: float, end: float, seconds: float) -> dict[str, float]:
    """Where a span lies, in per cent of the clip."""
    left, right = (100 * min(max(time / seconds, 0), 1) for time in (start, end))
    return {"left": round(left, 3), "width": round(max(right - left, 0.1), 3)}


def _spans(spans: np.ndarray, seconds: float) -> list[dict[str, float]]:
    return [_place(start, end, seconds) for start, end in spans.tolist()]


def clock(seconds: float) -> str:
    """Minutes and seconds, to a tenth."""
    tenths = round(10 * seconds)
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"


def _times(seconds: float) -> list[tuple[float, str, bool]]:
    """Places of marks of time, in per cent, their texts, and whether paper has room for them."""
    coarse, fine = (
        next((step for step in STEPS if seconds / step <= marks), STEPS[-1])
        for marks in (MARKS, max(MARKS, seconds * MARKS_A_SECOND))
    )
    times = range(0, math.ceil(seconds), fine)
    return [(round(100 * t / seconds, 3), clock(t)[:-2], t % coarse == 0) for t in times]


def _target(
    clip: Clip,
    scale: Scale,
    models: Mapping[str, pd.DataFrame],
    voices: Sequence[pd.DataFrame],
) -> dict[str, Any]:
    """A clip's timeline and words for one target."""
    frame = next(iter(models.values()))
    readings = {name: scale.read(table) for name, table in models.items()}
    sides = np.array([scale.side(scale.read(table)) for table in voices])  # (voices, n)
    whole = scale.mean([*models.values()])
    segments = []
    for i, (start, end) in enumerate(frame[["start", "end"]].to_numpy(float).tolist()):
        chosen = None if whole.chosen is None else str(whole.chosen[i])
        tone, share = scale.tone(whole.value[i], chosen)
        top, ground = sorted((scale.place(whole.value[i]), scale.place(scale.middle)))
        segments.append(
            {
                **_place(start, end, clip.seconds),
                **{"start": start, "end": end, "from": clock(start), "to": clock(end)},
                **{"tone": tone, "share": share, "top": top, "height": round(ground - top, 2)},
                "text": scale.text(whole.value[i], chosen),
                "marks": [*_marks(scale, readings, i)],
                "agree": _agreement(sides[:, i]) if len(sides) > 1 else None,
            }
        )
    return {
        "name": scale.target,
        "ticks": scale.ticks(),
        "ground": scale.place(scale.middle),
        "segments": segments,
        "parts": [*_parts(clip.words, segments)],
        "agreeing": sum(not segment["agree"]["split"] for segment in segments)
        if len(sides) > 1
        else None,
    }


def _marks(scale: Scale, readings: Mapping[str, Reading], i: int) -> Iterator[dict[str, Any]]:
    """Each model's value of a segment, with its spread over seeds."""
    for number, (name, reading) in enumerate(readings.items()):
        value, spread = reading.value[i], reading.spread[i]
        chosen = None if reading.chosen is None else str(reading.chosen[i])
        around = 0.0 if np.isnan(spread) else spread
        high, low = scale.place(value + around), scale.place(value - around)
        yield {
            **{"model": name, "number": number % 4, "place": scale.place(value)},
            **{"high": high, "length": round(low - high, 2)},
            # beside one another, so that no mark hides another
            "across": round(100 * (number + 1) / (len(readings) + 1), 1),
            **{"text": scale.text(value, chosen), "spread": scale.spread(spread)},
        }


def _agreement(sides: np.ndarray) -> dict[str, Any]:
    """How many of the voices are on the side of most."""
    _, counts = np.unique(sides, return_counts=True)
    most, total = int(counts.max()), len(sides)
    return {"split": most < total, "most": most, "total": total}


def _parts(
    words: Sequence[tuple[str, float, float]], segments: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """The transcript: segments with their words, and between them words of none."""
    middles = np.array([(start + end) / 2 for _, start, end in words])
    outside = np.ones(len(words), bool)
    parts: list[tuple[float, dict[str, Any]]] = []
    for segment in segments:
        inside = (middles >= segment["start"]) & (middles < segment["end"])
        outside &= ~inside
        said = [words[i] for i in np.flatnonzero(inside).tolist()]
        parts.append((segment["start"], {"segment": segment, "words": said}))
    starts = [segment["start"] for segment in segments]
    lone = np.flatnonzero(outside)
    groups = np.searchsorted(starts, middles[lone]) if len(lone) else lone
    for group in np.unique(groups):
        said = [words[i] for i in lone[groups == group].tolist()]
        parts.append((said[0][1], {"segment": None, "words": said}))
    yield from (part for _, part in sorted(parts, key=lambda part: part[0]))
