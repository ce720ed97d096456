"""What several rules ask of the configuration; no rules here."""

import gc
import os
import re
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

from msa.base.errors import InputError
from msa.base.logs import LOGGED
from msa.base.schema import refuse
from msa.closure import closure, shipped
from msa.config import encoders, fits, flags, folds, joint, paths
from msa.config import references, settings, sources, studies, transfer
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
if workflow.modifier.is_main_snakefile():
    # as a module, a rule of the other workflow may make them
    checked(refuse, sources.missing_files(CONFIG))
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
