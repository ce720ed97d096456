"""Predict: what trained models say of a user's own input, as a table; with labels, also scores."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import softmax

from msa.base.atomic import atomic_write
from msa.base.coverage import lacks, uncovered
from msa.base.device import choose_device
from msa.base.errors import InputError
from msa.data.own_input import OwnInput, expectation, find, prepare
from msa.inference.packed import open_any
from msa.inference.unpack import add_source_arguments
from msa.results.metrics import ALL, scored_targets, target_scores
from msa.training.outputs import outputs_of
from msa.training.run import read_settings

Runs = Mapping[str, Sequence[tuple[dict[str, Any], np.ndarray]]]


def table(segments: OwnInput, runs: Runs) -> pd.DataFrame:
    """One row a segment: id, start, end, and for each target the mean over the seeds.

    A regression has `<target>` and its sample deviation `<target>_std` between seeds. Of classes
    `<target>` is the likeliest (0 or 1 in a binary task), beside every class's probability
    `<target>_<class>` and `<target>_<class>_std`; in a binary task that of 1 alone.

    Args:
        segments: of the input.
        runs: by target, settings and outputs (n, m) of each seed.
    """
    frame = pd.DataFrame(
        {"id": segments.ids, "start": segments.times[:, 0], "end": segments.times[:, 1]}
    )
    for target, seeds in runs.items():
        task = seeds[0][0]["task"]
        outputs = np.stack([output for _, output in seeds])  # (s, n, m)
        j = task["targets"].index(target)
        if task["type"] == "regression":
            values = {target: outputs[..., j]}
        elif task["type"] == "binary":
            pair = softmax(outputs[..., 2 * j : 2 * j + 2], axis=-1)
            values = {f"{target}_1": pair[..., 1]}
            frame[target] = (values[f"{target}_1"].mean(axis=0) > 0.5).astype(int)
        else:
            shares, names = softmax(outputs, axis=-1), task["classes"]
            values = {f"{target}_{name}": shares[..., c] for c, name in enumerate(names)}
            frame[target] = np.array(names)[shares.mean(axis=0).argmax(axis=-1)]
        for name, of in values.items():  # (s, n)
            frame[name] = of.mean(axis=0)
            frame[f"{name}_std"] = of.std(axis=0, ddof=1) if len(of) > 1 else np.nan
    return frame


def scores(label: np.ndarray, runs: Runs) -> dict[str, Any]:
    """By target, how many rows have a label, and mean and deviation over seeds of each metric.

    Args:
        label: (n, targets), NaN where there is none.
        runs: as in `table`.
    """
    content: dict[str, Any] = {}
    first = next(iter(runs.values()))
    every = {ALL: first} if ALL in scored_targets(first[0][0]["task"]) else {}
    for target, seeds in (every | dict(runs)).items():
        task, columns = seeds[0][0]["task"], seeds[0][0]["label_columns"]
        truth = label[:, columns]
        asked = slice(None) if target == ALL else [task["targets"].index(target)]
        known = np.isfinite(truth[:, asked]).all(axis=1)
        content[target] = {"rows": int(known.sum()), "seeds": len(seeds), "metrics": {}}
        if not known.any():
            continue
        outputs = np.stack([output for _, output in seeds])[:, known]
        for metric, values in target_scores(task, target, truth[known], outputs).items():
            defined = np.isfinite(values).all()
            content[target]["metrics"][metric] = {
                "mean": float(values.mean()) if defined else None,
                "std": float(values.std(ddof=1)) if defined and len(values) > 1 else None,
            }
    return content


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--run",
        required=True,
        help="a result, for the mean of its seeds, or one run; or a pack: folder, .zip or "
        "hf://OWNER/NAME@REVISION",
    )
    add_source_arguments(parser)
    parser.add_argument("--encoder", type=Path, help="the folder of the encoder of a pack")
    parser.add_argument(
        "--input",
        nargs="+",
        required=True,
        metavar="FOLDER|FILE|NAME=FILE",
        help="a folder of one fold as split writes it; or words.csd, audio.csd, vision.csd and, if "
        "there are, labels.csd in one folder or given as NAME=FILE; or arrays in a pickle, or as "
        ".npy files in the same way",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        help="without labels, whose intervals are the segments, the length of a segment; by "
        "default a video is one",
    )
    parser.add_argument(
        "--output", type=Path, required=True, help="CSV file; with labels also <output>.scores.json"
    )
    parser.add_argument("--configfile", type=Path, nargs="+", default=[Path("config.yaml")])
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")


def main(args: argparse.Namespace) -> None:
    if args.seconds is not None and not args.seconds > 0:
        raise InputError(f"--seconds: expected more than 0, got {args.seconds}")
    runs: dict[str, list[tuple[dict[str, Any], np.ndarray]]] = {}
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        scratch = folder / "system"
        scratch.mkdir()
        system = open_any(args.run, args.configfile, scratch, args.encoder, args.sha256)
        every = [read_settings(run) for run in system.runs]
        forms, device = every[0]["forms"], choose_device(args.device)
        expected = expectation(forms, system.recipe, system.cleanings)
        source = find(args.input, f"; the model reads {expected}")
        segments = prepare(
            source,
            forms,
            system.recipe,
            system.cleanings,
            system.encoder,
            folder,
            device,
            args.seconds,
        )
        for run, settings in zip(system.runs, every, strict=True):
            output = outputs_of(
                run, folder, system.encoder, str(device), tell=run == system.runs[0]
            )
            task, target = settings["task"], settings["target"]
            for name in task["targets"] if target == "all" else [target]:
                runs.setdefault(name, []).append((settings, output))
    if (known := system.trained_with(segments.ids)).any():
        print(
            f"{known.sum()} of {len(known)} segments were in the training fold: "
            "their scores say nothing of new ones",
            file=sys.stderr,
        )
    for text in lacks(segments.coverage, 0):
        print(text, file=sys.stderr)
    for name, videos in uncovered(segments.coverage).items():
        print(f"no row of {name} in the whole of {', '.join(videos)}", file=sys.stderr)
    for segment, reason in segments.dropped:
        print(f"left out: {segment}: {reason}", file=sys.stderr)
    if segments.label is not None:
        content = scores(segments.label, runs)
        with atomic_write(args.output.with_suffix(".scores.json")) as file:
            json.dump(content, file, indent=1)
        print(json.dumps(content, indent=1))
    with atomic_write(args.output) as file:
        table(segments, runs).to_csv(file, index=False)
