"""On the demo every system beats the mean predictor and its own text-free version."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from running import snakemake

from msa.config.check import configure
from msa.config.recipes import FOLDS
from msa.config.settings import run_settings
from msa.data.encoder import load_encoder
from msa.training.batches import load_fold
from msa.training.network import build, predictions
from msa.training.run import seed_everything
from msa.training.train import train

pytestmark = pytest.mark.slow
SYSTEMS = ["lmf", "nhfnet", "lmr_cbt", "cm_bert", "glomo", "mag_bert", "almt"]
SYSTEMS += ["text_only", "t_bert", "self_mm", "mmim", "misa"]
SYSTEMS += ["mult", "tfn", "mfn", "marn", "rmfn", "ef_lstm", "lf_lstm"]


@pytest.fixture(scope="module")
def data(tmp_path_factory, encoded_demo):
    """The three demos, cleaned and encoded by the workflow."""
    project = shutil.copytree(encoded_demo, tmp_path_factory.mktemp("learning") / "project")
    snakemake(project, *(f"data/demo_{name}/clean/card.json" for name in ("humor", "emotion")))
    return project


def load(data, dataset, settings):
    words = settings["forms"]["text"] == "words"
    tokenizer, bert = load_encoder(data / "data/demo/encoder") if words else (None, None)
    folder = data / "data" / dataset
    where = folder, folder / "clean", data / "features" / dataset / "demo"
    return {fold: load_fold(fold, settings, *where, tokenizer) for fold in FOLDS}, bert


def without_text(fold):
    """Every vector zero, or every piece but the special ones the same."""
    text = fold.modalities["text"]
    rows = torch.zeros_like(text.rows)
    if fold.pad is not None:
        rows = text.rows.clone()
        first, last = text.begins, text.begins + text.counts - 1
        inner = torch.ones(len(rows), dtype=torch.bool)
        inner[first] = inner[last] = False
        rows[inner] = rows[inner][0]
    return replace(fold, modalities=fold.modalities | {"text": replace(text, rows=rows)})


def run(settings, folds, bert):
    hyper = settings["hyperparameters"]
    seed_everything(settings["seed"])
    network = build(settings, folds["train"], bert)
    trained = train(network, folds, hyper, settings["seed"])
    network.load_state_dict(trained.weights)
    return predictions(network, folds["test"], hyper).numpy(), folds["test"].label.numpy()


@pytest.mark.parametrize("model", SYSTEMS)
def test_regression(model, data):
    config = configure({"datasets": ["demo"], "models": [model], "seeds": [1]})
    settings = run_settings(config, "demo", model, 1)
    folds, bert = load(data, "demo", settings)
    prediction, truth = run(settings, folds, bert)
    error = np.abs(prediction - truth).mean()
    mean_error = np.abs(folds["train"].label.mean().item() - truth).mean()
    assert error < 0.85 * mean_error
    assert np.corrcoef(prediction[:, 0], truth[:, 0])[0, 1] > 0.5

    folds, bert = load(data, "demo", settings)
    folds = {name: without_text(fold) for name, fold in folds.items()}
    prediction, truth = run(settings, folds, bert)
    assert error < 0.95 * np.abs(prediction - truth).mean()


@pytest.mark.parametrize(("dataset", "least"), [("demo_humor", 0.68), ("demo_emotion", 0.6)])
def test_classes(dataset, least, data):
    config = configure({"datasets": [dataset], "models": ["glomo"], "seeds": [1]})
    settings = run_settings(config, dataset, "glomo", 1)
    folds, bert = load(data, dataset, settings)
    logits, truth = run(settings, folds, bert)
    assert (logits.argmax(axis=1) == truth[:, 0]).mean() > least
