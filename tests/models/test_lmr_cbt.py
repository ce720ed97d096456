"""LMR-CBT: the number of parameters, BatchNorm over valid steps, the causal mask."""

import torch
import torch.nn.functional as F
from making import collate, make, make_rows

from msa.models.lmr_cbt import LMRCBT


def test_size_is_the_published_one() -> None:
    """0.41 M parameters."""
    model = LMRCBT(text_dim=300, audio_dim=74, vision_dim=35, output_dim=1)
    unused = 2 * (40 + 1)  # attn_weight_affine of two gates
    assert sum(p.numel() for p in model.parameters()) + unused == 406_523


def test_training_statistics_are_of_valid_steps() -> None:
    """BatchNorm in training counts each row's valid steps, and nothing else."""
    rows = make_rows("lmr_cbt")
    for side, extra in (("right", 0), ("left", 6)):
        model = make("lmr_cbt").train()
        before = model.bn_a.running_mean.clone()
        model(collate(rows, side, extra))
        steps = [row["audio"].mT for row in rows]  # (d, t)
        steps = [model.proj_a(F.pad(x, (0, max(3 - x.shape[1], 0)))) for x in steps]
        mean = torch.cat(steps, dim=1).mean(1)
        torch.testing.assert_close(model.bn_a.running_mean, 0.9 * before + 0.1 * mean)


def test_one_valid_step_trains_on_running_statistics() -> None:
    """One step has no variance."""
    model = make("lmr_cbt").train()
    before = model.bn_a.running_mean.clone()
    model(collate(make_rows("lmr_cbt")[:1]))  # two steps of audio are one after the convolution
    assert torch.equal(model.bn_a.running_mean, before)


@torch.no_grad()
def test_causal_mask_can_be_taken_off() -> None:
    """The causal mask is on unless taken off."""
    batch = collate(make_rows("lmr_cbt"))
    assert not torch.allclose(
        make("lmr_cbt").eval()(batch), make("lmr_cbt", causal=False).eval()(batch)
    )
