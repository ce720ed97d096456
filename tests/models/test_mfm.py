"""MFM's traps: what makes missing vision, two stages, what is drawn, and padding."""

from unittest.mock import patch

import pytest
import torch
from making import collate, make, make_rows
from torch import Tensor, nn

from msa.models.checkpoint import load_released, released_widths
from msa.models.mfm import MFM

DATA = {"text_dim": 6, "audio_dim": 3, "vision_dim": 4, "output_dim": 2}


def make_plain(name: str, **settings: object) -> MFM:
    """In training, without dropout."""
    model: MFM = make(name, **settings).train()
    for part in model.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    return model


def draw_ones() -> object:
    """In place of what the prior draws."""
    return patch("torch.randn_like", torch.ones_like)


def test_missing_vision_is_made_from_where_audio_is_missing_as_released() -> None:
    """By ours the estimate of vision's code has a part in it; by theirs it has none."""
    batch = collate(make_rows("mfm"))
    found = {}
    for source in ("vision", "audio"):
        model = make_plain("mfm_missing", missing_vision_source=source)
        with draw_ones():
            _, terms = model(batch)
        estimated = model.codes.encoders["la_to_v"].fc1.weight
        [gradient] = torch.autograd.grad(
            terms.pop("reconstruction"), estimated, allow_unused=True, retain_graph=True
        )
        assert (gradient is not None) == (source == "vision")
        found[source] = torch.stack([*terms.values()])
    torch.testing.assert_close(found["vision"], found["audio"])


@pytest.mark.parametrize("name", ["mfm_kl_ef", "mfm_missing"])
def test_two_stages(name: str) -> None:
    """No gradient by the labels in the first epochs, none by the sequences later."""
    batch = collate(make_rows(name))
    model = make_plain(name, generative_epochs=2)
    names = None
    for epoch in (1, 2, 3):
        model.start_epoch(epoch)
        prediction, terms = model(batch)
        assert prediction.requires_grad == (epoch == 3)
        assert bool(terms["reconstruction"]) == (epoch < 3)
        assert bool(terms.get("absent", epoch == 3)) == (epoch == 3)
        assert terms["prior"].requires_grad
        assert names in (None, [*terms])
        names = [*terms]


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "draws"),
    [("mfm", True), ("mfm_missing", True), ("mfm_kl", False), ("mfm_kl_ef", False)],
)
def test_nothing_is_drawn_by_the_variances(name: str, draws: bool) -> None:
    """The variants that have variances go on with the means; the others draw for the prior."""
    batch, model = collate(make_rows(name)), make_plain(name)
    (first, once), (second, again) = model(batch), model(batch)
    assert torch.equal(first, second)
    assert torch.equal(once["reconstruction"], again["reconstruction"])
    assert torch.equal(once["prior"], again["prior"]) != draws


@torch.no_grad()
@pytest.mark.parametrize("name", ["mfm", "mfm_kl_ef", "mfm_missing"])
def test_padding_is_not_made_again(name: str) -> None:
    """No term sees it; as released, all do."""
    rows = make_rows(name)
    for padding, same in (("masked", True), ("released", False)):
        model = make_plain(name, padding=padding)
        with draw_ones():
            (_, few), (_, many) = model(collate(rows)), model(collate(rows, extra=3))
        for key in few:
            assert torch.isclose(few[key], many[key]).item() == same


@torch.no_grad()
def test_classes_without_a_modality() -> None:
    """The loss where one is missing is that of the labels: the cross-entropy of whole numbers."""
    rows = make_rows("mfm_missing")
    batch = collate(rows) | {"label": torch.arange(len(rows))[:, None] % 2}
    model = make_plain("mfm_missing")
    predictions: list[Tensor] = []
    model.factors.head.register_forward_hook(lambda *call: predictions.append(call[2]))
    _, terms = model(batch)
    losses = [nn.functional.cross_entropy(x, batch["label"][:, 0]) for x in predictions[1:]]
    assert len(losses) == 3
    torch.testing.assert_close(terms["absent"], torch.stack(losses).sum())


@pytest.mark.parametrize("variant", ["mmd", "kl", "kl_ef", "missing"])
def test_widths_are_read_off_the_shapes(variant: str) -> None:
    """Of data and codes, whatever the variant."""
    widths = {"shared_code": 4, "text_code": 6, "vision_factor": 5}
    state = MFM(**DATA, **widths, variant=variant).state_dict()
    found = released_widths(MFM, state)
    assert found.items() >= (DATA | widths).items()
    assert load_released(MFM(**found, variant=variant), state) == []
