"""Transfer in the workflow: from two tables to a model's scores on the other one, and the page."""

import shutil

import numpy as np
import pandas as pd
import pytest
import yaml
from running import run_stage, snakemake

RECIPE = {
    "import": "table",
    "align": "none",
    "holds": ["audio", "vision"],
    "task": {"type": "regression", "targets": ["sentiment"], "range": [-3, 3]},
}


@pytest.mark.slow
def test_a_model_is_scored_on_another_data_set(project):
    recipes = {}
    for seed, name in enumerate(("here", "there")):
        run_stage("look-alike", "table", f"my/{name}", "--seed", seed, cwd=project)
        files = {part: f"my/{name}/{part}" for part in ("segments.csv", "audio", "vision")}
        recipes[name] = RECIPE | {"files": files}
    config = {"datasets": ["here"], "models": ["ridge", "mean"], "seeds": [1], "recipes": recipes}
    config |= {"transfer": {"train": "here", "test": ["there"]}, "quiet": True}
    (project / "mine.yaml").write_text(yaml.safe_dump(config))
    done = snakemake(project, "--configfile", "mine.yaml")
    frame = pd.read_csv(project / "results/here/ridge.transfer.csv")
    assert set(frame["test"]) == {"there"} and set(frame["rows"]) == {10}
    assert set(frame["seen"]) == {0}
    page = (project / "results/report/index.html").read_text()
    assert "On other data sets" in page and '<td class="text">there</td>' in page
    assert not (project / "data/there/clean").exists()
    again = snakemake(project, "-n", "--configfile", "mine.yaml")
    assert "Nothing to be done" in again.stdout + again.stderr
    assert "Table: " in done.stdout + done.stderr


@pytest.mark.slow
def test_a_twin_under_another_name_gets_the_same_predictions(encoded_demo, tmp_path):
    """Of models that read features and of those that read words."""
    folder = shutil.copytree(encoded_demo, tmp_path / "project")
    models = ["ridge", "cm_bert"]
    config = {"datasets": ["demo"], "models": models, "seeds": [1], "quiet": True}
    config |= {"recipes": {"twin": {"extends": "demo"}}, "settings": {"cm_bert": {"epochs": 1}}}
    config |= {"transfer": {"train": "demo", "test": ["twin"]}}
    (folder / "twin.yaml").write_text(yaml.safe_dump(config))
    tables = [f"results/demo/{model}.transfer.csv" for model in models]
    predicted = [f"runs/demo/{model}/main/all/1/predictions" for model in models]
    clean = [f"{run}/clean.npz" for run in predicted]
    snakemake(folder, *tables, *clean, "--configfile", "twin.yaml")
    for run in predicted:
        own, other = (np.load(folder / run / f"{n}.npz") for n in ("clean", "transfer-twin"))
        for key in ("ids", "truth", "prediction"):
            np.testing.assert_array_equal(other[key], own[f"test/{key}"])
