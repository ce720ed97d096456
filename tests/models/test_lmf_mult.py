"""LMF-MulT: the sizes of its two variants; padding released, or masked."""

import pytest
import torch
from making import collate, make, make_rows

from msa.models.lmf_mult import LMFMulT

SIZES = {
    "lmf_mult": (836_121, 855_441, 856_078),
    "fusion_cm_attn": (512_121, 531_441, 532_078),
}


@pytest.mark.parametrize("variant", SIZES)
def test_sizes_are_the_published_ones(variant: str) -> None:
    """Of MOSI, MOSEI and IEMOCAP, at 300 columns of text."""
    sizes = [
        sum(
            p.numel()
            for p in LMFMulT(
                text_dim=300, audio_dim=audio, vision_dim=vision, output_dim=out, variant=variant
            ).parameters()
        )
        for audio, vision, out in ((5, 20, 1), (74, 35, 1), (74, 35, 8))
    ]
    assert sizes == [*SIZES[variant]]


@pytest.mark.parametrize(
    ("variant", "memories", "width"), [("lmf_mult", {"f"}, 24), ("fusion_cm_attn", {*"lav"}, 8)]
)
def test_which_attends_to_which(variant: str, memories: set[str], width: int) -> None:
    state = make("lmf_mult", variant=variant).state_dict()
    parts = {key.split(".")[0].removeprefix("trans_") for key in state if key.startswith("trans_")}
    pairs = {f"f_with_{m}" if variant == "lmf_mult" else f"{m}_with_f" for m in "lav"}
    assert parts == pairs | {f"{m}_mem" for m in memories}
    for m in memories:
        assert state[f"trans_{m}_mem.layer_norm.weight"].shape == (width,)


def test_nothing_projects_what_is_wide_enough() -> None:
    assert "proj_a.weight" not in make("lmf_mult", audio_dim=8).state_dict()


@torch.no_grad()
@pytest.mark.parametrize("name", ["lmf_mult", "lmf_mult_attending"])
def test_the_causal_mask_can_be_taken_off(name: str) -> None:
    batch = collate(make_rows(name))
    on, off = make(name).eval()(batch), make(name, causal=False).eval()(batch)
    assert not torch.allclose(on, off)


@torch.no_grad()
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_is_not_read(side: str) -> None:
    """As in MulT's released encoders, padding may be attended to, and be the last state."""
    rows = make_rows("lmf_mult")
    change = {}
    for padding in ("masked", "released"):
        model = make("lmf_mult", padding=padding).eval()
        alone = model(collate(rows[:1]))
        change[padding] = (model(collate(rows, side))[:1] - alone).abs().max().item()
    assert change["masked"] < 1e-9 < 1e-3 < change["released"]


@torch.no_grad()
def test_a_valid_step_keeps_its_position() -> None:
    """By the released rule a step whose channel 0 is zero has none."""
    change = {}
    for padding in ("masked", "released"):
        model = make("lmf_mult", causal=False, padding=padding).eval()
        model.proj_a.weight[0] = 0  # channel 0 of each step is exactly zero
        for p in model.lstm_a.parameters():
            p.zero_()  # it reads the order too
        batch = collate(make_rows("lmf_mult", [5]))
        other = batch | {"audio": batch["audio"].flip(1)}
        change[padding] = (model(batch) - model(other)).abs().max().item()
    assert change["released"] < 1e-9 < 1e-3 < change["masked"]
