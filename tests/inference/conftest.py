import json

import pytest

from msa.__main__ import main
from msa.config.check import configure
from msa.config.settings import run_settings


@pytest.fixture(scope="session")
def train_demo(demo_files):
    """Train models on the demo by the stages, two seeds: a function of a folder and settings.

    It leaves `config.yaml` and a result of each model, `<model>.json`.
    """

    def train(folder, models):
        data, features = folder / "data/demo", folder / "features"
        card, encoder = data / "card.json", data / "encoder"
        paths = {"data": str(folder / "data"), "runs": str(folder / "runs")}
        given = {"datasets": ["demo"], "models": [*models], "seeds": [1, 2], "paths": paths}
        given["settings"] = {model: settings for model, settings in models.items() if settings}
        (folder / "config.yaml").write_text(json.dumps(given))
        files = [f"{name}={demo_files}/{name}.csd" for name in ("words", "audio", "vision")]
        labels = ["--labels", demo_files / "labels.csd"]
        aligned = folder / "aligned"
        steps = [
            ["align", "--sequence", *files, *labels, "--to", "words", "--output", aligned],
            [
                *("split", aligned, "--folds", demo_files / "folds.json"),
                *("--output", data, "--card", card, "--range", "-3", "3"),
            ],
            [
                *("clean", data, "--output", data / "clean", "--card", card),
                *("--standardize", "audio", "vision"),
            ],
            ["demo-encoder", demo_files / "words.csd", encoder],
            ["encode", data, "--encoder", encoder, "--output", features, "--device", "cpu"],
        ]
        for model in models:
            runs = []
            for seed in (1, 2):
                run = folder / f"runs/demo/{model}/main/all/{seed}"
                run.mkdir(parents=True)
                settings = run_settings(configure(given), "demo", model, seed)
                (run / "settings.json").write_text(json.dumps(settings))
                where = [run, "--data", data, "--clean", data / "clean"]
                where += ["--features", features, "--encoder", encoder, "--device", "cpu"]
                steps += [[stage, *where] for stage in ("train", "predict-folds")]
                steps.append(["score", run])
                runs.append(run)
            steps.append(["summarize", *runs, "--output", folder / f"{model}.json"])
        for step in steps:
            assert main([str(argument) for argument in step]) == 0
        return folder

    return train


@pytest.fixture(scope="session")
def trained(once, train_demo):
    """Some models on the demo: to read, not to change."""

    def make(folder):
        folder.mkdir()
        train_demo(folder, {"ridge": {}, "lmf": {"epochs": 1}, "text_only": {"epochs": 1}})

    return once("trained", make)
