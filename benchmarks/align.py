"""Alignment against plain reading: time, memory, and how both grow with the videos.

The baseline is `read.py`: as many processes as alignment has threads, which only read every array
with h5py. Scale 1 is like CMU-MOSI.
"""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.generate import FRAMES, NAMES, again, lasting, mosi_like, write
from benchmarks.timing import ROOT, Use, row, take_turns

VIDEOS = 93  # MOSI's
AUDIO_ROWS = 15_000  # of a generated video
MOSEI_ROWS = 46_000_000  # of COVAREP
ROUTES = ("words", "labels")


def run(
    videos: int = VIDEOS, scales: Sequence[int] = (1, 3, 10), repeats: int = 3
) -> list[dict[str, Any]]:
    """Every scale is that many times the videos; the first is the one that the others go by."""
    threads = os.cpu_count() or 1
    took: dict[int, dict[str, Use]] = {}
    with tempfile.TemporaryDirectory() as folder:
        one = {n: write(Path(folder, f"{n}.csd"), mosi_like(n, videos)) for n in NAMES}
        for scale in scales:
            large = Path(folder, "large")
            large.mkdir()
            files = {n: again(large / f"{n}.csd", one[n], scale) for n in NAMES}
            os.sync()  # or writing what was just made would slow the first runs
            took[scale] = measure(files, threads, repeats if scale == scales[0] else 1)
            shutil.rmtree(large)
        for n in FRAMES:
            write(one[n], lasting(mosi_like(n, videos)))
        long = measure(one, threads, repeats)
    rows = []
    for scale, uses in took.items():
        for route in ROUTES:
            rows += compared(
                f"align to {route}, {scale * videos} videos", uses[route], uses["read"]
            )
    first, last = scales[0], scales[-1]
    for route in ROUTES:
        small, most, times = took[first][route], took[last][route], last / first
        title = f"align to {route}, {last * videos} against {first * videos} videos"
        rows += [
            row(f"{title}: computing", most.cpu, "s", times * small.cpu, "about 1: linear"),
            row(f"{title}: memory", most.mib, "MiB", small.mib, "about 1: constant"),
        ]
        if first == 1:
            title = f"align to {route}, {videos} videos, each with a row that lasts it all"
            rows += [
                row(f"{title}: computing", long[route].cpu, "s", small.cpu, "at most 1.3"),
                row(f"{title}: memory", long[route].mib, "MiB", small.mib, "at most 1.3"),
            ]
        share = MOSEI_ROWS / (last * videos * AUDIO_ROWS)
        title = f"align to {route}, 46 M rows of audio, extrapolated"
        rows.append(row(title, share * most.seconds, "s", wanted="minutes"))
    return rows


def measure(files: dict[str, Path], threads: int, repeats: int) -> dict[str, Use]:
    """Reading, and aligning by each route."""
    paths = {name: str(path) for name, path in files.items()}
    given = [f"{name}={path}" for name, path in paths.items() if name != "labels"]
    output = str(files["labels"].parent / "aligned")
    stage = ["-m", "msa", "align", "--sequence", *given, "--labels", paths["labels"]]
    rest = ["--threads", str(threads), "--output", output]
    reader = str(ROOT / "benchmarks" / "read.py")
    commands = {"read": [reader, str(threads), *paths.values()]}
    commands |= {route: [*stage, *rest, "--to", route] for route in ROUTES}
    return take_turns(commands, repeats)


def compared(name: str, use: Use, reading: Use) -> list[dict[str, Any]]:
    return [
        row(name, use.seconds, "s", reading.seconds, "at most 1.3"),
        row(f"{name}: computing", use.cpu, "s", reading.cpu, "at most 1.3"),
        row(f"{name}: memory", use.mib, "MiB", wanted="under 400 MiB"),
    ]
