"""CLGSI's traps, and its size at the published settings."""

import math

import pytest
import torch
import torch.nn.functional as F
from making import collate, make, make_rows
from torch import Tensor
from transformers import BertConfig, BertModel

from msa.base.errors import InputError
from msa.models import model_class
from msa.models.clgsi import positions
from msa.models.intensity import intensity_contrast

LABEL = torch.tensor([0.9, 0.7, -0.5, -1.0, 0.2], dtype=torch.float64)


def vectors(seed: int) -> Tensor:
    torch.manual_seed(seed)
    return torch.randn(len(LABEL), 4, dtype=torch.float64)


def by_hand(x: Tensor, z: Tensor, self_pairs: bool) -> float:
    """One side of the contrast, pair by pair."""
    x, z = F.normalize(x, dim=1), F.normalize(z, dim=1)
    total = 0.0
    for i in range(len(x)):
        near = far = 0.0
        for j in range(len(x)):
            apart = abs(LABEL[i] - LABEL[j]).item()
            for inside, other in ((False, z), (True, x)):
                alike = (x[i] @ other[j]).item()
                positive = math.exp(alike * 1.5 * math.tanh(0.8 - apart) / 0.03)
                negative = math.exp(0.8 * alike * 1.5 * math.tanh(apart) / 0.03)
                if self_pairs:
                    near += positive if apart <= 0.4 else 1
                    far += negative if apart > 0.4 else 1
                elif apart > 0.4:
                    far += negative
                elif not (inside and i == j):
                    near += positive
        total += math.log((near + far) / near)
    return total / len(x)


@pytest.mark.parametrize("self_pairs", [False, True])
def test_a_segment_is_not_contrasted_with_itself_unless_as_released(self_pairs: bool) -> None:
    x, z = vectors(0), vectors(1)
    found = intensity_contrast(x, z, LABEL, self_pairs=self_pairs)
    expected = (by_hand(x, z, self_pairs) + by_hand(z, x, self_pairs)) / 2
    assert found.item() == pytest.approx(expected)


def test_its_own_likeness_leads_the_contrast_as_released() -> None:
    """So that nothing is left to learn."""
    x, z = vectors(0), vectors(1)
    own, released = (intensity_contrast(x, z, LABEL, self_pairs=choice) for choice in (False, True))
    assert released < own / 5


@pytest.mark.parametrize(("label_range", "expected"), [(None, 1.0), (3.0, 3.0)])
def test_labels_are_divided_by_the_largest_unless_as_released(
    label_range: float | None, expected: float
) -> None:
    model = make("clgsi", label_range=label_range)
    label = torch.tensor([[1.0], [-0.8], [0.4]], dtype=torch.float64)
    model.start_training(label)
    x = {name: vectors(i)[:3] for i, name in enumerate(("text", "audio", "vision"))}
    direct = intensity_contrast(x["text"], x["audio"], label[:, 0] / expected, self_pairs=False)
    assert torch.equal(model.contrasts(x, label)[2], direct)


def test_labels_of_zero_alone() -> None:
    model = make("clgsi").train()
    model.start_training(torch.zeros(5, 1, dtype=torch.float64))
    batch = collate(make_rows("clgsi"))
    _, terms = model(batch | {"label": torch.zeros_like(batch["label"])})
    assert terms["contrast"] == 0  # there are no others to be apart from


@torch.no_grad()
def test_padding_is_read_only_as_released() -> None:
    """Of each sequence alone."""
    rows = make_rows("clgsi")
    short, long = collate(rows), collate(rows, extra=3)
    for padding, same in (("masked", True), ("released", False)):
        model = make("clgsi", padding=padding).eval()
        for name in ("audio", "vision"):
            batch = short | {key: x for key, x in long.items() if key.startswith(name)}
            assert torch.allclose(model(batch), model(short)) is same


def test_a_batch_of_one_row() -> None:
    """The released code fails; there is nothing to contrast, and the running statistics hold."""
    model = make("clgsi").train()
    before = model.fusionBatchNorm.running_mean.clone()
    prediction, terms = model(collate(make_rows("clgsi")[:1]))
    assert prediction.isfinite().all() and terms["contrast"] == 0
    assert torch.equal(model.fusionBatchNorm.running_mean, before)


def test_several_targets_are_refused() -> None:
    with pytest.raises(InputError, match="clgsi: expected labels of one target, got 2"):
        make("clgsi").start_training(torch.ones(3, 2))


def test_heads_that_do_not_divide() -> None:
    with pytest.raises(InputError, match="^heads: expected a divisor of the width 3, got 2$"):
        make("clgsi", audio_heads=2)


def test_positions_of_an_odd_width() -> None:
    found = positions(torch.zeros(1, 3, 5, dtype=torch.float64))
    assert found.shape == (3, 5)
    assert found[0].tolist() == [0, 1, 0, 1, 0]
    assert found[2, 3].item() == pytest.approx(math.cos(2 * 10000 ** (-2 / 5)))


@pytest.mark.parametrize(
    ("parameters", "audio", "vision", "keywords"),
    [
        (932964, 5, 20, {"vision_heads": 4}),
        (2574821, 74, 35, {"audio_heads": 2, "vision_heads": 5}),
        (16487977, 33, 709, {"audio_heads": 3}),
    ],
    ids=["mosi", "mosei", "sims"],
)
def test_parameters_beside_the_encoder(
    parameters: int, audio: int, vision: int, keywords: dict[str, int]
) -> None:
    """As many as released, with those that have no part."""
    if parameters > 1e6:
        keywords = keywords | {"width": 128, "fusion_width": 256, "reduction": 8}
    with torch.device("meta"):
        bert = BertModel(BertConfig(vocab_size=2, num_hidden_layers=1, intermediate_size=4))
        model = model_class("clgsi")(
            bert=bert, audio_dim=audio, vision_dim=vision, output_dim=1, **keywords
        )
    own = sum(p.numel() for name, p in model.named_parameters() if not name.startswith("bert."))
    for encoder in (model.audio_model, model.vision_model):
        own += sum(p.numel() for p in encoder.layers[0].parameters())
    width = len(model.post_text_layer_1.weight)
    fusion = len(model.post_fusion_layer_2.weight) // 2
    own += (3 * width + 1) * fusion + 3 * (width + 1) * width + 2 * 4 * width
    assert own == parameters
