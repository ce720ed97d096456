"""The network of a run: built from its settings, and its outputs for a fold."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from msa.base.errors import InputError
from msa.base.reading import said
from msa.models import model_class
from msa.training.batches import MODALITIES, Fold


def outputs_of(task: Mapping[str, Any]) -> int:
    """Width of a model's output: targets, classes, or two logits a binary target."""
    if task["type"] == "classification":
        return len(task["classes"])
    return len(task["targets"]) * (2 if task["type"] == "binary" else 1)


def build(settings: Mapping[str, Any], fold: Fold, bert: nn.Module | None = None) -> nn.Module:
    """The model that the settings name, as wide as the fold's modalities.

    Args:
        settings: the run's settings.
        fold: any of its folds.
        bert: the encoder of a model that reads words.

    Raises:
        InputError: the model does not take one of the `architecture` keywords, or its value.
    """
    widths = {f"{name}_dim": fold.widths.get(name, 1) for name in (*MODALITIES, *fold.widths)}
    architecture = settings["hyperparameters"]["architecture"]
    keywords = {**widths, **architecture, "output_dim": outputs_of(settings["task"])}
    network = model_class(settings["model"])
    if hasattr(network, "fit"):
        keywords["task"] = settings["task"]["type"]
    if bert is not None:
        keywords["bert"] = bert
    try:
        return network(**keywords)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"model {settings['model']}: architecture: {said(error)}; given {architecture}"
        ) from error


def evaluate(
    network: nn.Module, fold: Fold, hyper: Mapping[str, Any], copies: int = 1
) -> Iterator[tuple[Tensor, Tensor]]:
    """Predictions (b, output) float32 and labels of a fold, batch after batch, in order.

    Of the hyperparameters it reads `batch_size` and `precision`. Of ``copies`` stacked networks
    each batch holds those of the first, then of the second, ...
    """
    network.eval()
    device = fold.label.device
    with torch.inference_mode():
        for segments in torch.arange(len(fold)).split(hyper["batch_size"]):
            batch = fold.batch(segments.repeat(copies))
            with torch.autocast(device.type, torch.bfloat16, enabled=hyper["precision"] == "bf16"):
                output = network(batch)
            prediction = output[0] if isinstance(output, tuple) else output
            yield prediction.float(), batch["label"]


def predictions(network: nn.Module, fold: Fold, hyper: Mapping[str, Any]) -> Tensor:
    """Predictions of a whole fold: (n, output) float32; arguments as of `evaluate`."""
    return torch.cat([p for p, _ in evaluate(network, fold, hyper)])


def trained(
    run: Path, settings: Mapping[str, Any], fold: Fold, bert: nn.Module | None = None
) -> nn.Module:
    """The network of a run with the weights that it was left with; arguments as of `build`."""
    network = build(settings, fold, bert)
    load_weights(network, run / "model.safetensors")
    return network


def load_weights(network: nn.Module, path: Path) -> None:
    """Fill a network from a safetensors file.

    Raises:
        InputError: the file is missing or damaged, or keys and shapes are another model's.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        # by name, safetensors says of a file that it may not read that there is none
        weights = load(path.read_bytes())
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"{path}: expected weights of safetensors, got: {said(error)}; train again"
        ) from error
    shapes, expected = (
        {key: tuple(tensor.shape) for key, tensor in state.items()}
        for state in (weights, network.state_dict())
    )
    if wrong := sorted(key for key in shapes | expected if shapes.get(key) != expected.get(key)):
        raise InputError(
            f"{path}: expected the weights of this model and data: {wrong[0]} "
            f"{expected.get(wrong[0])}, got {shapes.get(wrong[0])}, and {len(wrong) - 1} more "
            "that differ; train again"
        )
    network.load_state_dict(weights)
