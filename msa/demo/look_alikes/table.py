"""A table of segments with features, and the recipe that reads it: a template to fill."""

import csv
from pathlib import Path

import numpy as np

from msa.base.atomic import atomic_path, atomic_write
from msa.demo.look_alikes.rows import CLIPS, SEGMENTS, make_rows, make_words, segment_ids

COLUMNS = ("id", "video", "start", "end", "text", "sentiment", "split")
WIDTHS = {"audio": 6, "vision": 4}
SECONDS, RATE = 3.0, 10  # of a segment; rows a second of vision
RECIPE = """\
# A line a segment in segments.csv; audio/<id>.npy, (t, d), of a segment; vision/<video>.csv of a
# video, with the columns start and end, cut by the segment's. More: docs/own_data.md, "A table".
datasets: [mine]
models: [lmf, ridge]
seeds: [1]
recipes:
  mine:
    import: table
    files:
      segments.csv: {folder}/segments.csv
      audio: {folder}/audio
      vision: {folder}/vision
    align: none
    holds: [words, audio, vision]
    task: {{type: regression, targets: [sentiment], range: [-3, 3]}}
    encoder: bert-base-uncased
    # of a video's .npy files, which have no times: rates: {{vision: 10}}
"""


def recipe(folder: Path) -> str:
    """The configuration that reads a folder, as YAML."""
    return RECIPE.format(folder=folder.as_posix())


def write(folder: Path, rng: np.random.Generator) -> Path:
    """Write segments.csv, and the folders audio and vision; returns the folder."""
    lines = []
    for fold, count in SEGMENTS.items():
        for i, segment in enumerate(segment_ids(fold)):
            video, name, start = segment.partition("[")[0], segment.strip("]"), i % CLIPS * SECONDS
            name = name.replace("[", "_")
            score = round(float(rng.uniform(-3, 3)), 1)
            text = " ".join(make_words(rng, score))
            lines.append((name, video, start, start + SECONDS, text, score, fold))
            with atomic_path(folder / f"audio/{name}.npy") as path, open(path, "wb") as file:
                np.save(file, make_rows(rng, int(rng.integers(3, 13)), WIDTHS["audio"], score))
            if start == 0:
                clips = min(CLIPS, count - i)
                _write_video(rng, folder / f"vision/{video}.csv", int(clips * SECONDS * RATE))
    with atomic_write(folder / "segments.csv") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *lines])
    return folder


def _write_video(rng: np.random.Generator, path: Path, rows: int) -> None:
    starts = np.arange(rows) / RATE
    features = make_rows(rng, rows, WIDTHS["vision"], 0)
    names = ["start", "end", *(f"feature_{k}" for k in range(WIDTHS["vision"]))]
    table = np.column_stack([starts, starts + 1 / RATE, features])
    with atomic_path(path) as temporary:
        np.savetxt(temporary, table, "%.6g", ",", header=",".join(names), comments="")
