"""The demo's clips: what is said, seen and labelled."""

import argparse

import numpy as np
import pandas as pd
import pytest

from msa.demo import clips, espeak
from msa.demo.clips import RATE, add_arguments, main, make_segments, speak
from msa.extract.media import probe, read_frames, read_sound
from msa.extract.transcript import read_transcript

pytest.importorskip("av", reason="needs msa[video]")


def make(folder, *flags):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    main(parser.parse_args([str(folder), *map(str, flags)]))
    return folder


@pytest.mark.parametrize("voice", ["espeak", "buzz"])
def test_clips_with_transcripts_and_labels(tmp_path, monkeypatch, voice):
    if voice == "buzz":
        monkeypatch.setattr(espeak, "available", lambda: False)
    elif not espeak.available():
        pytest.skip("libespeak-ng is not installed")
    monkeypatch.setattr(clips, "SEGMENTS", 2)
    folder = make(tmp_path / "clips", "--clips", 1, "--first", 3)
    labels = pd.read_csv(folder / "labels.csv")
    assert set(labels["video"]) == {"clip03"} and len(labels) == 2
    assert labels["sentiment"].between(-3, 3).all()
    path = folder / "clip03.mp4"
    assert probe(path).video
    samples = read_sound(path).astype(float)
    tokens = read_transcript(folder / ("clip03.json" if voice == "buzz" else "clip03.srt"))
    assert all(token.timed for token in tokens) == (voice == "buzz")
    # it is loud where segments are, and still before the first
    for start, end in labels[["start", "end"]].to_numpy():
        assert np.abs(samples[int(start * RATE) : int(end * RATE)]).mean() > 300
    assert np.abs(samples[: int(0.9 * labels["start"][0] * RATE)]).mean() < 20
    frames = list(read_frames(path))
    assert frames[0].rgb.shape == (240, 320, 3)
    assert any(not np.array_equal(frame.rgb, frames[0].rgb) for frame in frames[1:])


def test_the_label_follows_words_tone_and_face():
    segments = [s for n in range(60) for s in make_segments(np.random.default_rng(n))]
    label = [segment.label for segment in segments]
    for cause in ("tone", "face"):
        assert np.corrcoef(label, [getattr(s, cause) for s in segments])[0, 1] > 0.3


def test_a_high_tone_is_louder(monkeypatch):
    monkeypatch.setattr(espeak, "available", lambda: False)
    low, high = (
        np.abs(speak(clips.Segment(["good"], tone, 0.0, 0.0)).samples.astype(float)).mean()
        for tone in (-1, 1)
    )
    assert high > 1.3 * low
