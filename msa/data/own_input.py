"""Own input: a user's .csd files or arrays, or a folder in split's layout, as what a run reads.

It takes the way of the training data: aligned as the recipe says, cleaned by the training fold's
statistics, encoded by the same encoder. The labels' intervals are the segments; without labels,
pieces of equal length, or whole videos.
"""

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.errors import InputError
from msa.base.pauses import dropped_words
from msa.base.reading import read_array, read_offsets, read_words
from msa.data.align import align
from msa.data.aligned import read_aligned
from msa.data.cleaning import SEQUENCES, Cleaning, write_cleaned
from msa.data.clock import Span, check_clock, check_ends, span
from msa.data.encode import encode
from msa.data.encoder import load_encoder
from msa.data.import_data import row_counts
from msa.data.labels import kind_of, say, task_labels
from msa.data.own_arrays import are_arrays, read_arrays
from msa.data.pieces import check_pieces, count_pieces
from msa.data.unspaced import cut_fold
from msa.formats import csd
from msa.formats.segments import Asked, write

FOLD = "own"
NAMES = ("words", "glove", "embedding", "audio", "vision", "hcf", "labels")


@dataclass(frozen=True)
class OwnInput:
    """What was prepared, n segments.

    Attributes:
        ids: `video[i]`, (n,).
        times: start and end in seconds as text, (n, 2); empty where they are unknown.
        label: (n, targets) float, NaN where there is none; None if there are no labels at all.
        dropped: segments that were left out, (id, reason).
        coverage: by sequence, as `msa.base.coverage` says; empty where it is not known.
    """

    ids: np.ndarray
    times: np.ndarray
    label: np.ndarray | None
    dropped: Sequence[tuple[str, str]] = ()
    coverage: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def find(arguments: Sequence[str], expected: str = "") -> Path | dict[str, Path]:
    """A folder in split's layout, or arrays; or files by the part they play.

    Args:
        arguments: one folder or pickle; or files, NAME=FILE each, or FILE where its own name is
            such a NAME.
        expected: what the model reads, for the error.

    Raises:
        InputError: there is no such folder, or a file's part is not known.
    """
    path = Path(arguments[0])
    if len(arguments) == 1 and (path / "test" / "offsets.npy").is_file():
        raise InputError(f"{path}: expected the folder of one fold, got that of all; {path}/test?")
    if len(arguments) == 1 and ((path / "offsets.npy").is_file() or are_arrays(path)):
        return path
    if len(arguments) == 1 and path.is_dir():
        files = {file.stem: file for file in sorted(path.glob("*.csd"))}
    else:
        files = {}
        for text in arguments:
            name, _, file = text.partition("=")
            # what is no part's name belongs to the path: /runs/lr=0.1/words.csd
            files |= {name: Path(file)} if name in NAMES else {Path(text).stem: Path(text)}
    if not files or not set(files) <= set(NAMES):
        raise InputError(
            f"{' '.join(arguments)}: expected a folder that split wrote (with offsets.npy), or "
            f".csd files that play {', '.join(NAMES)}, or arrays of these in a pickle or in .npy "
            f"files, got {', '.join(files) or 'none'}; say which is which with NAME=FILE{expected}"
        )
    return files


def sequences(forms: Mapping[str, str | None], route: str) -> list[str]:
    """The sequences that a run's forms are made from."""
    needed = {"words" if form in ("words", "features") else form for form in forms.values()}
    needed |= {"words"} if route == "words" else set()
    return sorted(name for name in needed if name is not None)


def expectation(
    forms: Mapping[str, str | None], recipe: Mapping[str, Any], cleanings: Mapping[str, Cleaning]
) -> str:
    """What a run reads: each sequence with its columns, and how many rows each has."""
    widths = {name: len(cleaning.center) for name, cleaning in cleanings.items()}
    names = [
        f"{name} ({widths[name]} columns)" if name in widths else name
        for name in sequences(forms, recipe["align"])
    ]
    rows = "one row a word" if recipe["align"] == "words" else "each with rows of its own"
    return f"{', '.join(names)}, {rows}"


def prepare(
    source: Path | Mapping[str, Path],
    forms: Mapping[str, str | None],
    recipe: Mapping[str, Any],
    cleanings: Mapping[str, Cleaning],
    encoder: Path | None,
    folder: Path,
    device: Any,
    seconds: float | None = None,
    features: Path | None = None,
    intervals: Path | None = None,
) -> OwnInput:
    """Fill `folder` with `data`, `clean` and `features`, as the stages of the training data did.

    Args:
        source: as `find` gives it.
        forms: the run's, by modality.
        recipe: the data recipe that the run was trained on.
        cleanings: by sequence, from the training fold.
        encoder: folder of the encoder, for text that is words or features.
        folder: an empty one.
        device: where the encoder runs.
        seconds: without labels, the length of a segment; None for whole videos.
        features: what the stage encode wrote for the source, so that nothing is encoded again.
        intervals: without labels, a .csd file of the segments, whose values say nothing.

    Raises:
        InputError: a sequence is missing, or has not the training data's columns.
    """
    data = folder / "data" / FOLD
    data.mkdir(parents=True)
    needed = sequences(forms, recipe["align"])
    available = needed if _holds_arrays(source) else _available_sequences(source)
    if missing := [name for name in needed if name not in available]:
        raise InputError(
            f"the run needs {expectation(forms, recipe, cleanings)}, got {', '.join(available)}; "
            f"{_instead_of_words(missing, available, recipe)}"
            f"give {' '.join(f'{name}=FILE' for name in missing)} too"
        )
    if _holds_arrays(source):
        prepared = _write_arrays(source, needed, recipe, folder)
    elif isinstance(source, Path):
        prepared = _copy(source, data)
    else:
        prepared = _align(
            {name: source[name] for name in needed},
            source,
            recipe,
            folder,
            data,
            seconds,
            intervals,
        )
    if encoder and recipe["align"] != "words":
        cut_fold(data, encoder)
    targets = len(recipe["task"]["targets"])
    if prepared.label is not None and prepared.label.shape[1] != targets:
        raise InputError(
            f"labels: expected {targets} columns, {', '.join(recipe['task']['targets'])}, "
            f"got {prepared.label.shape[1]}"
        )
    label = np.zeros((len(prepared.ids), targets))
    if prepared.label is not None:
        label = _task_labels(prepared.ids, prepared.label, source, recipe["task"])
        prepared = replace(prepared, label=label)
    np.save(data / "label.npy", np.nan_to_num(label))
    offsets = read_offsets(data / "offsets.npy", needed)
    used = {name: cleanings[name] for name in SEQUENCES if name in needed}
    _clean(source, data, offsets, used, folder / "clean" / FOLD)
    if "features" in forms.values():
        (folder / "features").mkdir()
        output = folder / "features" / f"{FOLD}.npy"
        if features:
            shutil.copy(features, output)
        else:
            np.save(output, _encode(data, offsets["words"], encoder, device))
    return prepared


def _clean(
    source: Path | Mapping[str, Path],
    data: Path,
    offsets: np.ndarray,
    cleanings: Mapping[str, Cleaning],
    output: Path,
) -> None:
    """Write the sequences that have a cleaning to a new folder."""
    output.mkdir(parents=True)
    for name, cleaning in cleanings.items():
        source_file = source if isinstance(source, Path) else source[name]
        if isinstance(source, Path) and (source / f"{name}.npy").is_file():
            source_file = source / f"{name}.npy"
        rows = read_array(data / f"{name}.npy", "numbers", 2, offsets[name][-1], mapped=True)
        width = len(cleaning.center)
        if rows.shape[1] != width:
            raise InputError(
                f"{source_file}: {name}: expected {width} columns as the model was trained with, "
                f"got {rows.shape[1]}; extract the same features"
            )
        write_cleaned(rows, cleaning, output / f"{name}.npy", str(source_file))


def _encode(data: Path, offsets: np.ndarray, encoder: Path | None, device: Any) -> np.ndarray:
    """The encoder's vector of each word of all segments, (words, d)."""
    words = read_words(data / "words.npy", offsets[-1])
    tokenizer, bert = load_encoder(encoder)
    check_pieces({FOLD: count_pieces(words, tokenizer)}, encoder)
    return encode(words, offsets, tokenizer, bert, device=device)


def _task_labels(
    ids: np.ndarray,
    values: np.ndarray,
    source: Path | Mapping[str, Path],
    task: Mapping[str, Any],
) -> np.ndarray:
    """The targets' labels, as split makes those of the training data; NaN where it drops one."""
    made = isinstance(source, Path) and not _holds_arrays(source)
    file = source if isinstance(source, Path) else source["labels"]
    where = f"{file}/label.npy" if made else str(file)
    kind = kind_of(task, made)
    label, misfits = task_labels(where, ids.tolist(), values, kind)
    if kind.beyond == "drop":
        label[misfits] = np.nan
    say(where, int(misfits.sum()), kind)
    return label


def _available_sequences(source: Path | Mapping[str, Path]) -> list[str]:
    if isinstance(source, Path):
        return list(read_offsets(source / "offsets.npy").dtype.names or ())
    return [name for name in source if name != "labels"]


def _holds_arrays(source: Path | Mapping[str, Path]) -> bool:
    if isinstance(source, Path):
        return not (source / "offsets.npy").is_file()
    return all(path.suffix == ".npy" for path in source.values())


def _instead_of_words(
    missing: Sequence[str], available: Sequence[str], recipe: Mapping[str, Any]
) -> str:
    """What to do where there are words, and the run reads vectors that others made of some."""
    vectors = {"embedding", "glove"} & set(missing)
    if not vectors or "words" not in available:
        return ""
    name = min(vectors)
    made = recipe.get("features", {}).get(name, {}).get("name", "those of the training data")
    return (
        f"its {name} is made elsewhere ({made}) and cannot be made of words here: make it of them "
        "as for the training data, or train on a recipe with `words` and an `encoder`; "
    )


def _write_arrays(
    source: Path | Mapping[str, Path],
    needed: Sequence[str],
    recipe: Mapping[str, Any],
    folder: Path,
) -> OwnInput:
    task = recipe["task"]
    columns = task.get("columns", range(len(task["targets"])))
    names = task.get("classes", ())
    aligned = recipe["align"] == "words"
    asked = Asked(needed, [*columns], len(names) or None, names)
    segments = read_arrays(source, asked, aligned)
    where = str(source) if isinstance(source, Path) else " ".join(map(str, source.values()))
    counts = row_counts(where, segments, needed, aligned)
    has_rows = np.min([*counts.values()], axis=0) > 0
    segments = segments.take(np.flatnonzero(has_rows), needed, "one of its sequences has no rows")
    if not len(segments.ids):
        raise InputError(f"{where}: expected a segment with rows of {', '.join(needed)}, got none")
    write({FOLD: segments}, folder / "data", folder / "card.json", "own arrays")
    label = segments.label if np.isfinite(segments.label).any() else None
    dropped = [(str(left_out["id"]), str(left_out["reason"])) for left_out in segments.dropped]
    ids = np.array(segments.ids, dtype=str)
    return OwnInput(ids, np.full((len(ids), 2), ""), label, dropped)


def _copy(source: Path, data: Path) -> OwnInput:
    for path in source.glob("*.npy"):
        if path.name != "label.npy":
            shutil.copy(path, data / path.name)
    ids = read_array(source / "ids.npy", "text", 1)
    label = source / "label.npy"
    return OwnInput(
        ids,
        np.full((len(ids), 2), ""),
        read_array(label, "numbers", 2, len(ids)).astype(float) if label.is_file() else None,
    )


def _align(
    files: Mapping[str, Path],
    source: Mapping[str, Path],
    recipe: Mapping[str, Any],
    folder: Path,
    data: Path,
    seconds: float | None,
    intervals: Path | None,
) -> OwnInput:
    labels_file = source.get("labels")
    segments_file = labels_file or intervals or folder / "labels.csd"
    dropped = [] if labels_file or intervals else _cut(files, seconds, segments_file)
    align(files, segments_file, recipe["align"], folder / "aligned")
    alignment = read_aligned(folder / "aligned", dropped_words(recipe["pauses"]))
    counts = (
        np.diff(alignment.bounds["words"]) if "words" in files else np.ones(len(alignment.segments))
    )
    spoken = np.flatnonzero(counts)
    if not len(spoken):
        raise InputError(f"{files['words']}: no segment has a word")
    alignment.write(spoken, data)
    segments = alignment.segments.iloc[spoken]
    label = None
    if labels_file is not None:
        values = read_array(
            folder / "aligned" / "labels.npy", "numbers", 2, len(alignment.segments)
        )
        columns = recipe["task"].get("columns", range(len(recipe["task"]["targets"])))
        label = values[spoken][:, [c for c in columns if c < values.shape[1]]].astype(float)
    dropped += [(key, reason) for key, _, reason in alignment.dropped.itertuples(index=False)]
    dropped += [(key, "it has no words") for key in alignment.segments["key"].drop(segments.index)]
    times = segments[["start", "end"]].to_numpy(str)
    videos = set(alignment.segments["video"]) | set(alignment.dropped["video"])
    coverage = alignment.coverage(spoken, videos)
    return OwnInput(segments["key"].to_numpy(str), times, label, dropped, coverage)


def _cut(files: Mapping[str, Path], seconds: float | None, path: Path) -> list[tuple[str, str]]:
    """Write labels without a number, whose intervals are whole videos, or pieces of them.

    Returns:
        Videos that last no time and are left out, (video, reason).
    """
    intervals_of: dict[str, list[np.ndarray]] = {}
    spans: dict[str, dict[str, Span]] = {name: {} for name in files}
    for name, file in files.items():
        with csd.Sequence(file) as sequence:
            for video in sequence.videos:
                intervals = sequence.intervals(video)
                intervals_of.setdefault(video, []).append(intervals)
                if one := span(intervals):
                    spans[name][video] = one
    reference, *others = sorted(files, key=lambda name: name != "words")
    check_ends(f"{files[reference]}: {reference}", spans[reference])
    for name in others:
        where = f"{files[name]}: {name}"
        for remark in check_clock(where, spans[name], reference, spans[reference]):
            print(f"warning: {remark}", file=sys.stderr)
    pieces, dropped = {}, []
    for video, sequence_intervals in intervals_of.items():
        times = np.concatenate(sequence_intervals)
        if not times.size or times.min() == times.max():
            dropped.append((video, "its rows last no time" if times.size else "it has no rows"))
            continue
        first, last = float(times.min()), float(times.max())
        begins = np.arange(first, last, seconds or max(last - first, 1.0))
        bounds = np.stack([begins, np.append(begins[1:], last)], axis=1)
        pieces[video] = bounds, np.full((len(bounds), 1), np.nan)
    if not pieces:
        raise InputError(
            f"{', '.join(map(str, files.values()))}: expected a video that lasts some time, "
            f"got {dropped or 'none'}"
        )
    csd.write(path, "labels", pieces)
    return dropped
