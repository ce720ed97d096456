"""MMIM's traps, its two passes and its memory."""

import pytest
import torch
from making import CASES, collate, make, make_bert, make_rows
from torch.nn.utils.rnn import pack_padded_sequence

from msa.base.errors import InputError
from msa.models.last_state import LastState
from msa.models.mmim import MMIM
from msa.models.padding import Steps


def terms(model: torch.nn.Module, **more: object) -> dict[str, torch.Tensor]:
    return model(collate(make_rows("mmim")) | more)[1]


def test_the_first_pass_is_the_likelihood_alone() -> None:
    model = make("mmim").train()
    prediction, found = model(collate(make_rows("mmim")) | {"phase": "bounds"})
    assert prediction is None
    assert list(found) == ["lld"]
    assert model.batches == 0
    assert len(model.mi_tv.recent_positive) == 0


@pytest.mark.parametrize(("train_entropy", "trained"), [("stage1", True), ("none", False)])
def test_the_projection_behind_the_entropy(train_entropy: str, trained: bool) -> None:
    """Released, no optimizer has it; the bounds are stepped in their pass alone."""
    model = make("mmim", train_entropy=train_entropy)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = {
        names[id(p)]: (group["lr"], group["weight_decay"])
        for group in model.parameter_groups(0.1, 0.2, 0.3)
        for p in group["params"]
    }
    first = {name for name in names.values() if name.startswith(model.phases["bounds"])}
    assert first == {name for name in names.values() if ".mlp_" in name}
    rest = set(names.values()) - first - set(groups)
    projections = {name for name in names.values() if ".entropy_prj." in name}
    assert rest == (set() if trained else projections)
    assert groups["bert.embeddings.LayerNorm.bias"] == (0.3, 0.2)
    assert groups["fusion_prj.linear_3.weight"] == (0.1, 0.2)


def test_the_entropy_begins_with_the_third_batch_of_an_epoch() -> None:
    model = make("mmim", dropout=0.0).train()
    for epoch in (1, 2):
        model.start_epoch(epoch)
        assert len(model.mi_ta.recent_negative) == 0
        found = [terms(model)["entropy"].item() != 0 for _ in range(4)]
        assert found == [False, False, True, True]


def test_the_entropy_by_hand() -> None:
    """Rows of this batch and of the one before, each side about its own mean."""
    bound = make("mmim").mi_ta
    torch.manual_seed(0)
    before, now = torch.randn(2, 6, 4, dtype=torch.float64)
    label = torch.tensor([1.0, -1.0, 2.0, -2.0, 0.0, 3.0], dtype=torch.float64)
    bound.entropy(before, label)
    found = bound.entropy(now, label)
    expected = 0.0
    for side in (label > 0, label < 0):
        e = torch.cat([bound.entropy_prj(before)[side], bound.entropy_prj(now)[side]])
        expected += 0.25 * torch.cov(e.T, correction=0).reshape(1, 1).logdet()
    torch.testing.assert_close(found, expected)
    assert len(bound.recent_positive) == 3
    assert not bound.recent_positive.requires_grad


def test_too_few_rows_of_one_sign_are_said_and_left_out(capsys: pytest.CaptureFixture) -> None:
    """Their covariance has no logarithm of a determinant."""
    model = make("mmim", dropout=0.0).train()
    for _ in range(2):
        terms(model)
    label = collate(make_rows("mmim"))["label"].abs()
    model.start_epoch(2)
    model.batches = 2
    found = terms(model, label=label)
    assert found["entropy"] == 0
    said = capsys.readouterr().err
    assert "mmim: batch 3: too few rows of one sign for the entropy of tv" in said
    assert "a larger batch_size" in said
    assert terms(model, label=label)["entropy"] == 0
    assert capsys.readouterr().err == ""  # it is said once


def test_without_contrast() -> None:
    """The task's loss, and the entropy from the third batch on."""
    model = make("mmim", contrast=False).train()
    assert list(terms(model)) == ["entropy"]


def test_weights_of_the_terms() -> None:
    one, other = (
        make("mmim", alpha=alpha, beta=beta, dropout=0.0).train()
        for alpha, beta in ((0.1, 0.1), (0.2, 0.3))
    )
    for model in (one, other):
        model.bert.eval()  # which has dropout of its own
    first, second = terms(one), terms(other)
    torch.testing.assert_close(second["nce"], 2 * first["nce"])
    torch.testing.assert_close(second["lld"], 3 * first["lld"])


def test_first_weights_are_normal() -> None:
    """Xavier's, but for the encoder's."""
    torch.manual_seed(0)
    keywords = CASES["mmim"].keywords | {"fusion_width": 200}
    model = MMIM(bert=make_bert(), audio_dim=3, vision_dim=4, output_dim=1, **keywords)
    weight = model.fusion_prj.linear_2.weight
    assert weight.std().item() == pytest.approx((2 / 400) ** 0.5, rel=0.05)
    assert model.bert.encoder.layer[0].output.dense.weight.std() < 0.03


def test_several_targets_are_refused() -> None:
    with pytest.raises(InputError, match="mmim: expected labels of one target, got 2"):
        make("mmim").start_training(torch.ones(3, 2))


def test_backward_states_are_those_of_the_first_step() -> None:
    """As a packed LSTM's final states, forward then backward."""
    torch.manual_seed(0)
    encoder = LastState(input_dim=3, hidden=4, output_dim=8, dropout=0.0, bidirectional=True)
    x, lengths = torch.randn(2, 5, 3), torch.tensor([5, 2])
    packed = pack_padded_sequence(x, lengths, batch_first=True)
    _, (final, _) = encoder.rnn(packed)
    expected = encoder.linear_1(torch.cat([final[0], final[1]], dim=1))
    steps = Steps(torch.cat([x[0], x[1, :2]]), lengths.numpy())
    torch.testing.assert_close(encoder(steps), expected)
