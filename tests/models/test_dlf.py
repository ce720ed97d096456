"""DLF: its size, its terms one by one; released, or sound."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from making import collate, make, make_bert, make_rows
from torch import Tensor

from msa.base.errors import InputError
from msa.models import model_class
from msa.models.disentangled import label_triplets, orthogonality
from msa.models.dlf import WEIGHTS
from msa.models.padding import Steps
from msa.models.transformer import Encoder

EQUAL = [(5, 5, 5), (5, 5, 5), (5, 5, 5)]


def terms(batch: dict[str, Tensor], **settings: Any) -> dict[str, float]:
    """What comes with a prediction in training, without dropout."""
    names = ("text_attention", "audio_attention", "embed", "text", "output")
    model = make("dlf", **{f"{name}_dropout": 0.0 for name in names}, **settings).train()
    for part in model.bert.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    return {name: term.item() for name, term in model(batch)[1].items()}


@pytest.mark.parametrize(
    ("audio", "vision", "kernel", "size"),
    [(5, 20, 5, 2_923_308), (74, 35, 3, 2_917_208)],
    ids=["MOSI", "MOSEI"],
)
def test_size_is_the_released_one(audio: int, vision: int, kernel: int, size: int) -> None:
    """Beside BERT, with what the released network has and never uses."""
    bert = make_bert()
    bert.config.hidden_size = 768
    kernels = {f"{name}_kernel": kernel for name in ("text", "audio", "vision")}
    model = model_class("dlf")(
        bert=bert, audio_dim=audio, vision_dim=vision, output_dim=1, **kernels
    )
    own = sum(p.numel() for name, p in model.named_parameters() if not name.startswith("bert."))
    d, line = 50, 50 * (50 - kernel + 1)
    encoder = sum(p.numel() for p in Encoder(d_model=d, heads=10, layers=2).parameters())
    low = (line + 1) * d + (d + 1) * line + line + 1  # proj1, proj2, out_layer
    assert own + 3 * ((line + 1) * d + low) + 4 * encoder == size


@torch.no_grad()
@pytest.mark.parametrize("modality", ["audio", "vision"])
def test_padding_is_data_as_released(modality: str) -> None:
    """Behind the last step: attended to, and at a released padding the step that is read."""
    batch = collate(make_rows("dlf", EQUAL[:1]))
    zeros = torch.zeros(1, 4, batch[modality].shape[2], dtype=torch.float64)
    padded = batch | {
        modality: torch.cat([batch[modality], zeros], dim=1),
        f"{modality}_mask": torch.arange(9)[None] < 5,
    }
    change = {}
    for padding in ("masked", "released"):
        model = make("dlf", padding=padding).eval()
        change[padding] = (model(padded) - model(batch)).abs().max().item()
    assert change["masked"] < 1e-9 < 1e-3 < change["released"]


@torch.no_grad()
def test_padding_has_no_part_in_the_terms() -> None:
    """Nor has its side, or the other rows' length; as released it has."""
    rows = make_rows("dlf")
    for padding, same in (("masked", True), ("released", False)):
        found = [terms(collate(rows, extra=extra), padding=padding) for extra in (0, 3)]
        assert (found[0] == pytest.approx(found[1], rel=1e-9)) is same
    assert terms(collate(rows, "left")) == pytest.approx(terms(collate(rows)), rel=1e-9)


@torch.no_grad()
def test_other_lengths_than_the_built_in_ones() -> None:
    """The term "triplet" sees of a modality as many steps as it has weights for."""
    rows = make_rows("dlf", [(9, 9, 9), (2, 3, 4)])
    model = make("dlf").eval()
    streams = model.apart({name: model._steps(collate(rows), name) for name in ("text", "audio")})
    shared, _ = streams.packings["audio"].unpack(streams.shared["audio"]).padded()
    layer = model.apart.align["audio"]  # of 5 steps
    model.apart.align = torch.nn.ModuleDict({"audio": layer})
    expected = [layer(x.T.flatten()) for x in (shared[0, :5], F.pad(shared[1, :3], (0, 0, 0, 2)))]
    torch.testing.assert_close(model.apart.aligned(streams)["audio"], torch.stack(expected))


@torch.no_grad()
def test_orthogonal_rows_of_a_step() -> None:
    """Released rows of 4 channels are the halves of steps of 8; those of 6 straddle segments."""
    batch = collate(make_rows("dlf", EQUAL))
    found = {rows: terms(batch, orthogonal_rows=rows) for rows in ("step", 8, 4, 6)}
    assert found["step"] == pytest.approx(found[8], rel=1e-9)
    for width in (4, 6):
        assert {name for name, x in found[width].items() if x != found["step"][name]} == {
            "orthogonal"
        }
    with pytest.raises(InputError, match="^orthogonal_rows: expected step or a number of .* 'no'$"):
        make("dlf", orthogonal_rows="no")


@torch.no_grad()
def test_orthogonality_row_by_row() -> None:
    """Released: all first steps, then all second ones; a cosine below 0 counts as 0."""
    torch.manual_seed(0)
    x, y = torch.randn(2, 3, 4, 5, dtype=torch.float64)  # segments, steps, channels
    steps = [Steps(z.flatten(0, 1), np.array([4, 4, 4])) for z in (x, y)]
    for width, lines in ((None, (x, y)), (10, [z.transpose(0, 1).reshape(-1, 10) for z in (x, y)])):
        cosine = F.cosine_similarity(*lines, dim=-1)
        assert cosine.min() < 0 < cosine.max()
        torch.testing.assert_close(orthogonality(*steps, width), cosine.clamp(min=0).mean())


@torch.no_grad()
def test_triplets_one_by_one() -> None:
    """Two labels of two items each and one of a single item, which is no anchor."""
    torch.manual_seed(0)
    x, label = torch.randn(5, 3, dtype=torch.float64), torch.tensor([1.0, -2.0, 1.0, -2.0, 0.5])
    x[1], x[3] = x[0] + 0.1, -x[0]
    means = []
    for i in range(4):
        alike = [j for j in range(5) if j != i and label[j] == label[i]]
        others = [j for j in range(5) if label[j] != label[i]]
        cosine = partial(F.cosine_similarity, x[i], dim=0)
        means.append(
            torch.stack(
                [
                    (0.15 * (label[i] - label[n]).abs() - cosine(x[p]) + cosine(x[n])).clamp(min=0)
                    for p in alike
                    for n in others
                ]
            ).mean()
        )
    found = label_triplets(x, label)
    torch.testing.assert_close(found, torch.stack(means).mean(), rtol=1e-6, atol=1e-7)
    assert label_triplets(x, torch.ones(5)) == label_triplets(x, torch.arange(5.0)) == 0


@torch.no_grad()
def test_terms_have_their_weights() -> None:
    """Three times the text's own error; a tenth, or a hundredth, of what keeps the parts apart."""
    batch = collate(make_rows("dlf"))
    model = make("dlf").eval()
    streams = model.apart({name: model._steps(batch, name) for name in ("text", "vision", "audio")})
    outputs = model.outputs(streams)
    plain = model.terms(streams, outputs, batch["label"])
    error = (outputs["text"] - batch["label"]).abs().mean()
    torch.testing.assert_close(plain["specific_text"], error)
    expected = {name: WEIGHTS[name] * term.item() for name, term in plain.items()}
    assert terms(batch) == pytest.approx(expected)
    assert WEIGHTS["specific_text"] == 3
    assert WEIGHTS["triplet"] == WEIGHTS["orthogonal"] == WEIGHTS["specific"] / 10 == 0.01


def test_memories_have_three_layers_at_least() -> None:
    """But for the text's."""
    for layers, expected in ((1, (1, 3, 3)), (4, (4, 4, 4))):
        memory = make("dlf", layers=layers).memory
        assert tuple(len(memory[name].layers) for name in ("text", "audio", "vision")) == expected


def test_a_modality_that_is_wide_enough_is_not_projected() -> None:
    model = make("dlf", audio_dim=8, audio_kernel=3)
    assert set(model.apart.proj) == {"text", "vision"}
    assert model.apart.lengths["audio"] == 5


def test_labels_of_several_targets() -> None:
    with pytest.raises(InputError, match="dlf: expected labels of one target, got 2"):
        make("dlf").start_training(torch.zeros(3, 2))
