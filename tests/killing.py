"""Stages in processes that are killed, once they have imported what they need."""

import importlib
import os
import signal
import sys
import time
from pathlib import Path

from running import SERVER

from msa.__main__ import STAGES, main


def _stage(arguments, log, die_at, imported):
    importlib.import_module(STAGES[arguments[0]][0])
    if arguments[0] == "encode":
        importlib.import_module("transformers.models.bert.modeling_bert")  # takes seconds
    imported.set()
    start = time.perf_counter()
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
    Path(f"{log}.seconds").write_text(str(time.perf_counter() - start))
    Path(f"{log}.renames").write_text(str(renames))
    sys.exit(status)


def run(arguments, log, seconds=None, die_at=None):
    """Run a stage; kill it after some seconds, or before or after its n-th rename.

    Returns:
        The exit status, -9 where it was killed.
    """
    imported = SERVER.Event()
    process = SERVER.Process(target=_stage, args=([*map(str, arguments)], log, die_at, imported))
    process.start()
    imported.wait(60)
    process.join(seconds)
    process.kill()
    process.join()
    return process.exitcode
