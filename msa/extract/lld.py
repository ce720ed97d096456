"""Low-level descriptors of sound: 26 columns, 100 rows a second.

Spectra are of windows of 25 ms, the fundamental of 50 ms, each centred in its row of 10 ms. The
columns are those that eGeMAPS (Eyben et al., IEEE Transactions on Affective Computing 2016) and
COVAREP name; the fundamental is found as in Boersma, "Accurate short-term analysis of the
fundamental frequency", IFA Proceedings 1993.
"""

from functools import cache

import numpy as np
from numpy.fft import irfft, rfft  # importing scipy's takes longer than a short clip's rows

from msa.extract.media import RATE
from msa.extract.parts import Rows

LICENCE, COMMERCIAL = "MIT", "yes"
NAMES = (
    *("level_db", "f0_semitones", "voicing", "zero_crossings", "centroid_hz", "spread_hz"),
    *("rolloff85_hz", "flux", "flatness", "alpha_ratio_db", "hammarberg_db"),
    *("slope_0_500_db_per_khz", "slope_500_1500_db_per_khz"),
    *(f"mfcc_{i}" for i in range(1, 14)),
)
STEP, WINDOW, LONG = RATE // 100, RATE // 40, RATE // 20  # samples
BLOCK = 1_000  # rows at once: ten seconds
LAGS = 32, 266  # samples: 500 to 60 Hz
VOICED = 0.45
QUIET = -55.0  # dB of full scale: below is unvoiced
OCTAVE_COST = 0.01
SEMITONE_0 = 27.5  # Hz
FLOOR = 1e-10  # power
BINS = 512
MELS = 26


def describe(samples: np.ndarray) -> Rows:
    """Rows of 10 ms of a sound, (n,) int16 at `RATE`; at least one, the last one padded with zeros.

    A row of silence, all samples zero, is zero but for its level, and unvoiced rows have no
    fundamental: 0.
    """
    rows = max(1, -(-len(samples) // STEP))
    features = np.empty((rows, len(NAMES)), np.float32)
    for first in range(0, rows, BLOCK):
        last = min(first + BLOCK, rows)
        features[first:last] = _describe(_excerpt(samples, first - 1, last))[1:]
    times = np.arange(rows)[:, None] * 0.01 + np.array([0.0, 0.01])
    return Rows(features, times)


def _excerpt(samples: np.ndarray, first: int, last: int) -> np.ndarray:
    """The samples of some rows with half a long window around them, in [-1, 1], zeros outside."""
    margin = (LONG - STEP) // 2
    begin, end = first * STEP - margin, last * STEP + margin
    inside = samples[max(begin, 0) : max(end, 0)] / 32768
    missing = end - begin - len(inside)
    before = min(max(-begin, 0), missing)
    return np.pad(inside, (before, missing - before))


def _describe(sound: np.ndarray) -> np.ndarray:
    """The rows (r, 26) of an excerpt."""
    frames = np.lib.stride_tricks.sliding_window_view(sound, LONG)[::STEP]  # (r, LONG)
    middle = (LONG - WINDOW) // 2
    short = frames[:, middle : middle + WINDOW]
    level = 10 * np.log10(np.mean(short**2, axis=1) + FLOOR)
    crossings = np.mean(np.diff(np.signbit(short), axis=1), axis=1)
    hertz, voicing = _fundamental(frames, level)
    with np.errstate(divide="ignore"):
        semitones = np.where(hertz > 0, 12 * np.log2(hertz / SEMITONE_0), 0)
    power = np.abs(rfft(short * np.hamming(WINDOW), BINS)) ** 2 / WINDOW  # (r, bins)
    rows = np.column_stack([level, semitones, voicing, crossings, _spectral(power), _mfcc(power)])
    rows[~short.any(axis=1), 1:] = 0
    return rows


def _fundamental(frames: np.ndarray, level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hertz, 0 where unvoiced, and the height of the autocorrelation's peak, 0 to 1."""
    low, high = LAGS
    window = np.hanning(LONG)
    centered = (frames - frames.mean(axis=1, keepdims=True)) * window
    own, of_window = (
        irfft(np.abs(rfft(x, 2048)) ** 2)[..., : high + 2] for x in (centered, window)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = (own / own[:, :1]) / (of_window / of_window[0])  # (r, lags)
    correlation = np.nan_to_num(correlation, posinf=0, neginf=0)
    lags = np.arange(low, high + 1)
    inner = correlation[:, low : high + 1]
    peak = (inner >= correlation[:, low - 1 : high]) & (inner > correlation[:, low + 1 : high + 2])
    cost = np.where(peak, inner - OCTAVE_COST * np.log2(lags / low), -np.inf)
    best = cost.argmax(axis=1) + low
    row = np.arange(len(frames))
    left, height, right = (correlation[row, best + side] for side in (-1, 0, 1))
    bend = left - 2 * height + right
    with np.errstate(invalid="ignore", divide="ignore"):
        shift = np.where(bend < 0, 0.5 * (left - right) / bend, 0)
    voicing = np.clip(np.where(np.isfinite(cost.max(axis=1)), height, 0), 0, 1)
    voiced = (voicing >= VOICED) & (level > QUIET)
    return np.where(voiced, RATE / (best + shift), 0), voicing


def _spectral(power: np.ndarray) -> np.ndarray:
    """Centroid to the second slope, (r, 9), of power spectra (r, bins)."""
    hertz = np.linspace(0, RATE / 2, power.shape[1])
    power = power + FLOOR
    share = power / power.sum(axis=1, keepdims=True)
    centroid = share @ hertz
    spread = np.sqrt(np.maximum(share @ hertz**2 - centroid**2, 0))
    rolloff = hertz[(share.cumsum(axis=1) >= 0.85).argmax(axis=1)]
    flux = np.linalg.norm(np.diff(np.sqrt(share), axis=0, prepend=np.sqrt(share[:1])), axis=1)
    decibel = 10 * np.log10(power)
    flatness = 10 ** ((decibel.mean(axis=1) - 10 * np.log10(power.mean(axis=1))) / 10)
    below, above = ((hertz >= a) & (hertz < b) for a, b in ((50, 1000), (1000, 5000)))
    alpha = 10 * np.log10(power[:, below].sum(axis=1) / power[:, above].sum(axis=1))
    low, high = ((hertz >= a) & (hertz < b) for a, b in ((0, 2000), (2000, 5000)))
    hammarberg = decibel[:, low].max(axis=1) - decibel[:, high].max(axis=1)
    slopes = []
    for a, b in ((0, 500), (500, 1500)):
        chosen = (hertz >= a) & (hertz <= b)
        x = (hertz[chosen] - hertz[chosen].mean()) / 1000
        slopes.append(decibel[:, chosen] @ x / (x @ x))
    return np.column_stack([centroid, spread, rolloff, flux, flatness, alpha, hammarberg, *slopes])


@cache
def _mel() -> np.ndarray:
    """Triangles of equal width in mel from 0 to half the rate, (bins, MELS)."""
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, MELS + 2) / 2595) - 1)
    hertz = np.linspace(0, RATE / 2, BINS // 2 + 1)[:, None]
    rising = (hertz - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - hertz) / np.diff(edges)[1:]
    return np.maximum(0, np.minimum(rising, falling))


@cache
def _cosines() -> np.ndarray:
    """Coefficients 1 to 13 of the orthogonal cosine transform II, (MELS, 13)."""
    phases = np.outer(2 * np.arange(MELS) + 1, np.arange(1, 14))
    return np.sqrt(2 / MELS) * np.cos(np.pi / (2 * MELS) * phases)


def _mfcc(power: np.ndarray) -> np.ndarray:
    """Coefficients 1 to 13, (r, 13)."""
    return np.log(power @ _mel() + FLOOR) @ _cosines()
