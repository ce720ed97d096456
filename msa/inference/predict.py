"""Predict: what trained models say of a user's own input, as a table; with labels, also scores.

Videos and sounds are extracted first, as the training data were.
"""

import argparse
import json
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from msa.base.atomic import atomic_write, check_place
from msa.base.coverage import lacks, uncovered
from msa.base.device import choose_device
from msa.base.errors import InputError
from msa.data.own_input import OwnInput, expectation, find, prepare, sequences
from msa.extract.face_weights import FOLDER
from msa.inference.clips import Clips, Cutting, find_clips, read_clips
from msa.inference.extraction import stored_settings
from msa.inference.packed import one_error, open_any
from msa.inference.segmenting import PAUSE
from msa.inference.system import System
from msa.inference.tables import Prediction, joined, scores, table, with_words
from msa.inference.unpack import add_source_arguments
from msa.training.outputs import outputs_of
from msa.training.run import read_settings


def predict(
    system: System,
    source: Path | Mapping[str, Path],
    folder: Path,
    device: Any,
    seconds: float | None = None,
    intervals: Path | None = None,
) -> Prediction:
    """Predict with every run of a system.

    Args:
        system: the trained one.
        source: as `msa.data.own_input.find` gives it.
        folder: an empty one, for what the source is made into.
        device: where it runs.
        seconds, intervals: the segments, as `msa.data.own_input.prepare` wants them.
    """
    every = [read_settings(run) for run in system.runs]
    segments = prepare(
        source,
        every[0]["forms"],
        system.recipe,
        system.cleanings,
        system.encoder,
        folder,
        device,
        seconds,
        intervals=intervals,
    )
    runs: dict[str, list[tuple[dict[str, Any], np.ndarray]]] = {}
    for run, settings in zip(system.runs, every, strict=True):
        output = outputs_of(run, folder, system.encoder, str(device), tell=run == system.runs[0])
        task, target = settings["task"], settings["target"]
        for name in task["targets"] if target == "all" else [target]:
            runs.setdefault(name, []).append((settings, output))
    return Prediction(segments, runs)


def named(systems: Mapping[str, System]) -> dict[str, System]:
    """Systems by the names of their models; where two have one name, by their paths as before.

    Raises:
        InputError: their tasks are not the same.
    """
    settings = {path: read_settings(system.runs[0]) for path, system in systems.items()}
    (first, task), *others = ((path, one["task"]) for path, one in settings.items())
    for path, other in others:
        for key in {**task, **other}:
            if other.get(key) != task.get(key):
                raise InputError(
                    f"{path}: {key}: expected {task.get(key)} as in {first}, got {other.get(key)}; "
                    "models of different tasks cannot stand side by side"
                )
    models = {path: one["model"] for path, one in settings.items()}
    names = models if len({*models.values()}) == len(models) else {path: path for path in models}
    return {names[path]: system for path, system in systems.items()}


def say(name: str, system: System, segments: OwnInput) -> None:
    """What there is to know of the segments and a system, on stderr."""
    if (known := system.trained_with(segments.ids)).any():
        print(
            f"{name}{known.sum()} of {len(known)} segments were in the training fold: "
            "their scores say nothing of new ones",
            file=sys.stderr,
        )
    for text in lacks(segments.coverage, 0):
        print(f"{name}{text}", file=sys.stderr)
    for sequence, videos in uncovered(segments.coverage).items():
        print(f"{name}no row of {sequence} in the whole of {', '.join(videos)}", file=sys.stderr)
    for segment, reason in segments.dropped:
        print(f"{name}left out: {segment}: {reason}", file=sys.stderr)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--run",
        nargs="+",
        required=True,
        help="a result, for the mean of its seeds, or one run; or a pack: folder, .zip or "
        "hf://OWNER/NAME@REVISION; several stand side by side",
    )
    add_source_arguments(parser)
    parser.add_argument("--encoder", type=Path, help="the folder of the encoder of a pack")
    parser.add_argument(
        "--input",
        nargs="+",
        required=True,
        metavar="CLIP|FOLDER|FILE|NAME=FILE",
        help="videos or sounds, or a folder of them; or a folder of one fold as split writes it; "
        "or words.csd, audio.csd, vision.csd and, if there are, labels.csd in one folder or given "
        "as NAME=FILE; or arrays in a pickle, or as .npy files in the same way",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        help="without labels, whose intervals are the segments, the length of a segment; by "
        "default a video is one, and clips are cut at pauses",
    )
    clips = parser.add_argument_group("of clips")
    clips.add_argument(
        "--segments", type=Path, metavar="CSV", help="video, start, end, and perhaps labels"
    )
    clips.add_argument(
        "--pause", type=float, help=f"seconds without speech between segments; {PAUSE} by default"
    )
    clips.add_argument(
        "--transcripts", type=Path, metavar="FOLDER", help="default: beside each clip"
    )
    clips.add_argument(
        "--face-weights",
        type=Path,
        metavar="FOLDER",
        help=f"default: those of the workflow, for packs {FOLDER}",
    )
    clips.add_argument(
        "--page", type=Path, metavar="HTML", help="the clips beside what is predicted of them"
    )
    parser.add_argument(
        "--output", type=Path, required=True, help="CSV file; with labels also <output>.scores.json"
    )
    parser.add_argument("--configfile", type=Path, nargs="+", default=[Path("config.yaml")])
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")


def _check(args: argparse.Namespace, clips: Sequence[Path]) -> None:
    """Raise an InputError where arguments cannot be, or not together."""
    for name in ("seconds", "pause"):
        value = getattr(args, name)
        if value is not None and not value > 0:
            raise InputError(f"--{name}: expected more than 0, got {value}")
    ways = [f"--{name}" for name in ("segments", "seconds", "pause") if getattr(args, name)]
    if clips and len(ways) > 1:
        raise InputError(f"expected one way to cut clips into segments, got {' and '.join(ways)}")
    if len(args.run) > 1 and (args.encoder or args.sha256):
        option = "--encoder" if args.encoder else "--sha256"
        raise InputError(f"{option}: expected one --run with it, got {len(args.run)}")
    written = {
        "--output": args.output,
        "its scores": args.output.with_suffix(".scores.json"),
        "--page": args.page,
    }
    taken: dict[Path, str] = {}
    for option, path in written.items():
        if path is None:
            continue
        if path.is_dir():
            raise InputError(f"{option}: expected a file to write, got the folder {path}")
        if (other := taken.setdefault(path.resolve(), option)) != option:
            raise InputError(f"{option}: expected another file than {other}, got {path}")
    asked = ("segments", "pause", "transcripts", "face_weights", "page")
    if not clips and (needless := [name for name in asked if getattr(args, name)]):
        raise InputError(
            f"--{needless[0].replace('_', '-')}: expected videos or sounds as --input, got "
            f"{' '.join(args.input)}"
        )
    for path in taken:
        check_place(path)


def _open_systems(args: argparse.Namespace, folder: Path) -> dict[str, System]:
    """The systems by what --run names them; what is fetched or unpacked goes into the folder."""
    systems = {}
    for number, run in enumerate(args.run):
        scratch = folder / f"system{number}"
        scratch.mkdir()
        with one_error(run):
            systems[run] = open_any(run, args.configfile, scratch, args.encoder, args.sha256)
    return systems


def _cutting(args: argparse.Namespace, task: Mapping[str, Any]) -> Cutting:
    """How clips are cut, and which columns of a table of segments are the task's targets."""
    columns = task.get("columns", range(len(task["targets"])))
    targets = dict(zip(task["targets"], columns, strict=True))
    return Cutting(args.segments, args.seconds, args.pause or PAUSE, targets)


def _extract(
    args: argparse.Namespace,
    paths: Sequence[Path],
    systems: Mapping[str, System],
    needed: Collection[str],
    cutting: Cutting,
    folder: Path,
) -> tuple[Clips, dict[str, Any]]:
    """The clips, written into a folder, and the settings that they were extracted with."""
    settings = stored_settings({name: system.extraction for name, system in systems.items()})
    folders = (args.face_weights, *(system.face_weights for system in systems.values()))
    weights = next(filter(None, folders), None)
    return read_clips(paths, folder, settings, needed, cutting, args.transcripts, weights), settings


def _write_tables(output: Path, predictions: Mapping[str, Prediction], clips: Clips | None) -> None:
    """Write the table of all systems, and beside it the scores where there are labels."""
    scored = {
        name: scores(prediction.segments.label, prediction.runs)
        for name, prediction in predictions.items()
        if prediction.segments.label is not None
    }
    frame = joined({name: table(p.segments, p.runs) for name, p in predictions.items()})
    if scored:
        content = scored if len(predictions) > 1 else next(iter(scored.values()))
        with atomic_write(output.with_suffix(".scores.json")) as file:
            json.dump(content, file, indent=1)
        print(json.dumps(content, indent=1))
    with atomic_write(output) as file:
        (with_words(frame, clips) if clips else frame).to_csv(file, index=False)


def main(args: argparse.Namespace) -> None:
    paths = find_clips(args.input)
    _check(args, paths)
    device = choose_device(args.device)
    predictions: dict[str, Prediction] = {}
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        opened = _open_systems(args, folder)
        systems = named(opened)
        cutting = _cutting(args, next(iter(systems.values())).recipe["task"])
        forms = {name: read_settings(system.runs[0])["forms"] for name, system in systems.items()}
        clips: Clips | None = None
        settings: dict[str, Any] = {}
        if paths:
            needed = {x for n, s in systems.items() for x in sequences(forms[n], s.recipe["align"])}
            clips, settings = _extract(args, paths, systems, needed, cutting, folder)
        intervals = clips.intervals if clips else None
        for number, (run, (name, system)) in enumerate(zip(opened, systems.items(), strict=True)):
            expected = expectation(forms[name], system.recipe, system.cleanings)
            source = clips.files if clips else find(args.input, f"; the model reads {expected}")
            scratch = folder / str(number)
            scratch.mkdir()
            with one_error(run):
                predictions[name] = predict(
                    system, source, scratch, device, args.seconds, intervals
                )
    for name, prediction in predictions.items():
        say(f"{name}: " * (len(systems) > 1), systems[name], prediction.segments)
    if clips and args.page:
        # what draws the page takes a while to import
        from msa.inference.clip_page import clip_page

        text = clip_page(paths, clips, predictions, settings, cutting)
        with atomic_write(args.page) as file:
            file.write(text)
    _write_tables(args.output, predictions, clips)
