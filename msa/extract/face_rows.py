"""From a face followed through a video to rows, whatever describes the face."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from msa.base.errors import InputError
from msa.extract import face_weights
from msa.extract.face_detector import detector
from msa.extract.face_tracker import Sight, follow, measurer
from msa.extract.litert import load
from msa.extract.parts import Frame, Rows

CROWD = 0.2  # of the frames


def sights(frames: Iterable[Frame], weights: Path) -> Iterator[Sight]:
    """Follow a face by the networks of a folder.

    Raises:
        InputError: they are missing, or others.
    """
    detection, landmarks = face_weights.require(weights, "mesh")
    return follow(frames, detector(load(detection)), measurer(load(landmarks)))


@dataclass
class Watch:
    """What was seen, counted while the frames pass."""

    frames: int = 0
    crowded: int = 0
    most: int = 0
    start: float = 0.0
    end: float = 0.0
    times: list[tuple[float, float]] = field(default_factory=list)

    def faces(self, seen: Iterable[Sight]) -> Iterator[Sight]:
        """The sights with a face."""
        for sight in seen:
            frame = sight.frame
            if not self.frames:
                self.start = frame.start
            self.end = frame.end
            self.frames += 1
            self.crowded += sight.faces > 1
            self.most = max(self.most, sight.faces)
            if len(sight.points):
                self.times.append((frame.start, frame.end))
                yield sight

    def rows(self, features: Sequence[np.ndarray], width: int) -> Rows:
        """The rows of the sights with a face, (width,) each, and what there is to say of them.

        Raises:
            InputError: there were no frames.
        """
        if not self.frames:
            raise InputError("expected at least one frame, got none")
        notes = []
        times = self.times
        if not times:
            notes.append(f"no face in any of {self.frames} frames: one row of zeros")
            features, times = [np.zeros(width)], [(self.start, self.end)]
        crowd = self.crowded / self.frames
        if crowd > CROWD:
            notes.append(
                f"more than one face in {crowd:.0%} of the frames: the largest is followed, who "
                "speaks is not known"
            )
        return Rows(
            np.array(features, np.float32),
            np.array(times, float),
            notes,
            {
                "faces": self.most,
                "frames": self.frames,
                "share_with_face": len(self.times) / self.frames,
                "share_with_more_faces": crowd,
            },
        )
