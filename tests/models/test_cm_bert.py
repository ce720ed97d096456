"""CM-BERT: padding, the audio that has no part, the scale of the text, groups."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from msa.errors import InputError
from msa.models.checkpoint import load_released
from msa.models.cm_bert import CMBert, from_released

torch.set_num_threads(1)

LENGTHS = [2, 7, 4, 1, 5]


def make(**settings: Any) -> Any:
    """A tiny model with random weights."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=30,
        hidden_size=12,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=32,
    )
    keywords = {"audio_dim": 3, "output_dim": 1, "projection_dim": 4} | settings
    model = CMBert(bert=BertModel(config), **keywords).double()
    for name, x in model.named_parameters():
        if "LayerNorm" not in name and not name.endswith("_weight_1"):
            nn.init.normal_(x, std=0.3)
    return model


def make_batch(side: str = "right", extra: int = 0, rows: list[int] | None = None) -> dict:
    """Rows of 2, 7, 4, 1 and 5 pieces, padded with garbage; audio is zero at [CLS] and [SEP]."""
    generator = torch.Generator().manual_seed(1)
    pieces = []
    for t in LENGTHS:
        audio = torch.randn(t, 3, generator=generator, dtype=torch.float64)
        audio[[0, -1]] = 0
        pieces.append((torch.randint(30, (t,), generator=generator), audio))
    pieces = [pieces[i] for i in rows or range(len(pieces))]
    width = max(len(ids) for ids, _ in pieces) + extra
    shape = (len(pieces), width)
    batch = {
        "input_ids": torch.full(shape, 29),
        "token_type_ids": torch.zeros(shape, dtype=torch.long),
        "attention_mask": torch.zeros(shape, dtype=torch.long),
        "audio": torch.full((*shape, 3), 9.0, dtype=torch.float64),
    }
    for i, (ids, audio) in enumerate(pieces):
        where = slice(0, len(ids)) if side == "right" else slice(width - len(ids), width)
        batch["input_ids"][i, where], batch["audio"][i, where] = ids, audio
        batch["attention_mask"][i, where] = 1
    return batch


@torch.no_grad()
@pytest.mark.parametrize("cls_audio", ["zero", "mean"])
def test_padding_and_other_rows_do_not_matter(cls_audio: str) -> None:
    """A row alone is the row in a batch, whatever the padding."""
    model = make(cls_audio=cls_audio).eval()
    alone = torch.cat([model(make_batch(rows=[i])) for i in range(len(LENGTHS))])
    assert len(alone.unique()) == len(LENGTHS)
    for side in ("left", "right"):
        for extra in (0, 5):
            together = model(make_batch(side, extra))
            torch.testing.assert_close(together, alone, rtol=0, atol=1e-9)


@torch.no_grad()
def test_without_padding_masked_is_released() -> None:
    """The two ways of padding agree where there is none."""
    batch = make_batch(rows=[1, 1])
    released = make(padding="released").eval()(batch)
    torch.testing.assert_close(make().eval()(batch), released, rtol=0, atol=1e-9)


@torch.no_grad()
def test_released_sees_padding() -> None:
    """The norm of the text projection is taken over padding, too."""
    model = make(padding="released").eval()
    assert not torch.allclose(model(make_batch()), model(make_batch(extra=5)), rtol=0, atol=1e-9)


@torch.no_grad()
def test_scale_over_the_batch_mixes_rows() -> None:
    """The released scale makes a prediction depend on the other rows."""
    change = {}
    for scale in ("sample", "batch"):
        model = make(text_scale=scale).eval()
        change[scale] = (model(make_batch())[1] - model(make_batch(rows=[1]))[0]).abs().item()
    assert change["sample"] < 1e-9 < 1e-4 < change["batch"]


def test_audio_has_no_part_as_published() -> None:
    """With zeros at [CLS] audio changes nothing and learns nothing; with the mean it does both."""
    for cls_audio, live in (("zero", False), ("mean", True)):
        model, batch = make(cls_audio=cls_audio).eval(), make_batch()
        output = model(batch)
        output.sum().backward()
        gradients = (model.fusion.proj_a.weight.grad, model.fusion.audio_weight_1.grad)
        other = model({**batch, "audio": 3 * batch["audio"].flip(2)})
        assert [bool(x.abs().max() > 1e-6) for x in gradients] == [live, live]
        # rows of one and two pieces have no words
        assert ((other - output).abs() > 1e-6).flatten().tolist() == [
            False,
            live,
            live,
            False,
            live,
        ]


def test_cls_gets_the_average_of_the_words() -> None:
    """[CLS] and [SEP] are not words."""
    model, batch, seen = make(cls_audio="mean").eval(), make_batch("left", 2), []
    model.fusion.register_forward_hook(lambda module, args, output: seen.append(args[1]))
    model(batch)
    audio = seen[0][1]
    torch.testing.assert_close(audio[0], audio[1:6].mean(0))
    assert not audio[6:].any()


@pytest.mark.parametrize("cls_audio", ["zero", "mean"])
@pytest.mark.parametrize("padding", ["masked", "released"])
def test_nothing_there(padding: str, cls_audio: str) -> None:
    """One piece, no valid piece, no audio: never NaN."""
    model = make(padding=padding, cls_audio=cls_audio, audio_dim=1).train()
    for rows in ([3], [1, 0]):
        batch = make_batch(rows=rows)
        batch["attention_mask"][0] = 0
        batch["audio"] = torch.zeros(len(rows), 1, 1, dtype=torch.float64)
        output = model(batch)
        output.sum().backward()
        assert output.isfinite().all()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_bf16() -> None:
    """Mixed precision goes through."""
    model, batch = make(cls_audio="mean").float().train(), make_batch()
    with torch.autocast("cpu", torch.bfloat16):
        output = model({**batch, "audio": batch["audio"].float()})
    output.float().sum().backward()
    assert output.isfinite().all()


def test_groups() -> None:
    """The fusion block has its own rate, embeddings are in no group."""
    model = make()
    names = {id(p): name for name, p in model.named_parameters()}
    found: dict[str, tuple[float, float]] = {}
    for group in model.parameter_groups():
        found |= {names[id(p)]: (group["lr"], group["weight_decay"]) for p in group["params"]}
    assert found["fusion.dense.weight"] == (0.01, 0.01)
    assert found["fusion.LayerNorm1.weight"] == found["fusion.bias"] == (0.01, 0.0)
    assert found["bert.encoder.layer.0.output.dense.weight"] == (2e-5, 0.01)
    assert found["bert.encoder.layer.0.output.LayerNorm.weight"] == (2e-5, 0.0)
    assert found["classifier.bias"] == (2e-5, 0.0)
    frozen = set(names.values()) - set(found)
    assert frozen == {name for name in names.values() if name.startswith("bert.embeddings.")}
    assert sum(len(g["params"]) for g in make(freeze_embeddings=False).parameter_groups()) == len(
        names
    )


def test_released_names() -> None:
    """The fusion block has another name, the pooler is set aside."""
    state = {"BertFinetun.bias": torch.ones(1), "bert.pooler.dense.bias": torch.ones(12)}
    ours, unused = from_released(state)
    assert list(ours) == ["fusion.bias"]
    assert unused == ["bert.pooler.dense.bias"]


def test_released_weights_that_do_not_fit() -> None:
    """A missing key is told by name."""
    state: dict[str, Tensor] = make().state_dict()
    del state["classifier.bias"]
    message = r"released weights of CMBert: classifier\.bias: expected \(1,\), found no such key"
    with pytest.raises(InputError, match=message):
        load_released(make(), state)


@pytest.mark.parametrize("keyword", ["text_scale", "cls_audio", "padding"])
def test_unknown_keyword_value(keyword: str) -> None:
    """A misspelt keyword is told, with what it may be."""
    with pytest.raises(InputError, match=f"{keyword}: expected one of .*, got 'no'"):
        make(**{keyword: "no"})
