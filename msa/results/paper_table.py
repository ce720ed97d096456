"""The results of one data set as a table for a paper, LaTeX and Markdown."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from msa.base.atomic import atomic_write
from msa.base.reading import read_json
from msa.results.bootstrap import caution, drawn
from msa.results.leaderboard import UNSCORED, read_result, table
from msa.results.metrics import ALL, LOWER_IS_BETTER
from msa.results.seeds import spread_text
from msa.results.summarize import protocol

TITLES = {
    "mae": "MAE",
    "corr": "Corr",
    "acc7": "Acc7",
    "acc5": "Acc5",
    "acc2_non0": "Acc2 non0",
    "acc2_has0": "Acc2 has0",
    "f1_non0": "F1 non0",
    "f1_has0": "F1 has0",
    "acc2_sims": "Acc2 SIMS",
    "f1_sims": "F1 SIMS",
    "acc3_sims": "Acc3 SIMS",
    "acc5_sims": "Acc5 SIMS",
    "acc": "Acc",
    "wacc": "WAcc",
    "f1": "F1",
}
DEFINITIONS = {
    "Acc7": "Acc7, Acc5: rounded after clipping to [-3, 3], [-2, 2].",
    "Acc2 non0": "non0: without rows labelled 0; has0: all rows, 0 is positive.",
    "F1 non0": "F1: weighted.",
    "Acc2 SIMS": "SIMS: labels and predictions clipped to [-1, 1], for MAE and Corr too; Acc2: "
    "above 0 or not; classes of Acc3 end at -0.1 and 0.1, of Acc5 at -0.7, -0.1, 0.1 and 0.7, "
    "borders included.",
    "F1 SIMS": "F1: weighted.",
    "WAcc": "WAcc: mean of the accuracies on presence and on absence.",
    "F1": "F1: weighted.",
}
LEVEL = 0.05
SPECIAL = {c: f"\\{c}" for c in "&%$#_{}"} | {
    **{"\\": r"\textbackslash{}", "±": r"$\pm$", "<": "$<$", ">": "$>$"},
    **{"~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
}
SHRUNK = r"\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%"


def cells(
    results: Sequence[Mapping[str, Any]], comparisons: Mapping[str, Any]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What stands in each cell, and its mark: "best", "worse" (significantly, than the best) or "".

    Both have a row a model and target, in the order of the leaderboard, and a column a metric.
    """
    board = table(results)
    only = next(iter(results[0]["targets"]))
    targets = board.get("target", pd.Series(only, index=board.index)).astype(str)
    metrics = [name for name in TITLES if f"{name}_mean" in board]
    index = targets + ": " + board["model"] if "target" in board else board["model"]
    shown, marks = {}, {}
    for metric in metrics:
        means, deviations = (board[f"{metric}_{part}"] for part in ("mean", "std"))
        shown[TITLES[metric]] = [spread_text(*pair) for pair in zip(means, deviations, strict=True)]
        marked = pd.Series("", index=board.index)
        for target in targets.unique():
            values = means[targets == target].dropna()
            if len(values):
                best = values.idxmin() if metric in LOWER_IS_BETTER else values.idxmax()
                worse = _worse(
                    comparisons["targets"][target][metric], str(board.loc[best, "model"])
                )
                marked[(targets == target) & board["model"].isin(worse)] = "worse"
                marked[(targets == target) & (means == values[best])] = "best"
        marks[TITLES[metric]] = marked.tolist()
    return pd.DataFrame(shown, index=list(index)), pd.DataFrame(marks, index=list(index))


def _worse(pairs: Sequence[Mapping[str, Any]], best: str) -> set[str]:
    sides = (
        {pair["first"], pair["second"]}
        for pair in pairs
        if pair["p_holm"] is not None and pair["p_holm"] < LEVEL
    )
    return {name for pair in sides if best in pair for name in pair - {best}}


def caption(results: Sequence[Mapping[str, Any]], comparisons: Mapping[str, Any]) -> str:
    """What a reader has to know of the numbers."""
    first = results[0]
    rows = first["rows"]
    every = [scores for result in results for scores in result["targets"].values()]
    seeds = sorted({len(spread["per_seed"]) for scores in every for spread in scores.values()})
    metrics = [TITLES[name] for name in every[0] if name in TITLES]
    definitions = [DEFINITIONS[name] for name in metrics if name in DEFINITIONS]
    if metrics == ["MAE", "Corr"]:
        definitions = [UNSCORED]
    if ALL in first["targets"]:
        definitions.append("all: plain mean over the targets.")
    over = "one seed"
    if seeds != [1]:
        over = f"mean ± sample standard deviation over {' or '.join(map(str, seeds))} seeds"
    daggers = (
        "Dagger: worse than the best, two-sided paired bootstrap of "
        f"{comparisons['resamples']} resamples of {drawn(comparisons['bootstrap'])}, "
        "Holm-corrected over all pairs of models and all metrics of a target, "
        f"p < {LEVEL}; no dagger does not mean equal. {caution(comparisons['bootstrap'])}"
    )
    if comparisons["bootstrap"]["n"] == 1:
        daggers = f"No daggers: one {comparisons['bootstrap']['unit']} alone cannot be resampled. "
    folds = f"train {rows['train']}, validation {rows['valid']}, test {rows['test']} segments"
    if text := protocol(first):
        folds = (
            f"{text}; {folds}"
            if "fold" in first["folds"]
            else f"{rows['test']} segments, each predicted once in {text}"
        )
    return (
        f"Test scores on {first['dataset']} ({folds}): {over}, "
        "at the epoch that the validation fold selects. "
        f"Bold: best. {daggers}n/a: undefined. "
    ) + " ".join(definitions)


def latex(shown: pd.DataFrame, marks: pd.DataFrame, text: str, label: str) -> str:
    """A `table*` with booktabs' rules, shrunk to the text's width where it is wider."""
    written = pd.DataFrame(
        {
            escape(name): [_cell(*pair) for pair in zip(shown[name], marks[name], strict=True)]
            for name in map(str, shown)
        },
        index=[escape(name) for name in shown.index],
    )
    body = written.to_latex(
        escape=False,
        caption=escape(text),
        label=f"tab:{label}",
        column_format="l" + "r" * len(written.columns),
        position="t",
    )
    # across both columns of a page that has two
    body = body.replace("{table}", "{table*}")
    body = body.replace("\\begin{tabular}", f"{SHRUNK}\n\\begin{{tabular}}")
    body = body.replace("\\end{tabular}", "\\end{tabular}}")
    return "% needs \\usepackage{booktabs,graphicx}\n" + body


def _cell(text: str, mark: str) -> str:
    mean, _, std = text.partition(" ± ")
    mean = f"\\textbf{{{mean}}}" if mark == "best" else mean
    beside = (f"_{{\\pm {std}}}" if std else "") + ("^\\dagger" if mark == "worse" else "")
    return f"{mean}${beside}$" if beside else mean


def markdown(shown: pd.DataFrame, marks: pd.DataFrame, text: str) -> str:
    """The same in Markdown."""
    written = shown.where(marks != "best", "**" + shown + "**")
    written = written.where(marks != "worse", written + "†")
    aligned = ["left", *["right"] * len(written.columns)]
    rows = written.reset_index(names="model").to_markdown(
        index=False, disable_numparse=True, colalign=aligned
    )
    return f"{rows}\n\n{text}\n"


def escape(text: str) -> str:
    """Text for LaTeX."""
    return "".join(SPECIAL.get(c, c) for c in text)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", type=Path, nargs="+", metavar="RESULT.json")
    parser.add_argument("--comparisons", type=Path, required=True, help="comparisons.json")
    parser.add_argument("--output-tex", type=Path, required=True)
    parser.add_argument("--output-md", type=Path, required=True)


def main(args: argparse.Namespace) -> None:
    results = [read_result(path) for path in args.results]
    comparisons = read_json(args.comparisons, "targets", "resamples", "bootstrap")
    shown, marks = cells(results, comparisons)
    text = caption(results, comparisons)
    with atomic_write(args.output_tex) as file:
        file.write(latex(shown, marks, text, results[0]["dataset"]))
    with atomic_write(args.output_md) as file:
        file.write(markdown(shown, marks, text))
