"""What stages ask of a data recipe, as their command-line flags."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from msa.base.bibtex import cited
from msa.base.pauses import dropped_words
from msa.config.configuration import Config
from msa.config.encoders import cutting_encoder, text_encoder
from msa.config.folds import draw, protocol, speakers_table
from msa.config.licences import licences
from msa.config.paths import run_inputs
from msa.config.recipes import FOLDS, HUB_FILE, SEQUENCES
from msa.config.references import authority
from msa.config.sources import Source, checked_file, data_sources, is_official, lock_file


def flag(name: str, value: object) -> list[str]:
    """A flag, left out where there is no value."""
    return [] if value is None else [f"--{name}={value}"]


def authority_flags(config: Config, model: str) -> list[str]:
    """What a published system is checked against, and what of it is not its authors'."""
    recipe = config.models[model]
    return flag("authority", authority(recipe)) + flag("ours", recipe.get("ours"))


def licence_flags(config: Config, dataset: str) -> list[str]:
    """The ledger of licences, which no number depends on."""
    return ["--licences", json.dumps(licences(config, dataset))]


def croissant_flags(config: Config, dataset: str) -> list[str]:
    """What a recipe says of its data set, for its Croissant."""
    recipe, task = config.recipes[dataset], config.recipes[dataset]["task"]
    sources = data_sources(config, dataset).values()
    about = {
        "name": dataset,
        "targets": task["targets"],
        "urls": [
            HUB_FILE.sub(r"https://huggingface.co/datasets/\1/resolve/\2/\3", url)
            for source in sources
            for url in source.urls
        ],
    }
    about |= {key: recipe[key] for key in ("title", "note") if key in recipe}
    if "present" in task:
        about["classes"] = ["absent", "present"]
    else:
        about |= {key: task[key] for key in ("range", "classes") if key in task}
    if "cite" in recipe:
        about["cite"] = "\n".join(cited([recipe["cite"]]))
    return ["--about", json.dumps(about), *licence_flags(config, dataset)]


def raw_flags(source: Source) -> list[str]:
    """What is known of a raw file, for download."""
    return flag("sha256", source.sha256) + flag("manual", source.manual)


def origin_flags(config: Config, dataset: str) -> list[str]:
    """What is recorded of a data set's raw files, for a result's provenance."""
    sources = data_sources(config, dataset).values()
    raw = [source for source in sources if source.kind == "raw"]
    checked = [f"{checked_file(config, source)}.sha256" for source in raw]
    locks = [lock for source in raw if (lock := lock_file(config, source))]
    return ["--checked", *checked, "--locks", *locks]


def sequence_flags(config: Config, dataset: str) -> list[str]:
    """The files by the part they play, for align, in whatever order the recipe names them."""
    sources = data_sources(config, dataset)
    return [f"{name}={sources[name].path}" for name in SEQUENCES if name in sources]


def task_flags(recipe: Mapping[str, Any]) -> str:
    """The task, for split and import-data."""
    task = recipe["task"]
    flags = ["--columns", *task.get("columns", range(len(task["targets"])))]
    if "range" in task:
        flags += ["--range", *task["range"]]
    if "present" in task:
        flags += ["--above", task["present"]["above"]]
    elif "import" not in recipe and task["type"] != "regression":
        # an import has its classes with the layout, by their names
        flags += ["--classes", 2 if task["type"] == "binary" else len(task["classes"])]
    if "beyond" in task:
        flags += ["--beyond", task["beyond"]]
    return " ".join(map(str, flags))


def pause_flags(recipe: Mapping[str, Any]) -> str:
    """The words that split drops, quoted: Snakemake leaves out an empty one."""
    return shlex.join(["--pauses", *dropped_words(recipe["pauses"])])


def card_flags(recipe: Mapping[str, Any]) -> str:
    """What the same stages check and say alone, and no training depends on."""
    flags, expected = [], recipe.get("expected", {})
    if "features" in recipe:
        widths = {name: feature["width"] for name, feature in recipe["features"].items()}
        flags += ["--widths", *(f"{name}={width}" for name, width in widths.items())]
    if set(expected) == set(FOLDS) and not protocol(recipe):
        flags += ["--expected", *(expected[fold] for fold in FOLDS)]
    return " ".join(map(str, flags))


def folds_flags(recipe: Mapping[str, Any]) -> str:
    """What split asks of the folds' ids."""
    flags = ["--official"] if is_official(recipe) else []
    return " ".join(flags + (["--allow-missing"] if recipe["folds"].get("allow_missing") else []))


def encoder_flags(config: Config, dataset: str) -> list[str]:
    """The encoder that cuts text without spaces, for split and import-data."""
    encoder = cutting_encoder(config, dataset)
    return flag("encoder", encoder and encoder.folder)


def layout_flags(recipe: Mapping[str, Any]) -> list[str]:
    """The layout, for import-data."""
    flags = ["--layout", recipe["import"], "--holds", *recipe["holds"]]
    if "classes" in recipe["task"]:
        flags += ["--classes", *recipe["task"]["classes"]]
    if recipe["import"] == "table":
        flags += ["--targets", *recipe["task"]["targets"]]
        rates = [f"{name}={rate}" for name, rate in recipe.get("rates", {}).items()]
        flags += ["--rates", *rates] if rates else []
    return flags + (["--aligned"] if recipe["align"] == "words" else [])


def run_flags(config: Config, settings: Mapping[str, Any]) -> list[str]:
    """The folders that a run reads, for every stage with a model."""
    inputs = run_inputs(config, settings)
    folders = {name: paths[0].rpartition("/")[0] for name, paths in inputs.items() if paths}
    if "encoder" in inputs:
        folders["encoder"] = text_encoder(config, settings["dataset"]).folder
    return [part for name, folder in folders.items() for part in (f"--{name}", folder)]


def deal_flags(config: Config, dataset: str) -> list[str]:
    """How a deal is made, or a split drawn."""
    recipe = config.recipes[dataset]
    how = protocol(recipe) or draw(recipe) or {}
    speakers = speakers_table(recipe) if how.get("by") == "speaker" else None
    return [part for key in how for part in flag(key, how[key])] + flag("speakers", speakers)


def audit_flags(config: Config, dataset: str) -> list[str]:
    """What audit is told of the labels, and of who speaks."""
    recipe = config.recipes[dataset]
    flags = ["--targets", *recipe["task"]["targets"]]
    flags += ["--classes"] if recipe["task"]["type"] != "regression" else []
    return flags + flag("speakers", speakers_table(recipe))
