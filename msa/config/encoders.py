"""Which text encoder a data set's words are read by, and where it lies."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from msa.base.encoder_folder import folder_problem
from msa.config.configuration import Config
from msa.config.folds import whole
from msa.config.recipes import sequence_names

# owner/name, or name; anything else can only be a folder
HUB_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?", re.ASCII)


@dataclass(frozen=True)
class Encoder:
    """A text encoder.

    Attributes:
        name: hub name, or local folder.
        folder: where it lies.
        revision: commit on the hub; None for the newest, or where it is no hub's.
        kind: "hub" is fetched, or dropped by hand; "made" by the demo; "own" is the user's folder.
    """

    name: str
    folder: str
    revision: str | None = None
    kind: str = "own"

    @property
    def version(self) -> str:
        """Its name, with the commit where there is one."""
        return f"{self.name}@{self.revision}" if self.revision else self.name

    @property
    def slug(self) -> str:
        """A name for folders."""
        return re.sub(r"[^A-Za-z0-9._-]+", "-", self.name.rstrip("/").rpartition("/")[2])


def text_encoder(config: Config, dataset: str) -> Encoder:
    """The encoder of a recipe, as the configuration's `encoders` says."""
    name = config.recipes[dataset]["encoder"]
    if name == "demo":
        return Encoder(name, config.path("data", "demo", "encoder"), kind="made")
    replacement = config.values["encoders"].get(name, {})
    if isinstance(replacement, str) or not HUB_NAME.fullmatch(name) or Path(name).is_dir():
        folder = replacement if isinstance(replacement, str) else name
        return Encoder(folder, folder)
    hub = Encoder(name, "", replacement.get("revision"), "hub")
    # two owners' encoders, or two commits, of one name are two
    version = re.sub(r"[^A-Za-z0-9._@-]+", "--", hub.version)
    return replace(hub, folder=config.path("data", "encoders", version))


def hub_encoders(config: Config) -> dict[str, Encoder]:
    """The encoders of all recipes that come from the hub, by the name of their folder."""
    encoders = [
        text_encoder(config, dataset)
        for dataset, recipe in config.recipes.items()
        if recipe["encoder"]
    ]
    return {Path(encoder.folder).name: encoder for encoder in encoders if encoder.kind == "hub"}


def cutting_encoder(config: Config, dataset: str) -> Encoder | None:
    """The encoder that cuts text without spaces, if any does.

    It looks for some in data sets of the user's own, and in the catalogue's that say so. Words that
    audio and vision are aligned to stay whole.
    """
    recipe = config.recipes[dataset]
    in_catalogue = whole(config, dataset) in config.catalogue
    if recipe.get("spaces", in_catalogue) or recipe["align"] == "words" or not recipe["encoder"]:
        return None
    return text_encoder(config, dataset) if "words" in sequence_names(recipe) else None


def is_replaced(config: Config, dataset: str) -> bool:
    """Whether the configuration has another encoder than the recipe's, or one of its own."""
    encoder = text_encoder(config, dataset)
    pinned = config.pinned.get(config.recipes[dataset]["encoder"], {}).get("revision")
    return encoder.kind == "own" or encoder.revision != pinned


def encoder_problems(config: Config) -> Iterator[str]:
    """Encoders that can only be meant as folders of the user's own and are none, or none whole."""
    encoders = config.values["encoders"]
    for name, folder in encoders.items():
        if isinstance(folder, str) and not Path(folder).is_dir():
            yield f"config: encoders: {name}: expected a folder with an encoder, {folder} is none"
        elif isinstance(folder, str) and (problem := _folder_problem(folder)):
            yield f"config: encoders: {name}: {folder}: {problem}"
    for dataset in dict.fromkeys([*config.values["recipes"], *config.values["datasets"]]):
        name = config.recipes[dataset]["encoder"]
        if not name or isinstance(encoders.get(name), str):
            continue
        encoder, parent = text_encoder(config, dataset), Path(name).parent
        if Path(encoder.folder).is_dir():
            if problem := _folder_problem(encoder.folder):
                yield f"recipe {dataset}: encoder: {encoder.folder}: {problem}"
        elif encoder.kind == "own" or (name not in encoders and parent.name and parent.is_dir()):
            there = f"a folder {parent}, which has none" if parent.is_dir() else "no folder"
            yield (
                f"recipe {dataset}: encoder: expected a folder, or a name on the hub, got "
                f'"{name}"; there is {there} of that name'
            )


def _folder_problem(folder: str) -> str | None:
    try:
        return folder_problem(Path(folder))
    except OSError as error:
        return str(error)
