"""Every command of the README: run where it needs no download, dry-run where it does."""

import re
import shlex
import subprocess
import sys

import numpy as np
import pytest
import yaml
from running import ROOT, copy_project, environment, run_stage, snakemake

from msa.config.check import configure
from msa.config.layers import merge
from msa.config.settings import run_settings

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.M | re.S)
COMMANDS = [line for kind, text in BLOCKS if kind == "bash" for line in text.splitlines()]
# .ci/run runs these, and the third changes the shell it is typed into
ELSEWHERE = {"make demo", "make test", "source .venv/bin/activate"}
CATALOGUE = {path.stem for path in (ROOT / "workflow/recipes/data").glob("*.yaml")} - {"demo"}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy with the files that "Your own .csd files" speaks of; quick to train."""
    project = copy_project(tmp_path_factory.mktemp("readme") / "project")
    run_stage("demo", project / "my")
    run_stage("demo-encoder", project / "my/words.csd", project / "my/encoder")
    own = next(text for kind, text in BLOCKS if kind == "yaml" and "datasets:" in text)
    quick = {
        "models": ["nhfnet", "lmf", "ridge", "mean"],
        "settings": {"nhfnet": {"epochs": 1}, "lmf": {"epochs": 2}},
        "seeds": [1],
        "ablate": False,
        "robustness": False,
    }
    config = yaml.safe_load(own) | quick
    (project / "mine.yaml").write_text(yaml.safe_dump(config))
    return project


def test_there_are_commands():
    assert len(COMMANDS) >= 10
    assert set(COMMANDS) >= ELSEWHERE


@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in ELSEWHERE])
def test_a_command_works(command, project):
    words = shlex.split(command)
    if words[0] == "snakemake" and any(f"results/{name}/" in command for name in CATALOGUE):
        words.append("-n")
    if words[0] == "snakemake":
        words[:1] = ["python", "-m", "snakemake"]
    done = subprocess.run(
        words,
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_own_arrays_are_read(project):
    for text in (text for kind, text in BLOCKS if kind == "python" and "my" in text):
        subprocess.run([sys.executable, "-c", text], cwd=project, env=environment(), check=True)
    files = [f"{name}={project}/my/own_{name}.csd" for name in ("words", "audio")]
    labels = project / "my/own_labels.csd"
    run_stage(
        *("align", "--sequence", *files, "--labels", labels),
        *("--to", "words", "--output", project / "my/own_aligned"),
    )
    run_stage(
        *("import-data", project / "my/own.pkl", "--layout", "mmsa"),
        *("--holds", "embedding", "audio", "vision", "--range", "-3", "3"),
        *("--output", project / "my/own", "--card", project / "my/own/card.json"),
    )
    assert len(np.load(project / "my/own_aligned/labels.npy")) == 1
    assert len(np.load(project / "my/own/train/label.npy")) == 3


CONFIGURATIONS = [text for kind, text in BLOCKS if kind == "yaml" and "title:" not in text]


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_a_configuration_is_accepted(text):
    configure(merge({"datasets": ["demo"], "models": ["lmf"], "seeds": [1]}, yaml.safe_load(text)))


def test_the_catalogue_is_there():
    assert all(f"`{name}`" in README for name in CATALOGUE if not name.endswith("_unaligned"))


def test_own_files_make_a_leaderboard(project):
    """After the command above."""
    board = (project / "results/mine/leaderboard.md").read_text()
    assert all(f"| {model}" in board for model in ("nhfnet", "lmf", "ridge", "mean"))
    assert "vision" in board
    assert "Dropped segments" in (project / "data/mine/clean/card.md").read_text()


def test_an_encoder_that_changes_in_its_place_is_read_again(project):
    plan = ("-n", "--configfile", "mine.yaml", "--", "results/mine/ridge.json")
    snakemake(project, *plan[1:])  # the demo was made again since
    assert "Nothing to be done" in snakemake(project, *plan).stdout
    run_stage("demo-encoder", project / "my/words.csd", project / "my/encoder", "--seed", 5)
    found = snakemake(project, *plan).stdout
    assert all(re.search(rf"^{rule} +1$", found, re.M) for rule in ("encode", "train", "summarize"))


def test_settings_examples_are_valid():

    example = next(text for kind, text in BLOCKS if kind == "yaml" and "demo/nhfnet" in text)
    given = {"datasets": ["demo"], "models": ["lmf"], "seeds": [1], **yaml.safe_load(example)}
    assert run_settings(configure(given), "demo", "nhfnet", 1)["hyperparameters"]["epochs"] == 20


def test_links_lead_somewhere():
    for target in re.findall(r"\]\((?!http)([^)]+)\)", README):
        assert (ROOT / target).exists(), target
