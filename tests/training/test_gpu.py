"""What a GPU computes is what the CPU computes, and the same twice."""

import copy
import json

import numpy as np
import pytest
import torch
import yaml
from making import CASES, LMF_WITHOUT_DROPOUT, collate, make, make_fold, make_rows
from running import snakemake
from torch import nn

from msa.config.check import configure
from msa.config.settings import run_settings
from msa.training.network import build
from msa.training.run import seed_everything
from msa.training.state import State
from msa.training.train import train
from msa.training.train_seeds import train_seeds

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here")
GPU = torch.device("cuda")


@pytest.fixture(autouse=True)
def deterministic():
    seed_everything(0)


def outputs(network, batch):
    """Predictions, and the gradient of every parameter; no dropout, no noise."""
    network.eval()
    for lstm in (module for module in network.modules() if isinstance(module, nn.LSTM)):
        lstm.train()  # cuDNN has no gradients otherwise
        lstm.dropout = 0.0
    output = network(batch)
    output = output[0] if isinstance(output, tuple) else output
    output.square().sum().backward()
    return output, {name: p.grad for name, p in network.named_parameters() if p.grad is not None}


@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-5), (torch.float32, 1e-3)])
@pytest.mark.parametrize("padding", ["masked", "released"])
@pytest.mark.parametrize("name", CASES)
def test_outputs_and_gradients_are_those_of_the_cpu(name, padding, dtype, close):
    """In float64 too the codes of positions are float32, as released."""
    network = make(name, padding=padding).to(dtype)
    batch = collate(make_rows(name))
    batch = {key: x.to(dtype) if x.is_floating_point() else x for key, x in batch.items()}
    there = copy.deepcopy(network).to(GPU)
    expected, gradients = outputs(network, batch)
    output, found = outputs(there, {key: x.to(GPU) for key, x in batch.items()})
    torch.testing.assert_close(output.cpu(), expected, rtol=close, atol=close)
    assert found.keys() == gradients.keys()
    for key, gradient in gradients.items():
        torch.testing.assert_close(found[key].cpu(), gradient, rtol=close, atol=close, msg=key)


def settings_of(model, **hyper):
    config = configure({"datasets": ["demo"], "models": [model], "seeds": [1]})
    settings = run_settings(config, "demo", model, 1)
    settings["hyperparameters"] |= {"batch_size": 8, "epochs": 3, "patience": None} | hyper
    return settings


def folds(device):
    made = {"train": make_fold(33, 0), "valid": make_fold(32, 1), "test": make_fold(32, 2)}
    return {name: fold.to(device) for name, fold in made.items()}


def trained(model, device, state=None, **hyper):
    settings, of = settings_of(model, **hyper), folds(device)
    seed_everything(1)
    network = build(settings, of["train"]).to(device)
    return train(network, of, settings["hyperparameters"], 1, state=state)


@pytest.mark.parametrize("model", ["lmf", "nhfnet", "lmr_cbt"])
def test_the_same_bits_twice(model):
    one, two = trained(model, GPU), trained(model, GPU)
    for key, weight in one.weights.items():
        assert torch.equal(weight, two.weights[key]), key
    np.testing.assert_array_equal(one.test, two.test)


def test_the_cpu_trains_nearly_the_same():
    given = {"architecture": LMF_WITHOUT_DROPOUT, "selection": "last"}
    here, there = (trained("lmf", torch.device(name), **given) for name in ("cpu", "cuda"))
    np.testing.assert_allclose(here.test, there.test, atol=1e-3)


def test_a_killed_training_goes_on_with_the_same_bits(tmp_path):
    whole = trained("lmf", GPU)
    state = State(tmp_path / "state.pt", "key")
    trained("lmf", GPU, state, epochs=1)
    torch.cuda.manual_seed(7)
    rest = trained("lmf", GPU, state)
    np.testing.assert_array_equal(whole.test, rest.test)


@pytest.mark.parametrize("model", ["lmf", "nhfnet", "lmr_cbt"])
def test_bf16(model):
    exact, short = (trained(model, GPU, precision=p, epochs=1) for p in ("fp32", "bf16"))
    assert short.history[0].train_loss == pytest.approx(exact.history[0].train_loss, rel=0.1)
    assert short.weights.keys() == exact.weights.keys()
    assert all(weight.dtype != torch.bfloat16 for weight in short.weights.values())


def test_seeds_at_once():
    settings, of = settings_of("lmf", architecture=LMF_WITHOUT_DROPOUT), folds(GPU)
    hyper, seeds = settings["hyperparameters"], [1, 2, 3]

    def network(seed):
        seed_everything(seed)
        return build(settings, of["train"]).to(GPU)

    alone = [train(network(seed), of, hyper, seed) for seed in seeds]
    watches = [lambda epoch, better: None] * 3
    together = train_seeds([network(seed) for seed in seeds], of, hyper, seeds, watches)
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one.test, other.test, atol=1e-3)


def test_the_workflow_computes_on_it(project, monkeypatch):
    """Encoding, training and prediction, as a user types it."""
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    models = ["lmf", "cm_bert"]
    config = {"datasets": ["demo"], "models": models, "seeds": [1]}
    config |= {"ablate": False, "robustness": False}
    config |= {"settings": {model: {"epochs": 1} for model in models}}
    (project / "quick.yaml").write_text(yaml.safe_dump(config))
    snakemake(project, "all", "--resources", "gpu=1", "--configfile", "quick.yaml")
    for model in models:
        result = json.loads((project / f"results/demo/{model}.json").read_text())
        assert result["provenance"]["device"] == torch.cuda.get_device_name(GPU)
    again = snakemake(project, "all", "--configfile", "quick.yaml")
    assert "Nothing to be done" in again.stdout + again.stderr
