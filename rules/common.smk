"""Paths, and what a rule asks of the configuration; no rules here."""

import gc
import json
import os
import re
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

from msa.fetch.check import glance
from msa.closure import closure
from msa.config.configuration import FOLDS, SEQUENCES, Config
from msa.base.errors import InputError
from msa.models import EXAMINED

# a plan is millions of objects and no garbage: looking for some takes a sixth of its time
gc.set_threshold(100_000)


def checked(ask, *arguments):
    """What the configuration answers, or its problems as Snakemake's own kind of error."""
    try:
        return ask(*arguments)
    except InputError as error:
        raise WorkflowError(str(error))


CONFIG = checked(Config, config)
DATA, FEATURES, RUNS, STATE, RESULTS, CHECKSUMS = (
    CONFIG.path(kind)
    for kind in ("data", "features", "runs", "state", "results", "checksums")
)
RUN = f"{RUNS}/{{dataset}}/{{model}}/{{variant}}/{{target}}/{{seed}}"
RUN_LOG = "logs/{dataset}/{model}/{variant}-{target}-{seed}"
ROBUSTNESS = CONFIG.robustness()
DEVICE = CONFIG.values["device"]
LOG_EVERY = 0 if CONFIG.values["quiet"] else CONFIG.values["log_every"]
IMPORTED = [name for name, recipe in CONFIG.recipes.items() if "import" in recipe]
ALIGNED = [name for name in CONFIG.recipes if name not in IMPORTED]
LAID_OUT = [name for name in IMPORTED if "files" in CONFIG.recipes[name]]
RAW = {
    source.path: source
    for dataset in CONFIG.recipes
    for source in CONFIG.sources(dataset).values()
    if source.kind == "raw"
}
ENCODERS = {
    Path(encoder.folder).name: encoder
    for dataset in CONFIG.recipes
    if CONFIG.recipes[dataset]["encoder"]
    for encoder in [CONFIG.encoder(dataset)]
    if encoder.kind == "hub"
}


def one_of(names):
    """A wildcard constraint: exactly one of these."""
    return "|".join(sorted(map(re.escape, names))) or "none"


wildcard_constraints:
    dataset=one_of(CONFIG.recipes),
    model=one_of(CONFIG.models),
    variant="main|released|best|trials|no-(text|audio|vision)",
    first="[0-9]+",
    last="[0-9]+",
    target="\\w+",
    seed="[0-9]+",


def parent(path):
    """The folder of a path, as Snakemake spells it."""
    return path.rpartition("/")[0]


def size(path):
    """Bytes of a file, or of the files of a folder."""
    if os.path.isdir(path):
        return sum(entry.stat().st_size for entry in os.scandir(path))
    return os.path.getsize(path)


def scaled(base, per_mb=0):
    """MB or minutes to ask for: a base and a share for each MB of input, more on every retry."""

    def ask(wildcards, input, attempt):
        mb = sum(map(size, input)) / 1e6 if per_mb else 0
        return attempt * int(base + per_mb * mb)

    return ask


def recipe(wildcards):
    return CONFIG.recipes[wildcards.dataset]


def sources(wildcards):
    """The files that a data set is made from, by the part they play or by name."""
    return {
        name: source.path for name, source in CONFIG.sources(wildcards.dataset).items()
    }


def parts(wildcards):
    """The files to align by the part they play, in whatever order the recipe names them."""
    files = sources(wildcards)
    return [f"{name}={files[name]}" for name in SEQUENCES if name in files]


def checks(wildcards):
    """The checksums of those that were fetched or dropped by hand, once they are found right."""
    return [checked_file(path) for path in sources(wildcards).values() if path in RAW]


def checked_file(raw):
    """The file of a raw file's checksum."""
    path = Path(raw)
    return f"{path.parent.parent}/checked/{path.name}.sha256"


def flag(name, value):
    """A command-line flag, left out where there is no value."""
    return [] if value is None else [f"--{name}={value}"]


def raw_file(wildcards):
    return f"{DATA}/{wildcards.dataset}/raw/{wildcards.file}"


def raw_flags(wildcards):
    """What is known of a raw file, as command-line flags."""
    source = RAW[raw_file(wildcards)]
    known = ("sha256", "manual")
    return [part for name in known for part in flag(name, getattr(source, name))]


def seen(wildcards):
    """What changes with the files below a raw folder; its record has it, where the folder is gone."""
    path = raw_file(wildcards)
    folder, record = Path(path), Path(checked_file(path))
    if folder.is_dir():
        return glance(folder)
    # Snakemake sees by itself that a file is newer
    text = "" if folder.exists() or not record.exists() else record.read_text()
    return "".join(text.splitlines()[1:])


def folds_file(wildcards):
    return CONFIG.folds(wildcards.dataset).path


def task_flags(wildcards):
    """What the stages split and import-data ask of a recipe, as command-line flags."""
    task = recipe(wildcards)["task"]
    flags = ["--columns", *task.get("columns", range(len(task["targets"])))]
    if "range" in task:
        flags += ["--range", *task["range"]]
    return " ".join(map(str, flags))


def card_flags(wildcards, output):
    """The same of what they check and say alone; with `output` Snakemake does not record it, so that
    a later word on it retrains nothing."""
    of = recipe(wildcards)
    flags, expected = [], of.get("expected", {})
    if "features" in of:
        widths = {name: of["features"][name]["width"] for name in of["features"]}
        flags += ["--widths", *(f"{name}={width}" for name, width in widths.items())]
    if set(expected) == set(FOLDS):
        flags += ["--expected", *(expected[fold] for fold in FOLDS)]
    return " ".join(map(str, flags))


def layout_flags(wildcards):
    """What the stage import-data alone asks of a recipe, as command-line flags."""
    of = recipe(wildcards)
    flags = ["--layout", of["import"], "--holds", *of["holds"]]
    if "classes" in of["task"]:
        flags += ["--classes", str(len(of["task"]["classes"]))]
    return flags + (["--aligned"] if of["align"] == "words" else [])


def encoder_files(wildcards):
    """The encoder of a data set: its folder, or the files of a user's own, which no rule makes."""
    encoder = CONFIG.encoder(wildcards.dataset)
    if encoder.kind != "own":
        return [encoder.folder]
    return sorted(str(p) for p in Path(encoder.folder).iterdir() if p.is_file())


@cache
def settings(dataset, model, seed, target, without=None):
    """Everything a run may depend on, but for the data; refuses what does not fit."""
    checked(CONFIG.require, dataset, model, without)
    return checked(CONFIG.settings, dataset, model, int(seed), target, without)


def settings_of(wildcards):
    _, _, without = wildcards.get("variant", "").partition("no-")
    return settings(
        wildcards.dataset,
        wildcards.model,
        wildcards.get("seed", CONFIG.values["seeds"][0]),
        wildcards.target,
        without or None,
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
        folder = f"{FEATURES}/{dataset}/{CONFIG.encoder(dataset).slug}"
        read["features"] = expand(f"{folder}/{{fold}}.npy", fold=FOLDS)
    if "words" in forms:
        read["encoder"] = encoder_files(wildcards)
    return read


def data_flags(wildcards):
    """The same as command-line flags."""
    read = run_data(wildcards)
    folders = {name: parent(paths[0]) for name, paths in read.items() if paths}
    if "encoder" in read:
        folders["encoder"] = CONFIG.encoder(wildcards.dataset).folder
    return [part for name, path in folders.items() for part in (f"--{name}", path)]


def trained_epochs(wildcards):
    """The test predictions of every epoch; an imported checkpoint has none."""
    return [] if wildcards.variant == "released" else [f"{RUN}/epochs.npz"]


def remarks(wildcards):
    """The user's own words, for a result's provenance."""
    return flag("name", CONFIG.values.get("name")) + flag(
        "note", CONFIG.values.get("note")
    )


def of_seeds(path):
    """A file of the runs of all seeds."""
    return expand(f"{RUN}/{path}", seed=CONFIG.values["seeds"], allow_missing=True)


def run_files(path, dataset, model, variant=None):
    """A file of every run behind a result: seeds, and targets where each has its own model.

    The variant is the configuration's unless it is given.
    """
    checked(CONFIG.require, dataset, model)
    of = variant or CONFIG.variant(dataset, model)
    return expand(
        f"{RUNS}/{dataset}/{model}/{of}/{{target}}/{{seed}}/{path}",
        target=CONFIG.targets(dataset, model),
        seed=[0] if of == "released" else CONFIG.values["seeds"],
    )


def runs(path, variant=None):
    """The same for a rule of one result; the variant may stand in the output's name."""
    return lambda wildcards: run_files(
        path, wildcards.dataset, wildcards.model, variant or wildcards.get("variant")
    )


def first_run(wildcards):
    """The first of a model's runs, as the wildcards of its folder."""
    path = Path(run_files("settings.json", wildcards.dataset, wildcards.model)[0])
    names = ("dataset", "model", "variant", "target", "seed")
    return type(wildcards)(fromdict=dict(zip(names, path.parts[-6:-1])))


def fitting(dataset):
    """The configured models that can run on a data set."""
    return [m for m in CONFIG.values["models"] if not CONFIG.misfit(dataset, m)]


def results(wildcards):
    """The results that a data set's leaderboard shows."""
    dataset = wildcards.dataset
    models = fitting(dataset)
    searched = [f"{m}.best" for m in models if CONFIG.search(dataset, m)]
    return expand(f"{RESULTS}/{dataset}/{{result}}.json", result=models + searched)


def all_runs(path):
    """A file of every run behind a data set's leaderboard."""

    def paths(wildcards):
        found = []
        for result in results(wildcards):
            model, _, variant = Path(result).stem.partition(".")
            found += run_files(path, wildcards.dataset, model, variant or None)
        return found

    return paths


def citations():
    """BibTeX of the configured data sets and models, each once."""
    names = CONFIG.values
    found = [CONFIG.recipes[name].get("cite") for name in names["datasets"]]
    found += [CONFIG.models[name].get("cite") for name in names["models"]]
    return [text.strip() for text in dict.fromkeys(found) if text]


def titles():
    """What the configured data sets and models are, in words."""
    names = CONFIG.values
    of = {name: CONFIG.recipes[name] for name in names["datasets"]}
    of |= {name: CONFIG.models[name] for name in names["models"]}
    return {name: recipe["title"] for name, recipe in of.items() if "title" in recipe}


def studies(dataset):
    """What goes beyond the results: perturbed input and removed modalities where the configuration
    asks for them, attention and experts of the models that have some."""
    models = fitting(dataset)
    reading = [m for m in models if any(CONFIG.chosen(dataset, m).values())]
    files = {
        "robustness.csv": reading if CONFIG.values["robustness"] else [],
        "ablation.csv": [m for m in models if CONFIG.ablated(dataset, m)],
        "segments.json": [m for m in models if m in EXAMINED],
    }
    return [
        f"{RESULTS}/{dataset}/{model}.{file}" for file in files for model in files[file]
    ]


def ablated(wildcards):
    """The modalities to remove; refuses what the configuration does not ask for."""
    dataset, model = wildcards.dataset, wildcards.model
    checked(CONFIG.require, dataset, model)
    modalities = CONFIG.ablated(dataset, model)
    if not modalities:
        raise WorkflowError(
            f"{dataset}/{model}: no `ablate` in the configuration, or one modality alone; "
            f"add for instance ablate: {{{dataset}/{model}: true}}"
        )
    return modalities


def search_of(wildcards):
    """The random search of a model; refuses what the configuration does not ask for."""
    dataset, model = wildcards.dataset, wildcards.model
    checked(CONFIG.require, dataset, model)
    search = CONFIG.search(dataset, model)
    if search is None:
        raise WorkflowError(
            f"{dataset}/{model}: no `search` in the configuration; add for instance "
            f"search: {{{dataset}/{model}: {{trials: 50}}}}"
        )
    return search


def trials(wildcards, target):
    """The files of all trials for one target."""
    search = search_of(wildcards)
    count, size = search["trials"], search["trials_per_job"]
    folder = f"{RUNS}/{wildcards.dataset}/{wildcards.model}/trials/{target}"
    return [
        f"{folder}/{search['seed']}/{first}-{min(first + size, count) - 1}.json"
        for first in range(0, count, size)
    ]


def all_trials(wildcards):
    """The files of all trials for all targets."""
    targets = CONFIG.targets(wildcards.dataset, wildcards.model)
    return [path for target in targets for path in trials(wildcards, target)]
