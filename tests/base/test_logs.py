"""What a log says of a failure, and what of it a terminal shows."""

import subprocess

import pytest

from msa.base.logs import PROGRESS, SHOWN, failure

PROGRESSES = "\ralign: 3/7 videos, 1.00 videos/s, at most 00:04 left\n    \n"
TRACEBACK = 'Traceback (most recent call last):\n  File "x.py", line 1\n'
CASES = {
    "error: a.csd: expected this, got that\n": "error: a.csd: expected this, got that",
    "error: config:\n  one\n  two\n": "error: config:\n  one\n  two",
    "   error: after a line that was longer\n": "error: after a line that was longer",
    "error: first\nerror: stopped by SIGTERM\n": "error: stopped by SIGTERM",
    f"{TRACEBACK}ValueError: a bug\n\n": "error: ValueError: a bug",
    "": "error: its log has none; it was killed perhaps, or Snakemake says above why",
}


@pytest.mark.parametrize("said", CASES)
def test_why_a_job_failed(said, tmp_path):
    log = tmp_path / "align.log"
    log.write_text(PROGRESSES + said)
    assert failure(log) == CASES[said]


def test_a_log_that_is_not_there_or_no_text(tmp_path):
    assert failure(tmp_path / "align.log") == CASES[""]
    (tmp_path / "align.log").write_bytes(b"\xff\nerror: \xff\n")
    assert failure(tmp_path / "align.log") == "error: \ufffd"


@pytest.mark.parametrize("said", CASES)
def test_a_terminal_shows_what_comes_before_it(said):
    text = (PROGRESSES + said).encode()
    done = subprocess.run(SHOWN, shell=True, input=text, capture_output=True, check=True)
    assert done.stdout == PROGRESSES.encode() and not done.stderr


def test_progress_is_lines():
    assert PROGRESS.endswith("left\n")
