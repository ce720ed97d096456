"""Labels of one's own videos: a table of segments and what they are labelled with."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from msa.base.errors import InputError

KEYS = ("video", "start", "end")


def read_labels(
    path: Path,
    seconds: Mapping[str, float | None],
    targets: Sequence[str] | None = None,
    labelled: bool = True,
) -> tuple[list[str], dict[str, tuple[np.ndarray, np.ndarray]]]:
    """The targets, and for each video its segments' times (n, 2) and labels (n, targets).

    Args:
        path: .csv with the columns video, perhaps start and end in seconds, and one a target; a
            row without start and end is the whole video.
        seconds: how long each video is; None where nothing of it could be read: what is labelled
            as a whole is then left out.
        targets: the columns to take, in this order; None for every column that is a target.
        labelled: there have to be all targets; else segments alone will do.

    Raises:
        InputError: the file is missing or no such table, a video is not among those extracted, or
            a segment ends before it starts, or starts before or after its video.
    """
    try:
        table = pd.read_csv(path, dtype={"video": str})
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected a table of labels, .csv: {error}") from error
    if not isinstance(table.index, pd.RangeIndex):
        raise InputError(
            f"{path}: expected {len(table.columns)} cells in each line, as in the first, got more"
        )
    others = [name for name in table.columns if name not in KEYS]
    wanted = others if targets is None else [name for name in targets if name in others]
    if "video" not in table or (labelled and not wanted) or 0 < len(wanted) < len(targets or ()):
        asked = ", ".join(targets or ()) or "one a target"
        raise InputError(
            f"{path}: expected the columns video, start, end"
            f"{f' and {asked}' * (labelled or bool(wanted))}, got {', '.join(table.columns)}"
        )
    for name in ("start", "end"):
        if name not in table:
            table[name] = np.nan
    for name in ("start", "end", *wanted):
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
        bad = ~(ends > starts) | (starts < 0) | (starts >= (end or np.inf))
        if bad.any():
            line = int(bad.to_numpy().argmax())
            raise InputError(
                f"{path}: {video}: expected segments that start before they end, within the "
                f"video's {end} s, got {starts.iloc[line]} to {ends.iloc[line]}"
            )
        times = np.column_stack([starts, ends])
        found[str(video)] = times, rows[wanted].to_numpy(np.float64)
    return wanted, found
