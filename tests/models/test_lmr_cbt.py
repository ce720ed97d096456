"""LMR-CBT: padding, short sequences, the two recurrences, the number of parameters."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.errors import InputError
from msa.models.checkpoint import load_released
from msa.models.lmr_cbt import LMRCBT, from_released

torch.set_num_threads(1)

DIMS = {"text": 6, "audio": 3, "vision": 4}
LENGTHS = [(1, 2, 3), (5, 1, 2), (4, 8, 1), (2, 3, 7)]  # text, audio, vision


def make(**settings: Any) -> Any:
    """A tiny model."""
    model = LMRCBT(
        text_dim=settings.pop("text_dim", 6),
        audio_dim=settings.pop("audio_dim", 3),
        vision_dim=settings.pop("vision_dim", 4),
        output_dim=2,
        d_model=8,
        heads=2,
        layers=2,
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


def test_size_is_the_published_one() -> None:
    """0.41 M parameters."""
    model = LMRCBT(text_dim=300, audio_dim=74, vision_dim=35, output_dim=1)
    unused = 2 * (40 + 1)  # attn_weight_affine of two gates
    assert sum(p.numel() for p in model.parameters()) + unused == 406_523


def test_unused_keys() -> None:
    """The affine maps nobody uses are set aside."""
    weights = {
        "cross_v.0.channel_affine.bias": torch.ones(8),
        "cross_a.0.attn_weight_affine.bias": torch.ones(1),
    }
    ours, unused = from_released(weights)
    assert list(ours) == ["cross_v.channel_affine.bias"]
    assert unused == ["cross_a.0.attn_weight_affine.bias"]


@torch.no_grad()
def test_recurrence_over_the_batch_mixes_rows() -> None:
    """The released recurrence sees other rows."""
    rows = make_rows()
    last_row = {}
    for recurrence in ("time", "batch"):
        model = make(recurrence=recurrence).eval()
        last_row[recurrence] = (model(collate(rows))[-1] - model(collate(rows[1:]))[-1]).abs().max()
    assert last_row["time"] < 1e-9 < 1e-3 < last_row["batch"]


def test_training_statistics_are_of_valid_steps() -> None:
    """BatchNorm in training counts each row's valid steps, and nothing else."""
    rows = make_rows()
    for side, extra in (("right", 0), ("left", 6)):
        model = make().train()
        before = model.bn_a.running_mean.clone()
        model(collate(rows, side, extra))
        steps = [row["audio"].mT for row in rows]  # (d, t)
        steps = [model.proj_a(F.pad(x, (0, max(3 - x.shape[1], 0)))) for x in steps]
        mean = torch.cat(steps, dim=1).mean(1)
        torch.testing.assert_close(model.bn_a.running_mean, 0.9 * before + 0.1 * mean)


def test_one_valid_step_trains_on_running_statistics() -> None:
    """One step has no variance."""
    model = make().train()
    before = model.bn_a.running_mean.clone()
    model(collate(make_rows()[:1]))  # two steps of audio are one after the convolution
    assert torch.equal(model.bn_a.running_mean, before)


@torch.no_grad()
def test_causal_mask_can_be_taken_off() -> None:
    """The causal mask is on unless taken off."""
    batch = collate(make_rows())
    assert not torch.allclose(make().eval()(batch), make(causal=False).eval()(batch))


def test_released_weights_that_do_not_fit() -> None:
    """All that is missing or misshapen is told at once."""
    model = make()
    state = {key: x for key, x in model.state_dict().items() if key != "bn_l.bias"}
    state["proj_a.weight"] = torch.zeros(2, 7)
    with pytest.raises(InputError) as error:
        load_released(model, state)
    lines = str(error.value).splitlines()
    assert sorted(lines) == sorted(
        [
            "released weights of LMRCBT: bn_l.bias: expected (8,), found no such key",
            "released weights of LMRCBT: proj_a.weight: expected (8, 3, 3), found (2, 7)",
        ]
    )
