"""The descriptors of sound against what the sound was made of."""

import numpy as np
import pytest
from scipy.signal import lfilter

from msa.extract import lld
from msa.extract.lld import NAMES, SEMITONE_0, describe
from msa.extract.media import RATE

TIMES = np.arange(2 * RATE) / RATE
CENTRES = np.arange(200) * 0.01 + 0.005
INSIDE = slice(5, -5)


def rows(sound):
    """Columns by name, of a sound in [-1, 1]."""
    features = describe(np.round(np.asarray(sound) * 32767).astype(np.int16)).features
    return dict(zip(NAMES, features.T, strict=True))


def voice(hertz):
    """Harmonics of a fundamental that may change, (n,)."""
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hertz, TIMES.shape)) / RATE
    return sum(np.sin(k * phase) / k for k in range(1, 8)) / 10


def test_shape_and_times():
    found = describe(np.zeros(1601, np.int16))
    assert found.features.shape == (11, len(NAMES) == 26 and 26)
    assert found.features.dtype == np.float32
    np.testing.assert_allclose(found.times[[0, -1]], [[0, 0.01], [0.1, 0.11]])
    assert describe(np.zeros(0, np.int16)).features.shape == (1, 26)


def test_a_glide_in_noise():
    hertz = 74 * 2 ** (TIMES * 0.7)
    found = rows(voice(hertz) + np.random.default_rng(0).normal(0, 0.003, len(TIMES)))
    expected = 12 * np.log2(np.interp(CENTRES, TIMES, hertz) / SEMITONE_0)
    assert np.median(np.abs(found["f0_semitones"] - expected)[INSIDE]) < 0.01
    assert np.abs(found["f0_semitones"] - expected)[INSIDE].max() < 0.2
    assert found["voicing"][INSIDE].min() > 0.9


def test_noise_and_quiet_are_unvoiced():
    noise = rows(np.random.default_rng(0).normal(0, 0.1, len(TIMES)))
    assert (noise["f0_semitones"] == 0).mean() > 0.95
    assert noise["flatness"][INSIDE].mean() == pytest.approx(0.56, abs=0.03)  # exp(-Euler's)
    assert not rows(voice(150) * 1e-3)["f0_semitones"].any()


def test_level_of_a_full_sine():
    found = rows(np.sin(2 * np.pi * 400 * TIMES))
    np.testing.assert_allclose(found["level_db"][INSIDE], -3.01, atol=0.02)
    np.testing.assert_allclose(found["zero_crossings"][INSIDE], 800 / RATE, atol=0.003)
    np.testing.assert_allclose(found["centroid_hz"][INSIDE], 400, rtol=0.02)
    np.testing.assert_allclose(found["rolloff85_hz"][INSIDE], 400, atol=RATE / 512)
    assert found["flatness"][INSIDE].max() < 0.01
    assert found["flux"][INSIDE].max() < 0.01


def test_high_noise_turns_the_ratios():
    noise = np.random.default_rng(0).normal(0, 0.05, len(TIMES))
    dark, bright = rows(lfilter([1], [1, -0.95], noise)), rows(lfilter([1, -0.95], [1], noise))
    for name in ("alpha_ratio_db", "hammarberg_db"):
        assert dark[name].mean() > 8 > -5 > bright[name].mean()
    assert dark["slope_0_500_db_per_khz"].mean() < 0 < bright["slope_0_500_db_per_khz"].mean()
    assert dark["centroid_hz"].mean() < 1000 < 3000 < bright["centroid_hz"].mean()
    # the first coefficient is the spectrum's tilt
    assert dark["mfcc_1"].mean() > 5 > 0 > bright["mfcc_1"].mean()


def test_a_change_of_sound_is_flux():
    found = rows(np.where(TIMES < 1, voice(120), np.sin(2 * np.pi * 3000 * TIMES)))
    assert found["flux"].argmax() in (99, 100)


def test_silence_is_zero_but_for_its_level():
    features = describe(np.zeros(RATE, np.int16)).features
    assert (features[:, 0] == -100).all() and not features[:, 1:].any()


def test_blocks_change_nothing(monkeypatch):
    sound = np.round(voice(150) * 32767).astype(np.int16)
    whole = describe(sound).features
    monkeypatch.setattr(lld, "BLOCK", 37)
    np.testing.assert_array_equal(describe(sound).features, whole)
