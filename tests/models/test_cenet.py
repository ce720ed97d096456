"""CENET: its size, what its enhancement does, what it learns."""

import pytest
import torch
from making import collate, make, make_rows
from transformers import BertConfig, BertModel

from msa.base.errors import InputError
from msa.models.bert import hidden_states
from msa.models.cenet import CENET, Attention, Classifier, Enhancement
from msa.models.padding import compact


@pytest.mark.parametrize(
    ("audio", "vision", "size"), [(5, 20, 6_517_249), (74, 35, 6_581_761)], ids=["MOSI", "MOSEI"]
)
def test_size_is_the_released_one(audio: int, vision: int, size: int) -> None:
    """Of the enhancement and the classifier at the width of BERT-base."""
    parts = (
        Enhancement(width=768, audio_dim=audio, vision_dim=vision, gain=8.0),
        Classifier(width=768, output_dim=1, dropout=0.1),
    )
    assert sum(p.numel() for part in parts for p in part.parameters()) == size


@torch.no_grad()
@pytest.mark.parametrize("modality", ["audio", "vision"])
def test_padding_is_attended_to_as_released(modality: str) -> None:
    """Steps of zeros are keys too, and are not zero behind two layers with biases."""
    batch = collate(make_rows("cenet", [5]))
    zeros = torch.zeros(1, 3, batch[modality].shape[2], dtype=torch.float64)
    padded = batch | {
        modality: torch.cat([batch[modality], zeros], dim=1),
        f"{modality}_mask": torch.arange(8)[None] < 5,
    }
    change = {}
    for padding in ("masked", "released"):
        model = make("cenet", padding=padding, gain=0.1).eval()
        change[padding] = (model(padded) - model(batch)).abs().max().item()
    assert change["masked"] < 1e-9 < 1e-4 < change["released"]


@torch.no_grad()
def test_gain_multiplies_the_scores() -> None:
    """At 8 the weights are sharper than at one over the root of the width, by far."""
    torch.manual_seed(0)
    x, other = torch.randn(1, 2, 12), torch.randn(1, 5, 12)
    mask = torch.ones(1, 5, dtype=torch.bool)
    attention = Attention(width=12, gain=8.0)
    scores = attention.Wq(x) @ attention.Wk(other).mT
    for gain in (8.0, 12**-0.5):
        attention.gain = gain
        expected = (gain * scores).softmax(-1) @ attention.Wv(other)
        torch.testing.assert_close(attention(x, other, mask), expected)
    assert make("cenet").enhancement.ha.gain == 8


@torch.no_grad()
def test_the_enhancement_is_behind_the_first_layer() -> None:
    """It gets what comes out of the first layer, and where it adds nothing BERT is as before."""
    model, batch = make("cenet").eval(), collate(make_rows("cenet"))
    seen: list[torch.Tensor] = []
    model.enhancement.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    expected = model(batch)
    mask, ids, types = compact(
        batch["attention_mask"].bool(), batch["input_ids"], batch["token_type_ids"]
    )
    first, second = hidden_states(model.bert, ids, types, mask, "masked")
    torch.testing.assert_close(seen[0], first)
    model.enhancement.cat_connect.weight.zero_()
    model.enhancement.cat_connect.bias.zero_()
    torch.testing.assert_close(model(batch), model.classifier(second[:, 0]))
    assert not torch.allclose(model(batch), expected)


def test_embeddings_are_frozen() -> None:
    model = make("cenet")
    frozen = {key for key, p in model.named_parameters() if not p.requires_grad}
    assert frozen == {f"bert.embeddings.{key}" for key in model.bert.embeddings.state_dict()}
    free = make("cenet", freeze_embeddings=False)
    assert all(p.requires_grad for p in free.parameters())


def test_all_of_the_enhancement_decays() -> None:
    """Elsewhere neither biases nor LayerNorms do."""
    model = make("cenet")
    names = {id(p): name for name, p in model.named_parameters()}
    groups = model.parameter_groups(lr=1e-5, weight_decay=0.1, eps=3e-8)
    assert {(group["lr"], group["eps"]) for group in groups} == {(1e-5, 3e-8)}
    decay = {names[id(p)]: group["weight_decay"] for group in groups for p in group["params"]}
    assert decay["enhancement.ha.Wq.bias"] == decay["classifier.dense.weight"] == 0.1
    assert decay["classifier.dense.bias"] == 0
    assert decay["bert.encoder.layer.0.output.LayerNorm.weight"] == 0
    assert len(decay) == sum(p.requires_grad for p in model.parameters())


def test_an_encoder_of_one_layer() -> None:
    """There is nothing behind which the enhancement would come."""
    config = BertConfig(hidden_size=12, num_hidden_layers=1, num_attention_heads=2)
    message = "expected an encoder that is BERT, of two layers at least.*got bert of 1"
    with pytest.raises(InputError, match=message):
        CENET(bert=BertModel(config), audio_dim=3, vision_dim=4, output_dim=1)
