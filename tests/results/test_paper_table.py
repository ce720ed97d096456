"""The table for a paper."""

import re
import shutil
import subprocess

import pandas as pd
import pytest
from scored import emotions, result, sentiment, spread

from msa.results.leaderboard import UNSCORED
from msa.results.paper_table import caption, cells, escape, latex, markdown


def compared(*pairs, metric="mae", targets=("sentiment",)):
    others = {m: [] for m in ("mae", "corr", "acc", "f1")}
    found = [{"first": a, "second": b, "p_holm": p} for a, b, p in pairs]
    bootstrap = {"unit": "video", "n": 12}
    return {
        "resamples": 500,
        "bootstrap": bootstrap,
        "targets": {t: others | {metric: found} for t in targets},
    }


RESULTS = [sentiment("cm_bert", 0.8, 0.9), sentiment("lmf", 1.0), sentiment("mean", 1.4, corr=None)]
PAIRS = compared(("cm_bert", "lmf", 0.2), ("cm_bert", "mean", 0.01), ("lmf", "mean", 0.01))


def test_the_best_and_those_that_are_worse_for_sure():
    shown, marks = cells(RESULTS, PAIRS)
    assert shown["MAE"].tolist() == ["0.850 ± 0.071", "1.000", "1.400"]
    assert marks["MAE"].tolist() == ["best", "", "worse"]
    assert shown["Corr"].tolist() == ["0.500 ± 0.000", "0.500", "n/a"]
    assert marks["Corr"].tolist() == ["best", "best", ""]


def test_each_target_has_its_best():
    pairs = compared(("a", "b", 0.001), metric="f1", targets=("happy", "sad"))
    shown, marks = cells([emotions("a", 0.9, 0.1), emotions("b", 0.2, 0.8)], pairs)
    assert shown.index.tolist() == ["happy: a", "happy: b", "sad: b", "sad: a"]
    assert marks["F1"].tolist() == ["best", "worse", "best", "worse"]


def test_latex_is_sound(tmp_path):
    text = caption(RESULTS, PAIRS)
    made = latex(*cells(RESULTS, PAIRS), text, "demo")
    assert r"cm\_bert & \textbf{0.850}$_{\pm 0.071}$ & \textbf{0.500}" in made
    assert r"1.400$^\dagger$ & n/a \\" in made
    body = made[made.index(r"\midrule") : made.index(r"\bottomrule")]
    assert {line.count("&") for line in body.splitlines() if line.endswith(r"\\")} == {2}
    assert re.findall(r"\\begin\{([\w*]+)\}", made) == ["table*", "tabular"]
    assert re.findall(r"\\end\{([\w*]+)\}", made) == ["tabular", "table*"]
    assert made.count("{") == made.count("}")
    assert "validation fold selects" in made and "500 resamples" in made and "p $<$ 0.05" in made


def test_the_caption_says_what_the_metrics_are():
    assert "over 1 or 2 seeds" in caption(RESULTS, PAIRS)
    assert caption(RESULTS, PAIRS).endswith(UNSCORED)
    happy = caption([emotions("a", 0.9, 0.1)], compared(targets=("happy", "sad")))
    assert "F1: weighted" in happy and "Acc7" not in happy


def test_a_table_of_sims():
    keys = ("mae", "corr", "acc2_sims", "f1_sims", "acc3_sims", "acc5_sims")
    results = [
        result(name, {"sentiment": {key: spread(value) for key in keys}})
        for name, value in {"a": 0.6, "b": 0.5}.items()
    ]
    pairs = compared(("a", "b", 0.01), metric="acc5_sims")
    pairs["targets"]["sentiment"] |= {key: [] for key in keys[2:5]}
    shown, marks = cells(results, pairs)
    assert [*shown] == ["MAE", "Corr", "Acc2 SIMS", "F1 SIMS", "Acc3 SIMS", "Acc5 SIMS"]
    assert marks["MAE"].tolist() == ["best", ""] and shown.index[0] == "b"
    assert marks["Acc5 SIMS"].tolist() == ["worse", "best"]
    text = caption(results, pairs)
    assert "clipped to [-1, 1]" in text and "Acc5 at -0.7, -0.1, 0.1 and 0.7" in text
    assert text.count("F1: weighted") == 1 and "`metrics`" not in text


def test_the_caption_says_what_is_resampled():
    assert "resamples of the 12 test videos, each with all its segments, Holm" in caption(
        RESULTS, PAIRS
    )
    assert "does not mean equal. So few videos make" in caption(RESULTS, PAIRS)
    alone = PAIRS | {"bootstrap": {"unit": "video", "n": 1}}
    assert "No daggers: one video alone cannot be resampled." in caption(RESULTS, alone)


def test_latex_compiles(tmp_path):
    if not shutil.which("pdflatex"):
        pytest.skip("no pdflatex here")
    text = caption(RESULTS, PAIRS) + " a_b & 50% {x} #1 $ ^ ~ \\ < >"
    shown, marks = cells(RESULTS, PAIRS)
    wide = [
        pd.concat([part.add_suffix(str(i)) for i in range(6)], axis=1) for part in (shown, marks)
    ]
    made = latex(*wide, text, "demo")
    document = (
        "\\documentclass{article}\\usepackage{booktabs,graphicx}\\begin{document}\n"
        f"{made}\n\\end{{document}}\n"
    )
    (tmp_path / "paper.tex").write_text(document)
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout


def test_escape():
    assert escape("a_b & 50% {x} ±") == r"a\_b \& 50\% \{x\} $\pm$"


def test_markdown():
    text = markdown(*cells(RESULTS, PAIRS), "What it is.")
    assert "| cm_bert | **0.850 ± 0.071** |" in text
    assert "1.400†" in text and text.endswith("What it is.\n")
