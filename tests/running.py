"""Running the project as a user does: stages, Snakemake, a copy to change."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = ["Snakefile", "config.yaml", "rules", "workflow", "envs", "profiles", "msa"]


def copy_project(folder):
    folder.mkdir()
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy(source, folder / name)
    return folder


def environment(**more):
    """This interpreter first on the path, and the code of the working directory."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": "."} | more


def run_stage(*arguments, check=True, cwd=ROOT):
    """`python -m msa ...` as a user would type it."""
    command = [sys.executable, "-m", "msa", *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment())
    if check and done.returncode:
        raise AssertionError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done


def snakemake(folder, *arguments, check=True, **variables):
    """`snakemake ...` in a copy of the project: what it printed, and its exit status."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *map(str, arguments)]
    env = environment(**variables)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=env)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(command)}\n{done.stdout[-6000:]}{done.stderr[-6000:]}")
    return done
