"""Schemas, recipes and templates are found where pip put the package, without a clone."""

import subprocess
import sys
from zipfile import ZipFile

import pytest
from running import ROOT

SHOW = "from msa.base.workflow import WORKFLOW; print(WORKFLOW)"


@pytest.mark.slow
def test_a_wheel_has_all_of_the_workflows_files(tmp_path):
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", str(ROOT)]
    subprocess.run([*command, "--wheel-dir", str(tmp_path)], check=True)
    [wheel] = tmp_path.glob("*.whl")
    with ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    run = [sys.executable, "-c", SHOW]
    shown = subprocess.run(run, cwd=tmp_path / "site", capture_output=True, text=True, check=True)
    installed = tmp_path / "site/msa/workflow"
    assert shown.stdout.strip() == str(installed)
    listed = ["git", "-C", str(ROOT / "workflow"), "ls-files"]
    files = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()
    assert files
    for file in files:
        assert (installed / file).read_bytes() == (ROOT / "workflow" / file).read_bytes()
