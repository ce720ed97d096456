import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from running import ROOT, environment

from msa.__main__ import _warning


def test_a_reader_that_has_enough_ends_a_command_quietly():
    """As `head` does."""
    command = [sys.executable, "-m", "msa", "datasets"]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, env=environment(), **streams) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 128 + signal.SIGPIPE


def test_a_warning_of_ours_has_no_line_of_code():
    ours = str(ROOT / "msa/results/metrics.py")
    assert _warning("corr: undefined", UserWarning, ours, 3) == "warning: corr: undefined\n"
    assert "other.py:3: UserWarning: slow" in _warning("slow", UserWarning, "/other.py", 3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_one_line(tmp_path, number):
    pipe = tmp_path / "settings.json"
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "msa", "compare", tmp_path, "--output", tmp_path / "out.json"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), stderr=subprocess.PIPE, text=True
    ) as process:
        writer = None
        while writer is None and process.poll() is None:  # until it reads
            with suppress(OSError):
                writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
            time.sleep(0.01)
        process.send_signal(number)
        said = process.stderr.read()
    assert said == f"error: stopped by {number.name}; run again\n"
    assert process.returncode == 128 + number and [*tmp_path.iterdir()] == [pipe]
    os.close(writer)
