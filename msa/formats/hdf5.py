"""HDF5 files of others that are no .csd, known by what is in them, to say how they go in.

- `X_train.h5`, `y_train.h5` and so on (MFN; Zadeh et al., AAAI 2018): one array each. Of MOSI X is
  (1284, 20, 325), with 300 columns of GloVe, 5 of COVAREP and 20 of FACET (CMU-MultimodalSDK,
  issue 143).
- `mosi.hdf5` (MFN, MultiBench): words, COVAREP, FACET and labels in one file, by segment or by
  fold.
"""

from collections.abc import Iterator
from pathlib import Path

import h5py

from msa.formats.csd import BROKEN, open_hdf5

ARRAYS = ("data", "d1")
FEATURES = ("covarep", "facet", "openface", "opensmile")
WAY_IN = (
    'docs/own_data.md, "Your own arrays", shows the way in: a .csd file for each sequence, or one '
    "pickle of the layout mmsa for segments that are padded already"
)


def known_hdf5(path: Path) -> str | None:
    """What an HDF5 file is that is no .csd, and the way in; None for what nobody knows."""
    try:
        with open_hdf5(path) as file:
            shapes = dict(_arrays(file, depth=4))
    except BROKEN:  # type: ignore[misc]
        return None
    found = ", ".join(f"{name} {shape}" for name, shape in [*shapes.items()][:4])
    if shapes and set(shapes) <= set(ARRAYS):
        return (
            f"{path}: an array of the MFN line (X_train.h5, y_train.h5 and so on), found {found}; "
            "the columns of X are GloVe, COVAREP and FACET side by side (of MOSI 300, 5 and 20), "
            f"those of y labels. It is not read as it is: cut the columns apart; {WAY_IN}"
        )
    names = {part.lower() for name in shapes for part in name.split("/")}
    if any(name.startswith(FEATURES) for name in names):
        return (
            f"{path}: words, COVAREP, FACET and the like in one HDF5 file, as the MFN line passes "
            f"them on (mosi.hdf5), found {found}. It is not read as it is; {WAY_IN}"
        )
    return None


def _arrays(group: h5py.Group, depth: int) -> Iterator[tuple[str, tuple[int, ...] | None]]:
    """Names and shapes of arrays, of the first few of each group but the top one."""
    names = list(group)
    for name in names if group.name == "/" else names[:4]:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            continue
        inner = group[name]
        if isinstance(inner, h5py.Dataset):
            yield inner.name.lstrip("/"), inner.shape
        elif isinstance(inner, h5py.Group) and depth:
            yield from _arrays(inner, depth - 1)
