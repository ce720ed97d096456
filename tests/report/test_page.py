"""The page: its numbers and figures, and what a real browser makes of it."""

import html
import json
import os
import re
import shutil
import subprocess
import sys

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from browsing import chromium as find_chromium
from running import copy_project, snakemake

from msa.report.figures import bars, curves, styles
from msa.report.illustrate import _binned
from msa.report.page import figure_files, page, section
from msa.report.studies import STAGES, experts

# asked of the page by itself, so that a browser's printed document answers
PROBE = """<script>
const problems = [];
window.addEventListener("error", event => problems.push(event.message));
console.error = (...words) => problems.push(words.join(" "));
</script>"""
ASK = """<script>
const first = document.querySelector("table.sortable");
const names = () => [...first.tBodies[0].rows].map(row => row.cells[0].textContent).join(",");
const button = [...first.querySelectorAll("button")].find(b => b.textContent == "MAE");
const answers = [names()];
button.click(); answers.push(names());
button.click(); answers.push(names());
answers.push(button.parentElement.getAttribute("aria-sort"));
answers.push(document.documentElement.scrollWidth <= window.innerWidth);
document.body.style.width = "390px"; // a phone's, narrower than a window of Chromium can be
answers.push(document.body.scrollWidth <= 390);
document.body.style.width = "";
answers.push(performance.getEntriesByType("resource").length);
answers.push(matchMedia("(prefers-color-scheme: dark)").matches);
answers.push(getComputedStyle(document.body).backgroundColor);
document.getElementById("theme").click();
answers.push(getComputedStyle(document.body).backgroundColor);
document.title = JSON.stringify({answers, problems});
</script>"""


@pytest.fixture(scope="module")
def project(tmp_path_factory, encoded_demo):
    """A small demo from end to end."""
    folder = shutil.copytree(encoded_demo, tmp_path_factory.mktemp("report") / "project")
    config = (
        "{datasets: [demo], models: [lmf, ridge, mean], seeds: [1], settings: {lmf: {epochs: 2}}}"
    )
    (folder / "quick.yaml").write_text(config)
    snakemake(folder, "--configfile", "quick.yaml")
    return folder


@pytest.fixture(scope="module")
def chromium():
    return find_chromium()


def browse(chromium, folder, text, *flags):
    """The page's answers to PROBE and ASK."""
    text = text.replace("<head>", f"<head>{PROBE}").replace("</body>", f"{ASK}</body>")
    (folder / "page.html").write_text(text)
    command = [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom", *flags]
    command += [f"--user-data-dir={folder}/profile", (folder / "page.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    title = re.search(r"<title>(.*?)</title>", done.stdout)[1]
    return json.loads(html.unescape(title))


@pytest.mark.slow
def test_a_browser_shows_and_sorts_it(project, chromium, tmp_path):
    text = (project / "results/report/index.html").read_text()
    found = browse(chromium, tmp_path, text, "--window-size=1200,900")
    as_is, up, down, direction, fits, phone, requests, dark, *papers = found["answers"]
    assert found["problems"] == []
    board = pd.read_csv(project / "results/demo/leaderboard.csv").query("kind == 'system'")
    expected = ",".join(board.sort_values("mae_mean")["model"])
    assert as_is == up == expected
    assert down == ",".join(reversed(expected.split(",")))
    assert direction == "descending" and fits and phone and requests == 0 and not dark
    assert papers == ["rgb(255, 255, 255)", "rgb(20, 24, 28)"]


@pytest.mark.slow
def test_a_phone_and_the_dark(project, chromium, tmp_path):
    text = (project / "results/report/index.html").read_text()
    flags = ("--window-size=500,900", "--blink-settings=preferredColorScheme=0")
    *_, fits, phone, _, dark, background, after = browse(chromium, tmp_path, text, *flags)[
        "answers"
    ]
    assert fits and phone and dark
    assert (background, after) == ("rgb(20, 24, 28)", "rgb(255, 255, 255)")


@pytest.mark.slow
def test_nothing_comes_from_elsewhere(project):
    text = (project / "results/report/index.html").read_text()
    assert not re.findall(r"""(?:src|href)=["'](?!#|data:)[^"']*""", text)
    assert "@import" not in text and "url(http" not in text


@pytest.mark.slow
def test_what_it_holds(project):
    text = (project / "results/report/index.html").read_text()
    board = pd.read_csv(project / "results/demo/leaderboard.csv")
    for mean in board["mae_mean"]:
        assert f"{mean:.3f}" in text
    for title in ("Learning curves", "Calibration of the sign", "Size and score", "Data card"):
        assert title in text
    known = json.loads((project / "features/demo/demo/pieces.json").read_text())
    assert "Pieces of the text encoder" in text
    for fold, counts in known.items():
        assert counts["unknown"] == 0 < counts["words"] < counts["pieces"]
        assert re.search(f"<td[^>]*>{fold}</td>\\s*<td[^>]*>{counts['words']}</td>", text)
    assert "@inproceedings{liu2018efficient" in text
    ids = re.findall(r'<\w+ id="([^"]+)"', text)
    assert len(ids) == len(set(ids))


@pytest.mark.slow
def test_words_of_the_test_segments_and_none_where_they_are_left_out(project):
    folders = project / "results/demo", project / "runs", project / "data"
    with_words, without = section(*folders), section(*folders, words=False)
    words = np.load(project / "data/demo/test/words.npy")[:, 0]
    shown = with_words["errors"]["words"]
    assert " ".join(shown).split() == [word.decode() for word in words]
    assert json.dumps(shown[0]) in page([with_words], [])
    text = page([without], [])
    assert json.dumps(shown[0]) not in text and "Their words are left out" in text


@pytest.mark.slow
def test_licences_that_forbid_commercial_use_are_in_plain_sight(project, tmp_path):
    folder = shutil.copytree(project / "results/demo", tmp_path / "demo")
    rest = project / "runs", project / "data"
    badge = '<strong class="badge">non-commercial</strong>'
    plain = page([section(folder, *rest)], [])
    assert ">Licences</h3>" in plain and badge not in plain
    entry = {"what": "vision", "name": "OpenFace", "licence": "<academic>", "noncommercial": True}
    for path in (folder / f"{model}.json" for model in ("lmf", "ridge", "mean")):
        result = json.loads(path.read_text())
        result["provenance"]["licences"] += [entry, entry | {"noncommercial": None}]
        path.write_text(json.dumps(result))
    text = page([section(folder, *rest)], [])
    title, table = text.index('<h2 id="demo">'), text.index('<h3 id="licences-demo">')
    board = text.index('<table class="sortable board">')
    assert title < text.index(badge) < board and text.count(badge) == 2
    assert "vision OpenFace (&lt;academic&gt;)" in text[title:board]
    assert "not known</td>" in text[table:]


@pytest.mark.slow
def test_what_each_job_took(project):
    text = (project / "results/report/index.html").read_text().partition("<summary>Cost")[2]
    rows = re.findall(r"<tr><th scope=\"row\">(.*?)</tr>", text.partition("</table>")[0], re.S)
    cells = [re.sub(r"<[^>]*>", " ", row).split() for row in rows]
    found = [tuple(row[:3]) for row in cells]
    for stage in ("train", "perturb"):
        assert ("lmf", stage, "1") in found
    assert (
        [row[1] for row in cells].count("align") == [row[1] for row in cells].count("encode") == 1
    )
    [train] = [row for row in cells if row[:2] == ["lmf", "train"]]
    [stored] = [
        job
        for job in json.loads((project / "results/demo/lmf.json").read_text())["provenance"]["cost"]
        if job["stage"] == "train"
    ]
    seconds, cpu_seconds, memory = (float(text.replace(",", "")) for text in train[3:])
    assert seconds == pytest.approx(stored["seconds"], abs=0.06)
    assert cpu_seconds == pytest.approx(stored["cpu_seconds"], abs=0.06)
    assert memory == pytest.approx(stored["memory_mb"], abs=0.6)


@pytest.mark.slow
def test_the_same_files_give_the_same_bytes(project):
    folders = project / "results/demo", project / "runs", project / "data"
    made = [page([section(*folders)], ["@a{b}"]) for _ in range(2)]
    assert made[0] == made[1]
    files = dict(figure_files([section(*folders)]))
    on_disk = {p.name: p.read_text() for p in (project / "results/report/figures").glob("*.svg")}
    assert files == on_disk and len(files) >= 6


@pytest.mark.slow
def test_a_footnote_where_many_words_have_no_rows(project, tmp_path):
    folder = shutil.copytree(project / "results/demo", tmp_path / "demo")
    for path in (folder / f"{model}.json" for model in ("lmf", "ridge", "mean")):
        result = json.loads(path.read_text())
        audio = result["coverage"]["test"]["audio"]
        assert audio["unit"] == "words" and 20 * audio["without_rows"] <= audio["total"]
        audio |= {"total": 50, "without_rows": 19}
        path.write_text(json.dumps(result))
    footnote = " test: 19 of 50 words (38.0%) have no row of audio: zeros stand in their place.</p>"
    rest = project / "runs", project / "data"
    assert footnote in page([section(folder, *rest)], [])
    assert "have no row of" not in page([section(project / "results/demo", *rest)], [])


@pytest.mark.slow
def test_the_gain_over_the_encoder_alone(project, tmp_path):
    """Of what reads words through the same encoder; where it is not among the models, no column."""
    folder = shutil.copytree(project / "results/demo", tmp_path / "demo")
    runs = shutil.copytree(project / "runs", tmp_path / "runs")
    (runs / "demo/ridge").rename(runs / "demo/text_only")
    (folder / "ridge.json").rename(folder / "text_only.json")
    for path in (path for path in folder.glob("*.*") if path.suffix != ".npz"):
        path.write_text(re.sub(r"\bridge\b", "text_only", path.read_text()))
    data = project / "data"
    text = page([section(folder, runs, data)], [])
    assert "<button>gain</button>" in text
    [lmf] = re.findall(r'<tr><th scope="row">lmf</th>.*?</tr>', text, re.S)[:1]
    [shown] = re.findall(r'<td class="gain">([+-][^<]*) <span class="spread">\[', lmf)
    comparisons = json.loads((folder / "comparisons.json").read_text())
    pairs = comparisons["targets"]["sentiment"]["mae"]
    [pair] = [p for p in pairs if {p["first"], p["second"]} == {"lmf", "text_only"}]
    assert shown.rstrip("*") == f"{-pair['difference']:+.3f}"
    assert comparisons["encoders"] == {"lmf": "demo", "text_only": "demo", "mean": None}
    assert "by how much better MAE is than that of text_only" in text
    plain = page([section(project / "results/demo", project / "runs", data)], [])
    assert "<button>gain</button>" not in plain and "by how much better" not in plain


@pytest.mark.slow
def test_a_seed_that_did_not_learn_is_said(project, tmp_path):
    folder = shutil.copytree(project / "results/demo", tmp_path / "demo")
    rest = project / "runs", project / "data"
    result = json.loads((folder / "lmf.json").read_text())
    for learned in (True, False):
        result["learned"] = {"1": learned}
        (folder / "lmf.json").write_text(json.dumps(result))
        said = "lmf: seed 1 did not learn: no better on" in page([section(folder, *rest)], [])
        assert said == (not learned)


@pytest.mark.slow
def test_the_graph_is_the_same_in_every_process(project):
    command = [sys.executable, "-c", "from msa.report.studies import stages; print(stages())"]
    drawn = {
        subprocess.run(
            command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "1")
    }
    assert len(drawn) == 1


@pytest.mark.slow
def test_a_released_checkpoint(project, tmp_path):
    """It has no epochs, no speed and another name in tables; its studies are drawn."""
    folder = shutil.copytree(project / "results/demo", tmp_path / "demo")
    runs = shutil.copytree(project / "runs", tmp_path / "runs")
    (runs / "demo/ridge/main").rename(runs / "demo/ridge/released")
    result = json.loads((folder / "ridge.json").read_text())
    result |= {"variant": "released", "oracle": None}
    for key in ("rows_per_s", "selected_epoch"):
        result[key] = dict.fromkeys(result[key])
    (folder / "ridge.json").write_text(json.dumps(result))
    for name in ("leaderboard.csv", "comparisons.json"):
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace("ridge", "ridge (released)"))
    made = section(folder, runs, project / "data")
    text = page([made], [])
    assert "ridge (released)" in text and "None" not in text
    assert "ridge (released)" in dict(figure_files([made]))["demo.sentiment.robustness.svg"]


@pytest.mark.slow
def test_snakemakes_own_report(project):
    snakemake(project, "--configfile", "quick.yaml", "--report", "report.zip")
    shutil.unpack_archive(project / "report.zip", project / "unpacked")
    text = (project / "unpacked/report/report.html").read_text()
    for word in ("Figures", "Tables", "Results", "learning-curves", "leaderboard"):
        assert word in text
    for rule_name in ("train", "perturb"):  # of its run times
        assert re.search(rf'"rule": "{rule_name}"', text)


def test_bins_have_equally_many():
    values, hits = np.arange(40.0)[::-1], np.arange(40)[::-1] >= 20
    x, share = _binned(values, hits)
    assert x[0] == 1.5 and len(x) == 10
    assert share.tolist() == [0] * 5 + [1] * 5


def test_figures_have_no_ids_in_common():
    score = {"a": {"mean": 1.0, "ci95": [0.5, 1.5]}, "b": {"mean": 2.0, "ci95": None}}
    history = pd.DataFrame({"epoch": [1, 2], "train_loss": [2, 1.0], "valid_loss": [2, 1.5]})
    drawn = [bars(score, "MAE", styles(["a", "b"])), curves({"a": [(history, 2)]})]
    ids = [set(re.findall(r'id="([^"]+)"', text)) for text in drawn]
    assert not ids[0] & ids[1]
    for text in drawn:
        used = set(re.findall(r'(?:href="#|url\(#)([\w-]+)', text))
        assert used <= set(re.findall(r'id="([^"]+)"', text))
        assert "currentColor" in text and "#010203" not in text


def test_equal_predictions_are_one_bin():
    x, share = _binned(np.full(40, 0.2), np.arange(40) < 10)
    assert x.tolist() == pytest.approx([0.2]) and share.tolist() == [0.25]


SEGMENT = {"id": "v[0]", "truth": [1.0], "prediction": [0.5], "chosen": ["median error"]}


@pytest.mark.slow
def test_segments_show_their_words(project, tmp_path):
    """CM-BERT's attention; a dollar is no formula, and a word no markup."""
    folder = shutil.copytree(project / "results/demo", tmp_path / "demo")
    words = ["<b>cost", "$5", "or$"]
    one = SEGMENT | {"words": words, "attention": np.eye(3).tolist()}
    head = {"kind": "attention", "target": "all", "seed": 1}
    (folder / "lmf.segments.json").write_text(json.dumps(head | {"segments": [one]}))
    text = page([section(folder, project / "runs", project / "data")], [])
    assert "Attention of lmf, segment 1" in text and "median error" in text
    assert "$5" in text and "<b>cost" not in text
    without = section(folder, project / "runs", project / "data", words=False)
    assert "$5" not in page([without], [])


def test_experts_of_each_modality():
    loads = {"words": [[0.25, 0.75]], "names": ["expert 1", "expert 2"]}
    drawn = experts(SEGMENT | {"words": ["a b"], "experts": {"text": loads, "audio": loads}})
    assert ">text</text>" in drawn and ">expert 2</text>" in drawn


def test_the_graph_is_the_workflows(tmp_path):
    """What the page draws, against what Snakemake says of the demo."""
    folder = copy_project(tmp_path / "project")
    dot = snakemake(folder, "--rulegraph").stdout
    names = dict(re.findall(r'(\d+)\[label = "(\w+)"', dot))
    # what copies a training stands for it
    names = {i: "train" if name == "share_training" else name for i, name in names.items()}
    edges = {(names[a], names[b]) for a, b in re.findall(r"(\d+) -> (\d+)", dot)}
    found = nx.transitive_reduction(nx.DiGraph(edges - {("train", "train")}))
    found.remove_node("all")
    assert set(found.edges) == {(first, then) for then in STAGES for first in STAGES[then]}
