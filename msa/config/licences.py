"""Whose licences a data set's results stand on: its own, its features' and its text encoder's."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from msa.config.configuration import WORKFLOW, Config
from msa.config.encoders import text_encoder
from msa.config.folds import whole
from msa.config.layers import read_yaml
from msa.config.recipes import sequence_names
from msa.config.sources import data_sources

UNKNOWN, NOT_STATED = "unknown", "not stated"
OURS = {"licence": "MIT", "noncommercial": False}  # what the demo makes


def licences(config: Config, dataset: str) -> list[dict[str, Any]]:
    """The ledger of a data set, whatever of it a model reads.

    Returns:
        {what, name, licence, noncommercial} of the data set, each sequence beside words, and the
        text encoder. A licence is "unknown" where the catalogue does not know it, and "not stated"
        where a user does not say it; `noncommercial` is None where nothing says whether the licence
        forbids commercial use.
    """
    recipe = config.recipes[dataset]
    name = whole(config, dataset)
    silent = {"licence": UNKNOWN if name in config.catalogue else NOT_STATED}
    ledger = [_entry("data set", name, silent | recipe)]
    if any(source.kind != "made" for source in data_sources(config, dataset).values()):
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


@cache
def extractors() -> dict[str, dict[str, Any]]:
    """The licences of feature extractors, by the names that recipes' `features` have."""
    return read_yaml(WORKFLOW / "recipes" / "extractors.yaml")


def _entry(what: str, name: str, said: Mapping[str, Any]) -> dict[str, Any]:
    noncommercial = said.get("noncommercial")
    return {"what": what, "name": name, "licence": said["licence"], "noncommercial": noncommercial}
