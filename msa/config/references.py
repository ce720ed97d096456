"""What recipes refer to: papers, published figures, and what a system is checked against."""

from collections.abc import Mapping
from typing import Any

from msa.config.configuration import Config


def authority(recipe: Mapping[str, Any]) -> str | None:
    """What a model recipe's system is checked against; None of a baseline."""
    return recipe.get("authority", "released" if "cite" in recipe else None)


def published_as(config: Config, dataset: str) -> tuple[str, str]:
    """What workflow/resources/published.csv calls a data set, and the setting of its input.

    The name is the recipe's word, or in the catalogue the first of the recipe's name.
    """
    recipe = config.recipes[dataset]
    known = dataset.partition("_")[0] if dataset in config.catalogue else dataset
    return recipe.get("published", known), recipe.get("setting", "")


def citations(config: Config) -> list[str]:
    """What the configured data sets and models cite, each once: keys, or a user's own BibTeX."""
    cited = [recipe.get("cite") for recipe in _configured(config).values()]
    return [cite for cite in dict.fromkeys(cited) if cite]


def titles(config: Config) -> dict[str, str]:
    """What the configured data sets and models are, in words."""
    recipes = _configured(config)
    return {name: recipe["title"] for name, recipe in recipes.items() if "title" in recipe}


def _configured(config: Config) -> dict[str, dict[str, Any]]:
    """The recipes of the configured data sets and models by name."""
    datasets = {name: config.recipes[name] for name in config.values["datasets"]}
    return datasets | {name: config.models[name] for name in config.values["models"]}
