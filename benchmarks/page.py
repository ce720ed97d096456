"""The page's table of errors: MOSEI's test fold and twelve models, made up.

Its size beside that of the same predictions as plain JSON, and how long a click in Chromium takes
until all is sorted and shown; the baseline sorts the same numbers and shows nothing.
"""

import json
import re
import shutil
import subprocess
import tempfile
from html import unescape
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader

from benchmarks.timing import row
from msa.report.errors import script
from msa.report.page import TEMPLATE

MODELS = 12
CLICK = """<script>
addEventListener("load", () => {
  const [sorts, plain] = [[], []];
  const box = document.querySelector(".errors");
  const { targets } = JSON.parse(box.querySelector("script").textContent);
  const { value } = targets[0].models.model0;
  for (let i = 0; i < 10; i += 1) {
    const start = performance.now();
    box.querySelector("th:last-child button").click();
    box.querySelector("table").offsetHeight; // laid out
    const middle = performance.now();
    value.map((_, i) => i).sort((a, b) => value[a] - value[b]);
    sorts.push(middle - start);
    plain.push(performance.now() - middle);
  }
  document.title = JSON.stringify({sorts, plain});
});
</script>"""


def content(rows: int) -> dict[str, Any]:
    """What `msa.report.errors.table` gives, of random words and numbers."""
    rng = np.random.default_rng(0)
    words = np.array(
        ["".join(rng.choice(list("etaoinshrdlu"), n)) for n in rng.integers(2, 9, 4000)]
    )
    truth = rng.choice(np.arange(-3000, 3001, 333), rows)
    models = {}
    for k in range(MODELS):
        value = truth + rng.normal(0, 500 + 50 * k, rows).astype(int)
        models[f"model{k}"] = {
            "value": value.tolist(),
            "right": "".join("01"[int(same)] for same in (value > 0) == (truth > 0)),
        }
    return {
        "ids": [f"{''.join(rng.choice(list('abcdefgh_-12'), 11))}[{i % 9}]" for i in range(rows)],
        "words": [" ".join(rng.choice(words, n)) for n in rng.integers(3, 40, rows)],
        **{"total": rows, "classes": None, "signed": True, "models": [*models]},
        "targets": [{"name": "sentiment", "truth": truth.tolist(), "models": models}],
    }


def run(rows: int = 4659) -> list[dict[str, Any]]:
    """MB, and medians of ten clicks in ms where there is a Chromium."""
    table = content(rows)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATE), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    s = {"name": "demo", "errors": table, "errors_json": script(table), "words_left_out": False}
    part = environment.get_template("errors.html").render(s=s, loop={"first": True})
    size, plain = (len(text.encode()) / 1e6 for text in (part, json.dumps(table, indent=1)))
    title = f"table of errors, {rows} segments, {MODELS} models"
    found = [row(title, size, "MB", plain, "page under 5 MB")]
    if chromium := shutil.which("chromium"):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "page.html")
            file.write_text(f"<!doctype html><title></title>{part}{CLICK}", encoding="utf-8")
            flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"]
            done = subprocess.run(
                [chromium, *flags, f"--user-data-dir={folder}/profile", file.as_uri()],
                capture_output=True,
                text=True,
                check=True,
            )
        [answer] = re.findall("<title>(.*?)</title>", done.stdout)
        took = {name: median(times) for name, times in json.loads(unescape(answer)).items()}
        found.append(
            row(f"{title}: a click sorts it", took["sorts"], "ms", took["plain"], "under 100 ms")
        )
    return found
