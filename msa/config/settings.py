"""What one run may depend on: hyperparameters, published and the user's own, task and forms."""

from collections.abc import Iterator, Mapping
from typing import Any

from msa.base.errors import InputError
from msa.base.schema import nearest
from msa.config.configuration import Config
from msa.config.encoders import is_replaced, text_encoder
from msa.config.fits import chosen_forms
from msa.config.folds import is_crossed, protocol, require_one_model, whole
from msa.config.layers import merge
from msa.models import architecture_of

# of a data set that the authors' lengths were not made for: this share of the training fold's
# segments stays whole
LENGTH = "95%"
DEFAULTS: dict[str, Any] = {
    "architecture": {},
    "lengths": {"text": None, "audio": None, "vision": None},
    "sides": {"text": "right", "audio": "right", "vision": "right"},
    "reduction": "mean",
    "selection": "loss",
    "columns": {},
    "word_map": "words",
    "context": 0,
    "optimizer": {"name": "adam", "weight_decay": 0.0, "forget": False, "groups": {}},
    "schedule": None,
    "checkpoint": None,
    "patience": None,
    "clip": None,
    "clip_value": None,
    "accumulate": {"batches": 1, "tail": "step"},
    "phases": {},
    "precision": "fp32",
    "threads": 1,
}


def run_settings(
    config: Config,
    dataset: str,
    model: str,
    seed: int,
    target: str = "all",
    without: str | None = None,
) -> dict[str, Any]:
    """Everything that training one model with one seed may depend on, but for the data.

    Without one of its modalities, as if the data set did not have it.
    """
    recipe, model_recipe = config.recipes[dataset], config.models[model]
    of, dealt = whole(config, dataset), protocol(recipe)
    published = _published(config, dataset, model)
    forms = chosen_forms(config, dataset, model)
    if without:
        forms[without] = None
    missing = [modality for modality, form in forms.items() if form is None]
    reads_words = forms.get("text") in ("features", "words")
    settings = config.values["settings"]
    user_settings = merge(settings.get(model, {}), settings.get(f"{of}/{model}", {}))
    changed = (
        missing
        or set(user_settings) - {"threads"}
        or (reads_words and is_replaced(config, dataset))
    )
    as_published = published is not None and not changed

    general = merge(DEFAULTS, model_recipe["settings"])
    if published is None and of not in model_recipe.get("adapted", {}):
        lengths = {name: length and LENGTH for name, length in general["lengths"].items()}
        general = merge(general, {"lengths": lengths})
    hyperparameters = merge(
        general,
        (published or {}).get("settings", {}),
        (published or {}).get("per_target", {}).get(target, {}),
        model_recipe.get("adapted", {}).get(of, {}),
        user_settings,
    )
    if recipe["task"]["type"] != "regression":
        last = hyperparameters["selection"] == "last"
        hyperparameters |= {"loss": "cross_entropy", "selection": "last" if last else "loss"}
    if hyperparameters["context"] and forms.get("text") != "words":
        raise InputError(
            f"{model} on {dataset}: context: only for a model that reads words through its "
            "encoder; set context: 0"
        )
    task, columns = recipe["task"], [*range(len(recipe["task"]["targets"]))]
    if target != "all" and task["type"] == "binary":
        # a binary model of its own; of a regression the joint network is trained
        columns = [task["targets"].index(target)]
        task = {**task, "targets": [target]}
    variant = "released" if hyperparameters["checkpoint"] else "main"
    if without:
        variant = f"no-{without}"
    crossed = is_crossed(config, dataset)
    if variant == "released":
        require_one_model(config, dataset, f"{model}: checkpoint")
    # the runs of the whole are no training
    joint_seeds = [] if crossed else seeds_together(config, model)
    if joint_seeds:
        _require_together(dataset, model, hyperparameters, forms)
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
        "forms": forms,
        **({"alignment": taken} if (taken := model_recipe.get("alignment")) else {}),
        "missing": missing,
        "encoder": text_encoder(config, dataset).version if reads_words else None,
        "clean": recipe["clean"],
        "hyperparameters": hyperparameters,
        **({"unimodal": needed} if (needed := model_recipe["needs"].get("labels")) else {}),
        **({"folds": dealt} if dealt else {}),
        **({"seeds_together": joint_seeds} if seed in joint_seeds else {}),
    }


def targets(config: Config, dataset: str, model: str) -> list[str]:
    """The runs of one seed: "all", or each target where the system trains one model each."""
    published = _published(config, dataset, model) or {}
    each = published.get("targets") == "each"
    return config.recipes[dataset]["task"]["targets"] if each else ["all"]


def _published(config: Config, dataset: str, model: str) -> dict[str, Any] | None:
    """A model's published settings for a data set; they are for its official folds alone."""
    if protocol(config.recipes[dataset]):
        return None
    settings: dict[str, Any] | None = config.models[model].get("published", {}).get(dataset)
    return settings


def main_variant(config: Config, dataset: str, model: str) -> str:
    """The variant of a model's result: released where it is a checkpoint of the authors'."""
    variant: str = run_settings(config, dataset, model, 0)["variant"]
    return variant


def seeds_together(config: Config, model: str) -> list[int]:
    """The seeds of a model that train as one program; none where each trains alone."""
    seeds = config.values["seeds"]
    small = config.values["batch_seeds"] and config.models[model].get("batch_seeds")
    return seeds if small and len(seeds) > 1 else []


def _require_together(
    dataset: str,
    model: str,
    hyperparameters: Mapping[str, Any],
    forms: Mapping[str, str | None],
) -> None:
    """Raise an InputError where seeds cannot train together with these settings."""
    alone = ("schedule", "clip", "clip_value", "phases")
    if unfit := [key for key in alone if hyperparameters[key]]:
        raise InputError(
            f"config: batch_seeds: {model} on {dataset} has a {unfit[0]}, which seeds that "
            f"train together cannot have; take it out of `settings`, or set batch_seeds: false"
        )
    lengths = hyperparameters["lengths"]
    free = [name for name, form in forms.items() if form and lengths[name] is None]
    if free and hyperparameters["architecture"].get("padding") == "released":
        raise InputError(
            f"config: batch_seeds: {model} on {dataset} pads {free[0]} to the longest of its "
            f"batch, which is another where seeds train together; give `lengths` of "
            f"{', '.join(free)} in `settings`, or set batch_seeds: false"
        )


def unknown_names(config: Config, where: str, key: str, values: Mapping[str, Any]) -> Iterator[str]:
    """Keywords and groups of parameters, set or searched, that a model does not have.

    Args:
        where: the part of the configuration, for the message.
        key: the model, or data set and model.
        values: what is set or searched for it.
    """
    model = key.rpartition("/")[2]
    groups = config.models[model]["settings"].get("optimizer", {}).get("groups", {})
    for part in ("architecture", "optimizer.groups"):
        names = _names(values, part)
        # a recipe has all groups of its model; keywords are read of it, where there are some
        known = groups if part == "optimizer.groups" else names and architecture_of(model)
        if known is not None:
            for name in names:
                if name not in known:
                    place = part.replace(".", ": ")
                    yield f"{where}: {place}: unknown key {nearest(name, known)}"


def _names(values: Mapping[str, Any], part: str) -> list[str]:
    """What is set or searched of a part of the settings, such as `optimizer.groups`."""
    inner = values
    for name in part.split("."):
        inner = inner.get(name, {})
    drawn = [key for key in values.get("space", {}) if key.startswith(f"{part}.")]
    return [*inner, *(key.removeprefix(f"{part}.") for key in drawn)]
