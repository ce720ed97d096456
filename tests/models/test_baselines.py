"""The baselines against their closed forms, and the registry that names all models."""

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.linear_model import Ridge as LinearRidge
from torch import Tensor, nn

from msa.base.errors import InputError
from msa.models import MODELS, model_class
from msa.models.baselines import Mean, Ridge
from msa.models.linear import ALPHAS

torch.set_num_threads(1)

DIMS: dict[str, Any] = {"text_dim": 5, "audio_dim": 3, "vision_dim": 2}


def make_batch(n: int, seed: int, task: str = "regression") -> dict[str, Tensor]:
    """Rows padded with garbage on the left; the label depends on the features."""
    generator = torch.Generator().manual_seed(seed)
    batch: dict[str, Tensor] = {}
    means = []
    for name, d in DIMS.items():
        name = name.removesuffix("_dim")
        x = torch.randn(n, 4, d, generator=generator) * 3 + 1
        mask = torch.arange(4) >= torch.randint(4, (n, 1), generator=generator)
        means.append((x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True))
        batch |= {name: torch.where(mask[..., None], x, math.nan), f"{name}_mask": mask}
    pooled = torch.cat(means, dim=1)
    noise = 3 * torch.randn(n, 2, generator=generator)
    score = pooled @ torch.linspace(-1, 1, 20).view(10, 2) + noise  # (n, 2)
    batch["pooled"] = pooled
    batch["label"] = (
        score if task == "regression" else (score[:, :1] > 0).long() + (score[:, 1:] > 2)
    )
    return batch


def fitted(kind: type, task: str, output_dim: int, **changed: Tensor) -> Any:
    """A baseline fitted on 30 rows, chosen on 100."""
    model = kind(**DIMS, output_dim=output_dim, task=task)
    model.fit(make_batch(30, 0, task) | changed, make_batch(100, 1, task))
    return model


def test_mean_of_labels() -> None:
    """One mean an output, whatever the input."""
    model = fitted(Mean, "regression", 2)
    expected = make_batch(30, 0)["label"].mean(0).expand(3, 2)
    torch.testing.assert_close(model(make_batch(3, 5)), expected)


def test_mean_of_classes() -> None:
    """Log frequencies; a class never seen is unlikely, not impossible."""
    model = fitted(Mean, "classification", 4)
    counts = torch.bincount(make_batch(30, 0, "classification")["label"].flatten(), minlength=4)
    assert counts[3] == 0
    expected = (counts.double().clamp(min=0.5) / 30).log().float()
    torch.testing.assert_close(model(make_batch(1, 5)), expected[None])


def test_ridge_is_scikit_learns() -> None:
    """With the penalty of least squared error on the validation rows."""
    model = fitted(Ridge, "regression", 2)
    train, valid, test = (make_batch(n, seed) for n, seed in ((30, 0), (100, 1), (7, 2)))
    center, scale = train["pooled"].double().mean(0), train["pooled"].double().std(0, correction=0)
    x, x_valid, x_test = ((b["pooled"].double() - center) / scale for b in (train, valid, test))
    linear = [LinearRidge(alpha=a).fit(x.numpy(), train["label"].numpy()) for a in ALPHAS]
    errors = [np.mean((m.predict(x_valid.numpy()) - valid["label"].numpy()) ** 2) for m in linear]
    best = int(np.argmin(errors))
    assert model.alpha.item() == pytest.approx(ALPHAS[best])
    assert 0 < best < len(ALPHAS) - 1
    expected = torch.from_numpy(linear[best].predict(x_test.numpy())).float()
    torch.testing.assert_close(model(test), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("seen", [2, 3])
def test_ridge_of_classes_is_scikit_learns(seen: int) -> None:
    """Log probabilities of the classes seen, with the penalty of least cross-entropy."""
    label = make_batch(30, 0, "classification")["label"].clamp(max=seen - 1)
    model = fitted(Ridge, "classification", 4, label=label)
    train, test = make_batch(30, 0, "classification"), make_batch(7, 2, "classification")
    x, x_test = (
        ((b["pooled"] - model.center) / model.scale).double().numpy() for b in (train, test)
    )
    linear = LogisticRegression(C=1 / model.alpha.item(), max_iter=200).fit(x, label.flatten())
    found = model(test)[:, :seen].softmax(1)
    expected = torch.from_numpy(linear.predict_proba(x_test)).float()
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
    assert (model(test)[:, seen:] < 0).all()


def test_ridge_of_two_questions() -> None:
    """Two binary targets share four logits, question after question, and one penalty."""
    train, valid, test = (make_batch(n, seed) for n, seed in ((30, 0), (100, 1), (7, 2)))
    for batch in (train, valid):
        batch["label"] = (batch["label"] > 1).long()
    model = Ridge(**DIMS, output_dim=4, task="binary")
    model.fit(train, valid)
    x, x_test = (
        ((b["pooled"] - model.center) / model.scale).double().numpy() for b in (train, test)
    )
    for question, found in enumerate(model(test).view(7, 2, 2).softmax(2).unbind(1)):
        linear = LogisticRegression(C=1 / model.alpha.item())
        linear.fit(x, train["label"][:, question])
        expected = torch.from_numpy(linear.predict_proba(x_test)).float()
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_ridge_of_one_class_falls_back_on_frequencies() -> None:
    """Training rows of one class leave nothing to fit."""
    label = torch.ones(30, dtype=torch.long)
    model = fitted(Ridge, "classification", 3, label=label)
    assert not model.weight.any()
    assert model(make_batch(2, 5)).argmax(1).tolist() == [1, 1]


def test_constant_columns() -> None:
    """An absent modality and a constant column are not divided by zero."""
    train, valid = make_batch(50, 0), make_batch(20, 1)
    for batch in (train, valid):
        n = len(batch["label"])
        batch["audio"], batch["audio_mask"] = torch.zeros(n, 1, 1), torch.ones(n, 1).bool()
        batch["text"][..., 2] = 0.1
    model = Ridge(**DIMS | {"audio_dim": 1}, output_dim=2)
    model.fit(train, valid)
    assert model.scale[[2, 5]].tolist() == [1, 1]
    valid["text_mask"][0] = False
    assert model(valid).isfinite().all()


@pytest.mark.parametrize("kind", [Mean, Ridge])
def test_a_baseline_is_its_state(kind: type) -> None:
    """What is saved predicts the same; nothing is left to train."""
    model, test = fitted(kind, "regression", 2), make_batch(6, 3)
    again = kind(**DIMS, output_dim=2, task="regression")
    again.load_state_dict(model.state_dict())
    assert torch.equal(again(test), model(test))
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_unknown_task() -> None:
    """A misspelt task is told."""
    with pytest.raises(InputError, match=r"task: expected one of regression, .*, got 'rank'"):
        Mean(**DIMS, output_dim=1, task="rank")


@pytest.mark.parametrize("name", MODELS)
def test_registry(name: str) -> None:
    """Every entry is a module."""
    assert issubclass(model_class(name), nn.Module)


def test_unknown_model() -> None:
    """The message lists the models."""
    with pytest.raises(InputError, match=r"model: expected one of lmf, .*ridge, got 'lfm'"):
        model_class("lfm")


def test_registry_does_not_import_torch() -> None:
    """The command line is quick because of it."""
    code = "import sys, msa.models; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
