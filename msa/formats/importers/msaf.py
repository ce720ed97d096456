"""MSAF: the folders of NHFNet's data, {train, val, test}/{bert, visual, audio, label}50.npy.

bert (n, 50, 768), zeros behind the text; visual (n, 50, 35) and audio (n, 50, 74), zeros before;
label (n, 1, 7) of MOSEI, the sentiment first (Fu et al., ICME 2022).
"""

from pathlib import Path
from typing import Any

import numpy as np

from msa.base.reading import open_npy, said
from msa.formats.content import describe, fold_keys
from msa.formats.importers.padded import array_problems, cut_segments, not_zero, numbered_ids, trim
from msa.formats.segments import Segments

# our name -> the file, and where zeros are padding
FILES = {
    "embedding": ("bert50.npy", "right"),
    "audio": ("audio50.npy", "left"),
    "vision": ("visual50.npy", "left"),
}
LABEL = "label50.npy"


def problems(content: Any) -> list[str]:
    """What speaks against this layout."""
    keys = _folders(content)
    if not keys:
        return [f"expected the folders train, val, test, found {describe(content)}"]
    expected = {file: 3 for file, _ in FILES.values()} | {LABEL: 3}
    wrong = []
    for key in keys.values():
        arrays, broken = _arrays(content / key)
        wrong += broken or array_problems(key, arrays, expected)
    return wrong


def _folders(content: Any) -> dict[str, str]:
    if not isinstance(content, Path):
        return {}
    return fold_keys({path.name: path for path in content.iterdir() if path.is_dir()})


def _arrays(folder: Path) -> tuple[dict[str, np.ndarray], list[str]]:
    """The arrays of a fold, memory-mapped, and what is wrong with those that cannot be."""
    arrays, broken = {}, []
    for path in sorted(folder.glob("*50.npy")):
        try:
            arrays[path.name] = open_npy(path)
        except (OSError, ValueError) as error:
            broken.append(
                f"{folder.name}: {path.name}: expected an array of numbers, found a file "
                f"that cannot be read ({said(error)})"
            )
    return arrays, broken


def read(content: Any) -> dict[str, Segments]:
    """The embedding of the text's pieces, audio and vision; all seven labels."""
    return {fold: _fold(fold, content / key) for fold, key in _folders(content).items()}


def _fold(name: str, folder: Path) -> Segments:
    arrays, _ = _arrays(folder)
    label = arrays[LABEL]
    return Segments(
        numbered_ids(name, len(label)),
        label.reshape(len(label), -1).astype(np.float64),
        {
            sequence: cut_segments(arrays[file], *trim(not_zero(arrays[file]), side))
            for sequence, (file, side) in FILES.items()
        },
    )
