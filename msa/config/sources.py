"""Where a data set's files come from, and where they lie."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from msa.config.configuration import WORKFLOW, Config


@dataclass(frozen=True)
class Source:
    """Where a file comes from: fetched, or dropped by hand; made by a generator; the user's own.

    Attributes:
        path: where the file lies.
        kind: "raw" is fetched or dropped by hand, "made" by the demo's generator, "own" the user's.
        urls: mirrors in order; none for what only a person can fetch.
        sha256: checksum to enforce, where one is known.
        size: about how many bytes it has, where that is known.
        manual: how a person gets it.
    """

    path: str
    kind: str = "own"
    urls: tuple[str, ...] = ()
    sha256: str | None = None
    size: int | None = None
    manual: str | None = None


def data_sources(config: Config, dataset: str) -> dict[str, Source]:
    """The files of a recipe: the .csd files by the part they play, or what is imported by name."""
    recipe = config.recipes[dataset]
    files = recipe["files"] if "files" in recipe else recipe.get("sequences", {})
    return {name: _source(config, dataset, name, file) for name, file in files.items()}


def raw_sources(config: Config) -> dict[str, Source]:
    """The files of all recipes that are fetched or dropped by hand, by path."""
    return {
        source.path: source
        for dataset in config.recipes
        for source in data_sources(config, dataset).values()
        if source.kind == "raw"
    }


def checked_file(path: str) -> str:
    """The file that has a raw file's checksum once it is found right."""
    folder, _, name = path.rpartition("/raw/")
    return f"{folder}/checked/{name}.sha256"


def _source(config: Config, dataset: str, name: str, file: Any) -> Source:
    if file == "demo":
        return Source(config.path("data", "demo", "raw", f"{name}.csd"), "made")
    if isinstance(file, str) and not re.match("https?://", file):
        return Source(file)
    details: Mapping[str, Any] = file if isinstance(file, Mapping) else {}
    owner = _owner(config, dataset, name)
    if "files" not in config.recipes[dataset]:
        name = _csd_name(name, config.recipes[owner]["sequences"])
    return Source(
        config.path("data", owner, "raw", name),
        "raw",
        _urls(file),
        details.get("sha256"),
        details.get("size"),
        config.recipes[dataset].get("manual"),
    )


def _owner(config: Config, dataset: str, name: str) -> str:
    """The recipe, itself or one that it extends, that names a file: its folder holds it."""
    recipe = config.raw_recipe(dataset)
    # files of one layout stay in one folder
    if "extends" not in recipe or "files" in recipe or name in recipe.get("sequences", {}):
        return dataset
    return _owner(config, recipe["extends"], name)


def folds_source(config: Config, dataset: str) -> Source:
    """The folds' JSON file."""
    name = config.recipes[dataset]["folds"]
    if name == "demo":
        return Source(config.path("data", "demo", "raw", "folds.json"), "made")
    shipped = WORKFLOW / "resources" / "folds" / f"{name}.json"
    return Source(str(shipped) if shipped.is_file() else name)


def _urls(file: str | Mapping[str, Any]) -> tuple[str, ...]:
    """The mirrors that a recipe names for a file."""
    urls = file if isinstance(file, str) else file.get("url", ())
    return (urls,) if isinstance(urls, str) else tuple(urls)


def _csd_name(sequence: str, sequences: Mapping[str, Any]) -> str:
    """What to call a sequence's file: as its first mirror does, where that tells it from others."""
    first_urls = {name: next(iter(_urls(file)), "") for name, file in sequences.items()}
    names = [
        urlsplit(url).path.rpartition("/")[2] if url else f"{name}.csd"
        for name, url in first_urls.items()
    ]
    name = names[[*first_urls].index(sequence)]
    if name.endswith(".csd") and names.count(name) == 1:
        return name
    # of another address it is another file
    return f"{sequence}-{hashlib.sha256(first_urls[sequence].encode()).hexdigest()[:8]}.csd"
