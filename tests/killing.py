"""Stages in processes that are killed; a fork of a server that has imported them starts at once."""

import os
import signal
import sys
from multiprocessing import get_context
from pathlib import Path

from msa.__main__ import main

CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        "msa.data.align",
        "msa.data.split",
        "msa.data.clean",
        "msa.data.encode",
        "msa.training.train",
        "msa.training.predict_folds",
        "making",
    ]
)


def _stage(arguments, log, die_at):
    with open(log, "a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    renames = 0
    replace = Path.replace

    def dying(self, target):
        nonlocal renames
        renames += 1
        if die_at == (renames, "before"):
            os.kill(os.getpid(), signal.SIGKILL)
        replace(self, target)
        if die_at == (renames, "after"):
            os.kill(os.getpid(), signal.SIGKILL)

    Path.replace = dying
    status = main(list(arguments))
    Path(f"{log}.renames").write_text(str(renames))
    sys.exit(status)


def run(arguments, log, seconds=None, die_at=None):
    """Run a stage; kill it after some seconds, or before or after its n-th rename.

    Returns:
        The exit status, -9 where it was killed.
    """
    process = CONTEXT.Process(target=_stage, args=([*map(str, arguments)], log, die_at))
    process.start()
    process.join(seconds)
    process.kill()
    process.join()
    return process.exitcode
