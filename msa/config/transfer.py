"""Transfer: which trained models are scored on the test folds of which other data sets."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from msa.base.errors import InputError
from msa.base.schema import nearest, refuse
from msa.config.configuration import Config
from msa.config.encoders import text_encoder
from msa.config.fits import chosen_forms, fitting_models, offered_forms, require
from msa.config.folds import deals, is_crossed

ROWS = {True: "of one row a word", False: "of its own rows"}


def transferred_to(config: Config, dataset: str) -> list[str]:
    """The data sets on whose test folds the models of a data set are scored."""
    asked = config.values["transfer"]
    return asked["test"] if asked.get("train") == dataset else []


def transferred_models(config: Config, dataset: str) -> list[str]:
    """The models of a data set that are scored on others; by default all that are configured."""
    if not transferred_to(config, dataset):
        return []
    models = fitting_models(config, dataset)
    chosen = config.values["transfer"].get("models", models)
    return [model for model in models if model in chosen]


def transfer_problems(config: Config) -> Iterator[str]:
    """What of the configured transfer is unknown, or does not go together."""
    asked = config.values["transfer"]
    names = [asked["train"], *asked["test"]] if asked else []
    if unknown := [name for name in names if name not in config.recipes]:
        yield f"config: transfer: unknown data set {nearest(unknown[0], config.recipes)}"
        return
    for name in names:
        if is_crossed(config, name):
            yield (
                f"config: transfer: {name} is cross-validated, and has no models and no test fold "
                f"of its own; name one of its folds, such as {deals(config, name)[0]}"
            )
            return
    if asked and asked["train"] not in config.values["datasets"]:
        yield (
            f"config: transfer: train: expected one of the configured `datasets`, "
            f"{', '.join(config.values['datasets'])}, got {asked['train']}"
        )
    for name in asked.get("models", ()):
        if name not in config.values["models"]:
            yield (
                "config: transfer: models: expected some of the configured `models`, got "
                f"{nearest(name, config.values['models'])}"
            )
    for test in asked.get("test", ()):
        if test == asked["train"]:
            yield f"config: transfer: test: {test} is what the models are trained on; take it out"
            continue
        for model in transferred_models(config, asked["train"]):
            yield from _differences(config, asked["train"], model, test)


def required_tests(config: Config, dataset: str, model: str) -> list[str]:
    """The same data sets for one model; refuses what is not asked for, or does not fit."""
    require(config, dataset, model)
    tests = transferred_to(config, dataset)
    if not tests:
        raise InputError(
            f"{dataset}/{model}: no `transfer` in the configuration; add for instance "
            f"transfer: {{train: {dataset}, test: [mosi]}}"
        )
    refuse([d for test in tests for d in _differences(config, dataset, model, test)])
    return tests


def _differences(config: Config, dataset: str, model: str, test: str) -> Iterator[str]:
    """Why a model that is trained on a data set cannot be scored on another one."""
    recipe, other = config.recipes[dataset], config.recipes[test]
    forms = {m: form for m, form in chosen_forms(config, dataset, model).items() if form}
    offered = offered_forms(config, test, model)
    reasons = [
        f"it reads {modality} as {form}, {test} has {', '.join(offered[modality]) or 'none'}"
        for modality, form in forms.items()
        if form not in offered[modality]
    ]
    unlike: dict[str, list[Any]] = {}
    for form in forms.values():
        features = [r.get("features", {}).get(form) for r in (recipe, other)]
        if None not in features:
            unlike[form] = [f"{feature['name']} ({feature['width']})" for feature in features]
    if not reasons and set(forms.values()) & {"features", "words"}:
        unlike["the encoder"] = [text_encoder(config, name).version for name in (dataset, test)]
    if set(forms.values()) & {"audio", "vision", "hcf", "glove"}:
        unlike["a sequence"] = [ROWS[r["align"] == "words"] for r in (recipe, other)]
    same_type = recipe["task"]["type"] == other["task"]["type"]
    for key in ("range", "classes") if same_type else ("type",):
        unlike[f"the task's {key}"] = [r["task"].get(key) for r in (recipe, other)]
    reasons += [
        f"{what} is {here} in {dataset}, {there} in {test}"
        for what, (here, there) in unlike.items()
        if here != there
    ]
    targets = other["task"]["targets"]
    if absent := [name for name in recipe["task"]["targets"] if name not in targets]:
        reasons.append(f"{test} has no target {', '.join(absent)}")
    if reasons:
        yield (
            f"config: transfer: {model}, trained on {dataset}, cannot be scored on {test}: "
            f"{'; '.join(reasons)}; transfer's `models` may name those that can"
        )


def transfer_inputs(config: Config, dataset: str, model: str, test: str) -> dict[str, list[str]]:
    """What the scoring of a model on another data set reads, by the flag that names it."""
    forms = set(chosen_forms(config, dataset, model).values())
    inputs = {"data": [config.path("data", test, "test")]}
    if "features" in forms:
        slug = text_encoder(config, test).slug
        inputs["features"] = [config.path("features", test, slug, "test.npy")]
    if "words" in forms:
        inputs["encoder"] = [text_encoder(config, dataset).folder]
    return inputs


def transfer_flags(config: Config, dataset: str, model: str, test: str) -> list[str]:
    """The same as flags, with the columns of the targets in the other data set's labels."""
    inputs = transfer_inputs(config, dataset, model, test)
    flags = [part for name, paths in inputs.items() for part in (f"--{name}", paths[0])]
    return [*flags, "--targets", *config.recipes[test]["task"]["targets"]]


def transfer_files(runs: list[str], tests: list[str]) -> list[str]:
    """The predictions of runs for the test folds of other data sets."""
    return [f"{run}/predictions/transfer-{test}.npz" for run, test in product(runs, tests)]
