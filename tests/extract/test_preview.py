"""What a page gets of a clip: the file itself, or a small copy on the same clock."""

import io

import numpy as np
import pytest
from clips import pictures, tone, write_clip

from msa.extract import preview as module
from msa.extract.media import Unusable
from msa.extract.preview import preview

av = pytest.importorskip("av", reason="needs msa[video]")


def streams(content):
    with av.open(io.BytesIO(content)) as container:
        return {stream.type: stream.codec_context.name for stream in container.streams}


def test_what_browsers_play_is_taken_as_it_is(tmp_path, monkeypatch):
    path = write_clip(tmp_path / "a.wav", tone(0.5), codec="pcm_s16le")
    assert preview(path) == ("audio/wav", path.read_bytes())
    monkeypatch.setattr(module, "KEPT", 100)
    kind, content = preview(path)
    assert kind == "audio/mp4" and streams(content) == {"audio": "aac"}


def test_of_other_files_there_is_a_copy_on_the_same_clock(tmp_path):
    """Colours that browsers do not play, in a container that they do not open."""
    sound = np.concatenate([np.zeros(8000, np.int16), tone(0.5)])
    path = write_clip(tmp_path / "a b.mkv", sound, pictures(1.0))
    kind, content = preview(path)
    assert kind == "video/mp4" and preview(path)[1] == content
    assert streams(content) == {"video": "h264", "audio": "aac"}
    with av.open(io.BytesIO(content)) as container:
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"
        # the red of a picture says when it is seen
        shown = [(p.time, p.to_ndarray(format="rgb24")) for p in container.decode(video=0)]
    assert len(shown) == 15 and shown[0][1].shape == (48, 64, 3)
    for time, pixels in shown[1:]:
        assert pixels[-8:, -8:, 0].mean() == pytest.approx(100 * time, abs=12)
    with av.open(io.BytesIO(content)) as container:
        heard = np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])
    assert np.abs(heard[:7000]).mean() < 0.02 < np.abs(heard[9000:15000]).mean()


def test_large_pictures_are_made_smaller(tmp_path):
    shown = [(time, np.zeros((720, 1000, 3), np.uint8)) for time in (0.0, 0.5)]
    _, content = preview(write_clip(tmp_path / "a.mkv", None, shown))
    with av.open(io.BytesIO(content)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (500, 360)


def test_a_damaged_file(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"no film")
    with pytest.raises(Unusable, match="cannot be opened"):
        preview(path)
