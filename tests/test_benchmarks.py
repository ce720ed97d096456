import json
import subprocess
import sys

import pytest
from running import ROOT, environment


def benchmark(*arguments):
    """`python benchmarks/align.py ...`, two runs of every command: what it wrote."""
    command = [sys.executable, "benchmarks/align.py", "--repeats", "1", "--threads", "2"]
    done = subprocess.run(
        [*command, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_align_benchmark(tmp_path):
    """At the smallest scale: every figure is there, and relative to reading."""
    printed = benchmark("--scale", "0.01", "--output", tmp_path / "align.json")
    written = json.loads((tmp_path / "align.json").read_text())
    assert {"cores", "memory_gib", "python", "numpy", "h5py", "threads"} <= set(written["machine"])
    [measured] = written["inputs"]
    assert measured["videos"] == 2
    assert measured["rows"] == {"words": 880, "audio": 30000, "vision": 9000, "labels": 48}
    assert list(measured["work"]) == ["read", "start", "words", "labels"]
    read = measured["work"]["read"]
    for name, work in measured["work"].items():
        assert work["ratio"] == pytest.approx(work["seconds"] / read["seconds"])
        assert work["memory_ratio"] == pytest.approx(work["peak_mib"] / read["peak_mib"])
        assert work["ratio"] > 0 and work["memory_ratio"] > 0
        assert len(work["all_seconds"]) == 1
        assert name in printed


def test_align_benchmark_of_files_like_others(tmp_path, demo_files):
    """Twice the videos are twice the rows; without routes only reading and starting count."""
    given = [f"{name}={demo_files / name}.csd" for name in ("words", "audio", "labels")]
    rows = []
    for arguments in (["--files", *given], ["--like", *given, "--times", "2"]):
        benchmark(*arguments, "--routes", "--output", tmp_path / "align.json")
        [measured] = json.loads((tmp_path / "align.json").read_text())["inputs"]
        assert list(measured["work"]) == ["read", "start"]
        rows.append(measured["rows"])
    assert rows[1] == {name: 2 * count for name, count in rows[0].items()}
