"""Self-MM's traps, and the labels that it makes."""

import pytest
import torch
import torch.nn.functional as F
from making import collate, make, make_rows

from msa.base.errors import InputError
from msa.models.made_labels import MODALITIES, VIEWS, Labels
from msa.models.padding import sequence

WIDTH = 3


def features(rows: int, seed: int = 0) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return {view: torch.randn(rows, WIDTH, dtype=torch.float64) for view in VIEWS}


def made(given: list[float], **keywords: object) -> Labels:
    """Tables after a whole first epoch."""
    settings: dict = {"system": "self_mm", "limit": 3.0, "exclude_zero": True} | keywords
    labels = Labels(torch.tensor(given, dtype=torch.float64)[:, None], **settings)
    labels.update(torch.arange(len(given)), features(len(given)), 1)
    return labels


@pytest.mark.parametrize(("exclude_zero", "rows"), [(True, [0]), (False, [0, 2])])
def test_zero_is_on_neither_side_unless_as_released(exclude_zero: bool, rows: list[int]) -> None:
    labels = made([1.0, -1.0, 0.0], exclude_zero=exclude_zero)
    x = features(3)["fusion"]
    torch.testing.assert_close(labels.centers_fusion, torch.stack([x[rows].mean(0), x[1]]))


@pytest.mark.parametrize(("given", "absent"), [([1.0, 0.0], "negative"), ([-1.0, 0.0], "positive")])
def test_labels_of_one_side_alone_are_refused(given: list[float], absent: str) -> None:
    message = f"labels on both sides of 0 to make those of fusion, found no {absent} one in 2 rows"
    with pytest.raises(InputError, match=message):
        made(given)


def test_labels_are_the_given_ones_in_the_first_epoch() -> None:
    labels = made([1.0, -1.0, 0.5])
    for view in VIEWS:
        assert labels.get_buffer(f"label_{view}").tolist() == [1.0, -1.0, 0.5]


def test_labels_made_by_hand() -> None:
    """Of one row in epoch 2, by the centres of before; those that are too large are cut."""
    given, row = [1.0, -1.0, 0.5, -2.0], torch.tensor([2])
    for limit in (3.0, 0.1):
        labels, new = made(given, limit=limit), {v: x[:1] for v, x in features(1, 5).items()}
        leaning = {}
        for view in VIEWS:
            positive, negative = labels.get_buffer(f"centers_{view}")
            near, far = (torch.dist(new[view][0], center) for center in (positive, negative))
            leaning[view] = (far - near) / (near + 1e-8)
        labels.update(row, new, 2)
        for name in MODALITIES:
            share = leaning[name] / (leaning["fusion"] + 1e-8)
            shifted = 0.5 + leaning[name] - leaning["fusion"]
            expected = (0.5 * share * 0.5 + 0.5 * shifted).clamp(-limit, limit)
            found = labels.get_buffer(f"label_{name}")
            assert found[2].item() == pytest.approx((0.5 / 3 + 2 / 3 * expected).item())
            assert found[[0, 1, 3]].tolist() == [1.0, -1.0, -2.0]
        # the given labels stay, and the features are the new ones
        assert labels.label_fusion.tolist() == given
        torch.testing.assert_close(labels.feature_audio[2], new["audio"][0])


def test_heads_of_single_modalities_wait_for_the_second_epoch() -> None:
    """Where their labels are the given ones, their losses count nothing."""
    model = make("self_mm").train()
    batch = collate(make_rows("self_mm"))
    batch["label"] = model.labels.label_fusion[batch["segments"]][:, None].clone()
    for epoch, still in ((1, True), (2, True), (3, False)):
        # labels that are made in epoch 2 are read afterwards
        model.start_epoch(epoch)
        _, terms = model(batch)
        assert all((term == 0).item() is still for term in terms.values())


def test_tables_are_no_weights() -> None:
    model = make("self_mm").train()
    model(collate(make_rows("self_mm")))
    assert not any("label" in key or "feature" in key for key in model.state_dict())
    assert dict(model.named_buffers())["labels.feature_text"].shape == (8, 5)


def test_an_evaluation_changes_no_table() -> None:
    model = make("self_mm").eval()
    model.start_epoch(2)
    before = {name: x.clone() for name, x in model.named_buffers()}
    model(collate(make_rows("self_mm")))
    assert all(torch.equal(x, before[name]) for name, x in model.named_buffers())


@torch.no_grad()
def test_audio_and_vision_as_long_as_the_pieces_as_released() -> None:
    """Of aligned data the released code takes the pieces' count, [CLS] and [SEP] too."""
    rows = make_rows("self_mm", [(3, 5, 5)])
    shorter = [{name: x[:3] for name, x in row.items()} for row in rows]
    for lengths, same in (("text", True), ("own", False)):
        model = make("self_mm", lengths=lengths).eval()
        assert torch.allclose(model(collate(rows)), model(collate(shorter))) is same


@torch.no_grad()
def test_where_there_are_more_pieces_than_steps_zeros_are_read_as_released() -> None:
    """Also of steps without padding, which is what training gives."""
    rows = make_rows("self_mm", [(5, 3, 2), (2, 2, 4)])
    longer = [{name: F.pad(x, (0, 0, 0, 5 - len(x))) for name, x in rows[0].items() if x.dim() > 1}]
    model, own = make("self_mm", lengths="text").eval(), make("self_mm").eval()
    batch = collate(rows)
    steps = {name: sequence(batch, name) for name in ("audio", "vision")}
    for found in (model(batch), model(batch | steps)):
        expected = own(collate([rows[0] | longer[0]]))
        torch.testing.assert_close(found[:1], expected)
        assert not torch.allclose(found[:1], own(collate(rows[:1])))


def test_several_targets_are_refused() -> None:
    with pytest.raises(InputError, match="self_mm: expected labels of one target, got 2"):
        make("self_mm").start_training(torch.ones(3, 2))


def test_groups() -> None:
    """Rates of the encoder, audio, vision and the others; the encoder's biases do not decay."""
    model = make("self_mm")
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = {
        names[id(p)]: (group["lr"], group["weight_decay"])
        for group in model.parameter_groups(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
        for p in group["params"]
    }
    assert len(groups) == len(names)
    assert groups["bert.encoder.layer.0.output.dense.weight"] == (0.3, 0.4)
    assert groups["bert.encoder.layer.0.output.dense.bias"] == (0.3, 0.0)
    assert groups["bert.embeddings.LayerNorm.weight"] == (0.3, 0.0)
    assert groups["audio_model.linear_1.bias"] == (0.5, 0.6)
    assert groups["vision_model.rnn.weight_hh_l0"] == (0.7, 0.8)
    assert groups["heads.audio.layer_1.weight"] == (0.1, 0.2)
