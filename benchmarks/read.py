"""The baseline of `align.py`: read every array of .csd files with h5py, and do nothing else.

`python benchmarks/read.py PROCESSES FILE...` hands out video by video, as `msa align` does.
"""

import sys
from multiprocessing import get_context

import h5py

_files: list[h5py.Group] = []


def _open(paths: list[str]) -> None:
    for path in paths:
        file = h5py.File(path)
        _files.append(file[next(iter(file))]["data"])


def _read(video: str) -> int:
    arrays = (data[video][name][()] for data in _files if video in data for name in data[video])
    return sum(array.nbytes for array in arrays)


def read(processes: int, paths: list[str]) -> int:
    """Read every array; the number of bytes they hold, unpacked."""
    videos: dict[str, None] = {}
    for path in paths:
        with h5py.File(path) as file:
            videos |= dict.fromkeys(file[next(iter(file))]["data"])
    with get_context("fork").Pool(processes, _open, (paths,)) as pool:
        return sum(pool.imap_unordered(_read, videos))


if __name__ == "__main__":
    print(read(int(sys.argv[1]), sys.argv[2:]))
