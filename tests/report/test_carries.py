"""Parts of the test fold on the page, and probes in the data card."""

import json
import re

import jinja2
import pandas as pd
import pytest

from msa.report.carries import carries
from msa.report.page import TEMPLATE
from msa.report.trained import Model

SCORES = {"valid": {"mae": 0.7}, "test": {"mae": 0.8}}
PROBE = {"alpha": 1.0, "columns": 3, "parameters": 4, "wall_time_s": 0.1}
COLUMNS = ["model", "target", "subset", "rows", "metric", "mean", "std"]


def models(*names):
    return [Model({"model": name}, [], {}) for name in names]


@pytest.fixture
def folder(tmp_path):
    """Of a probe that carries, one that does not, and a data set whose names are no markup."""
    probes = {
        name: {**PROBE, "carries": {"<b>": name == "text"}, "targets": {"<b>": SCORES}}
        for name in ("text", "audio")
    }
    content = {"left_out": {"vision": "all zeros"}, "settings": "adapted", "probes": probes}
    (tmp_path / "modalities.json").write_text(json.dumps(content))
    lines = [
        ["ridge", "<b>", "all", 9, "mae", 0.75, 0.125],
        ["<i>lmf", "<b>", "all", 9, "mae", 0.5, 0.0],
        ["ridge", "<b>", "worst tenth of videos", 2, "mae", 0.875, 0.125],
    ]
    pd.DataFrame(lines, columns=COLUMNS).to_csv(tmp_path / "subsets.csv", index=False)
    return tmp_path


def rendered(found):
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("carries.html").render(s={"name": "demo", "carries": found})


def test_the_table(folder):
    text = rendered(carries(folder, models("ridge"), "mae"))
    names = re.findall(r'<th scope="row">(.*?)</th>', text)
    assert names == ["&lt;i&gt;lmf", "ridge"]  # the best first, and as text
    assert "<button>all (9)</button>" in text
    assert re.search(r'<td>0.875 <span class="spread"> ± 0.125</span></td>', text)
    assert "<td></td>" in text  # what a model has none of
    assert "Vision has no probe: all zeros." in text and "Audio alone is not clearly" in text
    assert text == rendered(carries(folder, models("ridge"), "mae"))


def test_the_data_card(folder):
    card = carries(folder, models("lmf", "ridge"), "mae")["card"]
    assert card.startswith("\n## What each modality carries\n")
    assert "| text" in card and "| mae (valid)" in card and "0.800" in card
    # left of an earlier run, in which ridge was among the models
    without = carries(folder, models("lmf"), "mae")
    assert without["card"] == "" and "probe" not in without["note"].partition(". ")[2]


def test_without_files_there_is_nothing(tmp_path):
    assert rendered(carries(tmp_path, models("ridge"), "mae")).strip() == ""
