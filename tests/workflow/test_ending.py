"""The last lines of a run: where the results lie, or why a job failed."""

import re
import shutil

import pytest
import yaml
from running import snakemake

QUICK = {
    "datasets": ["demo"],
    "models": ["mean"],
    "seeds": [1],
    "robustness": False,
    "ablate": False,
}
ALIGNED = "data/demo/aligned"
WHY = "error: data/demo/raw/audio.csd: expected an HDF5 file (.csd), got one that cannot be opened"
ENDED = "Exiting because a job execution failed"


@pytest.fixture
def faulty(project, demo_files):
    """A project whose audio is no .csd file."""
    shutil.copytree(demo_files, project / "data/demo/raw")
    (project / "data/demo/raw/audio.csd").write_text("<html>not found</html>")
    return project


def ending(project, *arguments):
    """All that a failing Snakemake prints, and what of it follows the last job."""
    done = snakemake(project, *arguments, check=False)
    assert done.returncode == 1
    text = done.stdout + done.stderr
    return text, text.partition(ENDED)[2] or text


@pytest.mark.parametrize("quiet", [[], ["--quiet", "progress", "rules"], ["--quiet", "all"]])
def test_a_failed_job_says_why_once_and_at_the_end(faulty, quiet):
    text, last = ending(faulty, *quiet, "--", ALIGNED)
    assert text.count("expected an HDF5 file") == 1
    assert f"\nFailed: align, logs/demo/align.log\n{WHY}" in last
    assert (faulty / "logs/demo/align.log").read_text().count(WHY) == 1


def test_each_failed_job_says_why(faulty):
    recipe = yaml.safe_load((faulty / "workflow/recipes/data/demo.yaml").read_text())
    recipe |= {"sequences": {n: f"data/demo/raw/{n}.csd" for n in recipe["sequences"]}}
    (faulty / "two.yaml").write_text(yaml.safe_dump({"recipes": {"other": recipe}}))
    text, last = ending(
        faulty, "--configfile", "two.yaml", "--keep-going", "--", ALIGNED, "data/other/aligned"
    )
    assert text.count("expected an HDF5 file") == 2
    for name in ("demo", "other"):
        assert f"Failed: align, logs/{name}/align.log\n{WHY}" in last


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("raise ValueError('a bug')", "error: ValueError: a bug"),
        ("import os; os.kill(os.getpid(), 9)", "error: its log has none; it was killed perhaps"),
    ],
)
def test_a_bug_and_a_killed_job(faulty, code, why):
    stage = faulty / "msa/data/align.py"
    stage.write_text(f"{stage.read_text()}\n{code}\n")
    text, last = ending(faulty, "--", ALIGNED)
    assert text.count(why) == 1 and why in last
    assert "Traceback (most" not in text


@pytest.mark.slow
def test_a_job_on_a_cluster_says_why_once(faulty, cluster):
    """Although it is tried again, and its node has a terminal of its own."""
    options = ["--workflow-profile", "kubernetes", "--retries", "1"]
    options += ["--seconds-between-status-checks", "1"]
    text, last = ending(faulty, *options, "--", ALIGNED)
    assert text.count("Trying to restart job") == 1
    assert text.count("expected an HDF5 file") == 1
    assert f"Failed: align, logs/demo/align.log\n{WHY}" in last


def said(project, *arguments):
    done = snakemake(project, "--configfile", "quick.yaml", *arguments)
    return re.findall(r"^(?:Table|Page): .*$", done.stdout + done.stderr, re.M)


@pytest.mark.slow
def test_where_the_results_lie(project):
    """Two lines, of what a run made; none where it made neither."""
    paths = {"paths": {"results": "elsewhere/r"}}
    (project / "quick.yaml").write_text(yaml.safe_dump(QUICK | paths))
    assert said(project, "-n") == []
    assert said(project, "--", "elsewhere/r/demo/mean.json") == []
    table, page = "elsewhere/r/demo/leaderboard.md", "elsewhere/r/report/index.html"
    assert said(project, "--quiet", "progress", "rules") == [f"Table: {table}", f"Page: {page}"]
    assert (project / table).is_file() and (project / page).is_file()
    assert said(project) == []
    (project / page).unlink()
    assert said(project) == [f"Page: {page}"]
