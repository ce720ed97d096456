"""Who speaks: a table of the user's, with the columns id, of a video or a segment, and speaker."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from msa.base.errors import InputError
from msa.base.ids import video_of
from msa.base.reading import said


def speaker_of(segment: str, speakers: Mapping[str, str]) -> str | None:
    """The speaker of a segment: its own, or its video's; None where neither is known."""
    return speakers.get(segment) or speakers.get(video_of(segment)) or None


def read_speakers(path: Path) -> dict[str, str]:
    """The speaker by the id of a video or a segment; InputError where it is no such table."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected a table, got: {said(error)}") from error
    if not {"id", "speaker"} <= set(table):
        raise InputError(f"{path}: expected the columns id and speaker, got {list(table)}")
    if double := table["id"][table["id"].duplicated()].tolist():
        raise InputError(f"{path}: expected each id once, got {double[0]} twice")
    return dict(zip(table["id"], table["speaker"], strict=True))
