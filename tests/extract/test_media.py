"""Reading media: one clock for all streams, pictures at ticks, and files that are broken."""

import struct

import numpy as np
import pytest
from clips import pictures, tone, write_clip

from msa.extract.media import RATE, Unusable, probe, read_frames, read_sound

pytest.importorskip("av", reason="needs msa[video]")


def seconds_of(frame):
    """What the pictures of `clips` say of their own time."""
    return frame.rgb[-1, -1, 0] / 100


def first_sound(samples):
    return np.flatnonzero(np.abs(samples) > 1000)[0] / RATE


@pytest.mark.parametrize(
    ("name", "rate", "channels"), [("a.mp4", 16_000, 1), ("b ü.mkv", 44_100, 2)]
)
def test_a_clip_on_one_clock(tmp_path, name, rate, channels):
    sound = tone(2, rate=rate)
    sound = sound if channels == 1 else np.stack([sound, sound], axis=1)
    path = write_clip(tmp_path / name, sound, pictures(2), rate)
    media = probe(path)
    assert (media.audio, media.video, media.notes) == (True, True, [])
    assert media.seconds == pytest.approx(2, abs=0.1)
    samples = read_sound(path)
    assert samples.dtype == np.int16
    assert len(samples) / RATE == pytest.approx(2, abs=0.08)
    assert first_sound(samples) < 0.005
    # the tone is where it was: as many periods a second
    rising = np.flatnonzero((samples[:-1] < 0) & (samples[1:] >= 0)) / RATE
    assert np.diff(rising[10:-30]).mean() == pytest.approx(1 / 220, rel=1e-3)
    frames = list(read_frames(path))
    np.testing.assert_allclose([frame.start for frame in frames], np.arange(10) / 5, atol=0.01)
    np.testing.assert_allclose([frame.end for frame in frames], np.arange(1, 11) / 5, atol=0.01)
    np.testing.assert_allclose([*map(seconds_of, frames)], np.arange(10) / 5, atol=0.015)


def test_a_late_audio_stream_stays_late(tmp_path):
    samples = read_sound(write_clip(tmp_path / "a.mkv", tone(1), pictures(2), sound_start=0.5))
    assert first_sound(samples) == pytest.approx(0.5, abs=0.005)


def test_a_gap_is_filled_with_silence(tmp_path):
    av = pytest.importorskip("av")
    path = tmp_path / "gap.mka"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
        for start in (0, 2 * RATE):
            frame = av.AudioFrame.from_ndarray(tone(1)[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    samples = read_sound(path)
    assert len(samples) == pytest.approx(3 * RATE, abs=RATE // 100)
    assert not samples[int(1.1 * RATE) : int(1.9 * RATE)].any()
    assert first_sound(samples[int(1.5 * RATE) :]) == pytest.approx(0.5, abs=0.005)


def test_a_variable_frame_rate(tmp_path):
    shown = [picture for picture in pictures(2.4) if not 0.5 < picture[0] < 1.7]
    frames = list(read_frames(write_clip(tmp_path / "a.mkv", None, shown)))
    starts = [frame.start for frame in frames]
    np.testing.assert_allclose([*map(seconds_of, frames)], starts, atol=0.015)
    # over the hole the last picture lasts two ticks, and no more
    assert max(frame.end - frame.start for frame in frames) == pytest.approx(0.4)
    assert not any(0.61 < start < 1.69 for start in starts)


def test_rotation_is_applied(tmp_path):
    path = write_clip(tmp_path / "a.mp4", None, pictures(0.4))
    assert next(read_frames(path)).rgb[5, 5, 2] > 200
    identity = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    quarter = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 48 << 16, 0, 1 << 30)
    content = path.read_bytes()
    at = content.index(identity, content.index(b"tkhd"))
    path.write_bytes(content[:at] + quarter + content[at + len(identity) :])
    picture = next(read_frames(path)).rgb
    assert picture.shape == (64, 48, 3)
    # shown turned clockwise: the upper left corner comes to the upper right
    assert picture[5, -5, 2] > 200 and picture[5, 5, 2] < 50


def test_one_stream_alone(tmp_path):
    sound = write_clip(tmp_path / "a.wav", tone(1), codec="pcm_s16le")
    assert (probe(sound).audio, probe(sound).video) == (True, False)
    np.testing.assert_array_equal(read_sound(sound), tone(1))
    with pytest.raises(Unusable, match="no video stream"):
        next(read_frames(sound))
    silent = write_clip(tmp_path / "b.mp4", None, pictures(1))
    assert (probe(silent).audio, probe(silent).video) == (False, True)
    with pytest.raises(Unusable, match="no audio stream"):
        read_sound(silent)


def test_several_audio_streams_are_said(tmp_path):
    path = write_clip(tmp_path / "a.mkv", tone(1), streams=2)
    assert probe(path).notes == ["2 audio streams, of which the first is read"]


def test_broken_files(tmp_path):
    path = tmp_path / "a.mp4"
    path.touch()
    with pytest.raises(Unusable, match="the file is empty"):
        probe(path)
    path.write_text("not a film\n" * 50)
    with pytest.raises(Unusable, match="cannot be opened .*: truncated, or no audio or video") as e:
        probe(path)
    assert str(path) not in str(e.value)
    whole = write_clip(tmp_path / "b.mp4", tone(1), pictures(1)).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Unusable, match="cannot be opened"):
        probe(path)


def test_a_truncated_mkv_is_short(tmp_path):
    path = write_clip(tmp_path / "a.mkv", tone(4), pictures(4))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert probe(path).seconds == pytest.approx(4, abs=0.1)
    assert len(read_sound(path)) / RATE < 3


def test_damaged_sound_is_said_with_its_second(tmp_path):
    noise = np.random.default_rng(0).integers(-2000, 2000, 4 * RATE)
    path = write_clip(tmp_path / "a.mkv", tone(4) + noise.astype(np.int16))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = np.random.default_rng(0).bytes(400)
    path.write_bytes(content)
    with pytest.raises(Unusable, match=r"audio: damaged after [12]\.\d s"):
        read_sound(path)
