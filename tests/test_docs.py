"""README and docs/: every command is run where it needs no download, dry-run where it does."""

import re
import shlex
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
import yaml
from running import ROOT, copy_project, environment, run_stage, snakemake

from msa import __version__
from msa.config.check import configure
from msa.config.layers import merge
from msa.config.settings import run_settings
from msa.models import MODELS

# in the order in which they are read
TOPICS = (
    "data own_data models training results studies predict share cluster extending faults "
    "own_videos"
).split()
PAGES = ["README.md", *(f"docs/{topic}.md" for topic in TOPICS)]
TEXTS = {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES}
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)
BLOCKS = [(page, *block) for page in PAGES for block in BLOCK.findall(TEXTS[page])]
RECIPES = [path.stem for path in (ROOT / "workflow/recipes/data").glob("*.yaml")]
PUBLISHED = set(RECIPES) - {"demo"}
# .ci/run runs these, and the third changes the shell it is typed into
ELSEWHERE = {"make demo", "make demo-video", "make test", "source .venv/bin/activate"}
# what makes a configuration of one's own quick to train
QUICK = {
    "models": ["nhfnet", "lmf", "ridge", "mean"],
    "settings": {"nhfnet": {"epochs": 1}, "lmf": {"epochs": 2}},
    "seeds": [1],
    "ablate": False,
    "robustness": False,
}


@dataclass(frozen=True)
class Command:
    """A line to type, and what mine.yaml holds by then."""

    line: str
    mine: str

    def __str__(self):
        return self.line


def commands():
    """All, in reading order; a line that goes on after a backslash is one."""
    mine = ""
    for _, kind, text in BLOCKS:
        if kind == "yaml" and "datasets:" in text:
            mine = text
        if kind == "bash":
            for line in text.replace("\\\n", " ").splitlines():
                yield Command(" ".join(line.split()), mine)


COMMANDS = list(commands())
# make demo-video runs it
CLIP = next(c.line for c in COMMANDS if "--page" in c.line)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A fresh copy, in which every command is typed in its turn."""
    return copy_project(tmp_path_factory.mktemp("docs") / "project")


def type_in(folder, words, **variables):
    """What the Snakemake of this environment prints, given exactly these words."""
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env=environment(**variables),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_there_are_commands():
    assert len(COMMANDS) >= 10
    assert {command.line for command in COMMANDS} >= ELSEWHERE


def test_make_predicts_for_a_new_clip_as_the_docs_say():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    assert CLIP in " ".join(makefile.split())


def test_every_page_is_read():
    assert {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")} == set(PAGES[1:])


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", [c for c in COMMANDS if c.line not in {*ELSEWHERE, CLIP}], ids=str
)
def test_a_command_works(command, project):
    words = shlex.split(command.line)
    if command.mine:
        config = yaml.safe_load(command.mine) | QUICK
        (project / "mine.yaml").write_text(yaml.safe_dump(config))
    if words[:3] == ["python", "-m", "msa"]:
        run_stage(*words[3:], cwd=project)
        return
    assert words[0] == "snakemake"
    if any(f"results/{name}/" in command.line for name in PUBLISHED):
        words.append("-n")
    type_in(project, words)


@pytest.mark.slow
def test_own_arrays_are_read(project):
    """After the commands above, which make the folder."""
    for text in (text for _, kind, text in BLOCKS if kind == "python" and "my" in text):
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


def test_another_workflow_plans_with_this_one_as_its_module(tmp_path):
    [text] = [text for _, kind, text in BLOCKS if kind == "snakemake"]
    assert "../msa/Snakefile" in text
    (tmp_path / "Snakefile").write_text(text.replace("../msa", str(ROOT)))
    (tmp_path / "config.yaml").write_text((ROOT / "config.yaml").read_text())
    planned = type_in(tmp_path, ["snakemake", "-n"], PYTHONPATH=str(ROOT))
    assert re.search(r"^msa_train +2$", planned, re.M)
    assert "output: mine.json" in planned


CONFIGURATIONS = [text for _, kind, text in BLOCKS if kind == "yaml" and "title:" not in text]


@pytest.mark.slow
@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_a_configuration_is_accepted(text, project, monkeypatch):
    """After the commands above, which make the files that it names."""
    monkeypatch.chdir(project)
    configure(merge({"datasets": ["demo"], "models": ["lmf"], "seeds": [1]}, yaml.safe_load(text)))


@pytest.mark.slow
def test_own_files_make_a_leaderboard(project):
    """After the commands above."""
    board = (project / "results/mine/leaderboard.md").read_text()
    assert all(f"| {model}" in board for model in ("nhfnet", "lmf", "ridge", "mean"))
    assert "vision" in board
    assert "Dropped segments" in (project / "data/mine/clean/card.md").read_text()


@pytest.mark.slow
def test_an_encoder_that_changes_in_its_place_is_read_again(project):
    plan = ("-n", "--configfile", "mine.yaml", "--", "results/mine/ridge.json")
    assert "Nothing to be done" in snakemake(project, *plan).stdout
    run_stage("demo-encoder", project / "my/words.csd", project / "my/encoder", "--seed", 5)
    planned = snakemake(project, *plan).stdout
    changed = ("encode", "train", "summarize")
    assert all(re.search(rf"^{rule} +1$", planned, re.M) for rule in changed)


def test_settings_examples_are_valid():
    example = next(text for _, kind, text in BLOCKS if kind == "yaml" and "demo/nhfnet" in text)
    given = {"datasets": ["demo"], "models": ["lmf"], "seeds": [1], **yaml.safe_load(example)}
    assert run_settings(configure(given), "demo", "nhfnet", 1)["hyperparameters"]["epochs"] == 20


def cells(page):
    """The rows of the page's tables, as their cells."""
    lines = [line for line in TEXTS[page].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def names(cell):
    return set(re.findall(r"`(\w+)`", cell))


def test_the_catalogue_is_there():
    table = [cell for row in cells("README.md") for cell in row]
    assert set(RECIPES) <= set().union(*map(names, table))
    explained = set().union(*(names(row[0]) for row in cells("docs/data.md")))
    assert {name for name in RECIPES if not name.endswith("_unaligned")} <= explained


@pytest.mark.parametrize("page", ["README.md", "docs/models.md"])
def test_every_model_is_there(page):
    assert set(MODELS) <= set().union(*(names(row[0]) for row in cells(page)))


@pytest.mark.parametrize("model", MODELS)
def test_what_its_settings_were_published_for(model):
    recipe = yaml.safe_load((ROOT / f"workflow/recipes/models/{model}.yaml").read_text())
    [row] = [row for row in cells("docs/models.md") if model in names(row[0])]
    assert names(row[-1]) == {*recipe.get("published", {})}


def slug(heading):
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


LINKING = [*PAGES, "CONTRIBUTING.md", "CHANGELOG.md"]


@pytest.mark.parametrize("page", LINKING)
def test_links_lead_somewhere(page):
    text = BLOCK.sub("", (ROOT / page).read_text(encoding="utf-8"))
    for target in re.findall(r"\]\((?!http)([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.M)
            assert anchor in map(slug, headings), target


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["version"] == __version__
    assert citation["license"] == (ROOT / "LICENSE").read_text().split()[0]


def test_the_readme_is_short_and_names_every_page():
    assert len(TEXTS["README.md"].splitlines()) <= 150
    assert all(f"]({page})" in TEXTS["README.md"] for page in PAGES[1:])
