"""Where the workflow may run: the same jobs everywhere, planned and not run."""

import json
import os
import re
import subprocess
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
    """Rule to what its jobs ask for, and the sorted table of the jobs' numbers."""
    text = snakemake(project, "-n", *arguments).stdout
    asked = dict(re.findall(r"^\w*rule (\w+):\n(?:    .*\n)*?    resources: (.*)$", text, re.M))
    return asked, sorted(re.findall(r"^\w+ +\d+$", text, re.M))


def test_slurm_plans_the_same_jobs(project, laptop):
    assert planned(project, "--workflow-profile", "slurm") == laptop


def test_kubernetes_plans_the_same_jobs(project, laptop):
    asked, counts = planned(project, "--workflow-profile", "kubernetes")
    assert counts == laptop[1]
    for rule, resources in asked.items():
        assert "gpu=" in resources  # which submit needs to know of every stage
        assert ("gpu=1," in resources) == ("gpu=1," in laptop[0][rule])


@pytest.mark.slow
def test_kubernetes_runs_a_stage_as_a_job(cluster, tmp_path):
    project = copy_project(tmp_path / "project")
    options = ["--workflow-profile", "kubernetes", "--seconds-between-status-checks", "1"]
    snakemake(project, *options, "data/demo/aligned")
    assert list((project / "data/demo/aligned").iterdir())
    jobs = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("*.json"))]
    assert [job["succeeded"] for job in jobs] == [True] * len(jobs) and len(jobs) == 2
    spec = jobs[-1]["spec"]
    container = spec["template"]["spec"]["containers"][0]
    assert container["workingDir"] == str(project)
    limits = container["resources"]["limits"]
    assert limits["cpu"] == "2" and limits["memory"].endswith("M") and len(limits) == 2
    assert spec["template"]["spec"]["activeDeadlineSeconds"] % 60 == 0
    status = subprocess.run(["profiles/kubernetes/status", "gone"], cwd=project, stdout=-1)
    assert status.stdout == b"running\n"  # kubectl that fails is no news


def test_a_gpu_is_asked_for_by_its_name(cluster, project, tmp_path):
    (tmp_path / "script").write_text("exit 1")
    asked = "--cpus 1 --memory 8000 --gpus 1 --minutes 240".split()
    command = ["profiles/kubernetes/submit", *asked, str(tmp_path / "script")]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == "msa-0\n"
    job = json.loads((tmp_path / "msa-0.json").read_text())
    pod = job["spec"]["template"]["spec"]
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert pod["activeDeadlineSeconds"] == 14400
    status = subprocess.run(["profiles/kubernetes/status", "msa-0"], cwd=project, stdout=-1)
    assert status.stdout == b"failed\n"


def test_conda_plans_the_same_jobs(project, laptop, tmp_path, monkeypatch):
    (tmp_path / "conda").write_text(CONDA)
    (tmp_path / "conda").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert planned(project, "--sdm", "conda") == laptop


# an image is this machine: what runs in it is written down, and runs
APPTAINER = """#!/bin/sh
case "$1" in
    --version) echo 'apptainer version 1.3.0'; exit ;;
esac
printf '%s\\n' "$*" >> '{folder}/calls'
while [ "$1" != bash ]; do shift; done
exec "$@"
"""


@pytest.fixture
def apptainer(tmp_path, monkeypatch):
    """What was asked of it, a line a call."""
    (tmp_path / "apptainer").write_text(APPTAINER.format(folder=tmp_path))
    (tmp_path / "apptainer").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "calls"


def test_apptainer_plans_the_same_jobs(project, laptop, apptainer):
    assert planned(project, "--sdm", "apptainer") == laptop
    assert not apptainer.exists()
    options = ("--sdm", "apptainer", "--config", "container=docker://msa:latest")
    done = snakemake(project, "-n", *options)
    assert "image docker://msa:latest will be pulled" in done.stdout + done.stderr
    with pytest.raises(AssertionError, match="config: container: "):
        planned(project, "--sdm", "apptainer", "--config", "container=two words")


@pytest.mark.slow
@pytest.mark.parametrize("image", ["msa.sif", "images/ours.sif"])
def test_stages_run_in_the_image(image, apptainer, tmp_path):
    project = copy_project(tmp_path / "project")
    chosen = [] if image == "msa.sif" else ["--config", f"container={image}"]
    done = snakemake(project, "--sdm", "apptainer", *chosen, "--", "data/demo/aligned")
    assert list((project / "data/demo/aligned").iterdir())
    calls = apptainer.read_text().splitlines()
    assert [re.findall(r"python -m msa (\S+)", call) for call in calls] == [["demo"], ["align"]]
    for call in calls:
        assert re.search(rf"^exec --home {re.escape(str(project))} .*\b{image} bash -c ", call)
    assert "align: 59/59 videos" in done.stderr + done.stdout


def test_the_image_holds_what_stages_read():
    """They look for the workflow's own files beside the package."""
    text = (ROOT / "envs/Dockerfile").read_text()
    assert "\nCOPY msa msa\nCOPY workflow workflow\n" in text


def test_every_stage_that_is_submitted_says_what_it_needs(project):
    """Stages of seconds and downloads run where Snakemake runs."""
    text = "\n".join(path.read_text() for path in (project / "rules").glob("*.smk"))
    rules = dict(re.findall(r"^rule (\w+):\n((?:    .*\n|\n)+)", text, re.M))
    local = {name for name, body in rules.items() if "localrule: True" in body}
    assert local == {
        *(
            "download",
            "raw",
            "check",
            "fetch_encoder",
            "encoder",
            "fetch_face_weights",
            "settings",
            "score",
            "summarize",
        ),
        *(
            "leaderboard",
            "search",
            "best_settings",
            "robustness",
            "ablation",
            "transfer",
            "compare",
            "published",
        ),
        *("paper_table", "report", "share_training", "deal", "pool", "refuse_leakage"),
        *("subsets", "protocols"),
    }
    for name in rules.keys() - local:
        assert "mem_mb=scaled(" in rules[name] and "runtime=scaled(" in rules[name], name
    assert {name for name, body in rules.items() if "gpu=" in body} == {
        *("train", "train_seeds", "trials", "encode", "predict", "perturb", "examine"),
        "predict_other",
    }


def test_an_error_is_left_to_the_end(project):
    """Of every stage whose log a terminal shows."""
    text = "\n".join(path.read_text() for path in (project / "rules").glob("*.smk"))
    assert "tee" not in text
    stages = text.count('"python -m msa ')
    assert text.count("> {log:q} 2>&1") + text.count('f" {LOGGED}"\n') == stages > 20


def test_no_gpu_is_asked_for_where_none_is_used(project, laptop):
    without = planned(project, "--config", "device=cpu")
    for rule in ("train", "encode"):
        assert "gpu=1," in laptop[0][rule]
        assert "gpu=0," in without[0][rule]


def test_conda_installs_what_pip_installs():
    """But for grimp, which only the Snakefile imports."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    conda = yaml.safe_load((ROOT / "envs/msa.yaml").read_text())["dependencies"]
    names = {"torch": "pytorch", "snakemake": "snakemake-minimal", "matplotlib": "matplotlib-base"}
    names |= {"zlib-ng": "python-zlib-ng"}
    split = [re.split(r"(?=>)", text, maxsplit=1) for text in project["dependencies"]]
    wanted = {names.get(name, name) + versions for name, versions in split if name != "grimp"}
    assert set(conda) == wanted | {f"python{project['requires-python']}"}
