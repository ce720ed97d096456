"""GLoMo: padding with and without BERT, experts, pooling, groups."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from msa.errors import InputError
from msa.models.checkpoint import load_released
from msa.models.glomo import GLoMo, MixtureOfExperts, from_released

torch.set_num_threads(1)

DIMS = {"text": 6, "audio": 3, "vision": 4}
LENGTHS = [(1, 2, 3), (5, 1, 2), (4, 8, 1), (2, 3, 7)]  # text, audio, vision


def make(**settings: Any) -> Any:
    """A tiny model."""
    model = GLoMo(
        text_dim=settings.pop("text_dim", 6),
        audio_dim=settings.pop("audio_dim", 3),
        vision_dim=settings.pop("vision_dim", 4),
        output_dim=2,
        d_model=8,
        heads=2,
        layers=1,
        **settings,
    )
    return randomize(model)


def predict(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    """The prediction alone."""
    prediction, auxiliary = model(batch)
    assert auxiliary.dim() == 0
    assert auxiliary.isfinite()
    return prediction


def randomize(model: nn.Module) -> Any:
    """Weights and running statistics away from their initial zeros and ones."""
    torch.manual_seed(0)
    for name, x in [*model.named_parameters(), *model.named_buffers()]:
        if x.is_floating_point():
            nn.init.normal_(x, std=0.3)
        if name.endswith("running_var"):
            x.abs_().add_(0.5)
    return model.double()


def make_rows() -> list[dict[str, Tensor]]:
    """Rows of unlike lengths, also shorter than a kernel."""
    generator = torch.Generator().manual_seed(1)
    return [
        {
            name: torch.randn(t, d, generator=generator, dtype=torch.float64)
            for t, (name, d) in zip(lengths, DIMS.items(), strict=True)
        }
        for lengths in LENGTHS
    ]


def collate(
    rows: list[dict[str, Tensor]], side: str = "right", extra: int = 0
) -> dict[str, Tensor]:
    """Rows in one batch, padded with garbage on one side."""
    batch: dict[str, Tensor] = {}
    for name in rows[0]:
        width = max(len(row[name]) for row in rows) + extra
        x = torch.full((len(rows), width, rows[0][name].shape[1]), 9.0, dtype=torch.float64)
        mask = torch.zeros(len(rows), width, dtype=torch.bool)
        for i, row in enumerate(rows):
            t = len(row[name])
            where = slice(0, t) if side == "right" else slice(width - t, width)
            x[i, where], mask[i, where] = row[name], True
        batch |= {name: x, f"{name}_mask": mask}
    return batch


@torch.no_grad()
def test_padding_and_other_rows_do_not_matter() -> None:
    """A row alone is the row in a batch, whatever the padding."""
    model, rows = make().eval(), make_rows()
    alone = torch.cat([predict(model, collate([row])) for row in rows])
    assert len(alone[:, 0].unique()) == len(rows)
    for side in ("left", "right"):
        for extra in (0, 5):
            together = predict(model, collate(rows, side, extra))
            torch.testing.assert_close(together, alone, rtol=0, atol=1e-9)


@torch.no_grad()
def test_without_padding_masked_is_released() -> None:
    """The two ways of padding agree where there is none."""
    generator = torch.Generator().manual_seed(2)
    batch = {name: torch.randn(3, 5, d, generator=generator).double() for name, d in DIMS.items()}
    batch |= {f"{name}_mask": torch.ones(3, 5, dtype=torch.bool) for name in DIMS}
    released = predict(make(padding="released").eval(), batch)
    torch.testing.assert_close(predict(make().eval(), batch), released, rtol=0, atol=1e-9)


@torch.no_grad()
def test_released_sees_padding() -> None:
    """The released way sees the padding."""
    model, rows = make(padding="released").eval(), make_rows()
    assert not torch.allclose(predict(model, collate(rows)), predict(model, collate(rows, extra=5)))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("padding", ["masked", "released"])
def test_nothing_there(padding: str, training: bool) -> None:
    """One row, one step, no valid step: never NaN."""
    model = make(padding=padding).train(training)
    row = collate(make_rows()[:1])
    rows = collate(make_rows())
    for name in DIMS:
        rows[f"{name}_mask"][0] = False
    for batch in (row, rows):
        output = predict(model, batch)
        output.sum().backward()
        assert output.isfinite().all()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize("absent", DIMS)
@pytest.mark.parametrize("padding", ["masked", "released"])
def test_absent_modality(padding: str, absent: str) -> None:
    """An absent modality is one step of zeros."""
    model = make(padding=padding, **{f"{absent}_dim": 1}).train()
    for b in (1, 3):
        batch = {name: torch.randn(b, 4, d).double() for name, d in DIMS.items()}
        batch |= {f"{name}_mask": torch.ones(b, 4, dtype=torch.bool) for name in DIMS}
        batch[absent] = torch.zeros(b, 1, 1, dtype=torch.float64)
        batch[f"{absent}_mask"] = torch.ones(b, 1, dtype=torch.bool)
        assert predict(model, batch).isfinite().all()


@pytest.mark.parametrize("padding", ["masked", "released"])
def test_bf16(padding: str) -> None:
    """Mixed precision goes through."""
    model = make(padding=padding).float().train()
    batch = {n: x.float() if n in DIMS else x for n, x in collate(make_rows()).items()}
    with torch.autocast("cpu", torch.bfloat16):
        output = predict(model, batch)
    output.float().sum().backward()
    assert output.isfinite().all()


ALL = slice(None)


def make_bert() -> Any:
    """A BERT of two layers."""
    config = BertConfig(
        vocab_size=30,
        hidden_size=12,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=32,
    )
    return BertModel(config)


def make_with_bert(**settings: Any) -> Any:
    """A tiny model on BERT."""
    dims = {"audio_dim": 3, "vision_dim": 4, "output_dim": 1} | settings
    return randomize(GLoMo(bert=make_bert(), d_model=8, heads=2, layers=1, **dims))


def collate_pieces(side: str = "right", extra: int = 0, rows: slice = ALL) -> dict[str, Tensor]:
    """Rows of 2, 7, 4 and 1 pieces, padded with garbage, audio and vision at piece level."""
    generator = torch.Generator().manual_seed(3)
    lengths = [2, 7, 4, 1]
    width = max(lengths[rows]) + extra
    shape = (len(lengths), width)
    batch: dict[str, Tensor] = {
        "input_ids": torch.full(shape, 29),
        "token_type_ids": torch.zeros(shape, dtype=torch.long),
        "attention_mask": torch.zeros(shape, dtype=torch.bool),
        "audio": torch.full((*shape, 3), 9.0, dtype=torch.float64),
        "vision": torch.full((*shape, 4), 9.0, dtype=torch.float64),
    }
    for i, t in enumerate(lengths):
        ids = torch.randint(30, (t,), generator=generator)
        audio = torch.randn(t, 3, generator=generator).double()
        vision = torch.randn(t, 4, generator=generator).double()
        if t > width:
            continue
        where = slice(0, t) if side == "right" else slice(width - t, width)
        batch["input_ids"][i, where] = ids
        batch["attention_mask"][i, where] = True
        batch["audio"][i, where], batch["vision"][i, where] = audio, vision
        batch["token_type_ids"][i, where][t // 2 :] = 1
    batch |= {f"{name}_mask": batch["attention_mask"] for name in ("audio", "vision")}
    return {name: x[rows] for name, x in batch.items()}


@torch.no_grad()
def test_with_bert_padding_does_not_matter() -> None:
    """With BERT, too, a row alone is the row in a batch."""
    model = make_with_bert().eval()
    alone = torch.cat([model(collate_pieces(rows=slice(i, i + 1)))[0] for i in range(4)])
    assert len(alone.unique()) == 4
    for side in ("left", "right"):
        for extra in (0, 5):
            together, _ = model(collate_pieces(side, extra))
            torch.testing.assert_close(together, alone, rtol=0, atol=1e-9)


@torch.no_grad()
def test_with_bert_without_padding_masked_is_released() -> None:
    """With BERT, too, the two ways agree without padding."""
    batch = collate_pieces(rows=slice(1, 2))
    released, _ = make_with_bert(padding="released").eval()(batch)
    torch.testing.assert_close(make_with_bert().eval()(batch)[0], released, rtol=0, atol=1e-9)


@pytest.mark.parametrize("padding", ["masked", "released"])
def test_with_bert_nothing_there(padding: str) -> None:
    """No piece, no audio: never NaN."""
    model = make_with_bert(padding=padding, audio_dim=1).train()
    for rows in (slice(0, 4), slice(3, 4)):
        batch = collate_pieces(rows=rows)
        batch["attention_mask"] = torch.zeros_like(batch["attention_mask"])
        batch["vision_mask"] = batch["attention_mask"]
        batch["audio"] = torch.zeros(len(batch["audio"]), 1, 1, dtype=torch.float64)
        batch["audio_mask"] = torch.ones(len(batch["audio"]), 1, dtype=torch.bool)
        prediction, auxiliary = model(batch)
        assert prediction.isfinite().all()
        assert auxiliary.isfinite()


def test_neither_text_nor_bert() -> None:
    """There must be a text."""
    with pytest.raises(InputError, match="expected bert or text_dim, got neither"):
        make(text_dim=None)


def test_released_names_under_bert() -> None:
    """Two layers of ours lie in the released BERT."""
    names = ["bert.linear1.bias", "bert.proj_l.weight", "bert.embeddings.LayerNorm.bias"]
    ours, unused = from_released({name: torch.zeros(1) for name in [*names, "bert.pooler.dense"]})
    assert list(ours) == ["text_coarse.bias", "text_fine.weight", names[2]]
    assert unused == ["bert.pooler.dense"]


def make_experts(experts: int, top_k: int) -> Any:
    """Random experts."""
    torch.manual_seed(4)
    model = MixtureOfExperts(input_dim=6, hidden=5, output_dim=4, experts=experts, top_k=top_k)
    return randomize(model)


def test_mixture_is_the_log_of_weighted_exponentials() -> None:
    """The mixture and its loss, row by row."""
    model, x = make_experts(4, 2).eval(), torch.randn(7, 6, dtype=torch.float64)
    mixed, auxiliary = model(x)
    clean = x @ model.w_gate
    importance, load = torch.zeros(4).double(), torch.zeros(4).double()
    for row, logits, found in zip(x, clean, mixed, strict=True):
        first, second = logits.argsort(descending=True)[:2].tolist()
        share = torch.sigmoid(logits[first] - logits[second])
        one, other = model.experts[first](row), model.experts[second](row)
        expected = (share * one.exp() + (1 - share) * other.exp()).log()
        torch.testing.assert_close(found, expected)
        for index, gate in ((first, share), (second, 1 - share)):
            importance[index] += gate
            load[index] += 1
    spread = sum(x.var() / (x.mean() ** 2 + 1e-10) for x in (importance, load))
    torch.testing.assert_close(auxiliary, 0.01 * spread)


def test_mixture_of_large_outputs_is_finite() -> None:
    """No overflow; what underflows is the float64 eps."""
    model, x = make_experts(3, 2).float(), torch.randn(5, 6)
    for expert in model.experts:
        expert.fc2.bias.data[:2] = torch.tensor([200.0, -200.0])
    mixed, _ = model(x)
    mixed.sum().backward()
    assert (mixed[:, 0] > 150).all()
    torch.testing.assert_close(mixed[:, 1], torch.full((5,), 2.0**-52).log())
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize(("experts", "top_k"), [(1, 2), (2, 2), (3, 1)])
def test_other_numbers_of_experts(experts: int, top_k: int) -> None:
    """One expert, all experts, one of three."""
    model, x = make_experts(experts, top_k).train(), torch.randn(5, 6, dtype=torch.float64)
    mixed, auxiliary = model(x)
    assert mixed.isfinite().all()
    assert auxiliary.isfinite()
    if experts == 1:
        assert auxiliary == 0
        torch.testing.assert_close(mixed, model.experts[0](x))


def test_noise_is_for_training_only() -> None:
    """Evaluation has no noise."""
    model, x = make_experts(4, 2), torch.randn(5, 6, dtype=torch.float64)
    noise = torch.randn(5, 4, dtype=torch.float64)
    assert torch.equal(model.eval()(x)[0], model(x, noise=noise)[0])
    assert not torch.allclose(model.train()(x, noise=noise)[0], model.eval()(x)[0])


def test_groups_are_told_by_name() -> None:
    """Biases and `LayerNorm.weight` do not decay."""
    model = make_with_bert()
    decayed, spared = model.parameter_groups(1e-3)
    names = {id(p): name for name, p in model.named_parameters()}
    kept = [names[id(p)] for p in spared["params"]]
    assert all("bias" in name or "LayerNorm.weight" in name for name in kept)
    # as published: the norms of the encoders are called otherwise, they decay
    assert "audio_network.encoder.layer_norm.weight" in {names[id(p)] for p in decayed["params"]}
    assert (decayed["weight_decay"], spared["weight_decay"]) == (1e-4, 0.0)
    assert len(decayed["params"]) + len(spared["params"]) == len(names)


def test_released_weights_that_do_not_fit() -> None:
    """All that is missing or misshapen is told at once."""
    model = make()
    state = {key: x for key, x in model.state_dict().items() if key != "fc_all.bias"}
    state["moe_t.w_gate"] = torch.zeros(2, 7)
    with pytest.raises(InputError) as error:
        load_released(model, state)
    lines = str(error.value).splitlines()
    assert sorted(lines) == sorted(
        [
            "released weights of GLoMo: fc_all.bias: expected (8,), found no such key",
            "released weights of GLoMo: moe_t.w_gate: expected (24, 3), found (2, 7)",
        ]
    )
