"""Where what the workflow makes lies: runs, results, studies, trials."""

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

from msa.config.configuration import Config
from msa.config.encoders import text_encoder
from msa.config.fits import available_modalities, fitting_models, require
from msa.config.folds import deals, is_crossed, require_one_model, whole
from msa.config.joint import searched
from msa.config.recipes import FOLDS, sequence_names
from msa.config.settings import main_variant, run_settings, targets
from msa.config.studies import ablated, required_search, search
from msa.config.transfer import transferred_models
from msa.models import EXAMINED


def run_inputs(config: Config, settings: Mapping[str, Any]) -> dict[str, list[str]]:
    """What a run reads, by the flag that names its folder."""
    dataset, forms = settings["dataset"], set(settings["forms"].values())
    inputs = {"data": [config.path("data", dataset, fold) for fold in FOLDS]}
    if forms & {"audio", "vision", "hcf", "glove", "embedding"}:
        inputs["clean"] = [config.path("data", dataset, "clean", fold) for fold in FOLDS]
    if "features" in forms:
        slug = text_encoder(config, dataset).slug
        inputs["features"] = [
            config.path("features", dataset, slug, name)
            for name in (*(f"{fold}.npy" for fold in FOLDS), "pieces.json")
        ]
    if "words" in forms:
        inputs["encoder"] = [text_encoder(config, dataset).folder]
    return inputs


def _runs(config: Config, dataset: str, model: str, variant: str | None) -> list[dict[str, str]]:
    """Every run behind a result, as the wildcards of its folder, in the folder's order."""
    require(config, dataset, model)
    variant = variant or main_variant(config, dataset, model)
    seeds = [0] if variant == "released" else config.values["seeds"]
    shared = {"dataset": dataset, "model": model, "variant": variant}
    return [
        {**shared, "target": target, "seed": str(seed)}
        for target, seed in product(targets(config, dataset, model), seeds)
    ]


def run_files(
    config: Config, path: str, dataset: str, model: str, variant: str | None = None
) -> list[str]:
    """A file of every run behind a result: seeds, and targets where each has its own model.

    The variant is the configuration's unless it is given.
    """
    runs = _runs(config, dataset, model, variant)
    if path in ("model.safetensors", "predictions/perturbed.npz"):
        require_one_model(config, dataset, path)
    return [config.path("runs", *run.values(), path) for run in runs]


def dealt_files(config: Config, run: Mapping[str, str], *names: str) -> list[str]:
    """Files of the runs of all deals, of which a run of the whole data set is made.

    Args:
        config: the configuration.
        run: the wildcards of the whole's run.
        names: of the files.
    """
    parts = [run[key] for key in ("model", "variant", "target", "seed")]
    return [
        config.path("runs", deal, *parts, name)
        for deal in deals(config, run["dataset"])
        for name in names
    ]


def card_files(config: Config) -> list[str]:
    """The data cards that the page shows: of a cross-validation that of its first deal."""
    return [
        config.path("data", (deals(config, name) or [name])[0], "clean", "card.json")
        for name in config.values["datasets"]
    ]


def audit_files(config: Config) -> list[str]:
    """The audits of all data, of a cross-validation those of all deals; and where a recipe has
    `audit: strict`, the files that say that nothing leaks."""
    return [
        config.path("data", deal, file)
        for name in config.values["datasets"]
        for deal in deals(config, name) or [name]
        for file in ("audit.json", "audit.passed")
        if file == "audit.json" or config.recipes[name].get("audit") == "strict"
    ]


def croissant_files(config: Config) -> list[str]:
    """The Croissant of each data set, of a cross-validation those of all deals."""
    return [
        config.path("data", deal, "croissant.json")
        for name in config.values["datasets"]
        for deal in deals(config, name) or [name]
    ]


def word_folders(config: Config) -> list[str]:
    """The folds whose words the page shows: those that are tested, where they have some."""
    datasets = config.values["datasets"] if config.values["page"]["words"] else []
    return [
        config.path("data", name, "test")
        for dataset in datasets
        if "words" in sequence_names(config.recipes[dataset])
        for name in deals(config, dataset) or [dataset]
    ]


def first_run(
    config: Config, dataset: str, model: str, variant: str | None = None
) -> dict[str, str]:
    """The first of a model's runs, as the wildcards of its folder."""
    return _runs(config, dataset, model, variant)[0]


def result_files(config: Config, dataset: str) -> list[str]:
    """The results that a data set's leaderboard shows."""
    models = fitting_models(config, dataset)
    searched = [f"{model}.best" for model in models if search(config, dataset, model)]
    return [config.path("results", dataset, f"{name}.json") for name in models + searched]


def leaderboard_files(config: Config, path: str, dataset: str) -> list[str]:
    """A file of every run behind a data set's leaderboard."""
    files = []
    for result in result_files(config, dataset):
        model, _, variant = Path(result).stem.partition(".")
        files += run_files(config, path, dataset, model, variant or None)
    return files


def study_files(config: Config, dataset: str) -> list[str]:
    """What goes beyond the results: perturbed input and removed modalities where the configuration
    asks for them, attention and experts of the models that have some, scores on other data sets."""
    models = fitting_models(config, dataset)
    if is_crossed(config, dataset):
        models = []  # no model of the whole to study
    reading_models = [model for model in models if available_modalities(config, dataset, model)]
    files = {
        "robustness.csv": reading_models if config.values["robustness"] else [],
        "ablation.csv": [model for model in models if ablated(config, dataset, model)],
        "segments.json": [model for model in models if model in EXAMINED],
        "transfer.csv": transferred_models(config, dataset),
    }
    return [
        config.path("results", dataset, f"{model}.{file}")
        for file in files
        for model in files[file]
    ]


def probe_files(config: Config, dataset: str) -> list[str]:
    """What the linear probes of single modalities leave, where ridge is among the models."""
    if is_crossed(config, dataset) or "ridge" not in fitting_models(config, dataset):
        return []
    names = ("modalities.json", "modalities.npz")
    return [config.path("results", dataset, name) for name in names]


def trial_files(config: Config, dataset: str, model: str, target: str | None = None) -> list[str]:
    """The files of all trials of a search, for one target or for every one.

    Where those of each target would be the same, they are of all together.
    """
    asked = required_search(config, dataset, model)
    count, size = asked["trials"], asked["trials_per_job"]
    names = searched(config, dataset, model, frozenset(asked["space"]))
    folders = [
        config.path("runs", dataset, model, "trials", name, str(asked["seed"]))
        for name in ([target] if target in names else names)
    ]
    return [
        f"{folder}/{first}-{min(first + size, count) - 1}.json"
        for folder in folders
        for first in range(0, count, size)
    ]


def shared_jobs(config: Config, dataset: str, model: str, variant: str | None = None) -> list[str]:
    """The benchmarks of what made the data of all runs of a model, as `stage=file`."""
    run = first_run(config, dataset, model, variant)
    without = run["variant"].partition("no-")[2] or None
    settings = run_settings(config, dataset, model, int(run["seed"]), run["target"], without)
    recipe, jobs = config.recipes[dataset], []
    dataset = whole(config, dataset)
    if "import" not in recipe:
        jobs.append("align=" + config.path("data", dataset, "benchmarks", "align.tsv"))
    elif "files" in recipe:
        jobs.append("import-data=" + config.path("data", dataset, "benchmarks", "import_data.tsv"))
    for name in deals(config, dataset)[:1] or [settings["dataset"]]:
        for path in run_inputs(config, {**settings, "dataset": name}).get("features", [])[:1]:
            jobs.append(f"encode={Path(path).parent}/benchmarks/encode.tsv")
    return jobs


def search_jobs(config: Config, dataset: str, model: str) -> list[str]:
    """The same, and of the trials behind the best settings."""
    files = map(Path, trial_files(config, dataset, model))
    trials = [f"trials={file.parent}/benchmarks/{file.stem}.tsv" for file in files]
    return shared_jobs(config, dataset, model) + trials
