"""The configuration: config.yaml, data recipes and model recipes, checked before anything runs."""

import copy
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from msa.base.errors import InputError
from msa.base.schema import nearest, problems, refuse
from msa.models import MODELS, architecture_of

# the C parser, where PyYAML was built with it, is eight times as fast
YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
WORKFLOW = Path(__file__).parents[2] / "workflow"
SEQUENCES = ("words", "glove", "embedding", "audio", "vision")
FOLDS = ("train", "valid", "test")
# what a network may be trained and selected by, where its outputs are numbers and where classes
FOR_NUMBERS = {"loss": ("l1", "mse", "half_mse"), "selection": ("loss", "l1", "mse", "last")}
FOR_CLASSES = {"loss": ("cross_entropy",), "selection": ("loss", "last")}

DEFAULTS: dict[str, Any] = {
    "device": "auto",
    "gpu_jobs_per_device": 1,
    "batch_seeds": False,
    "log_every": 1,
    "quiet": False,
    "paths": {
        "data": "data",
        "features": "features",
        "runs": "runs",
        "state": "state",
        "results": "results",
        "checksums": "checksums",
    },
    "encoders": {},
    "settings": {},
    "search": {},
    "robustness": False,
    "ablate": False,
    "recipes": {},
}
ROBUSTNESS_DEFAULTS: dict[str, Any] = {
    "missing_frames": [0.25, 0.5, 0.75],
    "noise": [1, 2],
    "seed": 0,
}
MODALITY_FORMS = {
    "text": ("words", "glove", "embedding", "features"),
    "audio": ("audio",),
    "vision": ("vision",),
}
SEARCH_DEFAULTS: dict[str, Any] = {"trials": 50, "seed": 0, "trials_per_job": 10}
RECIPE_DEFAULTS: dict[str, Any] = {
    "pauses": "drop",
    "encoder": None,
    "clean": {"policy": "zero", "standardize": []},
}
SETTINGS_DEFAULTS: dict[str, Any] = {
    "architecture": {},
    "lengths": {"text": None, "audio": None, "vision": None},
    "sides": {"text": "right", "audio": "right", "vision": "right"},
    "reduction": "mean",
    "selection": "loss",
    "columns": {},
    "word_map": "words",
    "optimizer": {"name": "adam", "weight_decay": 0.0, "forget": False, "groups": {}},
    "schedule": None,
    "checkpoint": None,
    "patience": None,
    "clip": None,
    "precision": "fp32",
    "threads": 1,
}


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Later layers over earlier ones; mappings merge key by key, everything else is replaced."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
            merged[key] = merge(merged[key], value) if both else copy.deepcopy(value)
    return merged


def _yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), YAML) or {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        found = " ".join(str(error).split())
        raise InputError(f"{path}: cannot be read as YAML: {found}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected keys and values, got a {type(content).__name__}")
    return content


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


class Config:
    """The whole configuration, valid by construction.

    Attributes:
        values: config.yaml with its defaults.
        recipes: data recipes by name, catalogue and own.
        models: model recipes by name.
        pinned: encoders on the hub by name, each with its `revision`.

    Raises:
        InputError: with every problem found, one line each.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        found = problems(dict(given), "config.schema.json", "config")
        refuse(found)
        self.pinned = _yaml(WORKFLOW / "recipes/encoders.yaml")
        self.values = merge(DEFAULTS, {"encoders": self.pinned}, given)
        self.catalogue = {
            p.stem: _yaml(p) for p in sorted((WORKFLOW / "recipes/data").glob("*.yaml"))
        }
        self.models = {
            p.stem: _yaml(p) for p in sorted((WORKFLOW / "recipes/models").glob("*.yaml"))
        }
        self.raw_recipes = self.catalogue | self.values["recipes"]
        self.recipes: dict[str, dict[str, Any]] = {}
        for name in self.raw_recipes:
            try:
                recipe = self._extended(name)
            except InputError as error:
                found.append(str(error))
                continue
            wrong = problems(recipe, "recipe.schema.json", f"recipe {name}")
            found += wrong or _recipe_problems(name, recipe)
            self.recipes[name] = recipe
        for name, model in self.models.items():
            found += problems(model, "model.schema.json", f"model {name}")
            if name not in MODELS:
                found.append(f"model {name}: not in msa.models.MODELS")
        refuse(found)

        for name in self.values["datasets"]:
            if name not in self.recipes:
                found.append(f"config: datasets: unknown data set {nearest(name, self.recipes)}")
        for name in self.values["models"]:
            if name not in self.models:
                found.append(f"config: models: unknown model {nearest(name, self.models)}")
        for part in ("settings", "search", "ablate"):
            for key in self.values[part] if isinstance(self.values[part], Mapping) else ():
                dataset, _, model = key.rpartition("/")
                if model not in self.models:
                    found.append(f"config: {part}: unknown model {nearest(model, self.models)}")
                if dataset and dataset not in self.recipes:
                    known = nearest(dataset, self.recipes)
                    found.append(f"config: {part}: unknown data set {known}")
        refuse(found)
        for part in ("settings", "search"):
            for key, given in self.values[part].items():
                found += self._unknown_names(f"config: {part}: {key}", key, given)
                found += _space_problems(f"config: {part}: {key}: space", given.get("space", {}))
        for dataset in self.values["datasets"]:
            for model in self.values["models"]:
                if misfit := self.misfit(dataset, model):
                    found.append(misfit)
                    continue
                found += self._wrong_losses(dataset, model)
                if (search := self.search(dataset, model)) and not search["space"]:
                    found.append(f'config: search: {model}: the key "space" is missing')
        found += self._missing_encoders()
        refuse(found)

    def _extended(self, name: str, seen: tuple[str, ...] = ()) -> dict[str, Any]:
        """A recipe over the one it extends; the base's raw files are its own."""
        recipe = self.raw_recipes[name]
        base = recipe.get("extends") if isinstance(recipe, Mapping) else None
        if base is None:
            return merge(RECIPE_DEFAULTS, recipe)
        if base not in self.raw_recipes:
            known = nearest(base, self.raw_recipes)
            raise InputError(f"recipe {name}: extends: unknown recipe {known}")
        if base in (*seen, name):
            raise InputError(f"recipe {name}: extends: {base} extends it in turn")
        return merge(self._extended(base, (*seen, name)), recipe)

    def path(self, kind: str, *parts: str) -> str:
        """A path below one of `paths`, as Snakemake spells it."""
        return "/".join([self.values["paths"][kind].rstrip("/"), *parts])

    def owner(self, dataset: str, name: str) -> str:
        """The recipe, itself or one that it extends, that names a file: its folder holds it."""
        own = self.raw_recipes[dataset]
        # files of one layout stay in one folder
        if "extends" not in own or "files" in own or name in own.get("sequences", {}):
            return dataset
        return self.owner(own["extends"], name)

    def sources(self, dataset: str) -> dict[str, Source]:
        """The files of a recipe: the .csd files by the part they play, or what is imported."""
        recipe = self.recipes[dataset]
        if "files" in recipe:
            return {name: self._source(dataset, name, of) for name, of in recipe["files"].items()}
        return {
            sequence: self._source(dataset, sequence, given)
            for sequence, given in recipe.get("sequences", {}).items()
        }

    def _source(self, dataset: str, name: str, given: Any) -> Source:
        if given == "demo":
            return Source(self.path("data", "demo", "raw", f"{name}.csd"), "made")
        if isinstance(given, str) and not re.match("https?://", given):
            return Source(given)
        spec: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
        owner = self.owner(dataset, name)
        file = name
        if "files" not in self.recipes[dataset]:
            file = _csd_name(name, self.recipes[owner]["sequences"])
        return Source(
            self.path("data", owner, "raw", file),
            "raw",
            _urls(given),
            spec.get("sha256"),
            spec.get("size"),
            self.recipes[dataset].get("manual"),
        )

    def folds(self, dataset: str) -> Source:
        """The folds' JSON file."""
        given = self.recipes[dataset]["folds"]
        if given == "demo":
            return Source(self.path("data", "demo", "raw", "folds.json"), "made")
        shipped = WORKFLOW / "resources" / "folds" / f"{given}.json"
        return Source(str(shipped) if shipped.is_file() else given)

    def published_as(self, dataset: str) -> tuple[str, str]:
        """What workflow/resources/published.csv calls a data set, and the setting of its input.

        The name is the recipe's word, or in the catalogue the first of the recipe's name.
        """
        recipe = self.recipes[dataset]
        known = dataset.partition("_")[0] if dataset in self.catalogue else dataset
        return recipe.get("published", known), recipe.get("setting", "")

    def encoder(self, dataset: str) -> Encoder:
        """The encoder of a recipe, as the configuration's `encoders` says."""
        name = self.recipes[dataset]["encoder"]
        if name == "demo":
            return Encoder(name, self.path("data", "demo", "encoder"), kind="made")
        given = self.values["encoders"].get(name, {})
        if isinstance(given, str) or Path(name).is_absolute() or Path(name).is_dir():
            folder = given if isinstance(given, str) else name
            return Encoder(folder, folder)
        hub = Encoder(name, "", given.get("revision"), "hub")
        # two owners' encoders, or two commits, of one name are two
        version = re.sub(r"[^A-Za-z0-9._@-]+", "--", hub.version)
        return replace(hub, folder=self.path("data", "encoders", version))

    def forms(self, dataset: str) -> dict[str, list[str]]:
        """By modality, the forms that a recipe offers.

        Words are for models that read them through the recipe's encoder, with an audio and a
        vision row each.
        """
        recipe = self.recipes[dataset]
        offered = [name for name in held(recipe) if name != "words"]
        if "words" in held(recipe) and recipe["encoder"]:
            aligned = recipe["align"] == "words"
            offered += ["words", "features"] if aligned else ["features"]
        return {
            modality: [name for name in offered if name in forms]
            for modality, forms in MODALITY_FORMS.items()
        }

    def chosen(self, dataset: str, model: str) -> dict[str, str | None]:
        """By modality that the model needs, the form it gets; None where the recipe has none."""
        offered = self.forms(dataset)
        return {
            modality: next((form for form in forms if form in offered[modality]), None)
            for modality, forms in self.models[model]["needs"].items()
        }

    def require(self, dataset: str, model: str, without: str | None = None) -> None:
        """Raise an InputError unless both are known and fit, also without a modality."""
        if dataset not in self.recipes:
            raise InputError(
                f"unknown data set {nearest(dataset, self.recipes)}; one of your own: --configfile"
            )
        if model not in self.models:
            raise InputError(f"unknown model {nearest(model, self.models)}")
        if misfit := self.misfit(dataset, model):
            raise InputError(misfit)
        refuse(self._wrong_losses(dataset, model))
        removable = self.removable(dataset, model)
        if without and without not in removable:
            raise InputError(
                f"{model} on {dataset} cannot be trained without {without}; "
                f"without these: {', '.join(removable) or 'none'}"
            )

    def misfit(self, dataset: str, model: str) -> str | None:
        """Why a model cannot run on a data set, and what can; None where it fits."""
        reason = self._misfit(dataset, model)
        if reason is None:
            return None
        fits = [name for name in self.models if self._misfit(dataset, name) is None]
        fitting = [name for name in self.recipes if self._misfit(name, model) is None]
        return (
            f"{model} cannot run on {dataset}: {reason}. On {dataset} fit: {', '.join(fits)}. "
            f"{model} fits: {', '.join(fitting) or 'none'}"
        )

    def _misfit(self, dataset: str, model: str) -> str | None:
        task = self.recipes[dataset]["task"]["type"]
        tasks = self.models[model]["tasks"]
        if task not in tasks:
            return f"its task is {task}, the model is made for {', '.join(tasks)}"
        offered, needs = self.forms(dataset), self.models[model]["needs"]
        for modality, form in self.chosen(dataset, model).items():
            found = ", ".join(offered[modality])
            if modality == "text" and not found and "words" in held(self.recipes[dataset]):
                found = "words without an encoder"
            if form is None and found:
                return f"it offers {modality} as {found}, not as {' or '.join(needs[modality])}"
        return None

    def _unknown_names(self, where: str, key: str, given: Mapping[str, Any]) -> list[str]:
        """Keywords and groups of parameters, set or searched, that a model does not have."""
        model, found = key.rpartition("/")[2], []
        own = self.models[model]["settings"].get("optimizer", {}).get("groups", {})
        for part in ("architecture", "optimizer.groups"):
            names = _names(given, part)
            # a recipe has all groups of its model; keywords are read of it, where there are some
            known = own if part == "optimizer.groups" else names and architecture_of(model)
            if known is not None:
                found += [
                    f"{where}: {part.replace('.', ': ')}: unknown key {nearest(name, known)}"
                    for name in names
                    if name not in known
                ]
        return found

    def _missing_encoders(self) -> list[str]:
        """Encoders that can only be meant as folders of the user's own, and are none."""
        found = [
            f"config: encoders: {name}: expected a folder with an encoder, {given} is none"
            for name, given in self.values["encoders"].items()
            if isinstance(given, str) and not Path(given).is_dir()
        ]
        for dataset in self.values["recipes"]:
            name = self.recipes[dataset]["encoder"] or ""
            folder = Path(name).parent
            meant = name not in self.values["encoders"] and folder.name and folder.is_dir()
            if meant and not Path(name).is_dir():
                found.append(
                    f"recipe {dataset}: encoder: expected a folder, or a name on the hub, got "
                    f'"{name}"; there is a folder {folder}, which has none of that name'
                )
        return found

    def _wrong_losses(self, dataset: str, model: str) -> list[str]:
        """Losses that the configuration asks for and the data set's task cannot have."""
        task, own = self.recipes[dataset]["task"]["type"], self.values["settings"]
        found = []
        for name, fitting in (FOR_NUMBERS if task == "regression" else FOR_CLASSES).items():
            keys = [key for key in (f"{dataset}/{model}", model) if name in own.get(key, {})]
            if keys and own[keys[0]][name] not in fitting:
                found.append(
                    f"config: settings: {keys[0]}: {name}: on {dataset}, a {task}, expected one "
                    f"of {[*fitting]}, got {nearest(own[keys[0]][name], fitting)}"
                )
        return found

    def targets(self, dataset: str, model: str) -> list[str]:
        """The runs of one seed: "all", or each target where the system trains one model each."""
        published = self.models[model].get("published", {}).get(dataset, {})
        each = published.get("targets") == "each"
        return self.recipes[dataset]["task"]["targets"] if each else ["all"]

    def search(self, dataset: str, model: str) -> dict[str, Any] | None:
        """The random search that the configuration asks for: space, trials, seed, per job."""
        given = [self.values["search"].get(key) for key in (model, f"{dataset}/{model}")]
        if not any(of is not None for of in given):
            return None
        spec = self.models[model]
        published = spec.get("published", {}).get(dataset, {})
        spaces = {"space": spec.get("space", {}) | published.get("space", {})}
        own = merge(*(of or {} for of in given))
        if "space" in own:
            spaces = {"space": own["space"]}
        return {**SEARCH_DEFAULTS, **own, **spaces}

    def robustness(self) -> dict[str, Any]:
        """Levels and seed of the perturbed test input; no levels where none are asked for."""
        given = self.values["robustness"]
        if given is False:
            return merge(ROBUSTNESS_DEFAULTS, {"missing_frames": [], "noise": []})
        return merge(ROBUSTNESS_DEFAULTS, {} if given is True else given)

    def ablated(self, dataset: str, model: str) -> list[str]:
        """The modalities to remove; none where the configuration does not ask for it."""
        given = self.values["ablate"]
        if isinstance(given, Mapping):
            given = given.get(f"{dataset}/{model}", given.get(model, False))
        there = [name for name, form in self.chosen(dataset, model).items() if form]
        if not given or len(there) < 2:
            return []
        return there if given is True else [name for name in there if name in given]

    def retrained(self, dataset: str, model: str) -> list[str]:
        """Of those, the ones without which the model can be trained; a checkpoint never is."""
        if self.variant(dataset, model) != "main":
            return []
        removable = self.removable(dataset, model)
        return [name for name in self.ablated(dataset, model) if name in removable]

    def removable(self, dataset: str, model: str) -> list[str]:
        """The modalities without which a model can be trained on a data set.

        A model of words alone is nothing without its encoder.
        """
        there = [name for name, form in self.chosen(dataset, model).items() if form]
        only_words = self.models[model]["needs"].get("text") == ["words"]
        return [name for name in there if len(there) > 1 and (name != "text" or not only_words)]

    def variant(self, dataset: str, model: str) -> str:
        """The variant of a model's result: released where it is a checkpoint of the authors'."""
        return self.settings(dataset, model, 0)["variant"]

    def settings(
        self, dataset: str, model: str, seed: int, target: str = "all", without: str | None = None
    ) -> dict[str, Any]:
        """Everything that training one model with one seed may depend on, but for the data.

        Without one of its modalities, as if the data set did not have it.
        """
        recipe, spec = self.recipes[dataset], self.models[model]
        published = spec.get("published", {}).get(dataset)
        own = self.values["settings"]
        given = merge(own.get(model, {}), own.get(f"{dataset}/{model}", {}))
        chosen = self.chosen(dataset, model)
        if without:
            chosen[without] = None
        layers = (
            SETTINGS_DEFAULTS,
            spec["settings"],
            (published or {}).get("settings", {}),
            (published or {}).get("per_target", {}).get(target, {}),
            spec.get("adapted", {}).get(dataset, {}),
            given,
        )
        missing = [modality for modality, form in chosen.items() if form is None]
        reads_words = chosen.get("text") in ("features", "words")
        changed = missing or set(given) - {"threads"} or (reads_words and self._replaced(dataset))
        as_published = published is not None and not changed
        hyper = merge(*layers)
        if recipe["task"]["type"] != "regression":
            last = hyper["selection"] == "last"
            hyper |= {"loss": "cross_entropy", "selection": "last" if last else "loss"}
        task, columns = recipe["task"], [*range(len(recipe["task"]["targets"]))]
        if target != "all" and task["type"] == "binary":
            # a binary model of its own; of a regression the joint network is trained
            columns = [task["targets"].index(target)]
            task = {**task, "targets": [target]}
        variant = "released" if hyper["checkpoint"] else "main"
        if without:
            variant = f"no-{without}"
        together = self.together(model)
        if together and (unfit := [key for key in ("schedule", "clip") if hyper[key] is not None]):
            raise InputError(
                f"config: batch_seeds: {model} on {dataset} has a {unfit[0]}, which seeds that "
                f"train together cannot have; take it out of `settings`, or set batch_seeds: false"
            )
        free = [name for name, form in chosen.items() if form and hyper["lengths"][name] is None]
        if together and free and hyper["architecture"].get("padding") == "released":
            raise InputError(
                f"config: batch_seeds: {model} on {dataset} pads {free[0]} to the longest of its "
                f"batch, which is another where seeds train together; give `lengths` of "
                f"{', '.join(free)} in `settings`, or set batch_seeds: false"
            )
        return {
            "dataset": dataset,
            "model": model,
            "variant": variant,
            "target": target,
            "seed": seed,
            "settings": "published" if as_published else "adapted",
            "source": published["source"] if published and as_published else None,
            "task": task,
            "label_columns": columns,
            "forms": chosen,
            "missing": missing,
            "encoder": self.encoder(dataset).version if reads_words else None,
            "clean": recipe["clean"],
            "hyperparameters": hyper,
            **({"seeds_together": together} if seed in together else {}),
        }

    def together(self, model: str) -> list[int]:
        """The seeds of a model that train as one program; none where each trains alone."""
        seeds = self.values["seeds"]
        small = self.values["batch_seeds"] and self.models[model].get("batch_seeds")
        return seeds if small and len(seeds) > 1 else []

    def _replaced(self, dataset: str) -> bool:
        """Whether the configuration has another encoder than the recipe's, or one of its own."""
        encoder = self.encoder(dataset)
        pinned = self.pinned.get(self.recipes[dataset]["encoder"], {}).get("revision")
        return encoder.kind == "own" or encoder.revision != pinned


def _names(given: Mapping[str, Any], part: str) -> list[str]:
    """What is set or searched of a part of the settings, such as `optimizer.groups`."""
    inner = given
    for name in part.split("."):
        inner = inner.get(name, {})
    drawn = [key for key in given.get("space", {}) if key.startswith(f"{part}.")]
    return [*inner, *(key.removeprefix(f"{part}.") for key in drawn)]


def _urls(given: str | Mapping[str, Any]) -> tuple[str, ...]:
    """The mirrors that a recipe names for a file."""
    urls = given if isinstance(given, str) else given.get("url", ())
    return (urls,) if isinstance(urls, str) else tuple(urls)


def _csd_name(sequence: str, sequences: Mapping[str, Any]) -> str:
    """What to call a sequence's file: as its first mirror does, where that tells it from others."""
    first = {name: next(iter(_urls(given)), "") for name, given in sequences.items()}
    names = [
        urlsplit(url).path.rpartition("/")[2] if url else f"{name}.csd"
        for name, url in first.items()
    ]
    name = names[[*first].index(sequence)]
    if name.endswith(".csd") and names.count(name) == 1:
        return name
    # of another address it is another file
    return f"{sequence}-{hashlib.sha256(first[sequence].encode()).hexdigest()[:8]}.csd"


def held(recipe: Mapping[str, Any]) -> list[str]:
    """The sequences a recipe has, beside the labels."""
    names = recipe["holds"] if "import" in recipe else recipe["sequences"]
    return [name for name in SEQUENCES if name in names]


def _recipe_problems(name: str, recipe: Mapping[str, Any]) -> list[str]:
    """What a schema cannot say."""
    needed = ["align", "holds"] if "import" in recipe else ["align", "sequences", "folds"]
    if not recipe.get("import", "demo-").startswith("demo-"):
        needed.append("files")
    found = [f'recipe {name}: the key "{key}" is missing' for key in needed if key not in recipe]
    if found:
        return found
    task, names = recipe["task"], held(recipe)
    if recipe["align"] == "words" and "words" not in names:
        found.append(f"recipe {name}: align: words needs a sequence that plays words, got {names}")
    if recipe["encoder"] and "words" not in names:
        found.append(f"recipe {name}: encoder: needs a sequence that plays words, got {names}")
    if not names:
        found.append(f"recipe {name}: sequences: expected one beside labels, of {SEQUENCES}")
    if task["type"] == "regression" and "range" not in task:
        found.append(f"recipe {name}: task: a regression needs its range, such as [-3, 3]")
    if "range" in task and not task["range"][0] < task["range"][1]:
        found.append(f"recipe {name}: task: range: expected low, high, got {task['range']}")
    if unknown := set(recipe["clean"]["standardize"]) - set(names):
        found.append(
            f"recipe {name}: clean: standardize: expected some of {names}, got {sorted(unknown)}"
        )
    if task["type"] == "classification" and ("classes" not in task or len(task["targets"]) != 1):
        found.append(f"recipe {name}: task: a classification needs classes and one target")
    columns = task.get("columns", task["targets"])
    if len(columns) != len(task["targets"]):
        found.append(
            f"recipe {name}: task: expected a column for each of {len(task['targets'])} targets, "
            f"got {len(columns)}"
        )
    return found


def _space_problems(where: str, space: Mapping[str, Any]) -> list[str]:
    """Values that the settings could not have, and ranges that are none."""
    found = []
    for key, values in space.items():
        if isinstance(values, Mapping):
            low, high = values["low"], values["high"]
            if low > high or (values.get("log") and low <= 0):
                found.append(
                    f"{where}: {key}: expected low up to high, and above 0 with log, "
                    f"got {dict(values)}"
                )
                continue
            values = [low, high]
        for value in values:
            for name in reversed(key.split(".")):
                value = {name: value}
            found += problems(value, "settings.schema.json", where)
    return found


def load(paths: Iterable[Path]) -> Config:
    """Read and check configuration files, later ones over earlier ones, as Snakemake does."""
    paths = list(paths)
    given = merge(*map(_yaml, paths))
    try:
        return Config(given)
    except InputError as error:
        raise InputError(f"{', '.join(map(str, paths))}: {error}") from error
