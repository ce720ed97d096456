from dataclasses import replace

import numpy as np
import torch
from making import fp32, make_fold
from torch import nn

from msa.models.padding import sequence
from msa.training.predict_folds import permuted, predict_permuted

FOLD = make_fold(30, 3)


class TextAlone(nn.Module):
    """A sum of the text, and in evaluation too some noise."""

    def __init__(self, noise=0.0):
        super().__init__()
        self.noise = noise

    def forward(self, batch):
        total = sequence(batch, "text").mean().sum(1, keepdim=True)
        return total + self.noise * torch.randn_like(total)


def test_what_has_no_path_changes_nothing():
    for noise in (0.0, 1.0):
        network, hyper = TextAlone(noise), fp32(8)
        outputs = predict_permuted(network, FOLD, hyper)
        torch.manual_seed(0)
        assert set(outputs) == {"text", "audio", "vision"}
        np.testing.assert_array_equal(outputs["audio"], outputs["vision"])
        assert np.abs(outputs["text"] - outputs["audio"]).max() > 0.1


def test_a_modality_of_zeros_is_none():
    audio = FOLD.modalities["audio"]
    absent = replace(audio, rows=torch.zeros_like(audio.rows))
    fold = replace(FOLD, modalities=FOLD.modalities | {"audio": absent})
    assert set(predict_permuted(TextAlone(), fold, fp32(8))) == {"text", "vision"}


def test_the_same_rows_in_another_order():
    before, after = (fold.modalities["audio"] for fold in (FOLD, permuted(FOLD, "audio")))
    assert not torch.equal(before.rows, after.rows)
    assert torch.equal(before.rows.sort(0).values, after.rows.sort(0).values)
    assert torch.equal(before.counts, after.counts)
    assert FOLD.modalities["text"] is permuted(FOLD, "audio").modalities["text"]


def test_special_pieces_stay():
    text = FOLD.modalities["text"]
    r = len(text.rows)
    pieces = torch.stack([torch.arange(r) + 1, torch.arange(r) % 2], dim=1)
    words = torch.arange(r)
    words[::5] = -1
    fold = replace(
        FOLD,
        modalities=FOLD.modalities | {"text": replace(text, rows=pieces)},
        pad=0,
        unknown=1,
        words=words,
    )
    moved = permuted(fold, "text").modalities["text"].rows
    assert torch.equal(moved[::5], pieces[::5])
    assert torch.equal(moved[:, 1], pieces[:, 1])
    assert (moved[:, 0] != pieces[:, 0]).sum() > r / 2
    assert torch.equal(moved[:, 0].sort().values, pieces[:, 0])
