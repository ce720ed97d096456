"""Self-MM's golden cases."""

import pytest
import torch
from making import golden_bert
from torch import Tensor, nn

from msa.models import model_class
from msa.models.made_labels import MODALITIES, VIEWS, Labels


class Tables(Labels):
    """The labels alone."""


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """The labels alone have no weights."""
    return state, []


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    if case["variant"] == "labels":
        return Tables(
            inputs["target"][:, None],
            system="self_mm",
            limit=config["label_clip"],
            exclude_zero=False,
        )
    return model_class("self_mm")(
        bert=golden_bert(config),
        audio_dim=config["audio_dim"],
        vision_dim=config["vision_dim"],
        output_dim=1,
        audio_hidden=config["a_lstm_hidden_size"],
        vision_hidden=config["v_lstm_hidden_size"],
        audio_out=config["audio_out"],
        vision_out=config["video_out"],
        fusion_width=config["post_fusion_dim"],
        text_width=config["post_text_dim"],
        audio_width=config["post_audio_dim"],
        vision_width=config["post_video_dim"],
        label_limit=config["label_clip"],
        exclude_zero=False,
        lengths="text" if config["aligned"] else "own",
        padding="released",
    )


def _masks(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Which steps of audio and vision are valid; all, where the text tells."""
    masks = {}
    for name in ("audio", "vision"):
        x = inputs[name]
        lengths = inputs.get(f"{name}_lengths", torch.full(x.shape[:-2], x.shape[-2]))
        masks[f"{name}_mask"] = torch.arange(x.shape[-2]) < lengths[..., None]
    return masks


def run(model: nn.Module, case: dict, inputs: dict[str, Tensor]) -> tuple:
    inputs = inputs | _masks(inputs)
    label = inputs["target"][:, None]
    model.start_training(label)
    for name in MODALITIES:
        model.labels.get_buffer(f"label_{name}").copy_(inputs[f"label_{name}"])
    outputs, features = model.views(inputs)
    batch = {"label": label, "segments": torch.arange(len(label))}
    terms = model.labels.terms(outputs, batch)
    expected = {name: case["loss_terms"][name] for name in MODALITIES}
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, rel=1e-5)
    more = {f"output_{name}": outputs[name] for name in MODALITIES}
    return outputs["fusion"], terms, more | {f"feature_{view}": features[view] for view in VIEWS}


def loop(model: nn.Module, case: dict, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    if case["variant"] == "labels":
        history = []
        for step, (epoch, rows) in enumerate(zip(inputs["epoch"], inputs["index"], strict=True)):
            features = {view: inputs[f"feature_{view}"][step] for view in VIEWS}
            model.update(rows, features, int(epoch))
            history.append(torch.stack([model.get_buffer(f"label_{view}") for view in VIEWS]))
        centers = [model.get_buffer(f"centers_{view}").flatten() for view in VIEWS]
        return {
            "history": torch.stack(history),
            "output": history[-1],
            "centers": torch.cat(centers),
        }
    model.train()
    for part in model.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    target = inputs["target"]
    labels = target.new_zeros(target.numel()).index_copy(
        0, inputs["index"].flatten(), target.flatten()
    )
    model.start_training(labels[:, None])
    losses = []
    batches = inputs | _masks(inputs) | {"label": target[..., None], "segments": inputs["index"]}
    for epoch in range(1, case["config"]["epochs"] + 1):
        model.start_epoch(epoch)
        for i in range(case["config"]["batches"]):
            batch = {name: x[i] for name, x in batches.items() if name not in ("output", "losses")}
            output, terms = model(batch)
            losses.append((output - batch["label"]).abs().mean() + sum(terms.values()))
    tables = [model.labels.get_buffer(f"label_{view}") for view in VIEWS]
    return {"losses": torch.stack(losses).detach(), "output": torch.stack(tables)}
