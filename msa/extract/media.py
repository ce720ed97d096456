"""Media files: what streams they have, their sound on one clock, their pictures at ticks.

Times are seconds from the container's start, by the presentation times of the streams, never by a
number of frames over a rate.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.errors import InputError
from msa.base.reading import said
from msa.extract.optional import load
from msa.extract.parts import Frame

RATE = 16_000  # samples a second
ENDINGS = frozenset(
    f".{ending}"
    for ending in (
        *("mp4", "m4v", "mov", "mkv", "webm", "avi", "mpg", "mpeg", "ogv", "wmv", "flv"),
        *("wav", "mp3", "m4a", "flac", "ogg", "opus"),
    )
)
GAP = 0.02  # seconds without sound that are filled with silence


class Unusable(InputError):
    """A file, or a stream of it, that cannot be read; the message says why, without the path."""


def media_files(folder: Path) -> list[Path]:
    """The media files of a folder, by name.

    Raises:
        InputError: there is no such folder, it holds none, or `check_stems` refuses them.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder of videos, found none")
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in ENDINGS and p.is_file())
    if not files:
        raise InputError(
            f"{folder}: expected media files ({' '.join(sorted(ENDINGS))}), found none among "
            f"{sum(1 for _ in folder.iterdir())} entries"
        )
    check_stems(files)
    return files


def check_stems(files: Sequence[Path]) -> None:
    """Raise an InputError where two files have one stem, which is the video's id."""
    first: dict[str, Path] = {}
    for path in files:
        other = first.setdefault(path.stem, path)
        if other != path:
            raise InputError(
                f"{other} and {path} have one name without their endings, which is the id of a "
                "video; rename one, and its transcript"
            )


@dataclass(frozen=True)
class Media:
    """What a file says of itself.

    Attributes:
        seconds: its declared duration; None where it declares none.
        audio, video: whether it has such a stream; a cover picture is none.
        notes: what else there is to say.
    """

    seconds: float | None
    audio: bool
    video: bool
    notes: list[str] = field(default_factory=list)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    av = load("av", "video", "reading media")
    if not path.stat().st_size:
        raise Unusable("the file is empty")
    try:
        container = av.open(str(path))
    except (av.FFmpegError, ValueError) as error:
        raise Unusable(
            f"cannot be opened ({said(error)}): truncated, or no audio or video; fetch it again"
        ) from error
    with container:
        yield container


def _pictures(container: Any) -> Any | None:
    """The first stream of moving pictures."""
    from av.stream import Disposition

    covers = Disposition.attached_pic
    return next((s for s in container.streams.video if not s.disposition & covers), None)


def probe(path: Path) -> Media:
    """What streams a file has.

    Raises:
        Unusable: it is empty, cannot be opened, or has neither sound nor pictures.
    """
    with _opened(path) as container:
        sounds, pictures = container.streams.audio, _pictures(container)
        if not sounds and pictures is None:
            raise Unusable("expected sound or moving pictures, got neither")
        notes = []
        if len(sounds) > 1:
            notes.append(f"{len(sounds)} audio streams, of which the first is read")
        seconds = container.duration / 1e6 if container.duration else None
        return Media(seconds, bool(sounds), pictures is not None, notes)


def read_sound(path: Path) -> np.ndarray:
    """The first audio stream as mono at `RATE`: int16 (n,), sample i at i / RATE seconds.

    Raises:
        Unusable: there is none, or it is damaged.
    """
    import av

    pieces: list[np.ndarray] = []
    end = 0.0  # of the sound decoded so far
    with _opened(path) as container:
        if not container.streams.audio:
            raise Unusable("no audio stream")
        start = (container.start_time or 0) / av.time_base
        resampler = av.AudioResampler("s16", "mono", RATE)
        try:
            for frame in container.decode(container.streams.audio[0]):
                begin = end if frame.time is None else frame.time - start
                if begin > end + GAP:
                    pieces += _resampled(resampler, None)
                    resampler = av.AudioResampler("s16", "mono", RATE)
                    pieces.append(np.zeros(max(0, round(begin * RATE) - _length(pieces)), np.int16))
                    end = begin
                end += frame.samples / frame.sample_rate
                frame.pts = None
                pieces += _resampled(resampler, frame)
            pieces += _resampled(resampler, None)
        except (av.FFmpegError, ValueError) as error:
            raise Unusable(f"audio: damaged after {end:.1f} s") from error
    return np.concatenate([np.zeros(0, np.int16), *pieces])


def _resampled(resampler: Any, frame: Any) -> list[np.ndarray]:
    return [part.to_ndarray()[0] for part in resampler.resample(frame)]


def _length(pieces: list[np.ndarray]) -> int:
    return sum(map(len, pieces))


def read_frames(path: Path, rate: float = 5.0) -> Iterator[Frame]:
    """The first picture at or after each tick of 1 / rate seconds, upright, one after another.

    A picture lasts until the next one, at most two ticks, the last one a tick. It is turned as the
    file's rotation asks of a player.

    Raises:
        Unusable: there is no video stream, or it is damaged.
    """
    import av
    from av.video.reformatter import VideoReformatter

    tick = 1 / rate
    last: tuple[float, np.ndarray] | None = None
    due = 0.0
    with _opened(path) as container:
        stream = _pictures(container)
        if stream is None:
            raise Unusable("no video stream")
        start = (container.start_time or 0) / av.time_base
        decoded = 0.0
        reformatter = VideoReformatter()  # a new one for each picture takes longer than its work
        try:
            for picture in container.decode(stream):
                if picture.time is None:
                    continue
                decoded = picture.time - start
                if decoded < due - 1e-6:
                    continue
                if last:
                    yield Frame(last[0], min(decoded, last[0] + 2 * tick), last[1])
                pixels = reformatter.reformat(picture, format="rgb24").to_ndarray()
                last = decoded, np.ascontiguousarray(np.rot90(pixels, picture.rotation // 90))
                due = tick * (np.floor(decoded / tick + 1e-6) + 1)
        except (av.FFmpegError, ValueError) as error:
            raise Unusable(f"video: damaged after {decoded:.1f} s") from error
    if last:
        yield Frame(last[0], last[0] + tick, last[1])
