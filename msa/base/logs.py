"""The log of a job: what it says, what of it a terminal shows, and why the job failed."""

import re
from pathlib import Path

# a stage's own word, and Python's; also of `sed -E`
ERROR = "^ *(error: |Traceback )"
# what a terminal shows of a log: an error is said once, at the end of all jobs
SHOWN = f"sed -u -E '/{ERROR}/,$d'"
# the end of a rule's shell command; Snakemake fills in the log
LOGGED = f"2>&1 | tee {{log:q}} | {SHOWN}"
# tqdm's format for lines, not a bar: a log keeps each, and `sed` knows no end but a line's
PROGRESS = "{desc}: {n_fmt}/{total_fmt}{unit}, {rate_fmt}, at most {remaining} left\n"


def failure(log: Path) -> str:
    """The error that a log ends with, and the problems that it lists, one a line."""
    lines = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
    starts = [number for number, line in enumerate(lines) if re.match(ERROR, line)]
    if not starts:
        return "error: its log has none; it was killed perhaps, or Snakemake says above why"
    first, *more = lines[starts[-1] :]
    if first.lstrip().startswith("Traceback"):
        return f"error: {[line for line in lines if line.strip()][-1]}"
    listed = [line for line in more if line.startswith("  ")]
    return "\n".join([first.lstrip(), *listed])
