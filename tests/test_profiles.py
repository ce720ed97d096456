"""Where the workflow may run: the same jobs everywhere, planned and not run."""

import os
import re
import tomllib

import pytest
import yaml
from running import ROOT, copy_project, snakemake

# what Snakemake asks conda while it plans
CONDA = """#!/bin/sh
case "$1" in
    info) echo '{"conda_prefix": "/opt/conda", "platform": "linux-64"}' ;;
    config) echo '{"get": {"channel_priority": "strict"}}' ;;
    *) echo 'conda 25.1.0' ;;
esac
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("profiles") / "project")


@pytest.fixture(scope="module")
def laptop(project):
    return planned(project)


def planned(project, *arguments):
    """Rule to what its jobs ask for, and the table of the jobs' numbers."""
    text = snakemake(project, "-n", *arguments).stdout
    asked = dict(re.findall(r"^\w*rule (\w+):\n(?:    .*\n)*?    resources: (.*)$", text, re.M))
    return asked, re.findall(r"^\w+ +\d+$", text, re.M)


def test_slurm_plans_the_same_jobs(project, laptop):
    assert planned(project, "--workflow-profile", "slurm") == laptop


def test_conda_plans_the_same_jobs(project, laptop, tmp_path, monkeypatch):
    (tmp_path / "conda").write_text(CONDA)
    (tmp_path / "conda").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert planned(project, "--sdm", "conda") == laptop


def test_every_stage_that_is_submitted_says_what_it_needs(project):
    """Stages of seconds and downloads run where Snakemake runs."""
    text = "\n".join(path.read_text() for path in (project / "rules").glob("*.smk"))
    rules = dict(re.findall(r"^rule (\w+):\n((?:    .*\n|\n)+)", text, re.M))
    local = {name for name, body in rules.items() if "localrule: True" in body}
    assert local == {
        *("download", "check", "fetch_encoder", "settings", "score", "summarize", "leaderboard"),
        *("search", "best_settings", "robustness", "ablation"),
    }
    for name in rules.keys() - local:
        assert "mem_mb=scaled(" in rules[name] and "runtime=scaled(" in rules[name], name
    assert {name for name, body in rules.items() if "gpu=" in body} == {
        *("train", "trials", "encode", "predict", "perturb")
    }


def test_no_gpu_is_asked_for_where_none_is_used(project, laptop):
    without = planned(project, "--config", "device=cpu")
    for rule in ("train", "encode", "predict"):
        assert "gpu=1," in laptop[0][rule]
        assert "gpu=0," in without[0][rule]


def test_conda_installs_what_pip_installs():
    """But for grimp, which only the Snakefile imports."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    conda = yaml.safe_load((ROOT / "envs/msa.yaml").read_text())["dependencies"]
    names = {"torch": "pytorch", "snakemake": "snakemake-minimal"}
    split = [re.split(r"(?=>)", text, maxsplit=1) for text in project["dependencies"]]
    wanted = {names.get(name, name) + versions for name, versions in split if name != "grimp"}
    assert set(conda) == wanted | {f"python{project['requires-python']}"}
