"""Every recipe of files that others circulate, from a look-alike to the folds, and to results."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from running import ROOT, copy_project, run_stage, snakemake

from msa.__main__ import main
from msa.base.bibtex import REFERENCES, entries
from msa.config.check import configure
from msa.config.configuration import DEFAULTS
from msa.config.encoders import text_encoder
from msa.config.fits import misfit
from msa.config.settings import run_settings
from msa.config.sources import data_sources
from msa.demo.look_alike import RECIPES
from msa.formats.segments import FOLDS, read

CONFIG = configure({"datasets": [], "models": [], "seeds": [1]})
IMPORTED = [name for name, recipe in CONFIG.recipes.items() if "files" in recipe]
OWN_CSD = [n for n, r in CONFIG.recipes.items() if "files" not in r and n not in RECIPES]


def test_every_source_has_a_look_alike():
    made = {name for name in CONFIG.recipes if name.startswith("demo")}
    assert set(CONFIG.recipes) - made - set(RECIPES) == {
        name for name in OWN_CSD if name.endswith(("_direct", "_unaligned"))
    }


def test_every_file_has_a_mirror_or_a_way_by_hand():
    for name in CONFIG.recipes:
        for source in data_sources(CONFIG, name).values():
            assert source.kind != "raw" or len(source.urls) > 1 or source.manual, name


def test_checksums_that_are_published():
    """MMSA's, of https://github.com/thuiar/MMSA."""
    published = {
        "mosi_mmsa": "d3994fd25681f9c7ad6e9c6596a6fe9b4beb85ff7d478ba978b124139002e5f9",
        "mosi_mmsa_unaligned": "78e0f8b5ef8ff71558e7307848fc1fa929ecb078203f565ab22b9daab2e02524",
        "mosei_mmsa": "45eccfb748a87c80ecab9bfac29582e7b1466bf6605ff29d3b338a75120bf791",
        "sims": "c9e20c13ec0454d98bb9c1e520e490c75146bfa2dfeeea78d84de047dbdd442f",
        "mosei_mmsa_unaligned": "ad8b23d50557045e7d47959ce6c5b955d8d983f2979c7d9b7b9226f6dd6fec1f",
    }
    for name, sha256 in published.items():
        assert [source.sha256 for source in data_sources(CONFIG, name).values()] == [sha256]


def import_look_alike(name: str, folder: Path) -> Path:
    """Import a recipe's look-alike as the workflow does; returns the folder of the folds."""
    recipe = CONFIG.recipes[name]
    assert main(["look-alike", name, str(folder / "raw")]) == 0
    files = [str(folder / "raw" / file) for file in recipe["files"]]
    task, out = recipe["task"], folder / "out"
    flags = ["--layout", recipe["import"], "--holds", *recipe["holds"], "--columns"]
    flags += map(str, task.get("columns", range(len(task["targets"]))))
    if "range" in task:
        flags += ["--range", *map(str, task["range"])]
    if "classes" in task:
        flags += ["--classes", str(len(task["classes"]))]
    if recipe["align"] == "words":
        flags.append("--aligned")
    flags += ["--widths", *(f"{k}={of['width']}" for k, of in recipe["features"].items())]
    card = ["--output", str(out), "--card", str(out / "card.json")]
    assert main(["import-data", *files, *flags, *card]) == 0
    return out


@pytest.mark.parametrize("name", IMPORTED)
def test_a_look_alike_is_imported(name, tmp_path):
    recipe = CONFIG.recipes[name]
    out = import_look_alike(name, tmp_path)
    folds = read(out)
    for fold in FOLDS:
        assert set(folds[fold].sequences) == set(recipe["holds"])
        assert folds[fold].label.shape == (len(folds[fold].ids), len(recipe["task"]["targets"]))
        assert np.isfinite(folds[fold].label).all()
    card = json.loads((out / "card.json").read_text())
    assert card["segments"] == {"train": 24, "valid": 8, "test": 10}
    assert card["videos_in_two_folds"] == []


def test_published_settings_name_recipes_that_exist():
    for path in (ROOT / "workflow/recipes/models").glob("*.yaml"):
        for name in yaml.safe_load(path.read_text()).get("published", {}):
            assert name in CONFIG.recipes
            assert misfit(CONFIG, name, path.stem) is None
            assert run_settings(CONFIG, name, path.stem, 1)["settings"] == "published"


@pytest.mark.parametrize("name", ["sims", "sims_v2"])
def test_every_model_but_those_of_aligned_words_reads_sims(name):
    """The others read what comes with it; words are of the Chinese BERT."""
    misfits = {model for model in CONFIG.models if misfit(CONFIG, name, model)}
    aligned = {m for m, recipe in CONFIG.models.items() if recipe.get("alignment") == "aligned"}
    assert misfits == {"cm_bert"} | aligned
    settings = run_settings(CONFIG, name, "nhfnet", 1)
    assert (settings["forms"]["text"], settings["encoder"]) == ("embedding", None)
    encoder = text_encoder(CONFIG, name)
    assert encoder.version == "bert-base-chinese@8f23c25b06e129b6c986331a13d8d025a92cf0ea"
    # no author gave lengths for it
    assert set(settings["hyperparameters"]["lengths"].values()) == {"95%"}


def test_every_reference_is_used_and_every_recipe_has_one():
    recipes = {name: CONFIG.recipes[name] for name in CONFIG.catalogue} | CONFIG.models
    without = {name for name, recipe in recipes.items() if "cite" not in recipe}
    # made on the spot, and the baselines
    assert without == {"demo", "demo_humor", "demo_emotion", "mean", "ridge", "text_only"}
    assert {recipe["cite"] for recipe in recipes.values() if "cite" in recipe} == set(entries())


FIELD = re.compile(r"  (\w+) = \{(.+)\},")


def test_every_reference_is_well_formed():
    text = REFERENCES.read_text()
    assert text.strip() == "\n\n".join(entries().values())
    assert len(entries()) == text.count("\n@") + 1 > 10
    for key, entry in entries().items():
        first, *lines, last = entry.splitlines()
        assert re.fullmatch(r"@(article|inproceedings)\{\w+,", first) and last == "}", key
        fields = dict(FIELD.fullmatch(line).groups() for line in lines)
        assert len(fields) == len(lines) and {"title", "author", "year"} <= set(fields), key
        assert ("journal" if first.startswith("@article") else "booktitle") in fields, key
        for value in fields.values():
            depths = np.cumsum([(c == "{") - (c == "}") for c in value])
            assert depths.min() >= 0 and depths[-1] == 0, f"{key}: {value}"


@pytest.mark.slow
def test_iemocap_by_both_systems(tmp_path):
    """Four heads (LMR-CBT), and a model an emotion (LMF) to the page."""
    project = copy_project(tmp_path / "project")
    for name in ("iemocap_mult", "iemocap_lmf"):
        run_stage("look-alike", name, project / f"data/{name}/raw")
    settings = {"lmr_cbt": {"epochs": 2}, "lmf": {"epochs": 2}}
    config = {"datasets": ["iemocap_lmf"], "models": ["lmf", "mean"], "seeds": [1]}
    config |= {"settings": settings, "robustness": False, "ablate": False}
    (project / "quick.yaml").write_text(yaml.safe_dump(config))
    results = ["results/iemocap_mult/lmr_cbt.json", "results/iemocap_lmf/lmf.json"]
    page = "results/report/index.html"
    snakemake(project, *results, page, "--configfile", "quick.yaml")
    joint, each = (json.loads((project / path).read_text()) for path in results)
    for result in (joint, each):
        assert set(result["targets"]) == {"neutral", "happy", "sad", "angry"}
        assert all(set(of) == {"acc", "f1"} for of in result["targets"].values())
    assert set(each["selected_epoch"]) == {f"{e}/1" for e in each["targets"]}
    assert set(joint["selected_epoch"]) == {"1"}
    emotions = ["neutral", "happy", "sad", "angry"]
    comparisons = json.loads((project / "results/iemocap_lmf/comparisons.json").read_text())
    assert list(comparisons["targets"]) == list(each["targets"]) == emotions
    assert all(
        (pair["first"], pair["second"]) == ("lmf", "mean")
        for tables in comparisons["targets"].values()
        for [pair] in tables.values()
    )
    published = pd.read_csv(project / "results/iemocap_lmf/published.csv")
    assert set(published["target"]) == set(emotions) and published["ours"].notna().all()
    figures = project / "results/report/figures"
    assert all((figures / f"iemocap_lmf.{emotion}.confusion.svg").is_file() for emotion in emotions)
    # what was dropped by hand is recorded, and a later change refused
    lock = project / "checksums/iemocap_lmf/iemocap.pkl.sha256"
    assert len(lock.read_text().split()[0]) == 64
    run_stage("look-alike", "iemocap_lmf", project / "data/iemocap_lmf/raw", "--seed", 1)
    failed = snakemake(project, results[1], "--configfile", "quick.yaml", check=False)
    text = failed.stdout + failed.stderr
    assert failed.returncode != 0
    assert f"to accept what is there now, delete {lock.relative_to(project)}" in text


def test_look_alikes_leave_no_trace_among_real_data():
    """A recorded checksum of theirs would refuse the real file."""
    paths = yaml.safe_load((ROOT / "workflow/look_alikes.yaml").read_text())["paths"]
    assert set(paths) == set(DEFAULTS["paths"])
    assert all(path.startswith("look-alikes/") for path in paths.values())
