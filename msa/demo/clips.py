"""The demo's video clips: somebody drawn, who says sentences with a tone of voice and a face.

Each segment has three partly independent causes, its words, pitch and mouth, and one label that
follows all of them; pitch and mouth more than in `msa.demo.sequences`, since so few segments do not
teach what words mean. The voice is espeak-ng's where that is installed, with a transcript of cues;
else each word is a buzz of its own length and pitch, with a transcript of its time.
"""

import argparse
import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from msa.base.atomic import atomic_folder
from msa.base.errors import InputError
from msa.demo import espeak
from msa.demo.acting import act, film, someone
from msa.demo.espeak import RATE
from msa.demo.sequences import TOPICS, make_sentence

FRAMES = 12  # pictures a second
SPEAKERS = 8
SEGMENTS = 6  # of a clip
VOICES = "en-us en-us+f2 en-us+m3 en-us+f4".split()
PAUSE = 0.7  # seconds before each segment
LETTER = 0.07  # seconds of a buzz


@dataclass(frozen=True)
class Segment:
    """A sentence, its tone of voice and look, in about unit variance, and its label."""

    words: list[str]
    tone: float
    face: float
    label: float


@dataclass(frozen=True)
class Spoken:
    """Samples (n,) int16 at `RATE`, and the words' times (words, 2) where they are known."""

    samples: np.ndarray
    times: np.ndarray | None = None


def make_segments(rng: np.random.Generator) -> list[Segment]:
    """The segments of one clip, of one topic."""
    topic = TOPICS[rng.integers(len(TOPICS))]
    segments = []
    for _ in range(SEGMENTS):
        shared, noise, *own = rng.normal(size=5)
        wording, tone, face = 0.35 * shared + 0.94 * np.array(own)
        sentence, polarity = make_sentence(rng, topic, wording, (5, 9))
        words = [word for word in sentence if word != "sp"]
        sentiment = 1.4 * (0.5 * polarity + 0.65 * tone + 0.65 * face + 0.2 * noise)
        label = float(np.clip(np.round(sentiment * 5) / 5, -3, 3)) + 0.0
        segments.append(Segment(words, float(tone), float(face), label))
    return segments


def speak(segment: Segment, voice: str = "en-us") -> Spoken:
    """A segment by espeak-ng, or as buzzes where that is not installed."""
    if espeak.available():
        pitch = int(np.clip(50 + 16 * segment.tone, 5, 95))
        samples, _ = espeak.speak(" ".join(segment.words), voice, pitch=pitch)
        return Spoken(_louder(samples, segment.tone))
    pieces, times, clock = [], [], 0.0
    for word in segment.words:
        seconds = LETTER * max(2, len(word))
        hertz = 150 * 2 ** (segment.tone / 4)
        phase = 2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE
        buzz = sum(np.sin(k * phase) / k for k in range(1, 9)) * np.hanning(len(phase))
        pieces += [np.round(6000 * buzz).astype(np.int16), np.zeros(RATE // 20, np.int16)]
        times.append((clock, clock + seconds))
        clock += seconds + 0.05
    return Spoken(_louder(np.concatenate(pieces), segment.tone), np.array(times))


def _louder(samples: np.ndarray, tone: float) -> np.ndarray:
    """By 2 dB a unit of tone."""
    return np.clip(samples * 10 ** (0.1 * tone), -32768, 32767).astype(np.int16)


def show(
    seed: Sequence[int], segments: Sequence[Segment], spans: np.ndarray, sound: np.ndarray
) -> list[np.ndarray]:
    """The pictures of a clip, one each 1 / `FRAMES` s: the mouth opens with the sound.

    Args:
        seed: of how the head moves; its last number is the speaker.
        segments: what is said.
        spans: start and end of each, (segments, 2).
        sound: (n,) at `RATE`.
    """
    step = RATE // FRAMES
    loud = np.abs(np.pad(sound, (0, -len(sound) % step)).astype(float)).reshape(-1, step)
    opening = np.clip(loud.mean(axis=1) / 5000, 0, 0.8)
    times = np.arange(len(opening)) / FRAMES
    smile = np.zeros(len(opening))
    for segment, (start, end) in zip(segments, spans, strict=True):
        smile[(times >= start) & (times < end)] = np.clip(0.5 * segment.face, -1, 1)
    looks = someone(np.random.default_rng([*seed[:1], seed[-1]]))
    return list(film(looks, act(np.random.default_rng(seed), smile, opening, FRAMES)))


def write_media(
    path: Path, sound: np.ndarray, pictures: Sequence[np.ndarray], frames: int = FRAMES
) -> None:
    """A sound (n,) int16 at `RATE` and pictures, `frames` a second, as .mp4."""
    try:
        import av
    except ImportError as error:
        raise InputError(
            "av, which writes videos, is not installed; pip install 'msa[video]'"
        ) from error
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=frames)
        video.height, video.width = pictures[0].shape[:2]
        video.pix_fmt = "yuv420p"
        video.codec_context.thread_count = 1
        video.options = {"crf": "23", "preset": "veryfast"}
        audio = container.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound[None], format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), 0
        container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
        for number, pixels in enumerate(pictures):
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            picture.pts, picture.time_base = number, Fraction(1, frames)
            container.mux(video.encode(picture))
        container.mux(video.encode(None))


def make_clip(folder: Path, number: int, seed: int) -> list[tuple[str, float, float, float]]:
    """Write one clip and its transcript; its labels: video, start, end, sentiment."""
    rng = np.random.default_rng([seed, number])
    name, segments = f"clip{number:02d}", make_segments(rng)
    pieces, words, spans, clock = [], [], [], 0
    for segment in segments:
        spoken = speak(segment, VOICES[number % SPEAKERS % len(VOICES)])
        clock += round(PAUSE * RATE)
        pieces += [np.zeros(round(PAUSE * RATE), np.int16), spoken.samples]
        if spoken.times is not None:
            times = (spoken.times + clock / RATE).round(3).tolist()
            words += [
                {"word": word, "start": start, "end": end}
                for word, (start, end) in zip(segment.words, times, strict=True)
            ]
        spans.append((clock, clock + len(spoken.samples)))
        clock += len(spoken.samples)
    sound = np.concatenate([*pieces, np.zeros(round(PAUSE * RATE), np.int16)])
    seconds = np.array(spans) / RATE
    shown = show([seed, number, number % SPEAKERS], segments, seconds, sound)
    write_media(folder / f"{name}.mp4", sound, shown)
    if words:
        (folder / f"{name}.json").write_text(json.dumps(words, indent=0))
    else:
        cues = zip(segments, seconds.tolist(), strict=True)
        lines = [
            f"{i}\n{_stamp(start)} --> {_stamp(end)}\n{' '.join(segment.words)}\n"
            for i, (segment, (start, end)) in enumerate(cues, 1)
        ]
        (folder / f"{name}.srt").write_text("\n".join(lines))
    ends = seconds.round(3).tolist()
    return [(name, *span, s.label) for span, s in zip(ends, segments, strict=True)]


def _stamp(seconds: float) -> str:
    """A time of .srt."""
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d},{thousandths:03d}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("output", type=Path, help="folder of clips, transcripts and labels.csv")
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--first", type=int, default=0, help="number of the first one")
    parser.add_argument("--seed", type=int, default=0)


def main(args: argparse.Namespace) -> None:
    """Write the clips, their transcripts and labels.csv."""
    with atomic_folder(args.output) as folder:
        lines = []
        for number in range(args.first, args.first + args.clips):
            lines += make_clip(folder, number, args.seed)
        with open(folder / "labels.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerows([("video", "start", "end", "sentiment"), *lines])
