"""Running the project as a user does: stages, Snakemake, a copy to change.

Each runs in a process of its own: a fork of a server that has imported the libraries which take
seconds to import, and nothing of ours.
"""

import atexit
import os
import runpy
import shutil
import sys
import tempfile
from multiprocessing import get_context
from pathlib import Path
from subprocess import CompletedProcess

ROOT = Path(__file__).parent.parent
SOURCES = ["Snakefile", "config.yaml", "rules", "workflow", "envs", "profiles", "msa"]


def copy_project(folder):
    folder.mkdir()
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)  # compiled files too, which know their source
        else:
            shutil.copy(source, folder / name)
    return folder


def environment(**more):
    """This interpreter first on the path, and the code of the working directory."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": "."} | more


SERVER = get_context("forkserver")
SERVER.set_forkserver_preload(["snakemake.cli", "torch._dynamo"])


def _python(arguments, folder, variables, *logs):
    for number, log in enumerate(logs, start=1):
        with log.open("wb") as file:
            os.dup2(file.fileno(), number)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    option, program, *rest = arguments
    sys.argv = [option, *rest]
    try:
        if option == "-m":
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        else:
            exec(program, {"__name__": "__main__"})
    finally:
        atexit._run_exitfuncs()  # which a process of multiprocessing leaves out


def python(*arguments, cwd=ROOT, check=True, **variables):
    """`python -m MODULE ...` or `python -c CODE ...`: what it printed, and its exit status."""
    command = [*map(str, arguments)]
    with tempfile.TemporaryDirectory() as folder:
        logs = [Path(folder, stream) for stream in ("stdout", "stderr")]
        process = SERVER.Process(
            target=_python, args=(command, cwd, environment(**variables), *logs)
        )
        process.start()
        process.join()
        done = CompletedProcess(command, process.exitcode, *(log.read_text() for log in logs))
    if check and done.returncode:
        text = f"{done.stdout[-6000:]}{done.stderr[-6000:]}"
        raise AssertionError(f"python {' '.join(command)}\n{text}")
    return done


def run_stage(*arguments, check=True, cwd=ROOT):
    """`python -m msa ...`."""
    return python("-m", "msa", *arguments, cwd=cwd, check=check)


def snakemake(folder, *arguments, check=True, **variables):
    """`snakemake ...` in a copy of the project."""
    command = ["-m", "snakemake", "--cores", "2", *arguments]
    return python(*command, cwd=folder, check=check, **variables)
