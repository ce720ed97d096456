"""A tiny speech model with random weights in place of one of the hub."""

import numpy as np
import pytest
import torch
from clips import tone
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

from msa.base.errors import InputError
from msa.extract import hub_audio
from msa.extract.hub_audio import describe

TINY = {
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "conv_dim": [4] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("speech")
    torch.manual_seed(0)
    Wav2Vec2Model(Wav2Vec2Config(**TINY)).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=False).save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize("seconds", [0.01, 0.5, 1.0])
def test_rows_and_their_middles(folder, seconds):
    rows = describe(tone(seconds), folder)
    expected = (max(round(seconds * 16_000), 400) - 400) // 320 + 1
    assert rows.features.shape == (expected, 8) and rows.features.dtype == np.float32
    np.testing.assert_allclose(rows.times.mean(axis=1), (np.arange(expected) * 320 + 200) / 16_000)
    np.testing.assert_allclose(np.diff(rows.times), 0.02)


@pytest.mark.slow
def test_windows_with_their_context_are_the_whole(folder, monkeypatch):
    sound = tone(2) + np.random.default_rng(0).integers(-3000, 3000, 32_000).astype(np.int16)
    whole = describe(sound, folder).features
    monkeypatch.setattr(hub_audio, "WINDOW", 40)
    windows = describe(sound, folder).features
    assert windows.shape == whole.shape
    # attention reaches over all of a window, so they are only alike
    assert np.corrcoef(windows.ravel(), whole.ravel())[0, 1] > 0.95


def test_what_is_no_model(tmp_path):
    with pytest.raises(InputError, match="expected a speech model with its feature extractor"):
        describe(tone(1), str(tmp_path))
