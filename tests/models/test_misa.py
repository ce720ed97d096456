"""MISA: its losses, what its text is, what is frozen."""

import pytest
import torch
import torch.nn.functional as F
from making import collate, make, make_rows
from transformers import BertConfig, BertModel

from msa.base.errors import InputError
from msa.models.distances import central_moment_discrepancy, difference
from msa.models.misa import MISA

# dead in the released network: sp_discriminator, and the text's LayerNorm beside BERT
UNUSED = 128 * 4 + 4 + 2 * 600


@pytest.mark.parametrize(("vision_dim", "expected"), [(47, 1_479_169), (35, 1_433_233)])
def test_parameters(vision_dim: int, expected: int) -> None:
    """As many as the released network has besides BERT, whose states are 768 wide."""
    model = MISA(text_dim=1, audio_dim=74, vision_dim=vision_dim, output_dim=1)
    model.project_t[0] = torch.nn.Linear(768, 128)
    del model.text_rnn
    assert sum(p.numel() for p in model.parameters()) + UNUSED == expected


def test_neither_text_nor_bert() -> None:
    """There must be a text."""
    with pytest.raises(InputError, match="expected bert or text_dim, got neither"):
        make("misa", text_dim=None)


def test_losses_element_by_element() -> None:
    """Difference and central moment discrepancy of two small samples."""
    torch.manual_seed(2)
    x, y = torch.randn(2, 5, 3, dtype=torch.float64)
    unit = [
        torch.stack([row / (row.norm() + 1e-6) for row in z - z.mean(0, keepdim=True)])
        for z in (x, y)
    ]
    expected = sum((unit[0][:, i] @ unit[1][:, j]) ** 2 / 9 for i in range(3) for j in range(3))
    torch.testing.assert_close(difference(x, y), expected)
    expected = (x.mean(0) - y.mean(0)).norm()
    for k in (2, 3, 4, 5):
        moments = [((z - z.mean(0)) ** k).mean(0) for z in (x, y)]
        expected = expected + (moments[0] - moments[1]).norm()
    torch.testing.assert_close(central_moment_discrepancy(x, y), expected)


def test_one_row_has_gradients() -> None:
    """A batch of one row, whose higher moments are all zero, has no NaN."""
    model = make("misa").train()
    prediction, terms = model(collate(make_rows("misa")[:1]))
    (prediction.sum() + sum(terms.values())).backward()
    assert terms["sim"] > 0
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_weights_of_the_terms() -> None:
    """Each term has its weight already."""
    batch = collate(make_rows("misa"))
    plain = make("misa", diff_weight=1.0, sim_weight=1.0, recon_weight=1.0).eval()(batch)[1]
    terms = make("misa", diff_weight=0.5, sim_weight=2.0, recon_weight=3.0).eval()(batch)[1]
    assert {name: (term / plain[name]).item() for name, term in terms.items()} == pytest.approx(
        {"diff": 0.5, "sim": 2.0, "recon": 3.0}
    )
    assert MISA(text_dim=1, audio_dim=1, vision_dim=1, output_dim=1).weights == {
        "diff": 0.3,
        "sim": 1.0,
        "recon": 1.0,
    }


def test_gradient_is_reversed() -> None:
    """Below the discriminator; in it the gradient is as it was."""
    model = make("misa_domain", reversal=0.5).eval()
    weights = model.shared[0].weight, model.discriminator[0].weight
    shared: list[torch.Tensor] = []
    model.shared.register_forward_hook(lambda _, inputs, output: shared.append(output))
    loss = model(collate(make_rows("misa_domain")))[1]["sim"]
    modality = torch.tensor([i for i in range(3) for _ in shared[0]])  # text, vision, audio
    plain = F.cross_entropy(model.discriminator(torch.cat(shared)), modality)
    torch.testing.assert_close(loss, plain)
    found = torch.autograd.grad(loss, weights, retain_graph=True)
    expected = torch.autograd.grad(plain, weights)
    torch.testing.assert_close(found, (-0.5 * expected[0], expected[1]))


@torch.no_grad()
def test_text_cut_to_words() -> None:
    """As released a text is cut to the words of the batch's longest row, which changes with it."""
    rows = make_rows("misa_bert", [(9, 2, 2), (4, 1, 1), (5, 6, 6)])
    for row in rows:
        row["token_type_ids"] = torch.zeros_like(row["token_type_ids"])
    shorter = {"input_ids": torch.cat([rows[0]["input_ids"][:3], rows[0]["input_ids"][-1:]])}
    shorter["token_type_ids"] = torch.zeros(4, dtype=torch.long)
    whole, cut = make("misa_bert").eval(), make("misa_bert", text_length="words").eval()
    expected = whole(collate([rows[0] | shorter]))[0]
    torch.testing.assert_close(cut(collate(rows[:2]))[0][:1], expected)
    # 6 words leave 8 pieces, as the row has 9
    found = cut(collate(rows))[0]
    assert not torch.allclose(found[:1], expected)
    assert not torch.allclose(found[0], whole(collate(rows))[0][0])
    torch.testing.assert_close(found[1:], whole(collate(rows))[0][1:])


@torch.no_grad()
def test_audio_and_vision_as_long_as_the_pieces() -> None:
    """In MMSA's port only as many steps are read as the text has pieces; else all are."""
    rows = make_rows("misa_bert", [(3, 8, 5), (6, 6, 6)])
    cut = [
        row | {name: row[name][: len(row["input_ids"])] for name in ("audio", "vision")}
        for row in rows
    ]
    masked, released = make("misa_bert").eval(), make("misa_bert", padding="released").eval()
    torch.testing.assert_close(released(collate(rows))[0], masked(collate(cut))[0])
    assert not torch.allclose(masked(collate(rows))[0][0], masked(collate(cut))[0][0])


@pytest.mark.parametrize(
    ("frozen", "learning"), [("none", (0, 8, 9)), ("layers 0-8", (9,)), ("all", ())]
)
def test_frozen(frozen: str, learning: tuple[int, ...]) -> None:
    """No layer, the first nine, or all of the encoder; embeddings learn but in the last case."""
    config = BertConfig(
        vocab_size=5,
        hidden_size=4,
        num_hidden_layers=10,
        num_attention_heads=1,
        intermediate_size=4,
    )
    model = MISA(bert=BertModel(config), audio_dim=1, vision_dim=1, output_dim=1, frozen=frozen)
    found = {name for name, p in model.bert.named_parameters() if p.requires_grad}
    assert {i for i in (0, 8, 9) if any(f".layer.{i}." in name for name in found)} == {*learning}
    assert any(name.startswith("embeddings.") for name in found) == (frozen != "all")
    assert all(p.requires_grad for p in model.fusion.parameters())


def test_recurrent_weights_begin_orthogonal() -> None:
    """The columns of `weight_hh` are orthogonal at first."""
    model = MISA(text_dim=3, audio_dim=4, vision_dim=5, output_dim=1)
    weight = model.vision_rnn.second.weight_hh_l0_reverse.detach()
    torch.testing.assert_close(weight.T @ weight, torch.eye(5), rtol=0, atol=1e-5)
