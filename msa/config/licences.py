"""Whose licences a data set's results stand on: its own, its features' and its text encoder's.

With `licences: commercial` those that forbid commercial use, and those of which nobody says, are
refused.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from msa.base.workflow import WORKFLOW
from msa.config.configuration import Config
from msa.config.encoders import text_encoder
from msa.config.folds import whole
from msa.config.layers import read_yaml
from msa.config.recipes import sequence_names
from msa.config.sources import data_sources

UNKNOWN, NOT_STATED = "unknown", "not stated"
OURS = {"licence": "MIT", "noncommercial": False}  # what the demo makes
# sequence -> the keys of `extract` that name what makes it of videos, and what they are by default
EXTRACTORS = {
    "words": {"align": "sphinx", "asr": "none"},
    "audio": {"audio": "lld"},
    "vision": {"vision": "mesh"},
}


def licences(config: Config, dataset: str) -> list[dict[str, Any]]:
    """The ledger of a data set, whatever of it a model reads.

    Returns:
        {what, name, licence, noncommercial} of the data set, each sequence beside words, of videos
        each extractor, and the text encoder. A licence is "unknown" where the catalogue does not
        know it, and "not stated" where a user does not say it; `noncommercial` is None where
        nothing says whether the licence forbids commercial use.
    """
    recipe = config.recipes[dataset]
    name = whole(config, dataset)
    silent = {"licence": UNKNOWN if name in config.catalogue else NOT_STATED}
    ledger = [_entry("data set", name, silent | recipe)]
    if "videos" in recipe:
        ledger += _extractor_entries(config, recipe)
    elif any(source.kind != "made" for source in data_sources(config, dataset).values()):
        for sequence in sequence_names(recipe):
            if sequence != "words":
                feature = {"name": NOT_STATED} | recipe.get("features", {}).get(sequence, {})
                known = extractors().get(feature["name"], {})
                ledger.append(_entry(sequence, feature["name"], silent | known | feature))
    if recipe["encoder"]:
        encoder = text_encoder(config, dataset)
        known = OURS if encoder.kind == "made" else config.values["encoders"].get(encoder.name, {})
        silent = {"licence": UNKNOWN if encoder.name in config.pinned else NOT_STATED}
        ledger.append(_entry("text encoder", encoder.name, silent | known))
    return ledger


def _extractor_entries(config: Config, recipe: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What makes words, audio and vision of videos; a model's licence is said in `encoders`."""
    settings = recipe.get("extract", {})
    for sequence, keys in EXTRACTORS.items():
        for key, default in keys.items():
            name = settings.get(key, default)
            if name != "none" and sequence in sequence_names(recipe):
                model = name.partition("@")[0]  # without its commit
                said = extractors().get(name) or config.values["encoders"].get(model, {})
                yield _entry(sequence, name, {"licence": NOT_STATED} | said)


def licence_problems(config: Config, dataset: str) -> Iterator[str]:
    """What of a data set `licences: commercial` refuses, and what to do about it."""
    if config.values["licences"] != "commercial":
        return
    for entry in licences(config, dataset):
        what, name, licence, noncommercial = entry.values()
        if noncommercial is False:
            continue
        where = f"config: licences: commercial: {dataset}: {what} ({name}): "
        allow, instead = _ways_out(config, dataset, what, name)
        if noncommercial:
            yield f'{where}"{licence}" forbids commercial use; {instead}'
        else:
            yield (
                f'{where}the licence is "{licence}", and nobody says whether it allows commercial '
                f"use; read it, and if it does, say {allow}; else {instead}"
            )


def _ways_out(config: Config, dataset: str, what: str, name: str) -> tuple[str, str]:
    """Where to say that a licence allows commercial use, and what to do where it does not."""
    in_catalogue = whole(config, dataset) in config.catalogue
    place = "a recipe of your own that extends it" if in_catalogue else "its recipe"
    if what == "data set":
        return f"`noncommercial: false` in {place}", (
            "take it out of `datasets`, or where its owners allow you more, say so as `licence` "
            f"and `noncommercial: false` in {place}"
        )
    of_model = f"`encoders: {{{name}: {{noncommercial: false}}}}`"
    if what == "text encoder":
        return of_model, "take another encoder"
    if "videos" in config.recipes[dataset]:
        return of_model, "take another extractor under `extract`"
    allow = f"`noncommercial: false` of {what} under `features` in {place}"
    return allow, f"take a recipe with another {what}"


@cache
def extractors() -> dict[str, dict[str, Any]]:
    """The licences of feature extractors, by the names that recipes' `features` have."""
    return read_yaml(WORKFLOW / "recipes" / "extractors.yaml")


def _entry(what: str, name: str, said: Mapping[str, Any]) -> dict[str, Any]:
    noncommercial = said.get("noncommercial")
    return {"what": what, "name": name, "licence": said["licence"], "noncommercial": noncommercial}
