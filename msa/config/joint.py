"""Joint networks: where runs of several targets, or seeds, are one training, or its trials are."""

from collections.abc import Collection, Mapping
from functools import cache
from itertools import product
from typing import Any

from msa.base.errors import InputError
from msa.config.configuration import Config
from msa.config.folds import is_crossed
from msa.config.settings import run_settings, targets

KEYS = ("dataset", "model", "target", "seed")


@cache
def trained_with(config: Config, dataset: str, model: str) -> dict[str, str]:
    """Target to the first one whose settings differ in the target alone: their training is one.

    A binary target has a model of its own, and never shares one.
    """
    names = targets(config, dataset, model)
    settings = {target: _settings(config, dataset, model, target) for target in names}
    return {
        target: next(other for other in names if settings[other] == settings[target])
        for target in names
    }


def trained_run(config: Config, run: Mapping[str, str]) -> dict[str, str]:
    """The run whose training is also that of another one, by the wildcards of their folders."""
    dataset, model, target, seed = (run[key] for key in KEYS)
    if config.models[model].get("closed_form"):
        seed = str(config.values["seeds"][0])
    return {**run, "target": trained_with(config, dataset, model)[target], "seed": seed}


@cache
def searched(config: Config, dataset: str, model: str, space: frozenset[str]) -> list[str]:
    """The targets that a search trains for: "all", where whatever differs otherwise is drawn.

    Args:
        config: the configuration.
        dataset: name of the data set.
        model: name of the model.
        space: the hyperparameters that are drawn, such as `optimizer.lr`.
    """
    names = targets(config, dataset, model)
    joint, *each = (_settings(config, dataset, model, target, space) for target in ("all", *names))
    return ["all"] if all(settings == joint for settings in each) else names


def followers(config: Config) -> list[dict[str, str]]:
    """Every run whose training is that of an earlier one, by the wildcards of its folder."""
    shared = [
        (dataset, model)
        for model, recipe in config.models.items()
        for dataset in config.recipes
        if (dataset in recipe.get("published", {}) or recipe.get("closed_form"))
        and not is_crossed(config, dataset)
    ]
    seeds, runs = map(str, config.values["seeds"]), []
    for (dataset, model), seed in product(shared, seeds):
        try:
            names = targets(config, dataset, model)
            each = [dict(zip(KEYS, (dataset, model, name, seed), strict=True)) for name in names]
            runs += [run for run in each if trained_run(config, run) != run]
        except InputError:
            # settings that cannot be are refused where a run of them is asked for
            continue
    return runs


def _settings(
    config: Config, dataset: str, model: str, target: str, drawn: Collection[str] = ()
) -> dict[str, Any]:
    """The settings of a run but for its target and what is drawn."""
    settings = run_settings(config, dataset, model, 0, target)
    return settings | {
        "target": None,
        "hyperparameters": _without(settings["hyperparameters"], drawn),
    }


def _without(
    hyperparameters: Mapping[str, Any], drawn: Collection[str], part: str = ""
) -> dict[str, Any]:
    return {
        key: _without(value, drawn, f"{part}{key}.") if isinstance(value, Mapping) else value
        for key, value in hyperparameters.items()
        if f"{part}{key}" not in drawn
    }
