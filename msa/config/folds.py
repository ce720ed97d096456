"""Cross-validation: a data set that is dealt into train, valid and test k times.

Each deal is a data set of its own, `<dataset>.fold1` and so on, which everything up to the
predictions treats as any other. The runs of the whole data set are made of theirs.
"""

from collections.abc import Mapping
from typing import Any

from msa.base.errors import InputError
from msa.config.configuration import Config

DEFAULTS: dict[str, Any] = {"k": 5, "valid": 0.1, "seed": 0}


def protocol(recipe: Mapping[str, Any]) -> dict[str, Any] | None:
    """How a recipe is cross-validated: by, k, valid, seed, of a deal also its `fold`."""
    folds = recipe.get("folds", {})
    if "by" not in folds or "test" in folds:
        return None
    keys = ("by", "k", "valid", "seed", "fold")
    return {key: value for key, value in (DEFAULTS | folds).items() if key in keys}


def speakers_table(recipe: Mapping[str, Any]) -> str | None:
    """The table of speakers that a recipe names, among its folds too, if any."""
    table: str | None = recipe.get("speakers", recipe.get("folds", {}).get("speakers"))
    return table


def deal_recipes(recipes: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The recipes of all deals by name."""
    return {
        f"{name}.fold{n}": {**recipe, "folds": {**recipe["folds"], "of": name, "fold": n}}
        for name, recipe in recipes.items()
        if (how := protocol(recipe))
        for n in range(1, how["k"] + 1)
    }


def draw(recipe: Mapping[str, Any]) -> dict[str, Any] | None:
    """How a recipe's one split is drawn: by, valid, test, seed; None where it is not."""
    folds = recipe.get("folds", {})
    keys = ("by", "valid", "test", "seed")
    return {key: (DEFAULTS | folds)[key] for key in keys} if {"by", "test"} <= set(folds) else None


def whole(config: Config, dataset: str) -> str:
    """The data set that a deal is of; any other is its own."""
    name: str = config.recipes[dataset].get("folds", {}).get("of", dataset)
    return name


def is_crossed(config: Config, dataset: str) -> bool:
    """Whether a data set is cross-validated, and no deal."""
    return bool(deals(config, dataset))


def deals(config: Config, dataset: str) -> list[str]:
    """The deals of a data set that is cross-validated; none of any other."""
    how = protocol(config.recipes[dataset])
    if how is None or "fold" in how:
        return []
    return [f"{dataset}.fold{n}" for n in range(1, how["k"] + 1)]


def require_one_model(config: Config, dataset: str, what: str) -> None:
    """Raise an InputError where a data set has a model for each deal, and none of its own."""
    if is_crossed(config, dataset):
        raise InputError(
            f"{dataset}: {what}: it is cross-validated, and each fold has a model of its own; "
            f"ask for that of a fold, {deals(config, dataset)[0]} in place of {dataset}"
        )
