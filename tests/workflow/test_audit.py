"""The audit through Snakemake: strict stops before any cleaning; else nothing waits for it."""

import json
import re

import numpy as np
import pytest
import yaml
from running import snakemake

from msa.formats import csd

LONG = b"the film was far too long for what it told"
CONFIG = {
    "datasets": ["mine"],
    "models": ["mean"],
    "seeds": [1],
    "recipes": {
        "mine": {
            "sequences": {name: f"my/{name}.csd" for name in ("words", "audio", "labels")},
            "align": "labels",
            "folds": "my/folds.json",
            "speakers": "my/speakers.csv",
            "audit": "strict",
            "task": {"type": "regression", "targets": ["sentiment"], "range": [-3, 3]},
        }
    },
}


@pytest.fixture
def leaking(project):
    """Nine videos of one segment and one speaker each; the second and the last say the same."""
    rng = np.random.default_rng(0)
    videos = [f"v{v}" for v in range(9)]
    times = np.stack([np.arange(10), np.arange(10) + 1.0], axis=1)
    words = {v: np.array([f"{v}w{i}".encode() for i in range(10)])[:, None] for v in videos}
    words["v1"] = words["v8"] = np.array(LONG.split())[:, None]
    (project / "my").mkdir()
    csd.write(project / "my/words.csd", "words", {v: (times, words[v]) for v in videos})
    audio = {v: (times, rng.normal(size=(10, 2))) for v in videos}
    csd.write(project / "my/audio.csd", "audio", audio)
    labels = {v: ([[0.0, 10.0]], [[y]]) for v, y in zip(videos, range(-3, 6), strict=True)}
    labels |= {v: ([[0.0, 10.0]], [[0.5]]) for v in videos[7:]}
    csd.write(project / "my/labels.csd", "labels", labels)
    folds = {"train": videos[:5], "valid": videos[5:7], "test": videos[7:]}
    (project / "my/folds.json").write_text(json.dumps(folds))
    table = "".join(f"{v},s{v}\n" for v in videos)
    (project / "my/speakers.csv").write_text(f"id,speaker\n{table}")
    (project / "mine.yaml").write_text(yaml.safe_dump(CONFIG))
    return project


def planned(project, *targets):
    """The rules of which a dry run has jobs."""
    done = snakemake(project, "-n", "--configfile", "mine.yaml", "--", *targets)
    return {*re.findall(r"^(\w+) +\d+$", done.stdout, re.M)} - {"total"}


@pytest.mark.slow
def test_strict_stops_on_leakage_and_leaves_the_audit(leaking):
    result = "results/mine/mean.json"
    done = snakemake(leaking, "--configfile", "mine.yaml", "--", result, check=False)
    assert done.returncode == 1
    assert "expected no leakage between the folds" in done.stderr
    assert "the text of a train segment, word for word: v1[0] and v8[0]" in done.stderr
    assert "go on as it is with `audit: report` in the recipe" in done.stderr
    folder = leaking / "data/mine"
    assert not (folder / "clean").exists() and not [*leaking.glob("runs/**/training.json")]
    assert "Errors: leakage" in (folder / "audit.md").read_text()
    (error,) = json.loads((folder / "audit.json").read_text())["findings"][:1]
    assert error["examples"] == [["v1[0]", "v8[0]"]]

    # without strict, what is trained waits for no audit, and the page alone asks for it
    config = {**CONFIG, "recipes": {"mine": {**CONFIG["recipes"]["mine"], "audit": "report"}}}
    (leaking / "mine.yaml").write_text(yaml.safe_dump(config))
    (folder / "audit.json").unlink()
    rules = planned(leaking, result)
    assert {"train", "summarize"} <= rules
    assert not {"audit", "refuse_leakage"} & rules
    rules = planned(leaking, "results/report/index.html")
    assert "audit" in rules and "refuse_leakage" not in rules
