"""CHERMA: a folder of `train.json`, `dev.json`, `test.json`, a .npy file a segment and modality.

A .json is a list of {audio_file, video_file, txt_label, audio_label, visual_label, video_label},
labels in Chinese. With `stem` the audio file's name without `.wav`, the features are
`text/<fold>/<stem>.npy` (t, 1024) or (1024,), `audio/<fold>/<stem>.npy` (t, 1024) and
`visual/<fold>/<stem>.mp4.npy` (16, 2048) (Sun et al., ACL 2023).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.errors import InputError
from msa.base.reading import open_npy, said
from msa.formats.content import describe, fold_keys
from msa.formats.segments import Segments

CLASSES = ("anger", "disgust", "fear", "happy", "neutral", "sad", "surprise")
LABELS = dict(zip(("愤怒", "厌恶", "恐惧", "高兴", "平静", "悲伤", "惊奇"), CLASSES, strict=True))
# video_label is the one of all modalities together, the one that LFMIM and GLoMo predict
COLUMNS = ("video_label", "txt_label", "audio_label", "visual_label")
# sequence: (folder, ending, width)
FILES = {
    "embedding": ("text", ".npy", 1024),
    "audio": ("audio", ".npy", 1024),
    "vision": ("visual", ".mp4.npy", 2048),
}


@dataclass(frozen=True)
class _Files(Sequence[np.ndarray]):
    """One array a segment, mapped from its file when asked for."""

    folder: Path
    stems: Sequence[str]
    ending: str
    width: int
    where: str

    def __len__(self) -> int:
        return len(self.stems)

    def __getitem__(self, i: Any) -> Any:
        path = self.folder / f"{self.stems[i]}{self.ending}"
        expected = f"{path}: expected an array (t, {self.width}), as {self.where}[{i}] names it"
        try:
            rows = np.asarray(open_npy(path))
        except FileNotFoundError:
            raise InputError(f"{expected}, found no such file; fetch the folder again") from None
        except (OSError, ValueError) as error:
            raise InputError(f"{expected}, found {said(error)}; fetch the folder again") from error
        if rows.ndim == 1:
            rows = rows[None]
        if rows.ndim != 2 or rows.shape[1] != self.width or rows.dtype.kind not in "fiu":
            raise InputError(f"{expected}, found {rows.dtype} {rows.shape}; fetch it again")
        return rows


def problems(content: Any) -> list[str]:
    """What speaks against this layout."""
    if not isinstance(content, Path) or not fold_keys(_files(content)):
        return [
            f"expected a folder of train.json, dev.json and test.json, found {describe(content)}"
        ]
    wrong = [
        f"expected the folder {name}, found {describe(content)}"
        for name, _, _ in FILES.values()
        if not (content / name).is_dir()
    ]
    for key in fold_keys(_files(content)).values():
        try:
            _row(key, 0, _rows(_files(content)[key])[0])
        except InputError as error:
            wrong.append(str(error))
    return wrong


def _files(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in folder.glob("*.json")}


def _rows(path: Path) -> list[Any]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path.name}: expected JSON in UTF-8, found {error}") from error
    if not isinstance(rows, list) or not rows:
        raise InputError(f"{path.name}: expected a list of segments, found {describe(rows)}")
    return rows


def _row(key: str, i: int, row: Any) -> tuple[str, list[int]]:
    """The stem of a segment's files, and its classes by `COLUMNS`."""
    where = f"{key}.json[{i}]"
    names = ("audio_file", *COLUMNS)
    if not isinstance(row, dict) or not all(isinstance(row.get(name), str) for name in names):
        raise InputError(f"{where}: expected text for {', '.join(names)}, found {row!r:.300}")
    for name in COLUMNS:
        if row[name] not in LABELS:
            raise InputError(
                f"{where}: {name}: expected one of {', '.join(LABELS)}, found {row[name]!r}"
            )
    stem = row["audio_file"].removesuffix(".wav")
    # a path would lead to files outside the folder
    if stem in ("", "..") or stem != Path(stem).name:
        raise InputError(
            f"{where}: audio_file: expected a file's name, found {row['audio_file']!r:.300}"
        )
    return stem, [CLASSES.index(LABELS[row[name]]) for name in COLUMNS]


def read(content: Any) -> dict[str, Segments]:
    """Embedding (of the text), audio and vision, read when asked for; four labels, `COLUMNS`.

    A missing or broken .npy file is an InputError when it is asked for.
    """
    return {fold: _fold(content, key) for fold, key in fold_keys(_files(content)).items()}


def _fold(folder: Path, key: str) -> Segments:
    rows = [_row(key, i, row) for i, row in enumerate(_rows(folder / f"{key}.json"))]
    stems = [stem for stem, _ in rows]
    sequences = {
        name: _Files(folder / kind / key, stems, ending, width, f"{key}.json")
        for name, (kind, ending, width) in FILES.items()
    }
    return Segments(stems, np.array([classes for _, classes in rows], dtype=np.float64), sequences)
