"""Which models fit a data set: the forms it offers, and those that a model needs."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msa.base.encoder_folder import has_marks
from msa.base.errors import InputError
from msa.base.schema import nearest, refuse
from msa.config.configuration import Config
from msa.config.encoders import text_encoder
from msa.config.folds import whole
from msa.config.licences import licence_problems
from msa.config.recipes import sequence_names
from msa.models import OWN_ROWS

FORMS = {
    "text": ("words", "glove", "embedding", "features"),
    "audio": ("audio",),
    "vision": ("vision",),
    "hcf": ("hcf",),
}
# layouts whose modalities have rates of their own
OWN_RATES = ("cherma", "demo-emotion")
# what a network may be trained and selected by, where its outputs are numbers and where classes
FOR_NUMBERS = {"loss": ("l1", "mse", "half_mse"), "selection": ("loss", "l1", "mse", "last")}
FOR_CLASSES = {"loss": ("cross_entropy",), "selection": ("loss", "last")}


def is_aligned(recipe: Mapping[str, Any]) -> bool:
    """Whether the sequences of a data recipe have the same steps, as far as it says."""
    if recipe["align"] == "words":
        return True
    if "import" not in recipe or recipe["import"] in OWN_RATES:
        return False
    return recipe.get("setting") != "unaligned"


def offered_forms(config: Config, dataset: str, model: str) -> dict[str, list[str]]:
    """By modality, the forms that a recipe offers a model.

    Words are for models that read them through the recipe's encoder, with an audio and a vision
    row each, or with rows of their own where the model takes these.
    """
    recipe, alignment = config.recipes[dataset], config.models[model].get("alignment")
    offered = [name for name in sequence_names(recipe) if name != "words"]
    if "words" in sequence_names(recipe) and recipe["encoder"]:
        if recipe["align"] == "words" or alignment in OWN_ROWS:
            offered.append("words")
        if "embedding" not in offered:  # what comes with the data is what others read of it
            offered.append("features")
    return {
        modality: [name for name in offered if name in forms] for modality, forms in FORMS.items()
    }


def chosen_forms(config: Config, dataset: str, model: str) -> dict[str, str | None]:
    """By modality that the model needs, the form it gets; None where the recipe has none."""
    offered, needs = offered_forms(config, dataset, model), config.models[model]["needs"]
    return {
        modality: next((form for form in needs[modality] if form in offered[modality]), None)
        for modality in FORMS
        if modality in needs
    }


def available_modalities(config: Config, dataset: str, model: str) -> list[str]:
    """The modalities that a model needs and a data set has."""
    forms = chosen_forms(config, dataset, model)
    return [modality for modality, form in forms.items() if form]


def removable_modalities(config: Config, dataset: str, model: str) -> list[str]:
    """The modalities without which a model can be trained on a data set.

    A model of words alone is nothing without its encoder.
    """
    modalities = available_modalities(config, dataset, model)
    only_words = config.models[model]["needs"].get("text") == ["words"]
    return [
        modality
        for modality in modalities
        if len(modalities) > 1 and (modality != "text" or not only_words)
    ]


def fitting_models(config: Config, dataset: str) -> list[str]:
    """The configured models that can run on a data set."""
    return [model for model in config.values["models"] if not misfit(config, dataset, model)]


def misfit(config: Config, dataset: str, model: str) -> str | None:
    """Why a model cannot run on a data set, and what can; None where it fits."""
    reason = _misfit(config, dataset, model)
    if reason is None:
        return None
    models = [name for name in config.models if _misfit(config, dataset, name) is None]
    datasets = [
        name
        for name in config.recipes
        if whole(config, name) == name and _misfit(config, name, model) is None
    ]
    return (
        f"{model} cannot run on {dataset}: {reason}. On {dataset} fit: {', '.join(models)}. "
        f"{model} fits: {', '.join(datasets) or 'none'}"
    )


def _misfit(config: Config, dataset: str, model: str) -> str | None:
    task = config.recipes[dataset]["task"]["type"]
    tasks = config.models[model]["tasks"]
    if task not in tasks:
        return f"its task is {task}, the model is made for {', '.join(tasks)}"
    alignment, aligned = config.models[model].get("alignment"), is_aligned(config.recipes[dataset])
    if alignment == "aligned" and not aligned:
        return "its sequences have rows of their own, the model joins those of each word"
    if alignment == "unaligned" and aligned:
        return "its sequences are aligned, the model is for rows of their own"
    offered, needs = offered_forms(config, dataset, model), config.models[model]["needs"]
    for modality, form in chosen_forms(config, dataset, model).items():
        forms = ", ".join(offered[modality])
        if modality == "text" and not forms and "words" in sequence_names(config.recipes[dataset]):
            forms = "words without an encoder"
        if form is None and forms:
            return f"it offers {modality} as {forms}, not as {' or '.join(needs[modality])}"
        if form == "words" and not has_marks(Path(text_encoder(config, dataset).folder)):
            return f"its encoder {text_encoder(config, dataset).name} has no [CLS] and [SEP]"
    own = config.recipes[dataset].get("labels", [])
    own = [] if isinstance(own, str) else own  # the table of videos' labels
    if lacking := [modality for modality in needs.get("labels", []) if modality not in own]:
        return f"it has no labels of {' and '.join(lacking)} alone"
    return None


def wrong_losses(config: Config, dataset: str, model: str) -> Iterator[str]:
    """Losses that the configuration asks for and the data set's task cannot have."""
    task, settings = config.recipes[dataset]["task"]["type"], config.values["settings"]
    for name, allowed in (FOR_NUMBERS if task == "regression" else FOR_CLASSES).items():
        keys = [key for key in (f"{dataset}/{model}", model) if name in settings.get(key, {})]
        if keys and settings[keys[0]][name] not in allowed:
            yield (
                f"config: settings: {keys[0]}: {name}: on {dataset}, a {task}, expected one "
                f"of {[*allowed]}, got {nearest(settings[keys[0]][name], allowed)}"
            )


def require(config: Config, dataset: str, model: str, without: str | None = None) -> None:
    """Raise an InputError unless both are known and fit, also without a modality."""
    if dataset not in config.recipes:
        raise InputError(
            f"unknown data set {nearest(dataset, config.recipes)}; one of your own: --configfile"
        )
    if model not in config.models:
        raise InputError(f"unknown model {nearest(model, config.models)}")
    if reason := misfit(config, dataset, model):
        raise InputError(reason)
    refuse([*wrong_losses(config, dataset, model), *licence_problems(config, dataset)])
    modalities = removable_modalities(config, dataset, model)
    if without and without not in modalities:
        raise InputError(
            f"{model} on {dataset} cannot be trained without {without}; "
            f"without these: {', '.join(modalities) or 'none'}"
        )
