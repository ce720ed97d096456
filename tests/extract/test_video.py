"""One video, whole or not: what is extracted, what is left out, and what is said of it."""

import argparse

import numpy as np
import pytest
from clips import pictures, tone, write_clip
from spoken import OTHER, TEXT, needs_espeak, say, silence

pytest.importorskip("av", reason="needs msa[video]")
pytest.importorskip("pocketsphinx", reason="needs msa[video]")

from msa.base.errors import InputError
from msa.extract import optional
from msa.extract.extractors import DEFAULTS
from msa.extract.optional import Missing
from msa.extract.video import add_arguments, extract_video, main, read_part

HEARD = {**DEFAULTS, "vision": "none"}


def heard(path, **settings):
    return extract_video(path, settings=HEARD | settings)


@pytest.fixture(scope="module")
def spoken_clip(tmp_path_factory):
    sound, times = say()
    path = tmp_path_factory.mktemp("spoken") / "my clip ü.mkv"
    write_clip(path, sound, pictures(1))
    path.with_suffix(".txt").write_text(TEXT)
    return path, times


@needs_espeak
def test_words_audio_and_a_video_without_a_face(spoken_clip, face_weights):
    path, times = spoken_clip
    part = extract_video(path, face_weights=face_weights)
    assert part.video == "my clip ü" and not part.left_out
    assert part.words.texts == TEXT.split() and part.words.origin == "aligned"
    known = ~np.isnan(times).any(axis=1)
    assert np.abs(part.words.times - times)[known].max() < 0.2
    assert part.audio.features.shape[1] == 26 and np.isfinite(part.audio.features).all()
    # nobody is in the picture: one row of zeros over the whole
    assert part.vision.features.shape == (1, 38) and not part.vision.features.any()
    assert any("face" in note for note in part.notes)
    assert part.facts["words"] == "aligned" and part.facts["transcript"] == "my clip ü.txt"
    assert len(part.facts["sha256"]) == 64


@needs_espeak
def test_another_text_is_left_out_with_its_score(spoken_clip, tmp_path):
    path, _ = spoken_clip
    (tmp_path / "my clip ü.txt").write_text(OTHER)
    part = extract_video(path, tmp_path, HEARD)
    assert part.words is None and part.audio is not None
    assert "words" in part.left_out and part.facts.keys() >= {"fit"}
    kept = extract_video(path, tmp_path, HEARD | {"keep_unfit": True})
    # where a path leads through the words at all, they stay if that is asked for
    assert kept.words is None or kept.words.fit > 35


def test_times_that_are_given_are_taken(tmp_path):
    path = write_clip(tmp_path / "a.wav", tone(2), codec="pcm_s16le")
    (tmp_path / "a.json").write_text(
        '[{"word": "so", "start": 0.1, "end": 0.4}, {"word": "good", "start": 0.5, "end": 1.0}]'
    )
    (tmp_path / "a.txt").write_text("so good")
    part = heard(path)
    assert (part.words.texts, part.words.origin) == (["so", "good"], "given")
    np.testing.assert_allclose(part.words.times, [[0.1, 0.4], [0.5, 1.0]])
    assert "of 2 transcripts a.json is read" in part.notes


def test_times_that_are_not_those_of_the_sound_are_left_out(tmp_path):
    path = write_clip(tmp_path / "a.wav", tone(1), codec="pcm_s16le")
    (tmp_path / "a.json").write_text('[{"word": "so", "start": 200, "end": 500}]')
    reason = heard(path).left_out["words"]
    assert "within the 1.0 s of the sound, got times up to 500.0 s: are they milli" in reason


def test_files_that_are_none(tmp_path):
    empty, text, cut = (tmp_path / name for name in ("a.mp4", "b.mp4", "c.mp4"))
    empty.touch()
    text.write_text("not a film\n" * 50)
    whole = write_clip(tmp_path / "whole.mp4", tone(1)).read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    assert heard(empty).left_out == dict.fromkeys(("words", "audio"), "the file is empty")
    for path in (text, cut):
        assert set(heard(path).left_out) == {"words", "audio"}
        assert "cannot be opened" in heard(path).left_out["audio"]


def test_streams_that_are_missing(tmp_path, face_weights):
    silent = extract_video(
        write_clip(tmp_path / "a.mp4", None, pictures(1)), face_weights=face_weights
    )
    assert silent.left_out == {"words": "no audio stream", "audio": "no audio stream"}
    assert silent.vision is not None
    sound = extract_video(write_clip(tmp_path / "b.wav", tone(1), codec="pcm_s16le"))
    assert sound.left_out["vision"] == "no video stream" and sound.audio is not None


def test_what_is_not_asked_for_is_not_left_out(tmp_path):
    path = write_clip(tmp_path / "a.wav", tone(1), codec="pcm_s16le")
    part = heard(path, audio="none", align="none")
    assert part.audio is part.words is part.vision is None and not part.left_out


def test_sound_without_words(tmp_path):
    path = write_clip(tmp_path / "a.wav", silence(1), codec="pcm_s16le")
    assert heard(path).left_out["words"].startswith("no transcript beside it")
    path.with_suffix(".txt").write_text("so good")
    assert heard(path).words is None and heard(path).audio is not None
    path.with_suffix(".txt").write_bytes(b"caf\xe9")
    assert "expected text in UTF-8" in heard(path).left_out["words"]
    short = write_clip(tmp_path / "b.wav", tone(0.05), codec="pcm_s16le")
    assert heard(short).left_out["audio"] == "too short: 0.05 s of sound"


def test_damaged_and_truncated(tmp_path):
    noise = np.random.default_rng(0).integers(-2000, 2000, 64_000).astype(np.int16)
    path = write_clip(tmp_path / "a.mkv", tone(4) + noise)
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle])
    part = heard(path)
    assert part.audio is not None
    assert any(note.startswith("truncated: audio ends at") for note in part.notes)
    broken = content[:middle] + np.random.default_rng(0).bytes(400) + content[middle + 400 :]
    path.write_bytes(broken)
    assert "audio: damaged after" in heard(path).left_out["audio"]


def test_what_is_not_installed_is_no_fault_of_the_video(tmp_path, monkeypatch):
    path = write_clip(tmp_path / "a.wav", tone(1), codec="pcm_s16le")
    path.with_suffix(".txt").write_text("so good")

    def missing(package):
        raise ImportError(package)

    monkeypatch.setattr(optional, "import_module", missing)
    with pytest.raises(Missing, match=r'pip install "msa\[video\]"'):
        heard(path)


def test_vision_needs_its_networks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write_clip(tmp_path / "a.mp4", None, pictures(0.4))
    with pytest.raises(InputError, match="fetch-face-weights mesh --output data/extractors/mesh`"):
        extract_video(path)


def test_the_stage(tmp_path, capsys):
    path = write_clip(tmp_path / "a.wav", tone(1), codec="pcm_s16le")
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    output = tmp_path / "parts" / "a.npz"
    main(
        parser.parse_args([str(path), "--settings", '{"vision": "none"}', "--output", str(output)])
    )
    assert "words left out: no transcript" in capsys.readouterr().err
    assert read_part(output).audio.features.shape == (100, 26)
