import signal
import subprocess
import sys

from running import ROOT, environment


def test_a_reader_that_has_enough_ends_a_command_quietly():
    """As `head` does."""
    command = [sys.executable, "-m", "msa", "datasets"]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, env=environment(), **streams) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 128 + signal.SIGPIPE
