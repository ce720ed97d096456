"""Paths, and what a rule asks of the configuration; no rules here."""

import json
import re
from pathlib import Path

from snakemake.exceptions import WorkflowError

from msa.closure import closure
from msa.config import FOLDS, Config
from msa.errors import InputError


def checked(given):
    """The configuration, or its problems as Snakemake's own kind of error."""
    try:
        return Config(given)
    except InputError as error:
        raise WorkflowError(str(error))


CONFIG = checked(config)
DATA, FEATURES, RUNS, RESULTS = (
    CONFIG.path(kind) for kind in ("data", "features", "runs", "results")
)
RUN = f"{RUNS}/{{dataset}}/{{model}}/{{variant}}/{{target}}/{{seed}}"
RUN_LOG = "logs/{dataset}/{model}/{variant}-{target}-{seed}"
DEVICE = CONFIG.values["device"]
LOG_EVERY = 0 if CONFIG.values["quiet"] else CONFIG.values["log_every"]
SOURCES = {
    source.path: source
    for dataset in CONFIG.recipes
    for sequence in CONFIG.recipes[dataset]["sequences"]
    for source in [CONFIG.source(dataset, sequence)]
    if source.urls
}


def one_of(names):
    """A wildcard constraint: exactly one of these."""
    return "|".join(sorted(map(re.escape, names)))


wildcard_constraints:
    dataset=one_of(CONFIG.recipes),
    model=one_of(CONFIG.models),
    variant="main",
    target="all",
    seed="[0-9]+",


def parent(path):
    """The folder of a path, as Snakemake spells it."""
    return path.rpartition("/")[0]


def recipe(wildcards):
    return CONFIG.recipes[wildcards.dataset]


def sequences(wildcards):
    """The .csd files of a data set, by the part they play."""
    names = recipe(wildcards)["sequences"]
    return {name: CONFIG.source(wildcards.dataset, name).path for name in names}


def folds_file(wildcards):
    return CONFIG.folds(wildcards.dataset).path


def split_flags(wildcards):
    """What the stage split asks of a recipe, as command-line flags."""
    of = recipe(wildcards)
    task, expected = of["task"], of.get("expected", {})
    flags = ["--columns", *task.get("columns", range(len(task["targets"])))]
    flags += ["--range", *task["range"]] if "range" in task else []
    flags += (
        ["--expected", *(expected[f] for f in FOLDS)]
        if set(expected) == set(FOLDS)
        else []
    )
    return " ".join(map(str, [*flags, "--pauses", of["pauses"]]))


def encoder_folder(wildcards):
    """The demo's encoder is made here; others are files or hub names."""
    made = CONFIG.recipes[wildcards.dataset]["encoder"] == "demo"
    return [CONFIG.encoder(wildcards.dataset)[0]] if made else []


def settings_of(wildcards):
    """Everything a run may depend on, but for the data; refuses what does not fit."""
    try:
        CONFIG.require(wildcards.dataset, wildcards.model)
    except InputError as error:
        raise WorkflowError(str(error))
    return CONFIG.settings(
        wildcards.dataset, wildcards.model, int(wildcards.seed), wildcards.target
    )


def train_threads(wildcards):
    return settings_of(wildcards)["hyperparameters"]["threads"]


def run_data(wildcards):
    """The folders a run reads, by the flag that names them."""
    forms = set(settings_of(wildcards)["forms"].values())
    dataset = wildcards.dataset
    folders = {"data": expand(f"{DATA}/{dataset}/{{fold}}", fold=FOLDS)}
    if forms & {"audio", "vision", "glove"}:
        folders["clean"] = expand(f"{DATA}/{dataset}/clean/{{fold}}", fold=FOLDS)
    if "features" in forms:
        slug = CONFIG.encoder(dataset)[1]
        folders["features"] = expand(
            f"{FEATURES}/{dataset}/{slug}/{{fold}}.npy", fold=FOLDS
        )
    return folders


def data_flags(wildcards):
    """The same folders as command-line flags."""
    return [
        part
        for flag, paths in run_data(wildcards).items()
        for part in (f"--{flag}", parent(paths[0]))
    ]


def remarks(wildcards):
    """The user's own words, for a result's provenance."""
    given = {key: CONFIG.values.get(key) for key in ("name", "note")}
    return [f"--{key}={text}" for key, text in given.items() if text is not None]


def results(wildcards):
    """The results that a data set's leaderboard shows."""
    models = [
        m for m in CONFIG.values["models"] if not CONFIG.misfit(wildcards.dataset, m)
    ]
    return expand(f"{RESULTS}/{wildcards.dataset}/{{model}}.json", model=models)


def seeds(path):
    """A file of every seed's run."""
    return expand(
        f"{RUNS}/{{{{dataset}}}}/{{{{model}}}}/main/all/{{seed}}/{path}",
        seed=CONFIG.values["seeds"],
    )
