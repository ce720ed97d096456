"""The results of one data set in one table: a .csv file for machines, an .md file to read."""

import argparse
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from msa.base.atomic import atomic_write
from msa.base.coverage import LIMIT, fold_lacks
from msa.base.errors import InputError
from msa.base.learned import not_learned, sentence
from msa.base.reading import read_json
from msa.base.schema import problems
from msa.results.carried import markdown as subsets_markdown
from msa.results.carried import probe_rows
from msa.results.ceilings import HUMAN, ceilings
from msa.results.gain import NOTE as GAIN_NOTE
from msa.results.gain import Gain, gain_texts, gains
from msa.results.metrics import LOWER_IS_BETTER
from msa.results.readable import sentence as readable_sentence
from msa.results.score import ORACLE_LABEL
from msa.results.seeds import spread_text
from msa.results.summarize import label, protocol

NOTE = f"""\
Scores are of {{scored}}, at the epoch that the validation fold selected: mean ± sample standard
deviation over the seeds (no ±: one seed; n/a: undefined).
`oracle`: {ORACLE_LABEL}.
95 % intervals stand in each model's .json file: of a bootstrap over {{drawn}}.
Parameters and wall time (s, of training) are sums over all models of a system. `missing` modalities
are filled with zeros of width 1.
"""
USES = (
    "Uses: the largest change of an output when the rows of text (t), audio (a) or vision (v) are "
    "permuted among the test segments; at 0 the model cannot use them."
)
PROBES = (
    "`ridge: text alone` and the like are no systems: linear probes of one modality, of which "
    "ridge reads all."
)
UNSCORED = (
    "MAE and Corr alone: the recipe's task names no `metrics`, such as sims, and its range is not "
    "[-3, 3]."
)
# what scores are of, and what is drawn for intervals
OFFICIAL = {
    "scored": "the test fold",
    "drawn": "the test fold's videos, each\n"
    "with all its segments, or over segments where ids name no videos",
}
CROSSED = {
    "scored": "the test fold (all folds' together: every segment once)",
    "drawn": "what is in one fold\nonly (sessions, speakers or videos), each with all its segments",
}
PUBLISHED = """\
What the papers and their authors' pages say, for the same data set; accuracies and F1 as shares.
Features and folds may be other than here: compare with care. Ours, their way, are the same
predictions under the protocol that the figure's authors used, as far as it is known; ours are as
everywhere here. Second hand is what the source quotes from elsewhere. Variants of a system, such as
its ablations, stand in published.csv alone.
"""


# of a system that is not checked against its authors' code alone
AUTHORITIES = {
    "released": "checked against its authors' code",
    "composed": "composed of parts that its authors released",
    "reconstruction": "a reconstruction, which its authors' code has not confirmed",
}


APART = """\
Of these systems ours is a reconstruction: another system by the same name, whose scores neither
confirm the published ones nor contradict them.
"""


def table(
    results: Sequence[Mapping[str, Any]],
    comparisons: Mapping[str, Any] | None = None,
    probes: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """One row a model and target: targets in their order, in each the best model first.

    The headline metric, which sorts, is mae in a regression; wacc (f1 in a tie) where there is
    one; else f1 (acc in a tie).

    Args:
        results: at least one, all of one data set, as in workflow/schemas/result.schema.json.
        comparisons: of the same models.
        probes: modalities.json of the data set, whose single modalities are rows beside ridge.

    Returns:
        The columns model, target (if there are several), <metric>_mean and <metric>_std, those of
        `Gain` where the comparisons give one in the headline, parameters, seeds, wall_time_s,
        settings, authority (where one is not released), missing, uses_<modality> (`modality_use` of
        the result), oracle_<headline>_mean and _std; where seeds did not learn, `not_learned` names
        them; with probes `kind`, system or probe. What is undefined is NaN.

    Raises:
        InputError: two results are of the same model and variant, or they differ in data set,
            metric definitions or test rows.
    """
    _check(results)
    rows = [_row(result, target, comparisons) for result in results for target in result["targets"]]
    frame = pd.DataFrame(rows)
    if probes:
        rows = [*({**row, "kind": "system"} for row in rows), *probe_rows(probes)]
        frame = pd.DataFrame(rows, columns=[*frame.columns, "kind"])
    if frame["authority"].isin(["", "released"]).all():
        frame = frame.drop(columns="authority")
    if frame["gain"].isna().all():
        frame = frame.drop(columns=[*Gain._fields])
    targets = frame["target"].unique()
    frame["target"] = pd.Categorical(frame["target"], categories=targets)
    headline = headline_of(next(iter(results[0]["targets"].values())))
    ties = {"mae": [], "wacc": ["f1_mean"], "f1": ["acc_mean"]}
    keys = [f"{headline}_mean", *ties[headline]]
    ascending = [True, *(headline in LOWER_IS_BETTER for _ in keys)]
    frame = frame.sort_values(["target", *keys], ascending=ascending, ignore_index=True)
    return frame if len(targets) > 1 else frame.drop(columns="target")


def _row(
    result: Mapping[str, Any], target: str, comparisons: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What `table` says of one target of a result."""
    scores = result["targets"][target]
    headline = headline_of(scores)
    gained = gains(comparisons, target, headline) if comparisons else {}
    oracle = result["oracle"]["targets"][target] if result["oracle"] else {}
    return {
        "model": label(result),
        "target": target,
        **_columns(scores),
        **gained.get(label(result), Gain())._asdict(),
        "parameters": result["parameters"],
        "seeds": len(scores[headline]["per_seed"]),
        "wall_time_s": result["wall_time_s"]["total"],
        "settings": result["settings"],
        "authority": result["authority"] or "",
        "missing": " ".join(result["missing_modalities"]),
        **{f"uses_{name}": use for name, use in result["modality_use"].items()},
        **({"not_learned": " ".join(lost)} if (lost := _lost(result, target)) else {}),
        **({"folds": text} if (text := protocol(result)) else {}),
        **_columns({f"oracle_{headline}": oracle.get(headline, {})}),
    }


def headline_of(scores: Collection[str]) -> str:
    """The metric that a task's results are sorted by, and its figures show."""
    return next(metric for metric in ("mae", "wacc", "f1") if metric in scores)


def _columns(spreads: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    return {
        f"{metric}_{part}": np.nan if spread.get(part) is None else spread[part]
        for metric, spread in spreads.items()
        for part in ("mean", "std")
    }


def _check(results: Sequence[Mapping[str, Any]]) -> None:
    models: set[str] = set()
    wrong = []
    for result in results:
        facts, expected = (
            {
                "dataset": made["dataset"],
                "metrics_version": made["metrics_version"],
                "folds": protocol(made) or "its own",
                "test rows": made["rows"]["test"],
            }
            for made in (result, results[0])
        )
        if facts != expected:
            wrong.append(f"{label(result)}: expected {expected}, got {facts}")
        if label(result) in models:
            wrong.append(f"{label(result)}: expected one result, got a second one")
        models.add(label(result))
    if wrong:
        raise InputError("; ".join([*wrong, "give results of one data set, one a model"]))


def footnotes(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a reader has to know of the data behind the scores, a sentence each."""
    cut = [
        f"{label(result)} reads at most {read['steps']} steps of {name} of a segment: "
        f"{share:.0%} of the test fold's are cut"
        for result in results
        for modalities in result["lengths"].values()
        for name, read in modalities.items()
        if (share := read["cut_steps"]["test"]) > LIMIT
    ]
    lost = [
        sentence(label(result), runs, "fold" not in (result["folds"] or {"fold": 0}))
        for result in results
        if (runs := not_learned(result["learned"]))
    ]
    not_theirs = [
        f"{label(result)} is {AUTHORITIES[result['authority']]}: {result['ours'].rstrip('.')}"
        for result in results
        if result["ours"]
    ]
    return [*lost, *not_theirs, *fold_lacks(results[0]["coverage"]), *dict.fromkeys(cut)]


def _lost(result: Mapping[str, Any], target: str) -> list[str]:
    """The seeds of a target that did not learn: those of a joint model, or of its own."""
    runs = [run.rpartition("/") for run in not_learned(result["learned"])]
    return [seed for trained_for, _, seed in runs if trained_for in ("", target)]


def markdown(
    frame: pd.DataFrame,
    dataset: str,
    published: pd.DataFrame | None = None,
    notes: Sequence[str] = (),
) -> str:
    """The table as a Markdown page with 3 decimals, and what its numbers mean.

    The notes are those of `footnotes`. Published figures, with the columns of
    `msa.results.published`, come after it; human scores are its last rows.
    """
    means = {name.removesuffix("_mean") for name in frame.columns if name.endswith("_mean")}
    note, shown = _meaning(frame, means), _cells(frame)
    for human in ceilings(published, means):
        texts = {"model": human.name, "target": human.target}
        texts |= {metric: f"{value:.3f}" for metric, value in human.scores.items()}
        for name, cells in shown.items():
            cells.append(texts.get(name, ""))
        note += f"\n{human.name}: not ranked ({human.remark})\n"
    textual = ("model", "target", "settings", "authority", "missing", "uses")
    aligned = ["left" if name in textual else "right" for name in shown]
    text = pd.DataFrame(shown).to_markdown(index=False, disable_numparse=True, colalign=aligned)
    page = f"# Leaderboard: {dataset}\n\n{text}\n\n{note}"
    page += "".join(f"\n- {footnote}" for footnote in notes) + ("\n" if notes else "")
    if published is None or (published := main_figures(published)).empty:
        return page
    theirs, apart = stands_apart(published)
    page += f"\n## Published\n\n{PUBLISHED}"
    page += f"\n{_figures(theirs)}" if len(theirs) else ""
    page += f"\n{APART}\n{_figures(apart)}" if len(apart) else ""
    return page


def _meaning(frame: pd.DataFrame, means: Collection[str]) -> str:
    """What the table's numbers mean, of the metrics that have means in it."""
    note = NOTE.format(**OFFICIAL)
    if "folds" in frame:
        note = f"{_mark(frame['folds'].iloc[0])}\n{NOTE.format(**CROSSED)}"
    if "kind" in frame:
        note += f"\n{PROBES}\n"
    if means == {"mae", "corr", "oracle_mae"}:
        note += f"{UNSCORED}\n"
    if any(name.startswith("uses_") for name in frame.columns):
        note += f"\n{USES}\n"
    if "gain" in frame:
        note += f"\n{GAIN_NOTE.format(metric=headline_of(means))}\n"
    return note


def _cells(frame: pd.DataFrame) -> dict[str, list[str]]:
    """The columns of the page's table, as text."""
    shown: dict[str, list[str]] = {}
    for name in frame.columns.drop(["folds", "not_learned", "kind"], errors="ignore"):
        if name.endswith("_mean"):
            metric = name.removesuffix("_mean")
            oracle = f"oracle {metric.removeprefix('oracle_')} (selected on test)"
            spreads = zip(frame[name], frame[f"{metric}_std"], strict=True)
            shown[oracle if metric.startswith("oracle_") else metric] = [
                spread_text(*spread) for spread in spreads
            ]
        elif name == "gain":
            shown["gain"] = gain_texts(frame)
        elif name in Gain._fields:
            continue
        elif name == "wall_time_s":
            shown["wall time"] = [f"{seconds:.1f}" for seconds in frame[name]]
        elif name.startswith("uses_"):
            shown["uses"] = use_texts(frame)
        elif not name.endswith("_std"):
            shown[name] = [str(value) or "none" for value in frame[name]]
    return shown


def _figures(published: pd.DataFrame) -> str:
    """Published figures and ours, as a Markdown table."""
    shown = {
        "system": published["model"].tolist(),
        "metric": [f"{t} {m}".strip() for t, m in _texts(published, "target", "metric")],
        **{
            title: ["" if np.isnan(value) else f"{value:{form}}" for value in published[name]]
            for title, name, form in (
                ("published", "published", ".4g"),
                ("ours, their way", "ours_their_way", ".4g"),
                ("their way - published", "difference_their_way", "+.4g"),
                ("ours", "ours", ".4g"),
                ("ours - published", "difference", "+.4g"),
            )
        },
        "protocol": published["protocol"].tolist(),
        "source": [
            f"{source} (second hand)" if second_hand else source
            for source, second_hand in _texts(published, "source", "second_hand")
        ],
        "what differs": [
            "; ".join(filter(None, pair)) for pair in _texts(published, "note", "differs")
        ],
    }
    text = pd.DataFrame(shown).to_markdown(index=False, disable_numparse=True)
    return f"{text}\n"


def stands_apart(published: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The figures of systems that ours are checked against, and those that ours reconstruct."""
    apart = published["authority"] == "reconstruction"
    return published[~apart], published[apart]


def main_figures(published: pd.DataFrame) -> pd.DataFrame:
    """The figures of the systems themselves, without those of variants of them, or of people."""
    return published[published["variant"].isin(["", np.nan]) & (published["model"] != HUMAN)]


def _mark(text: str) -> str:
    """That the results are of a cross-validation, or of one of its folds."""
    return (
        f"Results of {text},\nnot of official folds: compare them with those of the same "
        "cross-validation alone.\n"
    )


def _texts(frame: pd.DataFrame, *names: str) -> Iterable[tuple[str, ...]]:
    return (
        frame[list(names)].astype(object).fillna("").astype(str).itertuples(index=False, name=None)
    )


def use_texts(frame: pd.DataFrame) -> list[str]:
    """The columns uses_<modality> in a few characters a row: `t 1.2, a 0, v 0.031`."""
    names = [name for name in frame.columns if name.startswith("uses_")]
    return [
        ", ".join(
            f"{name.removeprefix('uses_')[0]} {row[name]:.2g}" for name in names if row[name] >= 0
        )
        for _, row in frame[names].iterrows()
    ]


def read_result(path: Path) -> dict[str, Any]:
    """A result file; InputError if it is missing, broken or against its schema."""
    result = read_json(path)
    if "model" not in result or "targets" not in result:
        raise InputError(
            f"{path}: expected a result as results/<dataset>/<model>.json, found a file of "
            f"{', '.join(list(result)[:6])}"
        )
    if found := problems(result, "result.schema.json", str(path)):
        raise InputError(f"{'; '.join(found)}; make it again with `summarize`")
    return result


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this stage's arguments."""
    parser.add_argument(
        "results", type=Path, nargs="+", metavar="RESULT.json", help="of one data set"
    )
    parser.add_argument(
        "--comparisons", type=Path, help="of these models, for the column gain: comparisons.json"
    )
    parser.add_argument("--published", type=Path, help="published figures beside ours, .csv")
    parser.add_argument("--probes", type=Path, help="rows of single modalities: modalities.json")
    parser.add_argument("--subsets", type=Path, help="a table of parts of the fold: subsets.csv")
    parser.add_argument(
        "--output-csv", type=Path, required=True, help="results/<dataset>/leaderboard.csv"
    )
    parser.add_argument(
        "--output-md", type=Path, required=True, help="results/<dataset>/leaderboard.md"
    )


def main(args: argparse.Namespace) -> None:
    """Read the results, write both tables."""
    results = [read_result(path) for path in args.results]
    comparisons = None
    if args.comparisons:
        comparisons = read_json(args.comparisons, "targets", "encoders")
    probes = read_json(args.probes, "settings", "probes") if args.probes else None
    frame = table(results, comparisons, probes)
    with atomic_write(args.output_csv) as file:
        frame.to_csv(file, index=False)
    notes = footnotes(results)
    headline = headline_of(next(iter(results[0]["targets"].values())))
    if comparisons:
        said = readable_sentence(results, comparisons, headline, headline)
        notes += [said] if said else []
    with atomic_write(args.output_md) as file:
        published = None if args.published is None else pd.read_csv(args.published)
        file.write(markdown(frame, results[0]["dataset"], published, notes))
        if args.subsets:
            file.write(subsets_markdown(pd.read_csv(args.subsets), headline, probes))
