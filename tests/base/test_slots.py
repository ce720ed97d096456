"""GPUs shared by processes, with pretend devices."""

import errno
import fcntl
import os
import subprocess
import sys
import time

import pytest
from running import environment

from msa.base.slots import acquire_slot, lock_command

JOB = """
import os, sys, time
from msa.base.slots import use_one_gpu
use_one_gpu(int(sys.argv[1]))
start = time.monotonic()
print(os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
time.sleep(float(sys.argv[2]))
print(start, time.monotonic(), flush=True)
"""


@pytest.fixture
def start(tmp_path):
    """Start a process that takes a slot and holds it for some seconds."""
    started = []

    def begin(devices, jobs=1, seconds=0.5):
        variables = {"TMPDIR": str(tmp_path), "CUDA_VISIBLE_DEVICES": devices}
        process = subprocess.Popen(
            [sys.executable, "-c", JOB, str(jobs), str(seconds)],
            env=environment(**variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def held(processes):
    """Device to the times (start, end) at which it was held."""
    times = {}
    for process in processes:
        device, span = process.communicate(timeout=60)[0].splitlines()
        times.setdefault(device, []).append(tuple(map(float, span.split())))
    return times


def most_at_once(spans):
    return max(sum(begin <= moment < end for begin, end in spans) for moment, _ in spans)


@pytest.mark.parametrize("jobs", [1, 2])
def test_slots_never_overlap(start, jobs):
    times = held([start("0,1", jobs) for _ in range(7)])
    assert set(times) == {"0", "1"}
    assert sum(map(len, times.values())) == 7
    assert {most_at_once(spans) for spans in times.values()} == {jobs}


def test_a_killed_job_frees_its_slot(start):
    first, second = (start("0,1", seconds=60) for _ in range(2))
    taken = {process.stdout.readline().strip(): process for process in (first, second)}
    assert set(taken) == {"0", "1"}
    third = start("0,1", seconds=0)
    assert "no slot of 2 free: waiting" in third.stderr.readline()
    time.sleep(0.5)
    assert third.poll() is None
    taken["1"].kill()
    assert third.communicate(timeout=30)[0].splitlines()[0] == "1"


def test_a_schedulers_choice_is_honoured(start):
    # one device is what SLURM gave: no slot is asked for
    times = held([start("3") for _ in range(3)])
    assert list(times) == ["3"] and most_at_once(times["3"]) > 1


def test_without_a_gpu_nothing_is_set(monkeypatch):
    from msa.base.slots import use_one_gpu

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    use_one_gpu(1)
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP])
def test_without_locks_it_goes_on_and_says_so_once(tmp_path, monkeypatch, capsys, number):
    def refused(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refused)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    lock_command(["inspect"])
    devices = []
    for process in (10, 11):
        monkeypatch.setattr(os, "getpid", lambda process=process: process)
        devices.append(acquire_slot(["0", "1"], 1))
    assert devices == ["0", "1"]
    said = capsys.readouterr().err
    assert said.count("has no locks, so going on without") == 1 and "set TMPDIR" in said


def test_a_lock_that_fails_for_another_reason(tmp_path, monkeypatch):
    def broken(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", broken)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    with pytest.raises(OSError, match="Input/output error"):
        acquire_slot(["0"], 1)
