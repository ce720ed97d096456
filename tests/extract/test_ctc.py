import itertools
import json

import numpy as np
import pytest
from spoken import silence, tokens

from msa.base.errors import InputError
from msa.extract import ctc
from msa.extract.ctc import align, viterbi
from msa.extract.forced_alignment import Unfit

LETTERS = ["<pad>", "<s>", "</s>", "<unk>", "|", *"abcdefghijklmnopqrstuvwxyz'"]


def collapse(path, blank):
    return [label for label, _ in itertools.groupby(path) if label != blank]


def score(scores, path):
    return sum(scores[step, label] for step, label in enumerate(path))


def paths(scores):
    return itertools.product(range(scores.shape[1]), repeat=len(scores))


def path_of(frames, labels, steps, blank):
    path = np.full(steps, blank)
    for (first, end), label in zip(frames, labels, strict=False):
        path[first:end] = label
    return path


@pytest.mark.parametrize("seed", range(30))
def test_the_best_path_of_all(seed):
    rng = np.random.default_rng(seed)
    steps, n = int(rng.integers(1, 7)), int(rng.integers(1, 4))
    scores = np.log(rng.dirichlet(np.ones(3), steps))
    labels = rng.integers(1, 3, n)
    fitting = [path for path in paths(scores) if collapse(path, 0) == labels.tolist()]
    if not fitting:
        with pytest.raises(ValueError, match="cannot hold"):
            viterbi(scores, labels, 0)
        return
    frames = viterbi(scores, labels, 0)
    found = path_of(frames, labels, steps, 0)
    assert collapse(found, 0) == labels.tolist()
    assert score(scores, found) == pytest.approx(max(score(scores, path) for path in fitting))


@pytest.mark.parametrize("seed", range(30))
def test_the_best_path_of_any_beginning(seed):
    rng = np.random.default_rng(seed)
    steps, n = int(rng.integers(1, 7)), int(rng.integers(1, 4))
    scores = np.log(rng.dirichlet(np.ones(3), steps))
    labels = rng.integers(1, 3, n)
    beginnings = [labels[:k].tolist() for k in range(n + 1)]
    best = max(score(scores, p) for p in paths(scores) if collapse(p, 0) in beginnings)
    found = path_of(viterbi(scores, labels, 0, whole=False), labels, steps, 0)
    assert collapse(found, 0) in beginnings
    assert score(scores, found) == pytest.approx(best)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A wav2vec2 of random weights over the letters of English."""
    from transformers import (
        Wav2Vec2Config,
        Wav2Vec2CTCTokenizer,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2ForCTC,
    )

    folder = tmp_path_factory.mktemp("wav2vec2")
    (folder / "vocab.json").write_text(json.dumps({c: i for i, c in enumerate(LETTERS)}))
    config = Wav2Vec2Config(
        vocab_size=len(LETTERS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        pad_token_id=0,
    )
    Wav2Vec2ForCTC(config).save_pretrained(folder)
    Wav2Vec2CTCTokenizer(str(folder / "vocab.json")).save_pretrained(folder)
    Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return folder


def noise(seconds, seed=0):
    return np.random.default_rng(seed).normal(0, 3000, round(16_000 * seconds)).astype(np.int16)


def test_a_model_of_transformers(model):
    """Times in order within the sound, digits as they are said, no time for what nobody says."""
    words = align(noise(3), tokens("It — was 24 times GOOD"), model)
    assert words.texts == "It was 24 times GOOD".split()
    assert words.origin == "aligned" and words.fit > 0
    assert (np.diff(words.times.ravel()) >= 0).all() and words.times[-1, 1] <= 3
    assert words.notes == ["1 tokens left out that nobody says"]
    assert np.array_equal(words.times, align(noise(3), tokens("It was 24 times GOOD"), model).times)


class Clicks:
    """A network that hears a letter where a sample has its number, and nothing elsewhere."""

    blank, space, step, letters = 0, 1, 320, {"a": 2, "b": 3}

    def __init__(self, model):
        pass

    def labels(self, token):
        return [self.letters[c] for c in token if c in self.letters]

    def scores(self, samples):
        heard = samples[: len(samples) // self.step * self.step].reshape(-1, self.step).max(1)
        return np.log(np.eye(4)[heard] * 0.96 + 0.01)


def clicks(seconds, placed):
    sound = silence(seconds)
    for second, label in placed.items():
        sound[round(second * 16_000)] = label
    return sound


def test_times_windows_and_cues(monkeypatch):
    """Windows of 30 s over 70 s; a repeated letter; a word without a letter between neighbours."""
    monkeypatch.setattr(ctc, "_Network", Clicks)
    sound = clicks(70, {1.0: 2, 1.2: 2, 25.0: 3, 26.0: 2, 27.0: 3, 69.0: 2})
    words = align(sound, tokens("aa b 3 ab a"), "clicks")
    assert words.texts == ["aa", "b", "3", "ab", "a"]
    times = [1.0, 1.22, 25.0, 25.02, 25.02, 26.0, 26.0, 27.02, 69.0, 69.02]
    assert words.times.ravel() == pytest.approx(times)
    assert words.notes == ["1 words have no times of their own, put between their neighbours"]
    assert words.fit == pytest.approx(0, abs=1e-9)
    cue = align(sound, tokens("a", 26, 27.5), "clicks")
    assert cue.times.tolist() == [[26.0, 26.02]]


def test_what_it_cannot_align(monkeypatch, model, tmp_path):
    monkeypatch.setattr(ctc, "_Network", Clicks)
    with pytest.raises(InputError, match="expected a text in the letters ab, found 'очень'"):
        align(silence(1), tokens("очень"), "clicks")
    with pytest.raises(Unfit, match="at least 0.1 s"):
        align(silence(0.05), tokens("a"), "clicks")
    with pytest.raises(Unfit, match="from 0.0 to 0.2 s is too short for its words"):
        align(silence(0.2), tokens("abababababababababab"), "clicks")
    monkeypatch.undo()
    with pytest.raises(InputError, match="expected a CTC model of transformers"):
        align(silence(1), tokens("a"), tmp_path)
