"""A look-alike of CHERMA: three .json files, and one .npy file a segment and modality."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.atomic import atomic_path, atomic_write
from msa.demo.look_alikes.mag import KEYS
from msa.demo.look_alikes.rows import SEGMENTS, make_rows

LABELS = ("愤怒", "厌恶", "恐惧", "高兴", "平静", "悲伤", "惊奇")
STEPS = 16  # of vision


def write(folder: Path, rng: np.random.Generator) -> Path:
    """Write the .json files and the folders text, audio and visual; returns the folder."""
    for key, fold in KEYS.items():
        rows: list[dict[str, Any]] = []
        for i in range(SEGMENTS[fold]):
            video = i % len(LABELS)
            # one modality alone may tell another emotion
            text, audio, visual = np.where(
                rng.random(3) < 0.8, video, rng.integers(len(LABELS), size=3)
            ).tolist()
            stem = f"{key}_{i:05}"
            rows.append(
                {
                    "audio_file": f"{stem}.wav",
                    "video_file": f"{stem}.mp4",
                    "txt_label": LABELS[text],
                    "audio_label": LABELS[audio],
                    "visual_label": LABELS[visual],
                    "video_label": LABELS[video],
                }
            )
            lengths = rng.integers(3, 13, 2)
            _save(rng, folder / "text" / key / f"{stem}.npy", lengths[0], 1024, video)
            _save(rng, folder / "audio" / key / f"{stem}.npy", lengths[1], 1024, video)
            _save(rng, folder / "visual" / key / f"{stem}.mp4.npy", STEPS, 2048, video)
        with atomic_write(folder / f"{key}.json") as file:
            json.dump(rows, file, ensure_ascii=False, indent=1)
    return folder


def _save(rng: np.random.Generator, path: Path, rows: int, width: int, label: int) -> None:
    array = make_rows(rng, rows, width, 0)
    array[:, label] += 6
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.save(file, array)
