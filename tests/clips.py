"""Clips made on the spot: a tone and a moving bar, by the libraries that read them."""

from fractions import Fraction
from pathlib import Path

import numpy as np

RATE = 16_000


def tone(seconds: float, hertz: float = 220.0, rate: int = RATE) -> np.ndarray:
    """Of full length, a quarter of full scale: int16 (n,)."""
    times = np.arange(round(seconds * rate)) / rate
    return (8192 * np.sin(2 * np.pi * hertz * times)).astype(np.int16)


def pictures(seconds: float, fps: float = 25.0) -> list[tuple[float, np.ndarray]]:
    """Times and pictures (48, 64, 3); the red of each is its time in tenths of a second times ten.

    The upper left quarter is blue, so that a turn is seen.
    """
    made = []
    for number in range(round(seconds * fps)):
        picture = np.zeros((48, 64, 3), np.uint8)
        picture[..., 0] = min(255, round(number / fps * 100))
        picture[:24, :32, 2] = 255
        made.append((number / fps, picture))
    return made


def write_clip(
    path: Path,
    sound: np.ndarray | None = None,
    shown: list[tuple[float, np.ndarray]] | None = None,
    rate: int = RATE,
    sound_start: float = 0.0,
    codec: str = "aac",
    streams: int = 1,
) -> Path:
    """A media file of a sound (n,) or (n, channels) and of timed pictures."""
    import av

    millisecond = Fraction(1, 1000)
    with av.open(str(path), "w") as container:
        video = None
        if shown:
            video = container.add_stream("libx264", rate=25)
            video.height, video.width = shown[0][1].shape[:2]
            video.pix_fmt = "yuv444p"
            video.time_base = video.codec_context.time_base = millisecond
            video.options = {"crf": "1", "bf": "0"}
        audios = []
        if sound is not None:
            layout = "mono" if sound.ndim == 1 else "stereo"
            audios = [container.add_stream(codec, rate=rate, layout=layout) for _ in range(streams)]
        for audio in audios:
            interleaved = sound.reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(interleaved, format="s16", layout=layout)
            frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
            frame.pts = round(sound_start * rate)
            container.mux(audio.encode(frame))
            container.mux(audio.encode(None))
        for time, pixels in shown or []:
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            picture.pts, picture.time_base = round(time * 1000), millisecond
            container.mux(video.encode(picture))
        if video:
            container.mux(video.encode(None))
    return path
