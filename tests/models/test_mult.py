"""MulT: its sizes, streams, positions and mask; released, or sound."""

import pytest
import torch
from making import collate, make, make_rows

from msa.base.errors import InputError
from msa.models.mult import MulT


@pytest.mark.parametrize(
    ("audio", "vision", "outputs", "size"),
    [(5, 20, 1, 1_071_211), (74, 35, 1, 1_073_731), (74, 35, 8, 1_074_998)],
    ids=["MOSI", "MOSEI", "IEMOCAP"],
)
def test_size_is_the_released_one(audio: int, vision: int, outputs: int, size: int) -> None:
    """At the released width of 30 and five layers."""
    model = MulT(
        text_dim=300,
        audio_dim=audio,
        vision_dim=vision,
        output_dim=outputs,
        d_model=30,
        heads=5,
        layers=5,
    )
    assert sum(p.numel() for p in model.parameters()) == size


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(InputError, match="heads: expected a divisor of d_model 8, got 3"):
        make("mult", heads=3)


def test_a_stream_has_what_it_uses() -> None:
    """One target's encoders, all three projections, none for what is wide enough already."""
    parts = {key.partition(".")[0] for key in make("mult", streams="vision").state_dict()}
    encoders = {"trans_v_with_l", "trans_v_with_a", "trans_v_mem"}
    head = {"proj1", "proj2", "out_layer"}
    assert parts == encoders | head | {"proj_l", "proj_a", "proj_v"}
    parts = {key.partition(".")[0] for key in make("mult", audio_dim=8).state_dict()}
    assert "proj_a" not in parts
    assert "proj_v" in parts


def test_the_last_encoder_has_three_layers_at_least() -> None:
    for layers, expected in ((1, 3), (3, 3), (4, 4)):
        model = make("mult", layers=layers)
        assert len(model.trans_a_with_l.layers) == layers
        assert len(model.trans_a_mem.layers) == expected


@torch.no_grad()
def test_causal_mask_can_be_taken_off() -> None:
    """The causal mask is on unless taken off."""
    batch = collate(make_rows("mult"))
    on, off = make("mult").eval()(batch), make("mult", causal=False).eval()(batch)
    assert not torch.allclose(on, off)


@torch.no_grad()
def reordered(**settings: object) -> float:
    """How much a prediction changes where audio's steps, which text attends to, come reversed."""
    model = make("mult", streams="text", causal=False, **settings).eval()
    model.proj_a.weight[0] = 0  # channel 0 of each step is exactly zero
    batch = collate(make_rows("mult", [5]))
    other = batch | {"audio": batch["audio"].flip(1)}
    return (model(batch) - model(other)).abs().max().item()


def test_positions_tell_the_order() -> None:
    """MMSA's port has none."""
    assert reordered(positions=False) < 1e-9 < 1e-3 < reordered()


def test_a_valid_step_keeps_its_position() -> None:
    """By the released rule a step whose channel 0 is zero has none."""
    assert reordered(padding="released") < 1e-9 < 1e-3 < reordered(padding="masked")


@torch.no_grad()
@pytest.mark.parametrize("side", ["left", "right"])
def test_the_last_step_is_a_valid_one(side: str) -> None:
    """As released it may be padding, which is attended to as well."""
    rows = make_rows("mult")
    change = {}
    for padding in ("masked", "released"):
        model = make("mult", padding=padding).eval()
        alone = model(collate(rows[:1]))
        change[padding] = (model(collate(rows, side))[:1] - alone).abs().max().item()
    assert change["masked"] < 1e-9 < 1e-3 < change["released"]


@torch.no_grad()
def test_kernels_shorten_each_sequence() -> None:
    """A convolution adds no padding: a sequence as long as the kernel has one step left."""
    batch = collate(make_rows("mult", [4]))
    wide = make("mult", text_kernel=4, audio_kernel=4, vision_kernel=4).eval()
    steps = {}
    for letter, name in (("l", "text"), ("a", "audio"), ("v", "vision")):
        conv = getattr(wide, f"proj_{letter}")
        steps[name] = conv(batch[name].mT).mT  # (1, 1, d)
    # what the kernels made, handed to the rest
    parts = {key: x for key, x in wide.state_dict().items() if not key.startswith("proj_")}
    rest = make("mult", text_dim=8, audio_dim=8, vision_dim=8).eval()
    rest.load_state_dict(parts)
    mask = {f"{name}_mask": torch.ones(1, 1, dtype=torch.bool) for name in steps}
    torch.testing.assert_close(rest(steps | mask), wide(batch))
