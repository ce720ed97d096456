"""TETFN's traps, and its size at the published settings."""

import pytest
import torch
from making import collate, make, make_rows
from torch import nn
from transformers import BertConfig, BertModel

from msa.base.errors import InputError
from msa.models import model_class
from msa.models.transformer import Encoder


def encoders(model: nn.Module) -> dict[str, bool]:
    """Whether each has positions."""
    return {
        name: part.positions for name, part in model.named_modules() if isinstance(part, Encoder)
    }


def test_vision_has_a_kernel_of_its_own_unless_as_released() -> None:
    own, released = (
        make("tetfn", audio_kernel=3),
        make("tetfn", audio_kernel=3, vision_kernel="audio"),
    )
    assert own.vision_model.conv.kernel_size == (2,)
    assert released.vision_model.conv.kernel_size == (3,)


def test_all_encoders_have_positions_unless_as_released() -> None:
    assert all(encoders(make("tetfn")).values())
    found = encoders(make("tetfn", positions="released"))
    assert len(found) == 11
    having = sorted(name for name, positions in found.items() if positions)
    pairs = ("a_with_v", "v_with_a")
    assert having == [f"trans.{pair}.{part}_mha" for pair in pairs for part in ("lower", "upper")]


@torch.no_grad()
def test_padding_is_read_only_as_released() -> None:
    """Of each sequence alone, in its LSTM, maximum and averages."""
    rows = make_rows("tetfn")
    short, long = collate(rows), collate(rows, extra=3)
    for padding, same in (("masked", True), ("released", False)):
        model = make("tetfn", padding=padding).eval()
        for name in ("audio", "vision"):
            batch = short | {key: x for key, x in long.items() if key.startswith(name)}
            assert torch.allclose(model(batch), model(short)) is same


@pytest.mark.parametrize(("limit", "expected"), [(None, 1.0), (3.0, 3.0)])
def test_labels_are_made_within_those_of_the_data_unless_as_released(
    limit: float | None, expected: float
) -> None:
    model = make("tetfn", label_limit=limit)
    model.start_training(torch.tensor([[1.0], [-0.8], [0.4]]))
    assert model.labels.limit == expected


def test_labels_of_one_side_alone_are_refused() -> None:
    model = make("tetfn").train()
    model.start_training(torch.tensor([1.0, 0.5, 0.0, 2.0, 0.2], dtype=torch.float64)[:, None])
    message = "tetfn: expected labels on both sides of 0 .* found no negative one in 5 rows"
    with pytest.raises(InputError, match=message):
        model(collate(make_rows("tetfn")))


def test_several_targets_are_refused() -> None:
    with pytest.raises(InputError, match="tetfn: expected labels of one target, got 2"):
        make("tetfn").start_training(torch.ones(3, 2))


PUBLISHED = {
    1254224: (5, 20, {"vision_kernel": "audio"}),
    1257360: (74, 35, {"audio_hidden": 32, "vision_hidden": 32, "text_width": 64}),
    1529968: (
        33,
        709,
        {"text_kernel": 3, "audio_kernel": 5, "vision_kernel": "audio"}
        | {"text_width": 64, "audio_width": 16, "vision_width": 32},
    ),
}


@pytest.mark.parametrize("parameters", PUBLISHED)
def test_parameters_beside_the_encoder(parameters: int) -> None:
    """As many as in MMSA on MOSI, MOSEI and CH-SIMS."""
    audio, vision, keywords = PUBLISHED[parameters]
    bert = BertModel(BertConfig(vocab_size=2, num_hidden_layers=1, intermediate_size=4))
    model = model_class("tetfn")(
        bert=bert, audio_dim=audio, vision_dim=vision, output_dim=1, **keywords
    )
    own = [p.numel() for name, p in model.named_parameters() if not name.startswith("bert.")]
    assert sum(own) == parameters
