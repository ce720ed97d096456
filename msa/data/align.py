"""Align: cut every sequence by the labels' segments, as the CMU-MultimodalSDK does.

The SDK holds every sequence in memory. Here threads read and align a few videos ahead, and each
video's rows go to the end of the output files in turn, so that memory does not grow with the number
of videos. Threads suffice: what takes long is done without Python's lock.
"""

import argparse
import csv
import json
import sys
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
from tqdm import tqdm

from msa.base.atomic import atomic_folder
from msa.base.errors import InputError
from msa.base.ids import entry_video, is_segment, unlike
from msa.base.logs import PROGRESS
from msa.data.clock import Span, check_clock, check_ends, span
from msa.data.plan import ROUTES, VideoPlan, plan, take_rows
from msa.formats import csd


@dataclass(frozen=True)
class RowLayout:
    """Shape and type of one row of a sequence, the same in all videos."""

    shape: tuple[int, ...]
    dtype: np.dtype


def common_layout(sequence: csd.Sequence, videos: Sequence[str]) -> RowLayout:
    """Shape and type that hold every video's rows; all that have some must be of one width."""
    known = {video: sequence.shape(video) for video in videos}
    filled = {video: shape for video, shape in known.items() if shape.rows} or known
    videos, shapes = [*filled], [*filled.values()]
    width = shapes[0].width
    for video, shape in filled.items():
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
        return RowLayout((width,), np.dtype(f"S{max(sizes)}"))
    if shapes[0].dtype.kind not in "fiu":
        raise InputError(f"{sequence.path}: expected numbers or words, got {shapes[0].dtype}")
    return RowLayout((width,), np.result_type(np.float32, *(s.dtype for s in shapes)))


def _layouts(sequences: Mapping[str, csd.Sequence], videos: Sequence[str]) -> dict[str, RowLayout]:
    """The layout of each sequence's rows; words alone are text."""
    layouts = {name: common_layout(sequence, videos) for name, sequence in sequences.items()}
    for name, layout in layouts.items():
        if (layout.dtype.kind == "S") != (name == "words"):
            expected, other = ("text", "numbers") if name == "words" else ("numbers", "text")
            raise InputError(
                f"{sequences[name].path}: {name}: expected {expected}, found {other}; "
                "are two files exchanged?"
            )
    return layouts


@dataclass(frozen=True)
class AlignedVideo:
    """One video's segments.

    Attributes:
        plan: which rows make which segment.
        intervals: start and end of each segment, (s, 2) seconds.
        rows: by output name, the rows of all segments.
        odd: by sequence, counts of rows with odd times.
        spans: of the labels and each sequence, where it has rows.
    """

    plan: VideoPlan
    intervals: np.ndarray
    rows: dict[str, np.ndarray]
    odd: dict[str, dict[str, int]]
    spans: dict[str, Span | None]

    def coverage(self, name: str) -> tuple[int, int]:
        """Words, or segments, that there are, and those without a row of a sequence."""
        met = self.rows.get(f"{name}.met")
        if met is None:
            return self.plan.lasting, self.plan.lacking[name]
        return len(met), len(met) - int(np.count_nonzero(met))


def odd_times(intervals: np.ndarray) -> dict[str, int]:
    """How many rows end before they start, and how many have the times of one before.

    Args:
        intervals: of one video, (n, 2) seconds.
    """
    start, end = intervals.T
    repeated = 0
    if not (start[1:] > start[:-1]).all():  # as they mostly are, and sorting takes longer
        ordered = intervals[np.lexsort((end, start))]
        repeated = int(np.count_nonzero((ordered[1:] == ordered[:-1]).all(axis=1)))
    return {"reversed": int(np.count_nonzero(end < start)), "repeated": repeated}


def align_video(
    video: str,
    sequences: Mapping[str, csd.Sequence],
    labels: csd.Sequence,
    layouts: Mapping[str, RowLayout],
    route: str,
) -> AlignedVideo:
    """Read one video and make the rows of its segments; the layouts are by output name."""
    intervals = labels.intervals(video)
    intervals_of = {name: sequence.intervals(video) for name, sequence in sequences.items()}
    video_plan = plan(intervals, intervals_of, route)
    rows = {"labels": labels.features(video)[video_plan.segments]}
    for name, sequence in sequences.items():
        features = sequence.features(video).astype(layouts[name].dtype, copy=False)
        if not len(features):
            features = features.reshape(0, *layouts[name].shape)
        rows[name] = take_rows(features, name, video_plan)
        if route == "words":
            rows[f"{name}.word"] = video_plan.numbers[video_plan.rows[name]]
        if name in video_plan.words:
            rows[f"{name}.met"] = video_plan.words[name].counts[video_plan.rows[name]] > 0
    times = {"labels": intervals, **intervals_of}
    odd = {name: odd_times(rows_times) for name, rows_times in times.items()}
    spans = {name: span(rows_times) for name, rows_times in times.items()}
    return AlignedVideo(video_plan, intervals[video_plan.segments], rows, odd, spans)


def _whole_segments(labels: csd.Sequence) -> set[str]:
    """The labels' entries that are one segment each, as files that are aligned already have them.

    Such an entry `video[i]` is its own key, unless it would be that of another one's interval.
    """
    entries = set(labels.videos)
    return {
        entry
        for entry in entries
        if is_segment(entry)
        and labels.shape(entry).rows == 1
        and entry.rpartition("[")[0] not in entries
    }


def _in_every_sequence(
    sequences: Mapping[str, csd.Sequence], labels: csd.Sequence, whole: Collection[str]
) -> tuple[list[str], list[tuple[str, str, str]]]:
    """The labels' entries that all sequences have; of the others (key, video, reason)."""
    sequence_videos = {name: set(sequence.videos) for name, sequence in sequences.items()}
    absent = {
        video: [name for name in sequence_videos if video not in sequence_videos[name]]
        for video in labels.videos
    }
    videos = [video for video in labels.videos if not absent[video]]
    if not videos:
        counts = ", ".join(f"{name} has {len(ids)} videos" for name, ids in sequence_videos.items())
        lacking = {n: set(labels.videos) - ids for n, ids in sequence_videos.items()}
        examples = [
            unlike(ids, sequence_videos[name], ("the labels have", f"{name} has"))
            for name, ids in lacking.items()
            if ids
        ]
        raise InputError(
            f"{labels.path}: none of its {len(labels.videos)} videos is in every sequence: "
            f"{'; '.join([counts, *examples[:1]])}"
        )
    dropped = [
        (
            _key(video, i, whole),
            entry_video(video),
            f"its video is not in {', '.join(names)}",
        )
        for video, names in absent.items()
        if names
        for i in range(labels.shape(video).rows)
    ]
    return videos, dropped


def _key(entry: str, i: int, whole: Collection[str]) -> str:
    """The key of a segment, interval i of an entry."""
    return entry if entry in whole else f"{entry}[{i}]"


def _ahead(
    pool: Executor, function: Callable[[str], AlignedVideo], videos: Iterable[str], limit: int
) -> Iterator[AlignedVideo]:
    """The function's results in order, of which at most `limit` are in memory."""
    waiting: deque[Future[AlignedVideo]] = deque()
    for video in videos:
        if len(waiting) == limit:
            yield waiting.popleft().result()
        waiting.append(pool.submit(function, video))
    while waiting:
        yield waiting.popleft().result()


def _header(file: BinaryIO, rows: int, layout: RowLayout) -> None:
    """Begin a .npy file, or correct its number of rows: the header keeps its length."""
    file.seek(0)
    np.lib.format.write_array_header_1_0(
        file,
        {"descr": layout.dtype.str, "fortran_order": False, "shape": (rows, *layout.shape)},
    )


def _write_table(path: Path, columns: list[str], rows: Iterable[tuple[object, ...]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def align(
    files: Mapping[str, Path], labels: Path, route: str, output: Path, threads: int = 1
) -> None:
    """Align .csd files and write the segments as ragged arrays.

    Writes into `output`: for every sequence `<name>.npy`, all segments' rows one after another,
    and a field of `offsets.npy` with where each segment begins, (segments + 1,); `labels.npy`,
    one row a segment; `segments.csv` (key `video[i]`, video, i, start, end in seconds) and
    `dropped.csv` (key, video, reason). With the route "words" also `<name>.word.npy`, the number
    of the word a row belongs to, within its video, and `<name>.met.npy`, whether the sequence has
    a row there: if not, it is zeros. `coverage.csv` (video, sequence, segments, lacking) tells of
    the sequences that are not averaged how many segments have none of their rows. `times.json`
    counts the rows with odd times by sequence, kind and video; `route.json` has the route, and what
    is odd in the files' clocks.

    Args:
        files: sequence name to .csd file.
        labels: .csd file whose intervals are the segments.
        route: one of `ROUTES`; "words" needs a sequence `words`.
        output: folder to write; it appears whole or not at all.
        threads: how many videos are read and aligned at once.

    Raises:
        InputError: a file is broken, widths differ within a file, the times of a sequence are not
            of the labels' clock, or no segment is left.
    """
    if route == "words" and "words" not in files:
        raise InputError(f"align to words: no sequence plays words; got {', '.join(files)}")
    with ExitStack() as stack:
        sequences = {n: stack.enter_context(csd.Sequence(path)) for n, path in files.items()}
        segments = stack.enter_context(csd.Sequence(labels))
        whole = _whole_segments(segments)
        videos, dropped = _in_every_sequence(sequences, segments, whole)
        layouts = _layouts({**sequences, "labels": segments}, videos)
        if route == "words":
            layouts |= {f"{name}.word": RowLayout((), np.dtype(np.int64)) for name in files}
            averaged = [name for name in files if name != "words"]
            layouts |= {f"{name}.met": RowLayout((), np.dtype(bool)) for name in averaged}
        folder = stack.enter_context(atomic_folder(output))
        arrays = {n: stack.enter_context(open(folder / f"{n}.npy", "wb")) for n in layouts}
        for name, file in arrays.items():
            _header(file, 0, layouts[name])
        row_counts = dict.fromkeys(arrays, 0)
        counts: dict[str, list[np.ndarray]] = {name: [] for name in files}
        odd: dict[str, dict[str, dict[str, int]]] = {n: {} for n in (*files, "labels")}
        kept_segments: list[tuple[str, np.ndarray, np.ndarray]] = []
        spans: dict[str, dict[str, Span]] = {name: {} for name in ["labels", *files]}
        coverage: list[tuple[str, str, int, int]] = []
        covered = dict.fromkeys(files, False)

        align_one = partial(
            align_video, sequences=sequences, labels=segments, layouts=layouts, route=route
        )
        pool = stack.enter_context(ThreadPoolExecutor(threads))
        results = _ahead(pool, align_one, videos, 2 * threads)
        progress = tqdm(
            results, "align", len(videos), unit=" videos", mininterval=2, bar_format=PROGRESS
        )
        for video, aligned in zip(videos, progress, strict=True):
            for name, rows in aligned.rows.items():
                arrays[name].write(np.ascontiguousarray(rows, layouts[name].dtype).data)
                row_counts[name] += len(rows)
            for name in files:
                counts[name].append(aligned.plan.counts[name])
                total, without = aligned.coverage(name)
                covered[name] |= without < total or not total
                if f"{name}.met" not in layouts:
                    coverage.append((entry_video(video), name, total, without))
            for name, kinds in aligned.odd.items():
                for kind in (kind for kind, rows in kinds.items() if rows):
                    odd[name].setdefault(kind, {})[video] = kinds[kind]
            for name, one in aligned.spans.items():
                if one is not None:
                    spans[name][video] = one
            kept_segments.append((video, aligned.plan.segments, aligned.intervals))
            dropped += [
                (_key(video, i, whole), entry_video(video), reason)
                for i, reason in aligned.plan.dropped.items()
            ]
        check_ends(f"{labels}: labels", spans["labels"])
        remarks = [
            remark
            for name, path in files.items()
            for remark in check_clock(
                f"{path}: {name}", spans[name], "the labels", spans["labels"], covered[name]
            )
        ]
        if not row_counts["labels"]:
            raise InputError(f"{labels}: no segment is left; the first reason: {dropped[0]}")

        for name, file in arrays.items():
            _header(file, row_counts[name], layouts[name])
        offsets = np.zeros(row_counts["labels"] + 1, dtype=[(name, np.int64) for name in files])
        for name in files:
            offsets[name][1:] = np.cumsum(np.concatenate(counts[name]))
        np.save(folder / "offsets.npy", offsets)
        keys = (
            (_key(video, i, whole), entry_video(video), i, start, end)
            for video, numbers, intervals in kept_segments
            for i, (start, end) in zip(numbers, intervals, strict=True)
        )
        _write_table(folder / "segments.csv", ["key", "video", "i", "start", "end"], keys)
        _write_table(folder / "dropped.csv", ["key", "video", "reason"], dropped)
        (folder / "times.json").write_text(json.dumps(odd) + "\n")
        columns = ["video", "sequence", "segments", "lacking"]
        _write_table(folder / "coverage.csv", columns, coverage)
        content = {"route": route, "remarks": remarks}
        (folder / "route.json").write_text(json.dumps(content) + "\n", encoding="utf-8")
    for remark in remarks:
        print(f"warning: {remark}", file=sys.stderr)


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
    parser.add_argument("--threads", type=int, default=1, help="threads that read and align")


def main(args: argparse.Namespace) -> None:
    files = {}
    for argument in args.sequence:
        name, equals, path = argument.partition("=")
        if not equals or not name.isidentifier():
            raise InputError(f"--sequence {argument}: expected NAME=FILE, as in words=words.csd")
        files[name] = Path(path)
    align(files, args.labels, args.route, args.output, args.threads)
