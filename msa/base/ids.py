"""Ids of segments: `video[clip]`, or any text where no video is known."""


def video_of(segment: str) -> str:
    """The video of a segment's id; the id itself where it names no video."""
    return segment.rpartition("[")[0] or segment
