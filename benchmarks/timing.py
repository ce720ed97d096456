"""Time and memory of commands that take turns, and rows of the table."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Use:
    """What a command took.

    Attributes:
        seconds: by the clock.
        cpu: seconds of computing, user and system, of all its processes.
        mib: peak memory of its largest process.
    """

    seconds: float
    cpu: float
    mib: float


def once(command: Sequence[str]) -> Use:
    """Run Python with these arguments in the project's root."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return Use(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def take_turns(commands: Mapping[str, Sequence[str]], repeats: int) -> dict[str, Use]:
    """Medians over runs in which every command has its turn, so that all meet the same machine."""
    runs = [{name: once(command) for name, command in commands.items()} for _ in range(repeats)]
    return {name: median([run[name] for run in runs]) for name in commands}


def median(uses: Sequence[Use]) -> Use:
    return Use(*(statistics.median(values) for values in zip(*map(astuple, uses), strict=True)))


def row(
    name: str, value: float, unit: str, baseline: float | None = None, wanted: str | None = None
) -> dict[str, Any]:
    """A row of the table."""
    ratio = None if baseline is None else value / baseline
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "baseline": baseline,
        "ratio": ratio,
        "wanted": wanted,
    }
