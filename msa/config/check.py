"""The configuration, checked before anything runs: every problem at once."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msa.base import bibtex
from msa.base.errors import InputError
from msa.base.schema import nearest, problems, refuse
from msa.base.workflow import WORKFLOW
from msa.config.configuration import DEFAULTS, Config
from msa.config.encoders import encoder_problems
from msa.config.expand import expand
from msa.config.fits import misfit, wrong_losses
from msa.config.folds import deal_recipes, whole
from msa.config.layers import merge, read_yaml
from msa.config.licences import licence_problems
from msa.config.recipes import extend_recipe, recipe_problems
from msa.config.settings import unknown_names
from msa.config.sources import label_problems
from msa.config.studies import search, space_problems
from msa.config.transfer import transfer_problems
from msa.models import MODELS


def load(paths: Iterable[Path]) -> Config:
    """Read and check configuration files, later ones over earlier ones, as Snakemake does."""
    paths = list(paths)
    asked = merge(*map(read_yaml, paths))
    try:
        return configure(asked)
    except InputError as error:
        raise InputError(f"{', '.join(map(str, paths))}: {error}") from error


def configure(user_config: Mapping[str, Any]) -> Config:
    """The whole configuration, valid by construction.

    Args:
        user_config: what config.yaml and the user's own files say.

    Raises:
        InputError: with every problem found, one line each.
    """
    refuse(problems(dict(user_config), "config.schema.json", "config"))
    user_config, unknown = expand(user_config)
    refuse(unknown)
    recipes = WORKFLOW / "recipes"
    pinned = read_yaml(recipes / "encoders.yaml")
    values = merge(DEFAULTS, {"encoders": pinned}, user_config)
    catalogue, models = _folder(recipes / "data"), _folder(recipes / "models")
    data_recipes, wrong = _extend_recipes(catalogue | values["recipes"])
    refuse([*wrong, *_wrong_models(models)])
    dealt = deal_recipes(data_recipes)
    refuse([f"recipe {name}: the name of a fold" for name in dealt if name in data_recipes])
    data_recipes |= dealt
    config = Config(values, catalogue, data_recipes, models, pinned)
    refuse([*_unknown(config)])
    refuse([*_wrong_settings(config), *_misfits(config), *encoder_problems(config)])
    refuse([*label_problems(config)])
    refuse([*transfer_problems(config), *_licence_problems(config)])
    return config


def _licence_problems(config: Config) -> Iterator[str]:
    """What of the configured data sets, and of those that are tested on, may not be used."""
    asked = [*config.values["datasets"], *config.values["transfer"].get("test", ())]
    for dataset in dict.fromkeys(asked):
        yield from licence_problems(config, dataset)


def _folder(folder: Path) -> dict[str, dict[str, Any]]:
    """The recipes of a folder by name."""
    return {path.stem: read_yaml(path) for path in sorted(folder.glob("*.yaml"))}


def _extend_recipes(
    raw_recipes: Mapping[str, Mapping[str, Any]],
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """The data recipes over those that they extend, and what is wrong with them."""
    recipes, wrong = {}, []
    for name in raw_recipes:
        try:
            recipe = extend_recipe(name, raw_recipes)
        except InputError as error:
            wrong.append(str(error))
            continue
        recipes[name] = recipe
        unlike = problems(recipe, "recipe.schema.json", f"recipe {name}")
        wrong += unlike or recipe_problems(name, recipe)
        wrong += bibtex.problems(f"recipe {name}", raw_recipes[name])
    return recipes, wrong


def _wrong_models(models: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    for name, model in models.items():
        yield from problems(model, "model.schema.json", f"model {name}")
        yield from bibtex.problems(f"model {name}", model)
        if name not in MODELS:
            yield f"model {name}: not in msa.models.MODELS"


def _unknown(config: Config) -> Iterator[str]:
    """Data sets and models that are asked for and do not exist."""
    for name in config.values["datasets"]:
        if name not in config.recipes:
            yield f"config: datasets: unknown data set {nearest(name, config.recipes)}"
    for name in config.values["models"]:
        if name not in config.models:
            yield f"config: models: unknown model {nearest(name, config.models)}"
    for part in ("settings", "search", "ablate"):
        for key in config.values[part] if isinstance(config.values[part], Mapping) else ():
            dataset, _, model = key.rpartition("/")
            if model not in config.models:
                yield f"config: {part}: unknown model {nearest(model, config.models)}"
            if dataset and dataset not in config.recipes:
                yield f"config: {part}: unknown data set {nearest(dataset, config.recipes)}"
            elif dataset and part == "settings" and whole(config, dataset) != dataset:
                of = whole(config, dataset)
                yield f"config: settings: {key}: all folds have the same, those of {of}/{model}"


def _wrong_settings(config: Config) -> Iterator[str]:
    """Names and ranges, set or searched, that a model cannot have."""
    for part in ("settings", "search"):
        for key, values in config.values[part].items():
            where = f"config: {part}: {key}"
            yield from unknown_names(config, where, key, values)
            yield from space_problems(f"{where}: space", values.get("space", {}))


def _misfits(config: Config) -> Iterator[str]:
    """What does not go together of the configured data sets and models."""
    for dataset in config.values["datasets"]:
        for model in config.values["models"]:
            if reason := misfit(config, dataset, model):
                yield reason
                continue
            yield from wrong_losses(config, dataset, model)
            random_search = search(config, dataset, model)
            if random_search and not random_search["space"]:
                yield f'config: search: {model}: the key "space" is missing'
