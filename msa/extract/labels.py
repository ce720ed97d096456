"""Labels of one's own videos: a table of segments and what they are labelled with."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from msa.base.errors import InputError

KEYS = ("video", "start", "end")


def read_labels(
    path: Path, seconds: Mapping[str, float | None], labelled: bool = True
) -> tuple[list[str], dict[str, tuple[np.ndarray, np.ndarray]]]:
    """The targets, and for each video its segments' times (n, 2) and labels (n, targets).

    Args:
        path: .csv with the columns video, perhaps start and end in seconds, and one a target; a
            row without start and end is the whole video.
        seconds: how long each video is; None where nothing of it could be read: what is labelled
            as a whole is then left out.
        labelled: there has to be a target; else segments alone will do.

    Raises:
        InputError: the file is missing or no such table, a video is not among those extracted, or
            a segment ends before it starts or starts after its video's end.
    """
    try:
        table = pd.read_csv(path, dtype={"video": str})
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected a table of labels, .csv: {error}") from error
    targets = [name for name in table.columns if name not in KEYS]
    if "video" not in table or (labelled and not targets):
        raise InputError(
            f"{path}: expected the columns video, start, end{' and one a target' * labelled}, got "
            f"{', '.join(table.columns)}"
        )
    for name in ("start", "end"):
        if name not in table:
            table[name] = np.nan
    for name in ("start", "end", *targets):
        numbers = pd.to_numeric(table[name], errors="coerce")
        unread = (numbers.isna() & table[name].notna()) | np.isinf(numbers)
        if (wrong := unread.to_numpy()).any():
            line = int(wrong.argmax())
            raise InputError(
                f'{path}: line {line + 2}: {name}: expected a number, got "{table[name][line]}"'
            )
        table[name] = numbers
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for number, row in enumerate(table.itertuples(index=False), 2):
        if row.video not in seconds:
            raise InputError(
                f"{path}: line {number}: the video {row.video} is not among the "
                f"{len(seconds)} that were extracted; a video is called by its file's name "
                "without the ending"
            )
    for video, rows in table.groupby("video", sort=True):
        end = seconds[str(video)]
        if end is None and (rows := rows[rows["end"].notna()]).empty:
            continue
        starts = rows["start"].fillna(0.0)
        ends = rows["end"].fillna(np.nan if end is None else end)
        bad = ~(ends > starts) | (starts >= (end or np.inf))
        if bad.any():
            line = int(bad.to_numpy().argmax())
            raise InputError(
                f"{path}: {video}: expected segments that start before they end, within the "
                f"video's {end} s, got {starts.iloc[line]} to {ends.iloc[line]}"
            )
        times = np.column_stack([starts, ends])
        found[str(video)] = times, rows[targets].to_numpy(np.float64)
    return targets, found
