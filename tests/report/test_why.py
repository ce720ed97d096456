"""The page's section on why numbers differ: what it draws, its tables, and its markup."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import pytest
from scored import result, spread

from msa.report.page import TEMPLATE
from msa.report.trained import Model
from msa.report.why import lines, look, why
from msa.results.protocols import COLUMNS

NAMES = ["ours", "best_test_per_metric", "best_test_epoch:mae", "best_seed", "nonzero_rows"]


def rows(model: str, metric: str, **flattery: float) -> list[dict[str, Any]]:
    sign = -1 if metric == "mae" else 1
    return [
        {
            "model": model,
            "target": "sentiment",
            "metric": metric,
            "protocol": name.replace("__", ":"),
        }
        | {"mean": 0.9 + sign * by, "std": 0.02, "flattery": by, "version": "1"}
        for name, by in {"ours": 0.0, **flattery}.items()
    ]


@pytest.fixture
def shown(tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """What the page shows of two models; mean has no epochs and comes first in the table."""
    frame = [
        *rows("mean", "mae", nonzero_rows=-0.03),
        *rows("mean", "corr"),
        *rows("lmf", "mae", best_test_per_metric=0.05, best_test_epoch__mae=0.05, best_seed=0.0),
        *rows("lmf", "corr", best_test_per_metric=0.125, best_seed=-0.0001),
        *rows("gone", "mae", best_seed=5.0),
    ]
    pd.DataFrame(frame, columns=list(COLUMNS)).to_csv(tmp_path / "protocols.csv", index=False)
    told = [
        ("mae", "unknown", 0.7, "", "released"),
        ("mae_non0", "nonzero_rows", 0.6, "", "released"),
        ("mae", "ours", 0.5, "beta=0", ""),
        ("corr", "ours", 0.4, "", "released"),
        ("mae", "ours", 0.3, "", "reconstruction"),
    ]
    columns = ["metric", "protocol", "published", "variant", "authority"]
    figures = pd.DataFrame(told, columns=columns).assign(model="lmf", target="sentiment")
    figures.to_csv(tmp_path / "published.csv", index=False)

    def make(*names: str) -> list[dict[str, Any]]:
        scores = {"sentiment": {"mae": spread(0.9), "corr": spread(0.9)}}
        return why(tmp_path, [Model(result(name, scores), [], {}) for name in names])

    return make


def test_a_line_a_model_and_a_table_a_metric(shown):
    [part] = shown("lmf", "mean")
    mae, corr = part["tables"]
    assert [mae["title"], corr["title"]] == ["MAE", "Corr"]
    # in the protocols' order, whichever model has them first
    assert mae["columns"] == NAMES[1:]
    assert corr["columns"] == ["best_test_per_metric", "best_seed"]
    assert mae["lines"] == [
        {"name": "lmf", "ours": "0.900 ± 0.020", "cells": ["+0.050", "+0.050", "0.000", ""]},
        {"name": "mean", "ours": "0.900 ± 0.020", "cells": ["", "", "", "-0.030"]},
    ]
    assert corr["lines"][0]["cells"] == ["+0.125", "0.000"]  # no sign before nothing
    assert part["most"].startswith("best_test_per_metric flatters most: MAE by 0.050")
    assert [name for name, _ in part["words"]] == NAMES[1:] and all(t for _, t in part["words"])


def test_what_was_published_is_marked(shown, monkeypatch):
    """Of all names of the metric; not of variants, and not of what ours reconstructs."""
    drawn = []
    monkeypatch.setattr("msa.report.why.lines", lambda *arguments: drawn.append(arguments) or "")
    shown("lmf", "mean")
    [(frame, names, order, published, title)] = drawn
    assert published == {"lmf": [0.7, 0.6]} and title == "MAE" and order == ["lmf", "mean"]
    assert set(frame["metric"]) == {"mae"} and set(frame["model"]) == {"lmf", "mean"}
    # another tick in the same place would cover that of best_test_per_metric
    assert names == [name for name in NAMES if name != "best_test_epoch:mae"]


def test_the_figure():
    frame = pd.DataFrame([*rows("lmf", "mae", best_seed=0.1), *rows("mean", "mae")])
    drawn = lines(frame, ["ours", "best_seed"], ["lmf", "mean"], {"lmf": [0.7]}, "MAE")
    for text in ("lmf", "mean", "best_seed", "ours", "published", "MAE"):
        assert f">{text}</text>" in drawn
    assert "currentColor" in drawn and "#010203" not in drawn
    assert drawn == lines(frame, ["ours", "best_seed"], ["lmf", "mean"], {"lmf": [0.7]}, "MAE")
    assert ">published<" not in lines(frame, ["ours"], ["lmf", "mean"], {}, "MAE")


def test_what_is_undefined_has_no_tick():
    frame = pd.DataFrame([*rows("lmf", "corr", best_seed=float("nan")), *rows("mean", "corr")])
    drawn = lines(frame, ["ours", "best_seed"], ["lmf", "mean"], {}, "Corr")
    assert ">best_seed<" not in drawn and ">lmf</text>" in drawn


def test_no_two_protocols_look_the_same():
    names = ["best_test_per_metric", "last_epoch", "valid_and_test", "best_seed", "clipped"]
    styles = [tuple(style.values()) for _, style in look([*names, "best_seed_and_epoch"])]
    assert len(set(styles)) == len(styles) == 6


def test_the_markup_is_escaped_and_its_styles_stand_once(shown):
    [part] = shown("lmf", "mean")
    part["tables"][0]["lines"][0]["name"] = "<b>lmf"
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE), autoescape=True, undefined=jinja2.StrictUndefined
    )
    template = environment.get_template("why.html")
    first, then = (
        template.render(s={"name": "<i>", "why": [part]}, loop={"first": first})
        for first in (True, False)
    )
    assert "<style>" in first and "<style>" not in then
    assert "<b>lmf" not in then and "&lt;b&gt;lmf" in then and "<i>" not in then
    assert "best_<wbr>test_<wbr>epoch<wbr>:mae</button>" in then
    cells = re.findall(r'<td class="better">(.*?)</td>', then)
    assert cells == ["+0.050", "+0.050", "+0.125"]
