"""Align: cut every sequence by the labels' segments, as the CMU-MultimodalSDK does.

The SDK holds every sequence in memory. Here a first pass over the intervals says how large every
output is, and in a second one each video's rows go to their place in the output files as soon as
they are made, so that memory does not grow with the number of videos.
"""

import argparse
import csv
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread

import numpy as np
from tqdm import tqdm

from msa import csd
from msa.atomic import allocate, atomic_folder
from msa.errors import InputError
from msa.plan import ROUTES, VideoPlan, plan, take


@dataclass(frozen=True)
class Layout:
    """Width and type of one sequence over all videos."""

    width: int
    dtype: np.dtype


def layout(sequence: csd.Sequence, videos: Sequence[str]) -> Layout:
    """Width and type that hold every video's rows; all must be of one width."""
    shapes = [sequence.shape(video) for video in videos]
    width = shapes[0].width
    for video, shape in zip(videos, shapes, strict=True):
        if shape.width != width:
            raise InputError(
                f"{sequence.path}: {sequence.root}/data/{video}/features: expected "
                f"(n, {width}) as in {videos[0]}, got (n, {shape.width})"
            )
    if shapes[0].dtype.kind in "SOU":
        texts = (s.dtype if s.dtype.kind == "S" else None for s in shapes)
        sizes = [
            t.itemsize if t else sequence.features(v).dtype.itemsize
            for v, t in zip(videos, texts, strict=True)
        ]
        return Layout(width, np.dtype(f"S{max(sizes)}"))
    if shapes[0].dtype.kind not in "fiu":
        raise InputError(f"{sequence.path}: expected numbers or words, got {shapes[0].dtype}")
    return Layout(width, np.result_type(np.float32, *(s.dtype for s in shapes)))


class _Worker:
    """The open files of one process."""

    def __init__(self, files: Mapping[str, Path], labels: Path, route: str) -> None:
        self.sequences = {name: csd.Sequence(path) for name, path in files.items()}
        self.labels = csd.Sequence(labels)
        self.route = route

    def plan(self, video: str) -> VideoPlan:
        intervals = {name: s.intervals(video) for name, s in self.sequences.items()}
        return plan(self.labels.intervals(video), intervals, self.route)


_worker: _Worker


def _start(files: Mapping[str, Path], labels: Path, route: str) -> None:
    global _worker
    # else it would wait for work for ever after a kill of the process that gives it
    Thread(target=_leave_with_parent, daemon=True).start()
    _worker = _Worker(files, labels, route)


def _leave_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _plan(video: str) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray], dict[int, str]]:
    video_plan = _worker.plan(video)
    intervals = _worker.labels.intervals(video)[video_plan.segments]
    return video_plan.segments, intervals, video_plan.counts, video_plan.dropped


def _fill(task: tuple[str, dict[str, int]], folder: Path, layouts: Mapping[str, Layout]) -> None:
    """Write one video's rows at their places: `task` is the video and its first row by sequence."""
    video, first = task
    video_plan = _worker.plan(video)
    for name, sequence in _worker.sequences.items():
        features = sequence.features(video).astype(layouts[name].dtype, copy=False)
        _write_rows(folder / f"{name}.npy", first[name], take(features, name, video_plan))
        if _worker.route == "words":
            numbers = video_plan.numbers[video_plan.rows[name]]
            _write_rows(folder / f"{name}.word.npy", first[name], numbers.astype(np.int64))
    labels = _worker.labels.features(video)[video_plan.segments]
    _write_rows(folder / "labels.npy", first["labels"], labels.astype(layouts["labels"].dtype))


def _write_rows(path: Path, first: int, rows: np.ndarray) -> None:
    with open(path, "r+b") as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        file.seek(first * rows.itemsize * int(np.prod(rows.shape[1:])), 1)
        file.write(np.ascontiguousarray(rows).data)


def _write_table(path: Path, columns: list[str], rows: Iterable[tuple[object, ...]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *rows])


def align(
    files: Mapping[str, Path], labels: Path, route: str, output: Path, threads: int = 1
) -> None:
    """Align .csd files and write the segments as ragged arrays.

    Writes into `output`: for every sequence `<name>.npy`, all segments' rows one after another,
    and a field of `offsets.npy` with where each segment begins, (segments + 1,); `labels.npy`,
    one row a segment; `segments.csv` (key `video[i]`, video, i, start, end in seconds) and
    `dropped.csv` (key, video, reason). With the route "words" also `<name>.word.npy`, the number
    of the word a row belongs to, within its video.

    Args:
        files: sequence name to .csd file.
        labels: .csd file whose intervals are the segments.
        route: one of `ROUTES`; "words" needs a sequence `words`.
        output: folder to write; it appears whole or not at all.
        threads: processes that read and align.

    Raises:
        InputError: a file is broken, widths differ within a file, or no segment is left.
    """
    if route == "words" and "words" not in files:
        raise InputError(f"align to words: no sequence plays words; got {', '.join(files)}")
    with ExitStack() as stack:
        sequences = {n: stack.enter_context(csd.Sequence(path)) for n, path in files.items()}
        segments = stack.enter_context(csd.Sequence(labels))
        held = {name: set(sequence.videos) for name, sequence in sequences.items()}
        absent = {
            video: [name for name in held if video not in held[name]] for video in segments.videos
        }
        videos = [video for video in segments.videos if not absent[video]]
        if not videos:
            raise InputError(
                f"{labels}: none of its {len(segments.videos)} videos is in every sequence: "
                + ", ".join(f"{name} has {len(ids)} videos" for name, ids in held.items())
            )
        layouts = {name: layout(sequence, videos) for name, sequence in sequences.items()}
        layouts["labels"] = layout(segments, videos)
        dropped = [
            (f"{video}[{i}]", video, f"its video is not in {', '.join(absent[video])}")
            for video in segments.videos
            if absent[video]
            for i in range(segments.shape(video).rows)
        ]

    context = get_context("forkserver")
    # imported once, not by every process
    context.set_forkserver_preload(["msa.align"])
    with (
        ProcessPoolExecutor(
            threads, context, initializer=_start, initargs=(files, labels, route)
        ) as pool,
        atomic_folder(output) as folder,
    ):
        plans = list(pool.map(_plan, videos, chunksize=4))
        keys = [
            (f"{video}[{i}]", video, i, start, end)
            for video, (numbers, intervals, _, _) in zip(videos, plans, strict=True)
            for i, (start, end) in zip(numbers, intervals, strict=True)
        ]
        dropped += [
            (f"{video}[{i}]", video, reason)
            for video, (_, _, _, reasons) in zip(videos, plans, strict=True)
            for i, reason in reasons.items()
        ]
        if not keys:
            raise InputError(f"{labels}: no segment is left; the first reason: {dropped[0]}")

        offsets = np.zeros(len(keys) + 1, dtype=[(name, np.int64) for name in files])
        first: list[dict[str, int]] = [{} for _ in videos]
        per_video = np.concatenate([[0], np.cumsum([len(p[0]) for p in plans])])
        for name in files:
            offsets[name][1:] = np.cumsum(np.concatenate([p[2][name] for p in plans]))
            allocate(
                folder / f"{name}.npy",
                (int(offsets[name][-1]), layouts[name].width),
                layouts[name].dtype,
            )
            if route == "words":
                allocate(folder / f"{name}.word.npy", (int(offsets[name][-1]),), np.dtype("i8"))
            for v in range(len(videos)):
                first[v][name] = int(offsets[name][per_video[v]])
        for v in range(len(videos)):
            first[v]["labels"] = int(per_video[v])
        allocate(
            folder / "labels.npy", (len(keys), layouts["labels"].width), layouts["labels"].dtype
        )
        fill = partial(_fill, folder=folder, layouts=layouts)
        tasks = pool.map(fill, zip(videos, first, strict=True))
        for _ in tqdm(tasks, "align", len(videos), unit=" videos", mininterval=2):
            pass
        np.save(folder / "offsets.npy", offsets)
        _write_table(folder / "segments.csv", ["key", "video", "i", "start", "end"], keys)
        _write_table(folder / "dropped.csv", ["key", "video", "reason"], dropped)
        (folder / "route.json").write_text(json.dumps({"route": route}) + "\n")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sequence",
        nargs="+",
        required=True,
        metavar="NAME=FILE",
        help="sequences and their .csd files; names: words, glove, audio, vision",
    )
    parser.add_argument("--labels", type=Path, required=True, help=".csd file of the segments")
    parser.add_argument(
        "--to",
        dest="route",
        choices=ROUTES,
        required=True,
        help="; ".join(f"{name}: {text}" for name, text in ROUTES.items()),
    )
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    parser.add_argument("--threads", type=int, default=1, help="processes")


def main(args: argparse.Namespace) -> None:
    files = {}
    for given in args.sequence:
        name, equals, path = given.partition("=")
        if not equals or not name.isidentifier():
            raise InputError(f"--sequence {given}: expected NAME=FILE, as in words=words.csd")
        files[name] = Path(path)
    align(files, args.labels, args.route, args.output, args.threads)
