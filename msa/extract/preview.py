"""What a browser can play of a clip: the file as it is, or a small copy on the same clock."""

import io
from fractions import Fraction
from pathlib import Path

import numpy as np

from msa.extract.media import RATE, Unusable, probe, read_frames, read_sound
from msa.extract.optional import load

# what browsers play, by ending; of other containers a copy is made
TYPES = {
    **{".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm"},
    **{".wav": "audio/wav", ".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".flac": "audio/flac"},
}
CODECS = frozenset("h264 vp8 vp9 av1 aac mp3 opus vorbis flac pcm_s16le".split())
KEPT = 8 << 20  # bytes; of a larger file a copy is made
HEIGHT, PICTURES = 360, 15.0  # at most; pictures a second
MILLISECOND = Fraction(1, 1000)


def preview(path: Path) -> tuple[str, bytes]:
    """The kind (`video/mp4`) and the bytes of a clip for a page, the same each time.

    A copy has pictures of 360 lines at most, upright, and the sound as the extractors hear it, in
    H.264 and AAC.

    Raises:
        Unusable: it is damaged, or has neither sound nor pictures.
    """
    kind = TYPES.get(path.suffix.lower())
    if kind and path.stat().st_size <= KEPT and _plays(path):
        return kind, path.read_bytes()
    return _copy(path)


def _plays(path: Path) -> bool:
    av = load("av", "video", "reading media")
    try:
        with av.open(str(path)) as container:
            streams = [*container.streams.video, *container.streams.audio]
            return all(
                stream.codec_context.name in CODECS
                and (stream.type == "audio" or stream.codec_context.pix_fmt == "yuv420p")
                for stream in streams
            )
    except av.FFmpegError:
        return False


def _copy(path: Path) -> tuple[str, bytes]:
    import av

    media = probe(path)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        video = audio = None
        frames = read_frames(path, PICTURES) if media.video else iter(())
        first = next(frames, None)
        if first:
            height, width = (2 * round(n / 2) for n in _size(first.rgb))
            video = container.add_stream("libx264", rate=round(PICTURES))
            video.width, video.height, video.pix_fmt = width, height, "yuv420p"
            video.time_base = video.codec_context.time_base = MILLISECOND
            video.codec_context.thread_count = 1
            video.options = {"crf": "28", "preset": "veryfast"}
        if media.audio:
            sound = read_sound(path)
            audio = container.add_stream("aac", rate=RATE, layout="mono")
            audio.bit_rate = 48_000
            heard = av.AudioFrame.from_ndarray(sound[None], format="s16", layout="mono")
            heard.sample_rate, heard.time_base, heard.pts = RATE, Fraction(1, RATE), 0
            container.mux(audio.encode(heard))
            container.mux(audio.encode(None))
        if video and first:
            for frame in (first, *frames):
                picture = av.VideoFrame.from_ndarray(frame.rgb, format="rgb24")
                picture = picture.reformat(video.width, video.height, "yuv420p")
                picture.pts, picture.time_base = round(frame.start * 1000), MILLISECOND
                container.mux(video.encode(picture))
            container.mux(video.encode(None))
    if not (video or audio):
        raise Unusable("expected sound or moving pictures, got neither")
    return ("video" if video else "audio") + "/mp4", buffer.getvalue()


def _size(pixels: np.ndarray) -> tuple[float, float]:
    height, width = pixels.shape[:2]
    scale = min(1, HEIGHT / height)
    return height * scale, width * scale
