"""NHFNet: padding, unused keys, tokens without position."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from msa.errors import InputError
from msa.models.checkpoint import load_released
from msa.models.nhfnet import NHFNet, from_released

torch.set_num_threads(1)

DIMS = {"text": 6, "audio": 3, "vision": 4}
LENGTHS = [(1, 2, 3), (5, 1, 2), (4, 8, 1), (2, 3, 7)]  # text, audio, vision


def make(**settings: Any) -> Any:
    """A tiny model."""
    model = NHFNet(
        text_dim=settings.pop("text_dim", 6),
        audio_dim=settings.pop("audio_dim", 3),
        vision_dim=settings.pop("vision_dim", 4),
        output_dim=1,
        d_model=8,
        heads=2,
        layers=2,
        text_hidden=5,
        bottleneck_tokens=3,
        **settings,
    )
    return randomize(model)


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
    alone = torch.cat([model(collate([row])) for row in rows])
    assert len(alone[:, 0].unique()) == len(rows)
    for side in ("left", "right"):
        for extra in (0, 5):
            together = model(collate(rows, side, extra))
            torch.testing.assert_close(together, alone, rtol=0, atol=1e-9)


@torch.no_grad()
def test_without_padding_masked_is_released() -> None:
    """The two ways of padding agree where there is none."""
    generator = torch.Generator().manual_seed(2)
    batch = {name: torch.randn(3, 5, d, generator=generator).double() for name, d in DIMS.items()}
    batch |= {f"{name}_mask": torch.ones(3, 5, dtype=torch.bool) for name in DIMS}
    released = make(padding="released").eval()(batch)
    torch.testing.assert_close(make().eval()(batch), released, rtol=0, atol=1e-9)


@torch.no_grad()
def test_released_sees_padding() -> None:
    """The released way sees the padding."""
    model, rows = make(padding="released").eval(), make_rows()
    assert not torch.allclose(model(collate(rows)), model(collate(rows, extra=5)))


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
        output = model(batch)
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
        assert model(batch).isfinite().all()


@pytest.mark.parametrize("padding", ["masked", "released"])
def test_bf16(padding: str) -> None:
    """Mixed precision goes through."""
    model = make(padding=padding).float().train()
    batch = {n: x.float() if n in DIMS else x for n, x in collate(make_rows()).items()}
    with torch.autocast("cpu", torch.bfloat16):
        output = model(batch)
    output.float().sum().backward()
    assert output.isfinite().all()


def test_unused_keys_of_the_released_checkpoint() -> None:
    """The projections nobody uses are set aside."""
    weights = {
        "classifcation.layer_norm.weight": torch.ones(8),
        "classifcation.layers.0.mem_proj.0.weight": torch.ones(8, 16),
        "cross_transformer.layers.1.att_proj.0.bias": torch.ones(8),
    }
    ours, unused = from_released(weights)
    assert list(ours) == ["classification.layer_norm.weight"]
    assert unused == list(weights)[1:]


def test_audio_and_vision_share_an_encoder() -> None:
    """There are three encoders, not five."""
    model = make()
    encoders = {name.split(".layers.")[0] for name in model.state_dict() if ".layers." in name}
    assert encoders == {"audio_visual_model.transformer", "cross_transformer", "classification"}


@torch.no_grad()
def test_bottleneck_tokens_have_no_position_at_first() -> None:
    """Tokens have position 0 in the first fusion."""
    model, seen = make().eval(), []
    encoder = model.audio_visual_model.transformer
    encoder.register_forward_hook(
        lambda module, args, settings, output: seen.append(settings.get("positions")),
        with_kwargs=True,
    )
    model(collate(make_rows(), "left", 2))
    assert [positions is None for positions in seen] == [True, True, False, True, True]
    assert seen[2].tolist()[1] == [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    assert seen[2].tolist()[2] == [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0]


def test_released_weights_that_do_not_fit() -> None:
    """All that is missing or misshapen is told at once."""
    model = make()
    state = {key: x for key, x in model.state_dict().items() if key != "layer_norm.bias"}
    state["text_model.0.weight_hh_l0"] = torch.zeros(2, 7)
    with pytest.raises(InputError) as error:
        load_released(model, state)
    lines = str(error.value).splitlines()
    assert sorted(lines) == sorted(
        [
            "released weights of NHFNet: layer_norm.bias: expected (8,), found no such key",
            "released weights of NHFNet: text_model.0.weight_hh_l0: expected (20, 5), found (2, 7)",
        ]
    )
