"""MCTN: what it predicts from, and what its variants do as released."""

from typing import Any

import pytest
import torch
from making import collate, make, make_rows
from torch import Tensor

from msa.models.padding import sequence
from msa.models.translation import share, squared_error, turn

VARIANTS = ["mctn", "mctn_bimodal", "mctn_mmsa", "mctn_multibench"]


def with_noise(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Other audio and vision."""
    return batch | {name: torch.randn_like(batch[name]) for name in ("audio", "vision")}


@torch.no_grad()
@pytest.mark.parametrize("name", VARIANTS)
def test_audio_and_vision_count_in_training_alone(name: str) -> None:
    """No prediction of evaluation depends on them, their errors of translation do."""
    torch.manual_seed(0)
    batch = collate(make_rows(name))
    model = make(name, dropout=0.0)
    torch.testing.assert_close(model.eval()(with_noise(batch)), model(batch), rtol=0, atol=0)
    model.train()
    found = []
    for given in (batch, with_noise(batch)):
        torch.manual_seed(1)
        found.append(model(given)[1])
    assert found[0]["translation"] != found[1]["translation"]
    assert ("translation2" in found[0]) == (name != "mctn_bimodal")


@pytest.mark.parametrize("name", VARIANTS)
def test_weights_of_the_terms(name: str) -> None:
    """Each term has its weight; the authors' alone has l2, of the last layer's kernel."""
    batch, terms = collate(make_rows(name)), []
    for factor in (1.0, 2.0):
        weights = [f"{term}_weight" for term in ("translation", "cycle", "translation2")]
        torch.manual_seed(0)
        model = make(name, **dict.fromkeys(weights, factor), l2=factor).train()
        torch.manual_seed(0)
        terms.append(model(batch)[1])
    for term, value in terms[0].items():
        torch.testing.assert_close(terms[1][term], 2 * value)
    assert ("l2" in terms[0]) == (name in VARIANTS[:2])
    if "l2" in terms[0]:
        kernel = model.network.regression_output.kernel
        torch.testing.assert_close(terms[0]["l2"], kernel.square().sum())


@torch.no_grad()
@pytest.mark.parametrize("name", VARIANTS)
def test_padding_is_no_error_of_translation(name: str) -> None:
    """Valid steps alone count, all of the widest modality's columns."""
    model = make(name, dropout=0.0).train()
    model.network.draw = lambda count: [False] * count
    rows = make_rows(name, [3, 1])
    found, padded = (model(collate(rows, extra=extra))[1] for extra in (0, 4))
    torch.testing.assert_close(found, padded)


def test_errors_of_translation() -> None:
    """The mean is over all columns of what is valid."""
    found, wanted = torch.tensor([[[1.0, 2.0], [9.0, 9.0]]]), torch.zeros(1, 2, 2)
    assert squared_error(found, wanted, torch.tensor([[True, False]])) == 2.5


def test_turned_steps() -> None:
    """What is valid is turned around in its place, twice is nothing."""
    x = torch.arange(8.0).view(2, 4, 1)
    mask = torch.tensor([[True] * 3 + [False], [True] * 4])
    turned = turn(x, mask)
    assert turned[..., 0].tolist() == [[2, 1, 0, 3], [7, 6, 5, 4]]
    assert torch.equal(turn(turned, mask), x)
    weights = share(torch.zeros(2, 4, 1), mask)[..., 0]
    torch.testing.assert_close(weights[0], torch.tensor([1 / 3, 1 / 3, 1 / 3, 0]))


def decoded(forget_bias: float = 0.0, **settings: Any) -> tuple[Tensor, list[Tensor]]:
    """The authors' translation (b, t, d), and the context of each of its steps."""
    model = make("mctn", **settings)
    decoder = model.network.decoder
    decoder.U.bias.data[4:8] = forget_bias
    contexts: list[Tensor] = []
    decoder.W1.register_forward_pre_hook(lambda _, args: contexts.append(*args))
    mask = torch.ones(2, 5, dtype=torch.bool)
    torch.manual_seed(0)
    with torch.no_grad():
        rows = decoder(3 * torch.randn(2, 5, 4, dtype=torch.float64), mask)
    return rows, contexts


@pytest.mark.parametrize("state", [True, False])
def test_released_attention_ignores_the_state(state: bool) -> None:
    """All steps of a translation see the same, unless the state is in a tanh with the code."""
    _, contexts = decoded(attention_state=state)
    moved = max((context - contexts[0]).abs().max().item() for context in contexts)
    assert (moved > 1e-3) == state


def test_released_decoder_has_no_forget_gate() -> None:
    """What is where its own would be has no effect."""
    for choice, seen in (("own", True), ("input", False)):
        rows = [decoded(bias, forget_gate=choice)[0] for bias in (0.0, 2.0)]
        assert bool((rows[0] - rows[1]).abs().max() > 1e-6) == seen


def test_tanh_bounds_translations() -> None:
    """They reach beyond 1 with linear outputs alone."""
    bounded, free = (decoded(outputs=choice)[0] for choice in ("tanh", "linear"))
    torch.testing.assert_close(bounded, free.tanh())


@torch.no_grad()
def test_released_cell_is_its_tanh() -> None:
    """With gates all open a cell is a sum, or stays below 1."""
    found = {}
    for choice in ("lstm", "tanh"):
        encoder = make("mctn", cell=choice).network.encoder
        for direction in (encoder.ahead, encoder.backward):
            direction.kernel.kernel.zero_(), direction.recurrent.kernel.zero_()
            direction.kernel.bias.fill_(9)
        states = encoder(torch.zeros(1, 3, 6).double(), torch.ones(1, 3, dtype=torch.bool))
        found[choice] = states[0, :, 0]
    new = torch.tensor(9.0).double().tanh()
    ahead = (new * torch.arange(1, 4)).tanh()
    torch.testing.assert_close(found["lstm"], ahead + ahead.flip(0))
    cell, expected = torch.zeros(()), []
    for _ in range(3):
        cell = (cell + new).tanh()
        expected.append(cell)
    ahead = torch.stack(expected)
    torch.testing.assert_close(found["tanh"], ahead + ahead.flip(0))


@torch.no_grad()
def test_released_mmsa_runs_over_the_batch() -> None:
    """There a row's prediction depends on the others."""
    rows = make_rows("mctn_mmsa", [4, 4, 4])
    for choice, seen in (("time", False), ("batch", True)):
        model = make("mctn_mmsa", recurrence=choice).eval()
        difference = model(collate(rows))[-1] - model(collate(rows[1:]))[-1]
        assert bool(difference.abs().max() > 1e-6) == seen


@torch.no_grad()
def test_mmsa_decodes_from_the_true_step_before() -> None:
    """Another last step of the target changes no row of its translation, another first one does."""
    model = make("mctn_mmsa").network
    source, target = (torch.randn(2, 4, 6).double() for _ in range(2))
    mask = torch.ones(2, 4, dtype=torch.bool)
    translated = []
    for step in (None, -1, 0):
        given = target.clone()
        if step is not None:
            given[:, step] += 1
        code, state = model.encoder1(source, mask)
        translated.append(model.decoder1(model.attn1, given, code, state, mask))
    assert not translated[0][:, 0].any()
    torch.testing.assert_close(translated[1], translated[0])
    assert (translated[2] - translated[0])[:, 1].abs().max() > 1e-3


@torch.no_grad()
def test_multibench_predicts_from_what_it_was_trained_on() -> None:
    """Without the teacher and dropout, evaluation is as training but for the released code."""
    batch = collate(make_rows("mctn_multibench"))
    for choice, same in (("outputs", True), ("states", False)):
        model = make("mctn_multibench", evaluation_code=choice, dropout=0.0)
        model.network.draw = lambda count: [False] * count
        difference = model.train()(batch)[0] - model.eval()(batch)
        assert bool(difference.abs().max() < 1e-9) == same


@torch.no_grad()
def test_multibench_teacher() -> None:
    """In half the steps of training the target is told; a seed tells which."""
    model, batch = make("mctn_multibench", dropout=0.0).train(), collate(make_rows("mctn"))
    found = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        found.append(model(batch)[0])
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])
    torch.manual_seed(0)
    assert 400 < sum(model.network.draw(1000)) < 600
    longest = int(sequence(batch, "text").lengths.max())
    counts: list[int] = []
    model.network.draw = lambda count: counts.append(count) or [True] * count
    model(batch)
    assert counts == [3 * longest]
