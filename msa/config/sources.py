"""Where a data set's files come from, and where they lie."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msa.base.workflow import WORKFLOW
from msa.config.configuration import Config
from msa.config.encoders import text_encoder
from msa.config.folds import draw, speakers_table, whole
from msa.config.recipes import EXTRACTED, file_urls

CHECKED = ("raw", "own")


@dataclass(frozen=True)
class Source:
    """Where a file comes from: fetched, or dropped by hand; made by a generator; the user's own.

    Attributes:
        path: where the file lies.
        kind: "raw" is fetched or dropped by hand, "made" by the demo's generator, "own" the user's,
            "shipped" with the workflow.
        owner: the recipe that names a raw file; "encoders", or "own".
        urls: sources in order; none for what only a person can fetch.
        sha256: checksum to enforce, where one is known.
        size: about how many bytes it has, where that is known.
        manual: how a person gets it.
    """

    path: str
    kind: str = "own"
    owner: str = "own"
    urls: tuple[str, ...] = ()
    sha256: str | None = None
    size: int | None = None
    manual: str | None = None


def data_sources(config: Config, dataset: str) -> dict[str, Source]:
    """The files of a recipe: the .csd files by the part they play, or what is imported by name."""
    dataset = whole(config, dataset)
    recipe = config.recipes[dataset]
    files = recipe["files"] if "files" in recipe else recipe.get("sequences", {})
    return {name: _source(config, dataset, name, file) for name, file in files.items()}


def raw_sources(config: Config) -> dict[str, Source]:
    """The files of all recipes that are fetched or dropped by hand, by path."""
    return {
        source.path: source
        for dataset in config.recipes
        if whole(config, dataset) == dataset
        for source in data_sources(config, dataset).values()
        if source.kind == "raw"
    }


def dataset_sources(config: Config, dataset: str) -> list[Source]:
    """The files that a data set is made from, its folds' too."""
    sources = [*data_sources(config, dataset).values()]
    folds = config.recipes[dataset].get("folds", {})
    if {"file", "fold", "test"} & set(folds):
        sources.append(folds_source(config, dataset))
    if folds.get("by") == "speaker":
        sources += speaker_sources(config, dataset)
    return sources


def speaker_sources(config: Config, dataset: str) -> list[Source]:
    """The user's table of speakers, where there is one."""
    path = speakers_table(config.recipes[dataset])
    return [Source(path)] if path else []


def encoder_source(config: Config, dataset: str) -> Source:
    """The folder of a data set's encoder."""
    encoder = text_encoder(config, dataset)
    if encoder.kind == "hub":
        return Source(encoder.folder, "raw", "encoders")
    return Source(encoder.folder, encoder.kind)


def checked_sources(config: Config) -> dict[str, Source]:
    """All that is fetched, dropped by hand or the user's own, by its `checked_file`."""
    checkpoints = [of.get("checkpoint") for of in config.values["settings"].values()]
    sources = [Source(path) for path in checkpoints if path]
    for dataset, recipe in config.recipes.items():
        sources += dataset_sources(config, dataset) + speaker_sources(config, dataset)
        sources += [encoder_source(config, dataset)] if recipe["encoder"] else []
    return {checked_file(config, source): source for source in sources if source.kind in CHECKED}


def checked_file(config: Config, source: Source) -> str:
    """The file that has a file's checksum once it is found right, but for its ending."""
    name = source.path.rstrip("/").rpartition("/")[2]
    if source.kind == "own":
        # two of one name are two
        name += "-" + hashlib.sha256(source.path.encode()).hexdigest()[:8]
    return config.path("data", source.owner, "checked", name)


def lock_file(config: Config, source: Source) -> str | None:
    """The file that says what a raw file was when it was first seen; the user's own may change."""
    if source.kind == "own":
        return None
    return config.path("checksums", source.owner, f"{Path(source.path).name}.sha256")


def missing_files(config: Config) -> list[str]:
    """The user's own files of the configured data sets that are not there, one line each.

    Snakemake takes what was made from another file for done, and says nothing. A file that was seen
    where it should be may be gone: what was made from it stands.
    """
    lines: dict[str, str] = {}
    for dataset in config.values["datasets"]:
        for path in _own_files(config, dataset):
            if not Path(path).exists():
                lines.setdefault(path, f"recipe {dataset}: {path}: {_no_such(Path(path))}")
    return [*lines.values()]


def _own_files(config: Config, dataset: str) -> Iterator[str]:
    """The user's own files, but for those that have been found right, and the encoder."""
    for source in dataset_sources(config, dataset) + speaker_sources(config, dataset):
        if source.kind == "own" and not Path(f"{checked_file(config, source)}.sha256").exists():
            yield source.path
    recipe = config.recipes[dataset]
    if "videos" in recipe:
        yield from (recipe[key] for key in ("videos", "transcripts", "labels") if key in recipe)


def _no_such(path: Path) -> str:
    if not path.parent.is_dir():
        return f"no such file; there is no folder {path.parent} in {Path.cwd()}"
    near = get_close_matches(path.name, [other.name for other in path.parent.iterdir()], 1)
    return "no such file" + (f'; did you mean "{path.parent / near[0]}"?' if near else "")


def _source(config: Config, dataset: str, name: str, file: Any) -> Source:
    if file == "demo":
        return Source(config.path("data", "demo", "raw", f"{name}.csd"), "made")
    if file == EXTRACTED:
        owner = videos_owner(config, dataset)
        return Source(config.path("data", owner, "raw", f"{name}.csd"), "made")
    if isinstance(file, str) and not re.match("(https?|hf)://", file):
        return Source(file)
    details: Mapping[str, Any] = file if isinstance(file, Mapping) else {}
    owner = _owner(config, dataset, name)
    if "files" not in config.recipes[dataset]:
        name = _csd_name(name, config.recipes[owner]["sequences"])
    return Source(
        config.path("data", owner, "raw", name),
        "raw",
        owner,
        file_urls(file),
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


def videos_owner(config: Config, dataset: str) -> str:
    """The recipe, itself or one that it extends, that names the videos."""
    recipe = config.raw_recipe(dataset)
    return dataset if "videos" in recipe else videos_owner(config, recipe["extends"])


def label_problems(config: Config) -> Iterator[str]:
    """Recipes of videos whose targets are others than those that their videos are labelled with."""
    for name, recipe in config.recipes.items():
        if recipe.get("sequences", {}).get("labels") != EXTRACTED or whole(config, name) != name:
            continue
        owner, task = videos_owner(config, name), recipe["task"]
        labelled = config.recipes[owner]["task"]["targets"]
        if owner == name and "columns" in task:
            yield (
                f"recipe {name}: task: columns: labels of videos are found by the names in "
                "`targets`; take it out"
            )
        columns = task.get("columns", range(len(task["targets"])))
        if owner != name and task["targets"] != [*map(dict(enumerate(labelled)).get, columns)]:
            yield (
                f"recipe {name}: task: targets: expected some of {labelled}, the targets of "
                f"{owner}, whose videos these are, with their numbers there as `columns`, got "
                f"{task['targets']} and {[*columns]}"
            )


def folds_source(config: Config, dataset: str) -> Source:
    """The folds' JSON file."""
    if whole(config, dataset) != dataset or draw(config.recipes[dataset]):
        return Source(config.path("data", dataset, "folds.json"), "made")
    name = config.recipes[dataset]["folds"]["file"]
    if name == "demo":
        return Source(config.path("data", "demo", "raw", "folds.json"), "made")
    shipped = _official(name)
    return Source(str(shipped), "shipped") if shipped.is_file() else Source(name)


def _official(name: str) -> Path:
    """Where official folds of that name lie, if there are some."""
    return WORKFLOW / "resources" / "folds" / f"{name}.json"


def is_official(recipe: Mapping[str, Any]) -> bool:
    """Whether a recipe's folds are the data set's own."""
    return _official(recipe.get("folds", {}).get("file", "")).is_file()


def table_folds(config: Config, dataset: str) -> list[str]:
    """The folds' JSON file of a table that has one."""
    recipe = config.recipes[dataset]
    named = recipe.get("import") == "table" and "file" in recipe.get("folds", {})
    return [folds_source(config, dataset).path] if named else []


def _csd_name(sequence: str, sequences: Mapping[str, Any]) -> str:
    """What to call a sequence's file: as its first source does, where that tells it from others."""
    first_urls = {name: next(iter(file_urls(file)), "") for name, file in sequences.items()}
    names = [
        urlsplit(url).path.rpartition("/")[2] if url else f"{name}.csd"
        for name, url in first_urls.items()
    ]
    name = names[[*first_urls].index(sequence)]
    if name.endswith(".csd") and names.count(name) == 1:
        return name
    # of another address it is another file
    return f"{sequence}-{hashlib.sha256(first_urls[sequence].encode()).hexdigest()[:8]}.csd"
