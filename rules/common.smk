"""Paths, and what a rule asks of the configuration; no rules here."""

import json
import os
import re
from pathlib import Path

from snakemake.exceptions import WorkflowError

from msa.closure import closure
from msa.config import FOLDS, Config
from msa.errors import InputError


def checked(ask, *arguments):
    """What the configuration answers, or its problems as Snakemake's own kind of error."""
    try:
        return ask(*arguments)
    except InputError as error:
        raise WorkflowError(str(error))


CONFIG = checked(Config, config)
DATA, FEATURES, RUNS, RESULTS = (
    CONFIG.path(kind) for kind in ("data", "features", "runs", "results")
)
RUN = f"{RUNS}/{{dataset}}/{{model}}/{{variant}}/{{target}}/{{seed}}"
RUN_LOG = "logs/{dataset}/{model}/{variant}-{target}-{seed}"
DEVICE = CONFIG.values["device"]
LOG_EVERY = 0 if CONFIG.values["quiet"] else CONFIG.values["log_every"]
IMPORTED = [name for name, recipe in CONFIG.recipes.items() if "import" in recipe]
ALIGNED = [name for name in CONFIG.recipes if name not in IMPORTED]
SOURCES = {
    source.path: source
    for dataset in ALIGNED
    for sequence in CONFIG.recipes[dataset]["sequences"]
    for source in [CONFIG.source(dataset, sequence)]
    if source.urls
}


def one_of(names):
    """A wildcard constraint: exactly one of these."""
    return "|".join(sorted(map(re.escape, names))) or "none"


wildcard_constraints:
    dataset=one_of(CONFIG.recipes),
    model=one_of(CONFIG.models),
    variant="main|released",
    target="\\w+",
    seed="[0-9]+",


def parent(path):
    """The folder of a path, as Snakemake spells it."""
    return path.rpartition("/")[0]


def scaled(base, per_mb=0):
    """MB or minutes to ask for: a base and a share for each MB of input, more on every retry."""

    def ask(wildcards, input, attempt):
        files = [file for path in input for file in (path, *Path(path).rglob("*"))]
        return attempt * int(base + per_mb * sum(map(os.path.getsize, files)) / 1e6)

    return ask


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
    if "range" in task:
        flags += ["--range", *task["range"]]
    if set(expected) == set(FOLDS):
        flags += ["--expected", *(expected[fold] for fold in FOLDS)]
    return " ".join(map(str, [*flags, "--pauses", of["pauses"]]))


def encoder_folder(wildcards):
    """The demo's encoder is made here; others are files or hub names."""
    made = recipe(wildcards)["encoder"] == "demo"
    return [CONFIG.encoder(wildcards.dataset)[0]] if made else []


def encoder_flags(wildcards):
    """The encoder of a data set, as command-line flags."""
    revision = recipe(wildcards).get("revision")
    flags = ["--encoder", CONFIG.encoder(wildcards.dataset)[0]]
    return [*flags, f"--revision={revision}"] if revision else flags


def settings_of(wildcards):
    """Everything a run may depend on, but for the data; refuses what does not fit."""
    checked(CONFIG.require, wildcards.dataset, wildcards.model)
    return CONFIG.settings(
        wildcards.dataset, wildcards.model, int(wildcards.seed), wildcards.target
    )


def threads_of(wildcards):
    return settings_of(wildcards)["hyperparameters"]["threads"]


def run_data(wildcards):
    """What a run reads, by the flag that names its folder."""
    forms, dataset = set(settings_of(wildcards)["forms"].values()), wildcards.dataset
    read = {"data": expand(f"{DATA}/{dataset}/{{fold}}", fold=FOLDS)}
    if forms & {"audio", "vision", "glove", "embedding"}:
        read["clean"] = expand(f"{DATA}/{dataset}/clean/{{fold}}", fold=FOLDS)
    if "features" in forms:
        folder = f"{FEATURES}/{dataset}/{CONFIG.encoder(dataset)[1]}"
        read["features"] = expand(f"{folder}/{{fold}}.npy", fold=FOLDS)
    if "words" in forms:
        read["encoder"] = encoder_folder(wildcards)
    return read


def data_flags(wildcards):
    """The same as command-line flags."""
    read = run_data(wildcards)
    words = encoder_flags(wildcards) if "encoder" in read else []
    folders = {
        flag: parent(paths[0]) for flag, paths in read.items() if flag != "encoder"
    }
    return [
        part for flag, path in folders.items() for part in (f"--{flag}", path)
    ] + words


def trained_epochs(wildcards):
    """The test predictions of every epoch; an imported checkpoint has none."""
    return [f"{RUN}/epochs.npz"] if wildcards.variant == "main" else []


def remarks(wildcards):
    """The user's own words, for a result's provenance."""
    given = {key: CONFIG.values.get(key) for key in ("name", "note")}
    return [f"--{key}={text}" for key, text in given.items() if text is not None]


def runs(path):
    """A file of every run behind a result: seeds, and targets where each has its own model."""

    def paths(wildcards):
        dataset, model = wildcards.dataset, wildcards.model
        checked(CONFIG.require, dataset, model)
        variant = CONFIG.variant(dataset, model)
        return expand(
            f"{RUNS}/{dataset}/{model}/{variant}/{{target}}/{{seed}}/{path}",
            target=CONFIG.targets(dataset, model),
            seed=CONFIG.values["seeds"] if variant == "main" else [0],
        )

    return paths


def results(wildcards):
    """The results that a data set's leaderboard shows."""
    models = [
        m for m in CONFIG.values["models"] if not CONFIG.misfit(wildcards.dataset, m)
    ]
    return expand(f"{RESULTS}/{wildcards.dataset}/{{model}}.json", model=models)
