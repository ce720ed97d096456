"""Extraction: each sequence of ten minutes of somebody who talks, and a folder of short clips.

The ten minutes are 640 x 360 pixels, 25 pictures a second, with a text without times. Of the clips,
seven are bad in seven ways; Snakemake goes through all of them. Without espeak-ng or the packages
of msa[video] there are no rows.
"""

import csv
import importlib.util
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from scipy.io import wavfile

from benchmarks.timing import ROOT, once, row
from benchmarks.word_times import CLIPS
from msa.demo import espeak
from msa.demo.acting import act, film, someone
from msa.demo.clips import make_clip, write_media
from msa.extract.face_weights import fetch
from msa.extract.media import media_files

PACKAGES = ("av", "pocketsphinx", "ai_edge_litert")
FRAMES, WIDTH, HEIGHT = 25, 640, 360
LIMIT = "under 400 MiB"
ALONE = {
    "words": {"audio": "none", "vision": "none"},
    "audio": {"align": "none", "vision": "none"},
    "vision": {"align": "none", "audio": "none"},
    "all three": {},
}
RECIPE = {
    "videos": "clips",
    "labels": "clips/labels.csv",
    "folds": {"by": "video"},
    "task": {"type": "regression", "targets": ["sentiment"], "range": [-3, 3]},
}
WRONG = "1\n00:00:00,000 --> 00:00:20,000\n" + 12 * "Nobody asked the seven tall gardeners. "


def run(seconds: float = 600.0, videos: int = 200) -> list[dict[str, Any]]:
    """Seconds by the clock and of computing, and peak memory."""
    found = all(importlib.util.find_spec(name) for name in PACKAGES)
    if not found or not espeak.available():
        print("extract: needs espeak-ng and msa[video], left out", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = folder / "data/extractors/mesh"
        if given := os.environ.get("MSA_FACE_WEIGHTS"):
            shutil.copytree(given, weights)
        else:
            fetch("mesh", weights)
        return _long(folder, weights, seconds) + _many(folder, weights, videos)


def _long(folder: Path, weights: Path, seconds: float) -> list[dict[str, Any]]:
    clip = long_clip(folder / "long.mp4", seconds)
    rows = []
    for name, settings in ALONE.items():
        title = f"extract {name}, {seconds:.0f} s"
        command = ["extract-video", clip, "--settings", json.dumps(settings)]
        flags = ["--face-weights", weights, "--output", folder / "part.npz"]
        use = once(["-m", "msa", *map(str, [*command, *flags])])
        rows += [
            row(title, use.seconds / seconds, "s a second of video"),
            row(f"{title}: computing", use.cpu / seconds, "s a second of video"),
            row(f"{title}: memory", use.mib, "MiB", wanted=LIMIT),
        ]
    return rows


def _many(folder: Path, weights: Path, videos: int) -> list[dict[str, Any]]:
    """Snakemake with a job a video, against one process that goes through all."""
    write_folder(folder / "clips", videos)
    config = {"datasets": [], "models": [], "seeds": [1], "recipes": {"mine": RECIPE}}
    configured = folder / "mine.yaml"
    configured.write_text(yaml.safe_dump(config))
    flags = ["--face-weights", str(weights), "--output", str(folder / "raw")]
    one = once(["-m", "msa", "extract", str(folder / "clips"), *flags])
    where = ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    asked = ["--configfile", str(configured), "--cores", "2", "--quiet", "all"]
    jobs = once(["-m", "snakemake", *where, *asked, "--", "data/mine/raw/card.json"])
    with open(folder / "data/mine/raw/dropped.csv", newline="") as file:
        lines = [*csv.DictReader(file)]
    for line in lines:
        print(f"{line['video']}: {line['sequence']} left out: {line['reason']}", file=sys.stderr)
    title = f"extract {videos} videos"
    return [
        row(title, jobs.seconds, "s", one.seconds),
        row(f"{title}: computing", jobs.cpu, "s", one.cpu),
        row(f"{title}: memory of the largest process", jobs.mib, "MiB", one.mib),
        row(f"{title}: not whole", len({line["video"] for line in lines}), "videos", wanted="7"),
    ]


def long_clip(path: Path, seconds: float) -> Path:
    """Somebody drawn who says the same four sentences again and again, and its text."""
    said = [(text, espeak.speak(text, voice, speed)[0]) for voice, speed, text in CLIPS]
    sounds = [part for _, sound in said for part in (sound, np.zeros(espeak.RATE // 2, np.int16))]
    sound = np.concatenate(sounds)
    turns = int(np.ceil(seconds * espeak.RATE / len(sound)))
    step = espeak.RATE // FRAMES
    loud = np.abs(sound[: len(sound) // step * step].reshape(-1, step).astype(float))
    opening = np.clip(loud.mean(axis=1) / 5000, 0, 0.8)
    poses = act(np.random.default_rng(0), np.zeros(len(opening)), opening, FRAMES)
    pictures = [*film(someone(np.random.default_rng(0)), poses, WIDTH, HEIGHT)]
    write_media(path, np.tile(sound, turns), pictures * turns, FRAMES)
    path.with_suffix(".txt").write_text(" ".join(text for text, _ in said * turns))
    return path


def write_folder(folder: Path, videos: int) -> None:
    """Copies of one clip of ten seconds with its transcript, seven of them spoilt, and labels."""
    folder.mkdir(parents=True)
    make_clip(folder, 0, 0)
    clip, transcript = folder / "clip00.mp4", folder / "clip00.srt"
    content, text = clip.read_bytes(), transcript.read_text()
    middle = len(content) // 2
    for number in range(1, videos - 7):
        (folder / f"good {number:03d}.mp4").write_bytes(content)
        (folder / f"good {number:03d}.srt").write_text(text)
    noise = np.random.default_rng(0).bytes(4000)
    bad = {
        "bad empty.mp4": b"",
        "bad text.mp4": b"This is no film.\n" * 500,
        "bad truncated.mp4": content[:middle],
        "bad middle.mp4": content[:middle] + noise + content[middle + len(noise) :],
        "bad words.mp4": content,
    }
    for name, spoilt in bad.items():
        (folder / name).write_bytes(spoilt)
        (folder / name).with_suffix(".srt").write_text(WRONG if name == "bad words.mp4" else text)
    grey = [np.full((240, 320, 3), 128, np.uint8)] * (8 * 12)
    write_media(folder / "bad silence.mp4", np.zeros(8 * espeak.RATE, np.int16), grey)
    (folder / "bad silence.srt").write_text(text)
    wavfile.write(folder / "bad streams.wav", espeak.RATE, espeak.speak(CLIPS[0][2])[0])
    (folder / "bad streams.txt").write_text(CLIPS[0][2])
    names = [path.stem for path in media_files(folder)]
    lines = ["video,sentiment", *(f"{name},{i % 7 - 3}" for i, name in enumerate(names))]
    (folder / "labels.csv").write_text("\n".join([*lines, ""]))
