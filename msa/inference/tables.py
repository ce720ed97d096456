"""Tables and scores of predictions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import softmax

from msa.data.own_input import OwnInput
from msa.inference.clips import Clips
from msa.results.metrics import ALL, scored_targets, target_scores

Runs = Mapping[str, Sequence[tuple[dict[str, Any], np.ndarray]]]


@dataclass(frozen=True)
class Prediction:
    """What a system says of the segments: by target, settings and outputs of each seed."""

    segments: OwnInput
    runs: Runs


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


def joined(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The tables of several systems as one, whose columns begin with the system's name.

    Of one system it is the table itself. Segments that a system cannot read have no numbers of it.
    """
    if len(tables) == 1:
        return next(iter(tables.values()))
    keys = ["id", "start", "end"]
    indexed = []
    for name, frame in tables.items():
        # an id may be there twice
        index: list[Any] = [*keys, frame.groupby("id").cumcount().rename("n")]
        indexed.append(frame.set_index(index).add_prefix(f"{name}."))
    return pd.concat(indexed, axis=1, sort=False).reset_index().drop(columns="n")


def with_words(frame: pd.DataFrame, clips: Clips) -> pd.DataFrame:
    """A table with the clip of each segment, its times as numbers, and what is said in it."""
    frame = frame.astype({"start": float, "end": float})
    frame.insert(1, "video", [clips.clip_of(segment) for segment in frame["id"]])
    rows = frame[["video", "start", "end"]].itertuples(index=False)
    frame.insert(4, "words", [" ".join(clips.words(*row)) for row in rows])
    return frame.sort_values(["video", "start"], kind="stable", ignore_index=True)
