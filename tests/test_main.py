import signal
import subprocess
import sys

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
