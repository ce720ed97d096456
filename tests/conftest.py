import os
import sys

import pytest
from running import copy_project, run_stage


def pytest_collection_modifyitems(items):
    """What runs Snakemake takes longest and comes first, for several workers to end together."""
    items.sort(key=lambda item: not hasattr(item.module, "snakemake"))


@pytest.fixture(scope="session")
def demo_files(tmp_path_factory):
    """The demo data set's raw files."""
    folder = tmp_path_factory.mktemp("demo")
    run_stage("demo", folder)
    return folder


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
