"""What several rules ask of the configuration, by wildcards; no rules here."""

import gc
import os
import re
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

from msa.base.errors import InputError
from msa.base.logs import LOGGED
from msa.closure import closure, shipped
from msa.config import encoders, fits, flags, folds, joint, paths
from msa.config import recipes, settings, sources, studies, transfer
from msa.config.check import configure
from msa.config.layers import sorted_json
from msa.config.recipes import FOLDS
from msa.models import EXAMINED

# a plan is millions of objects and no garbage: looking for some takes a sixth of its time
gc.set_threshold(100_000)


def checked(ask, *arguments):
    """What the configuration answers, or its problems as Snakemake's own kind of error."""
    try:
        return ask(*arguments)
    except InputError as error:
        raise WorkflowError(str(error))


CONFIG = checked(configure, config)
DATA, FEATURES, RUNS, STATE, RESULTS, CHECKSUMS = (
    CONFIG.path(kind)
    for kind in ("data", "features", "runs", "state", "results", "checksums")
)
RUN = f"{RUNS}/{{dataset}}/{{model}}/{{variant}}/{{target}}/{{seed}}"
RUN_LOG = "logs/{dataset}/{model}/{variant}-{target}-{seed}"
ROBUSTNESS = studies.robustness(CONFIG)
DEVICE = CONFIG.values["device"]
LOG_EVERY = 0 if CONFIG.values["quiet"] else CONFIG.values["log_every"]
CROSSED = [name for name in CONFIG.recipes if folds.is_crossed(CONFIG, name)]
# one deal of a cross-validation is a data set of its own
DEALS = [deal for name in CROSSED for deal in folds.deals(CONFIG, name)]
# their text features are those of the first deal
LATER_DEALS = [deal for name in CROSSED for deal in folds.deals(CONFIG, name)[1:]]
# one split, drawn
DRAWN = [name for name, own in CONFIG.recipes.items() if folds.draw(own)]
WHOLE = [name for name in CONFIG.recipes if name not in DEALS]
TRAINED = [name for name in CONFIG.recipes if name not in CROSSED]
IMPORTED = [name for name in WHOLE if "import" in CONFIG.recipes[name]]
ALIGNED = [name for name in WHOLE if name not in IMPORTED]
LAID_OUT = [name for name in IMPORTED if "files" in CONFIG.recipes[name]]
RAW = sources.raw_sources(CONFIG)
CHECKED = sources.checked_sources(CONFIG)
ENCODERS = encoders.hub_encoders(CONFIG)


def one_of(names):
    """A wildcard constraint: exactly one of these."""
    return "|".join(sorted(map(re.escape, names))) or "none"


wildcard_constraints:
    dataset=one_of(CONFIG.recipes),
    model=one_of(CONFIG.models),
    variant="main|released|best|trials|no-(text|audio|vision|hcf)",
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


@cache
def run_settings(dataset, model, seed, target, without=None):
    """Everything a run may depend on, but for the data; refuses what does not fit."""
    checked(fits.require, CONFIG, dataset, model, without)
    return checked(
        settings.run_settings, CONFIG, dataset, model, int(seed), target, without
    )


def settings_of(wildcards):
    _, _, without = wildcards.get("variant", "").partition("no-")
    return run_settings(
        wildcards.dataset,
        wildcards.model,
        wildcards.get("seed", CONFIG.values["seeds"][0]),
        wildcards.target,
        without or None,
    )


def checkpoint_of(wildcards):
    return sources.Source(settings_of(wildcards)["hyperparameters"]["checkpoint"])


def threads_of(wildcards):
    return settings_of(wildcards)["hyperparameters"]["threads"]


def run_data(wildcards):
    """What a run reads, by the flag that names its folder, and the checks of where it is from."""
    inputs = paths.run_inputs(CONFIG, settings_of(wildcards))
    if "encoder" in inputs:
        inputs["encoder"] = encoder_folder(wildcards)
    if inputs.keys() & {"encoder", "features"}:
        inputs["encoder_checks"] = encoder_checks(wildcards)
    return inputs | {"checks": checks(wildcards), "passed": passed(wildcards)}


def data_flags(wildcards):
    """The same as command-line flags."""
    return flags.run_flags(CONFIG, settings_of(wildcards))


def without_epochs(wildcards):
    """Whether a run is none of our trainings, and has no epochs."""
    return wildcards.variant == "released" or wildcards.dataset in CROSSED


def of_seeds(path):
    """A file of the runs of all seeds."""
    return expand(f"{RUN}/{path}", seed=CONFIG.values["seeds"], allow_missing=True)


def runs(path, variant=None):
    """A file of every run behind a result; the variant may stand in the output's name."""

    def files(wildcards):
        name = variant or wildcards.get("variant")
        return checked(
            paths.run_files, CONFIG, path, wildcards.dataset, wildcards.model, name
        )

    return files


def first_run(wildcards):
    """The first of a model's runs, as the wildcards of its folder."""
    run = checked(paths.first_run, CONFIG, wildcards.dataset, wildcards.model)
    return type(wildcards)(fromdict=run)


def results(wildcards):
    """The results that a data set's leaderboard shows."""
    return paths.result_files(CONFIG, wildcards.dataset)


def all_runs(path):
    """A file of every run behind a data set's leaderboard."""
    return lambda wildcards: checked(
        paths.leaderboard_files, CONFIG, path, wildcards.dataset
    )


def trials(wildcards):
    """The files of all trials of a search, for one target or for all."""
    return checked(
        paths.trial_files,
        CONFIG,
        wildcards.dataset,
        wildcards.model,
        wildcards.get("target"),
    )


def studies_of_all():
    """Every study that the configuration asks for."""
    return [
        path
        for dataset in CONFIG.values["datasets"]
        for path in paths.study_files(CONFIG, dataset)
    ]
