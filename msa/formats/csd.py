"""Computational sequences: the CMU-MultimodalSDK's HDF5 files (.csd), one video at a time.

A file holds one root group; in it `data/<video>/{intervals (n, 2) seconds, features (n, d)}` and
`metadata/<key>`, one JSON string each (Zadeh et al., ACL 2018, and the SDK's `file_ops.py`).
"""

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import ArrayLike
from zlib_ng import zlib_ng

from msa.base.atomic import atomic_write
from msa.base.errors import InputError
from msa.base.locks import UNSUPPORTED, say_unlocked

HEADER_CACHE = 1 << 18  # bytes
# h5py's, of a damaged file; ValueError too where its own message is no UTF-8
BROKEN = (OSError, RuntimeError, KeyError, ValueError, TypeError, zlib_ng.error)
LOCKED = "unable to lock file"  # in HDF5's errors
METADATA_KEYS = (
    "alignment compatible",
    "computational sequence description",
    "computational sequence version",
    "contact",
    "creator",
    "dataset bib citation",
    "dataset name",
    "dataset version",
    "dimension names",
    "featureset bib citation",
    "md5",
    "root name",
    "uuid",
)


@dataclass(frozen=True)
class Shape:
    """What a video holds, known without reading it."""

    rows: int
    width: int
    dtype: np.dtype[Any]


class Sequence:
    """One .csd file, open for reading; use it as a context manager.

    Attributes:
        path: the file.
        root: name of the root group.
        videos: the video ids in the file's order.

    Raises:
        InputError: the file is missing, is not HDF5, is truncated, has another layout, or takes
            in other files. Every method raises it too, naming the file and the key.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise InputError(f"{path}: no such file; expected a .csd computational sequence")
        try:
            self._file = open_hdf5(path)
        except OSError as error:
            if LOCKED in str(error):
                raise InputError(
                    f"{path}: cannot be locked ({os.strerror(error.errno or 0)}): another process "
                    "may be writing it; wait until it has closed the file, a notebook's for "
                    "instance, or, if nobody writes it, set HDF5_USE_FILE_LOCKING=FALSE"
                ) from error
            raise InputError(
                f"{path}: expected an HDF5 file (.csd), got one that cannot be opened ({error}); "
                "it may be truncated or an error page: fetch it again"
            ) from error
        # HDF5 otherwise keeps the headers of all videos ever read
        cache = self._file.id.get_mdc_config()
        cache.set_initial_size = True
        cache.initial_size = cache.min_size = cache.max_size = HEADER_CACHE
        self._file.id.set_mdc_config(cache)
        try:
            self._require_own_links()
            roots = self._names(self._file)
            if len(roots) != 1:
                raise InputError(f"{path}: expected one root group, got {len(roots)}: {roots}")
            self.root = roots[0]
            self._data = self._group(f"{self.root}/data")
            self.videos = self._names(self._data)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    @contextmanager
    def _reading(self, key: str) -> Iterator[None]:
        try:
            yield
        except BROKEN as error:  # type: ignore[misc]
            raise InputError(
                f"{self.path}: {key}: cannot be read ({error}); the file is damaged or truncated: "
                "fetch it again"
            ) from error

    def _require_own_links(self) -> None:
        """Refuse links to other files: they would bring whatever the user may read."""
        own = (h5py.h5l.TYPE_HARD, h5py.h5l.TYPE_SOFT)
        with self._reading("its links"):
            outside = self._file.id.links.visit(
                lambda name, link: None if link.type in own else name, info=True
            )
        if outside is not None:
            raise self._external_link(_text(outside))

    def _external_link(self, key: str) -> InputError:
        return InputError(
            f"{self.path}: {key}: expected rows within this file, found a reference to another "
            "file; do not trust it: fetch it again from its publishers"
        )

    def _names(self, group: h5py.Group) -> list[str]:
        """What a group holds; h5py gives a name as bytes that is no UTF-8."""
        with self._reading(group.name):
            names = list(group)
        for name in names:
            if isinstance(name, bytes):
                raise InputError(
                    f"{self.path}: {group.name}: expected names in UTF-8, found {name!r}; it is "
                    "damaged, or written with another encoding: fetch it, or write it, again"
                )
        return names

    def _group(self, key: str) -> h5py.Group:
        with self._reading(key):
            group = self._file.get(key)
            parent = self._file.get(key.rpartition("/")[0])
        if not isinstance(group, h5py.Group):
            found = sorted(self._names(parent)) if isinstance(parent, h5py.Group) else "no group"
            raise InputError(f"{self.path}: {key}: expected a group, found {found} beside it")
        return group

    def _dataset(self, key: str) -> h5py.Dataset:
        with self._reading(key):
            dataset = self._file.get(key)
            if not isinstance(dataset, h5py.Dataset):
                raise InputError(f"{self.path}: {key}: expected an array, found none")
            if dataset.external or dataset.is_virtual:
                raise self._external_link(key)
            if dataset.id.get_type().get_class() == h5py.h5t.BITFIELD:  # h5py's are integers
                raise ValueError("expected numbers or text, found bits")
            dataset.dtype  # noqa: B018 - of a damaged type there is none
        return dataset

    def _require_stored(self, dataset: h5py.Dataset) -> None:
        """Refuse an array that the file has not wholly: HDF5 gives zeros for what it lacks.

        Without a filter it gives the bytes as they lie, compressed ones too.
        """
        with self._reading(dataset.name.lstrip("/")):
            sides = dataset.chunks or dataset.shape
            expected = math.prod(
                -(-n // side) for n, side in zip(dataset.shape, sides, strict=True)
            )
            whole = math.prod(sides) * dataset.id.get_type().get_size()
            sizes: list[int] = []
            if dataset.chunks:
                dataset.id.chunk_iter(lambda chunk: sizes.append(chunk.size))
            else:
                sizes = [dataset.id.get_storage_size()]
            # packed, or text that lies elsewhere in the file
            any_size = dataset.id.get_create_plist().get_nfilters() or dataset.dtype.hasobject
            if len(sizes) < expected or not all(n == whole or (any_size and n) for n in sizes):
                raise ValueError(
                    f"expected {expected} parts of {whole} bytes, found {len(sizes)} of {sizes[:3]}"
                )

    def _intervals(self, video: str) -> h5py.Dataset:
        key = f"{self.root}/data/{video}/intervals"
        intervals = self._dataset(key)
        if not _is_empty(intervals) and (
            intervals.ndim != 2 or intervals.shape[1] != 2 or intervals.dtype.kind not in "fiu"
        ):
            raise InputError(
                f"{self.path}: {key}: expected numbers (n, 2), "
                f"got {intervals.dtype} {intervals.shape}"
            )
        return intervals

    def _read(self, dataset: h5py.Dataset) -> np.ndarray:
        with self._reading(dataset.name.lstrip("/")):
            rows = _unpack(dataset)
            return np.asarray(dataset[...]) if rows is None else rows

    def shape(self, video: str) -> Shape:
        """Rows, width and dtype of a video's features, from the header alone.

        A video without rows has no width: its arrays may be (0, 0) or (0,).
        """
        key = f"{self.root}/data/{video}/features"
        intervals, features = self._intervals(video), self._dataset(key)
        if _is_empty(intervals) and _is_empty(features):
            return Shape(0, 0, features.dtype)
        if features.ndim != 2 or features.shape[0] != intervals.shape[0]:
            raise InputError(
                f"{self.path}: {key}: expected ({intervals.shape[0]}, d) as there are "
                f"{intervals.shape[0]} intervals, got {features.shape}"
            )
        for dataset in (intervals, features):
            if dataset.size:
                self._require_stored(dataset)
        return Shape(features.shape[0], features.shape[1], features.dtype)

    def intervals(self, video: str) -> np.ndarray:
        """Start and end of every row: (n, 2) float64, seconds."""
        # of unsigned numbers a difference would wrap around
        intervals = self._read(self._intervals(video)).astype(np.float64, copy=False)
        if not intervals.size:
            return intervals.reshape(0, 2)
        finite = np.isfinite(intervals)
        if not finite.all():
            bad = int(np.count_nonzero(~finite.all(axis=-1)))
            raise InputError(
                f"{self.path}: {self.root}/data/{video}/intervals: expected finite seconds, "
                f"got {bad} rows that are not"
            )
        return intervals

    def features(self, video: str) -> np.ndarray:
        """The rows: (n, d) float, or (n, 1) bytes for words."""
        features = self._read(self._dataset(f"{self.root}/data/{video}/features"))
        if features.dtype.kind in "OU":
            # variable-length strings come as objects, str or bytes by the file's character set
            return _encoded(features)
        return features

    def metadata(self) -> dict[str, Any]:
        """The file's metadata, nothing where there is none.

        A value that is not JSON, or is nested, is given as its text.
        """
        key = f"{self.root}/metadata"
        if key not in self._file:
            return {}
        group = self._group(key)
        names = [name for name in group if isinstance(group.get(name), h5py.Dataset)]
        datasets = {name: self._dataset(f"{key}/{name}") for name in names}
        return {
            name: _parse(_text(self._read(dataset).flat[0]))
            for name, dataset in datasets.items()
            if dataset.size
        }


def open_hdf5(path: Path) -> h5py.File:
    """An HDF5 file to read, without a lock where its file system has none."""
    try:
        return h5py.File(path, "r")
    except OSError as error:
        if LOCKED not in str(error) or error.errno not in UNSUPPORTED:
            raise
    say_unlocked(path.parent, "nobody may write the file meanwhile")
    return h5py.File(path, "r", locking=False)


def _unpack(dataset: h5py.Dataset) -> np.ndarray | None:
    """An array that is one gzip chunk, as the SDK writes them; None if it lies otherwise.

    Faster than HDF5's own filter, which copies the rows twice and has an older zlib, and without
    h5py's lock.
    """
    one_chunk = dataset.chunks == dataset.shape and dataset.id.get_storage_size()
    if not one_chunk or dataset.dtype.hasobject:
        return None
    filters = dataset.id.get_create_plist()
    if filters.get_nfilters() != 1 or filters.get_filter(0)[0] != h5py.h5z.FILTER_DEFLATE:
        return None
    skipped, packed = dataset.id.read_direct_chunk((0,) * dataset.ndim)
    if skipped:
        return None
    # no more than the header says, however well it is packed
    stream = zlib_ng.decompressobj()
    unpacked = stream.decompress(packed, dataset.nbytes)
    more = stream.decompress(stream.unconsumed_tail, 1)
    if len(unpacked) != dataset.nbytes or more or not stream.eof:
        raise ValueError(f"expected {dataset.nbytes} bytes, got others")
    return np.frombuffer(unpacked, dataset.dtype).reshape(dataset.shape)


def _is_empty(dataset: h5py.Dataset) -> bool:
    """Whether an array is that of a video without rows, whatever width it says."""
    return dataset.shape is not None and dataset.shape[:1] == (0,)


def _encoded(texts: np.ndarray) -> np.ndarray:
    """The same as bytes of UTF-8, whether they are str or bytes."""
    values = np.array([_text(x) for x in texts.flat], dtype=str)
    return np.char.encode(values, "utf-8").reshape(texts.shape)


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _parse(text: str) -> Any:
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False)  # NaN is none, though Python reads it
    except (ValueError, RecursionError):
        return text
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return text if any(isinstance(one, dict | list) for one in inner) else value


def _rows(where: str, intervals: ArrayLike, features: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Intervals and features of one video as they are written, if they are such."""
    try:
        times, rows = np.asarray(intervals), np.asarray(features)
    except ValueError as error:
        raise InputError(f"{where}: expected arrays, got lists of unequal lengths") from error
    if rows.dtype.kind in "OU":
        rows = _encoded(rows)
    if rows.dtype.kind == "S" and rows.ndim == 1:
        rows = rows[:, None]
    if times.ndim != 2 or times.shape[1] != 2 or times.dtype.kind not in "fiu":
        raise InputError(
            f"{where}: intervals: expected start and end of each row in seconds, (n, 2), "
            f"got {times.dtype} {times.shape}"
        )
    if rows.ndim != 2 or len(rows) != len(times):
        raise InputError(
            f"{where}: features: expected a row for each of {len(times)} intervals, "
            f"({len(times)}, d), got {rows.shape}"
        )
    return times, rows


def write(
    path: Path | str,
    root: str,
    sequences: Mapping[str, tuple[ArrayLike, ArrayLike]],
    metadata: Mapping[str, object] | None = None,
) -> None:
    """Write a .csd file as the SDK's `deploy` lays it out: gzip, one chunk an array.

    Args:
        path: the file.
        root: name of the root group.
        sequences: video id to (intervals (n, 2) seconds, features (n, d)), arrays or lists; words
            are text, (n, 1) or (n,).
        metadata: values by the SDK's keys; keys not given are null.

    Raises:
        InputError: an id that a group cannot have, unequal numbers of rows, or another shape.
    """
    for video in sequences:
        if video in ("", ".") or "/" in video:
            raise InputError(
                f'{path}: expected ids of videos without "/", and not "" or ".", got "{video}"; '
                'write for instance "_" in its place, in every file and the folds'
            )
    arrays = {
        video: _rows(f"{path}: {root}/data/{video}", intervals, features)
        for video, (intervals, features) in sequences.items()
    }
    values = {**dict.fromkeys(METADATA_KEYS), **(metadata or {}), "root name": root}
    # in memory: of a full disk HDF5 dies
    with h5py.File(path, "w", driver="core", backing_store=False) as file:
        data = file.create_group(f"{root}/data")
        for video, (intervals, features) in arrays.items():
            for name, rows in (("intervals", intervals), ("features", features)):
                data.create_dataset(
                    f"{video}/{name}",
                    data=rows,
                    chunks=rows.shape if rows.size else None,
                    compression="gzip" if rows.size else None,
                    track_times=False,
                )
        group = file.create_group(f"{root}/metadata")
        for key, value in values.items():
            group.create_dataset(
                key, (1,), data=[json.dumps(value)], dtype=h5py.string_dtype(), track_times=False
            )
        file.flush()
        content = file.id.get_file_image()
    with atomic_write(Path(path), "wb") as target:
        target.write(content)
