"""Alignment against plain reading: time and memory, as ratios measured in one run.

The baseline is `read.py`: as many processes, which only read every array with h5py. Every figure
is of processes of its own: the time is the median of runs that take turns, the peak memory comes
from one more run that is watched.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import psutil
from generate import NAMES, like, mosi_like, write
from tabulate import tabulate

from msa import csd

ROOT = Path(__file__).parent.parent
VIDEOS = 93  # MOSI's, at scale 1
MIB = 2**20


def timed(command: list[str]) -> float:
    """Seconds that a command takes."""
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return time.perf_counter() - start


def held(process: psutil.Process) -> int:
    """Bytes of memory of one process; what processes share counts once (PSS) where Linux says."""
    try:
        memory = process.memory_full_info()
    except psutil.Error:
        return 0
    return getattr(memory, "pss", memory.rss)


def peak(command: list[str]) -> float:
    """Peak memory of a command and all processes below it, in MiB, sampled every 10 ms or so."""
    most = 0
    with psutil.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            try:
                most = max(most, sum(map(held, [process, *process.children(recursive=True)])))
            except psutil.NoSuchProcess:
                break
            time.sleep(0.005)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return most / MIB


def measure(
    files: dict[str, Path], routes: list[str], threads: int, repeats: int
) -> dict[str, dict[str, Any]]:
    """Time and peak memory of reading, of starting, and of aligning by each route."""
    paths = {name: str(path.resolve()) for name, path in files.items()}
    stage = [sys.executable, "-m", "msa", "align"]
    given = [f"{name}={path}" for name, path in paths.items() if name != "labels"]
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "aligned")
        common = ["--labels", paths["labels"], "--threads", str(threads), "--output", str(output)]
        reader = str(Path(__file__).resolve().parent / "read.py")
        commands = {
            "read": [sys.executable, reader, str(threads), *paths.values()],
            "start": [*stage, "--help"],
            **{to: [*stage, "--sequence", *given, *common, "--to", to] for to in routes},
        }
        runs: dict[str, list[float]] = {name: [] for name in commands}
        peaks: dict[str, float] = {}
        for repeat in range(repeats + 1):
            for name, command in commands.items():
                if repeat < repeats:
                    runs[name].append(timed(command))
                else:
                    peaks[name] = peak(command)
                shutil.rmtree(output, ignore_errors=True)
    seconds = {name: statistics.median(values) for name, values in runs.items()}
    return {
        name: {
            "ratio": seconds[name] / seconds["read"],
            "memory_ratio": peaks[name] / peaks["read"],
            "seconds": seconds[name],
            "all_seconds": runs[name],
            "peak_mib": peaks[name],
        }
        for name in commands
    }


def describe(files: dict[str, Path]) -> dict[str, Any]:
    """How large an input is."""
    rows = {}
    for name, path in files.items():
        with csd.Sequence(path) as sequence:
            videos = sequence.videos
            rows[name] = sum(sequence.shape(video).rows for video in videos)
    size = sum(path.stat().st_size for path in files.values())
    return {"videos": len(videos), "rows": rows, "mib": size / MIB}


def factors(given: str) -> list[float]:
    return [float(part) for part in given.split(",")]


def named(given: str) -> tuple[str, Path]:
    name, path = given.split("=", 1)
    return name, Path(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--scale", "--scales", type=factors, default=[0.1], help="93 videos times this: 0.1,0.3,1")
    add("--files", nargs="+", type=named, metavar="NAME=FILE", help="measure these .csd files")
    add("--like", nargs="+", type=named, metavar="NAME=FILE", help="measure files made like these")
    add("--times", type=int, default=10, help="with --like: how many times as many videos")
    add("--routes", nargs="*", default=["words", "labels"], help="what to measure")
    add("--threads", type=int, default=os.cpu_count(), help="processes")
    add("--repeats", type=int, default=3, help="runs of which the median is taken")
    add("--output", type=Path, help="JSON file to write")
    args = parser.parse_args()

    results = []
    for factor in args.scale if not (args.files or args.like) else [1]:
        with tempfile.TemporaryDirectory() as folder:
            path = {n: Path(folder, f"{n}.csd") for n in NAMES}
            if args.files:
                title, files = "files given", dict(args.files)
            elif args.like:
                title = f"{args.times} x the files given"
                files = {n: write(path[n], like(file, args.times)) for n, file in args.like}
            else:
                videos = max(2, round(VIDEOS * factor))
                title = f"scale {factor:g}"
                files = {n: write(path[n], mosi_like(n, videos)) for n in path}
            os.sync()  # or writing what was just made would slow the first runs
            work = measure(files, args.routes, args.threads, args.repeats)
            results.append({"input": title, **describe(files), "work": work})

    machine = {
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "h5py": h5py.__version__,
        "threads": args.threads,
    }
    table = [
        [r["input"], r["videos"], r["mib"], name, *(w[k] for k in list(w) if k != "all_seconds")]
        for r in results
        for name, w in r["work"].items()
    ]
    columns = ["input", "videos", "MiB", "work", "time x", "memory x", "seconds", "peak MiB"]
    formats = ("", "", ".1f", "", ".2f", ".2f", ".2f", ".0f")
    print(tabulate(table, columns, "github", floatfmt=formats))
    print("\n" + ", ".join(f"{key} {value}" for key, value in machine.items()))
    if args.output:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(json.dumps({"machine": machine, "inputs": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
