"""What goes beyond the results: random search, perturbed input, removed modalities."""

from collections.abc import Iterator, Mapping
from typing import Any

from msa.base.errors import InputError
from msa.base.schema import problems
from msa.config.configuration import Config
from msa.config.fits import available_modalities, removable_modalities, require
from msa.config.folds import is_crossed, require_one_model
from msa.config.layers import merge
from msa.config.settings import main_variant

SEARCH: dict[str, Any] = {"trials": 50, "seed": 0, "trials_per_job": 10}
ROBUSTNESS: dict[str, Any] = {"missing_frames": [0.25, 0.5, 0.75], "noise": [1, 2], "seed": 0}


def search(config: Config, dataset: str, model: str) -> dict[str, Any] | None:
    """The random search that the configuration asks for: space, trials, seed, per job."""
    entries = [config.values["search"].get(key) for key in (model, f"{dataset}/{model}")]
    if entries == [None, None] or is_crossed(config, dataset):
        return None
    recipe = config.models[model]
    published = recipe.get("published", {}).get(dataset, {})
    user_search = merge(*(part or {} for part in entries))
    space = user_search.get("space", recipe.get("space", {}) | published.get("space", {}))
    return {**SEARCH, **user_search, "space": space}


def required_search(config: Config, dataset: str, model: str) -> dict[str, Any]:
    """The same; refuses what the configuration does not ask for."""
    require(config, dataset, model)
    require_one_model(config, dataset, "search")
    random_search = search(config, dataset, model)
    if random_search is None:
        raise InputError(
            f"{dataset}/{model}: no `search` in the configuration; add for instance "
            f"search: {{{dataset}/{model}: {{trials: 50}}}}"
        )
    return random_search


def space_problems(where: str, space: Mapping[str, Any]) -> Iterator[str]:
    """Values that the settings could not have, and ranges that are none."""
    for key, values in space.items():
        if isinstance(values, Mapping):
            low, high = values["low"], values["high"]
            if low > high or (values.get("log") and low <= 0):
                yield (
                    f"{where}: {key}: expected low up to high, and above 0 with log, "
                    f"got {dict(values)}"
                )
                continue
            values = [low, high]
        for value in values:
            for name in reversed(key.split(".")):
                value = {name: value}
            yield from problems(value, "settings.schema.json", where)


def robustness(config: Config) -> dict[str, Any]:
    """Levels and seed of the perturbed test input; no levels where none are asked for."""
    asked = config.values["robustness"]
    if asked is False:
        return merge(ROBUSTNESS, {"missing_frames": [], "noise": []})
    return merge(ROBUSTNESS, {} if asked is True else asked)


def ablated(config: Config, dataset: str, model: str) -> list[str]:
    """The modalities to remove; none where the configuration does not ask for it."""
    ablate = config.values["ablate"]
    if isinstance(ablate, Mapping):
        ablate = ablate.get(f"{dataset}/{model}", ablate.get(model, False))
    modalities = available_modalities(config, dataset, model)
    if is_crossed(config, dataset):
        return []
    if not ablate or len(modalities) < 2:
        return []
    return modalities if ablate is True else [name for name in modalities if name in ablate]


def required_ablation(config: Config, dataset: str, model: str) -> list[str]:
    """The same; refuses what the configuration does not ask for."""
    require(config, dataset, model)
    require_one_model(config, dataset, "ablate")
    modalities = ablated(config, dataset, model)
    if not modalities:
        raise InputError(
            f"{dataset}/{model}: no `ablate` in the configuration, or one modality alone; "
            f"add for instance ablate: {{{dataset}/{model}: true}}"
        )
    return modalities


def retrained(config: Config, dataset: str, model: str) -> list[str]:
    """Of those, the ones without which the model can be trained; a checkpoint never is."""
    if main_variant(config, dataset, model) != "main":
        return []
    names = removable_modalities(config, dataset, model)
    return [name for name in ablated(config, dataset, model) if name in names]
