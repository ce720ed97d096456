"""Extract one video: its words, audio and vision with their times, and what there is to say of it.

What cannot be had of a video is left out of that sequence, with the reason; a run of many videos
goes on.
"""

import argparse
import hashlib
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.atomic import atomic_path
from msa.base.errors import InputError
from msa.base.reading import read_npz
from msa.extract import sphinx
from msa.extract.extractors import DEFAULTS, audio_extractor, vision_extractor
from msa.extract.face_weights import FOLDER
from msa.extract.forced_alignment import LIMIT, SHORTEST, align
from msa.extract.hub_model import hub_models, with_commits
from msa.extract.media import RATE, Media, Unusable, probe, read_frames, read_sound
from msa.extract.optional import Missing
from msa.extract.parts import Rows, Words
from msa.extract.transcript import Token, find_transcripts, given, read_transcript

# sequence -> the setting that says by what it is made
KEYS = {"words": "align", "audio": "audio", "vision": "vision"}
SEQUENCES = tuple(KEYS)
CUT = 0.5, 0.05  # seconds, and share, by which a stream may be shorter than declared


@dataclass
class Part:
    """What was extracted of one video.

    Attributes:
        video: the file's name without its ending.
        words, audio, vision: None where left out.
        left_out: sequence to reason.
        notes: what else there is to say.
        facts: durations, digest, words' origin, faces and so on.
    """

    video: str
    words: Words | None = None
    audio: Rows | None = None
    vision: Rows | None = None
    left_out: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


def extract_video(
    path: Path,
    transcripts: Path | None = None,
    settings: Mapping[str, Any] = DEFAULTS,
    face_weights: Path | None = None,
) -> Part:
    """Extract one file.

    Args:
        path: a video, or a sound alone.
        transcripts: the folder of what is said in it; None for beside it.
        settings: as `msa.extract.extractors.DEFAULTS`.
        face_weights: the folder of the face detector's and the mesh's; None for where
            `fetch-face-weights` writes them.

    Raises:
        InputError: an extractor is missing or unknown, or a model not to be had; never for what
            the file is like.
    """
    part = Part(path.stem)
    settings = with_commits(settings)
    part.facts["models"] = hub_models(settings)
    with open(path, "rb") as file:
        part.facts["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
    asked = [name for name, key in KEYS.items() if settings[key] != "none"]
    try:
        media = probe(path)
    except Unusable as error:
        part.left_out = dict.fromkeys(asked, str(error))
        return part
    part.notes += media.notes
    part.facts |= {"declared_seconds": media.seconds, "decoded_seconds": {}}
    if heard := [name for name in asked if name != "vision"]:
        try:
            sound = _sound(part, path)
        except Unusable as error:
            part.left_out |= dict.fromkeys(heard, str(error))
        else:
            if "audio" in heard:
                part.audio = audio_extractor(settings["audio"])(sound)
            if "words" in heard:
                _words(part, path, sound, transcripts, settings)
    if "vision" in asked:
        try:
            _vision(part, path, media, settings, face_weights)
        except Unusable as error:
            part.left_out["vision"] = str(error)
    for rows in (part.audio, part.vision):
        if rows:
            part.notes += rows.notes
            part.facts |= rows.facts
    return part


def _sound(part: Part, path: Path) -> np.ndarray:
    """The samples of a file, (n,) int16; Unusable where there are too few."""
    sound = read_sound(path)
    _check_length(part, "audio", len(sound) / RATE)
    if len(sound) < SHORTEST * RATE:
        raise Unusable(f"too short: {len(sound) / RATE:.2f} s of sound")
    return sound


def _vision(
    part: Part,
    path: Path,
    media: Media,
    settings: Mapping[str, Any],
    face_weights: Path | None,
) -> None:
    """Fill in a part's vision; Unusable where the file has none, or a damaged one."""
    if not media.video:
        raise Unusable("no video stream")
    describe = vision_extractor(settings["vision"], face_weights)
    part.vision = describe(read_frames(path, settings["rate"]))
    _check_length(part, "video", float(part.vision.times.max()))


def _words(
    part: Part,
    path: Path,
    sound: np.ndarray,
    transcripts: Path | None,
    settings: Mapping[str, Any],
) -> None:
    """Fill in a part's words, or why there are none."""
    try:
        if found := find_transcripts(path, transcripts):
            part.facts["transcript"] = found[0].name
            if len(found) > 1:
                part.notes.append(f"of {len(found)} transcripts {found[0].name} is read")
            words = _of_transcript(read_transcript(found[0]), sound, settings)
        elif settings["asr"] != "none":
            words = _recognized(sound, settings["asr"])
        else:
            part.left_out["words"] = "no transcript beside it, and asr is not asked for"
            return
    except Missing:
        raise
    except InputError as error:
        part.facts["fit"] = getattr(error, "score", None)
        part.left_out["words"] = str(error)
        return
    part.notes += words.notes
    part.facts |= {"words": words.origin, "fit": words.fit}
    if words.texts:
        part.words = words
    else:
        part.left_out["words"] = "no words in it"


def _of_transcript(
    tokens: Sequence[Token], sound: np.ndarray, settings: Mapping[str, Any]
) -> Words:
    if words := given(tokens):
        if np.median(words.times[:, 0]) >= (end := len(sound) / RATE):
            raise InputError(
                f"expected words within the {end:.1f} s of the sound, got times up to "
                f"{words.times.max():.1f} s: are they milliseconds, or of another file?"
            )
        return words
    if settings["align"] == "sphinx":
        return align(sound, tokens, math.inf if settings["keep_unfit"] else LIMIT)
    from msa.extract import ctc

    return ctc.align(sound, tokens, settings["align"])


def _recognized(sound: np.ndarray, model: str) -> Words:
    if model == "sphinx":
        return sphinx.recognize(sound)
    from msa.extract import whisper

    return whisper.recognize(sound, model)


def _check_length(part: Part, stream: str, seconds: float) -> None:
    """Note how much of a stream was decoded, and where that is less than the file declares."""
    part.facts["decoded_seconds"][stream] = round(seconds, 2)
    declared = part.facts["declared_seconds"]
    if declared and declared - seconds > max(CUT[0], CUT[1] * declared):
        part.notes.append(f"truncated: {stream} ends at {seconds:.1f} s of {declared:.1f} s")


def write_part(part: Part, path: Path) -> None:
    """Write a part as arrays and one JSON text, .npz."""
    said = {key: getattr(part, key) for key in ("video", "left_out", "notes", "facts")}
    arrays: dict[str, Any] = {"said": np.array(json.dumps(said, sort_keys=True))}
    if part.words:
        arrays |= {"words/texts": np.array(part.words.texts), "words/times": part.words.times}
    for name in ("audio", "vision"):
        if rows := getattr(part, name):
            arrays |= {f"{name}/features": rows.features, f"{name}/times": rows.times}
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)


def read_part(path: Path) -> Part:
    """A part as it was written; InputError if the file is missing or broken."""
    arrays = read_npz(path, "said")
    part = Part(**json.loads(str(arrays["said"])))
    if "words/texts" in arrays:
        texts = arrays["words/texts"].tolist()
        part.words = Words(texts, arrays["words/times"], part.facts["words"], part.facts["fit"])
    for name in ("audio", "vision"):
        if f"{name}/features" in arrays:
            rows = Rows(arrays[f"{name}/features"], arrays[f"{name}/times"])
            setattr(part, name, rows)
    return part


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say how to extract."""
    parser.add_argument(
        "--transcripts", type=Path, metavar="FOLDER", help="default: beside each video"
    )
    parser.add_argument(
        "--settings",
        type=json.loads,
        default={},
        metavar="JSON",
        help=f"what differs from {json.dumps(dict(DEFAULTS))}",
    )
    parser.add_argument("--face-weights", type=Path, metavar="FOLDER", help=f"default: {FOLDER}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("video", type=Path)
    add_settings(parser)
    parser.add_argument("--output", type=Path, required=True, help="one part, .npz")


def main(args: argparse.Namespace) -> None:
    settings = {**DEFAULTS, **args.settings}
    part = extract_video(args.video, args.transcripts, settings, args.face_weights)
    for sequence, reason in part.left_out.items():
        print(f"{args.video}: {sequence} left out: {reason}", file=sys.stderr)
    write_part(part, args.output)
