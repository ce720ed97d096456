"""Figures of studies: modalities removed, input made worse, single segments; the stages' graph."""

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import networkx as nx
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from msa.report.figures import COLOURS, INK, STYLE, legend, panels, svg, tinted

# what each rule needs first, of the demo; what an indirect need says already is left out
STAGES = {
    "align": ["demo"],
    "demo_encoder": ["demo"],
    "split": ["align"],
    "audit": ["split"],
    "clean": ["split"],
    "croissant": ["clean"],
    "encode": ["split", "demo_encoder"],
    "train": ["clean", "encode", "settings"],
    "perturb": ["train"],
    "score": ["train"],
    "summarize": ["score"],
    "summarize_ablated": ["score"],
    "compare": ["score"],
    "robustness": ["perturb"],
    "protocols": ["summarize"],
    "published": ["summarize"],
    "ablation": ["summarize", "summarize_ablated", "robustness"],
    "probe": ["clean", "encode", "settings"],
    "subsets": ["score", "probe"],
    "leaderboard": ["published", "compare", "subsets"],
    "paper_table": ["summarize", "compare"],
    "examine": ["train"],
    "report": ["leaderboard", "protocols", "ablation", "examine", "audit"],
}
NAMES = {"demo": "demo, download\nor import", "demo_encoder": "encoder"}
AXES = {"missing-frames": "share missing", "noise": "noise, deviations"}


@mpl.rc_context(STYLE)
def stages() -> str:
    """The graph of the rules from raw files to the page."""
    graph = nx.DiGraph([(first, then) for then, needs in STAGES.items() for first in needs])
    for layer, names in enumerate(nx.topological_generations(graph)):
        for name in names:
            graph.nodes[name]["layer"] = layer
    # as late as what follows allows
    for name in reversed(list(nx.topological_sort(graph))):
        after = [graph.nodes[then]["layer"] for then in graph.successors(name)]
        graph.nodes[name]["layer"] = min(after) - 1 if after else graph.nodes[name]["layer"]
    layers: dict[int, list[str]] = {}  # networkx would order them by hashes of names
    for name in dict.fromkeys([*STAGES, *graph]):
        layers.setdefault(graph.nodes[name]["layer"], []).append(name)
    places = nx.multipartite_layout(graph, subset_key=layers, scale=1)
    figure = Figure(figsize=(9.2, 3.0), layout="constrained")
    axis = figure.subplots()
    edges = {"edge_color": INK, "width": 0.6, "arrowsize": 7, "node_size": 900, "alpha": 0.7}
    for first, then in graph.edges:
        # past the rules in between
        far = graph.nodes[then]["layer"] - graph.nodes[first]["layer"] > 1
        bend = (0.3 if places[then][1] < places[first][1] else -0.3) if far else 0
        arc = f"arc3,rad={bend}"
        nx.draw_networkx_edges(
            graph, places, [(first, then)], ax=axis, connectionstyle=arc, **edges
        )
    for name, (x, y) in places.items():
        text = NAMES.get(name, name.replace("_", "\n"))
        box = {"boxstyle": "round,pad=0.35", "fc": COLOURS[0], "ec": "none"}
        axis.text(x, y, text, ha="center", va="center", color="white", fontsize=7, bbox=box)
    axis.margins(0.08)
    axis.set_axis_off()
    return svg(figure)


@mpl.rc_context(STYLE)
def ablation(table: pd.DataFrame, metric: str) -> str:
    """Scores without each modality, at test time and retrained, beside the full model's."""
    models = list(table["model"].unique())
    figure, axes = panels(len(models), 2.6, 2.1, 3)
    for axis, model in zip(axes, models, strict=True):
        scores = table[table["model"] == model]
        modalities = list(scores["modality"].unique())
        for k, how in enumerate(("test", "retrained")):
            bars = scores[scores["how"] == how].set_index("modality").reindex(modalities)
            at = np.arange(len(modalities)) + 0.38 * k - 0.19
            name = "at test time" if k == 0 else how
            axis.bar(at, bars["mean"], 0.36, color=COLOURS[k], label=name)
            axis.errorbar(at, bars["mean"], bars["std"], ls="", color=INK, lw=0.9)
        axis.axhline(scores["full_mean"].iloc[0], color=INK, lw=0.8, ls="--")
        axis.set_xticks(range(len(modalities)), [f"no {m}" for m in modalities])
        axis.set_title(model)
    axes[0].set_ylabel(metric)
    legend(figure, axes[:1])
    return svg(figure)


@mpl.rc_context(STYLE)
def robustness(table: pd.DataFrame, metric: str, palette: Mapping[str, Mapping[str, str]]) -> str:
    """A line a model: the score against the level; a row a kind, a column a modality."""
    # without all of its frames a modality is missing
    table = table.replace({"kind": {"missing-modality": "missing-frames"}}).sort_values("level")
    kinds = [kind for kind in AXES if kind in set(table["kind"])]
    known = set(table["modality"])
    modalities = [name for name in ("text", "audio", "vision", "hcf", "all") if name in known]
    figure, axes = panels(len(kinds) * len(modalities), 2.2, 2.0, len(modalities))
    for i, axis in enumerate(axes):
        kind, modality = kinds[i // len(modalities)], modalities[i % len(modalities)]
        here = table[(table["kind"] == kind) & (table["modality"] == modality)]
        for name, curve in here.groupby("model"):
            style, spread = palette[str(name)], curve["std"].fillna(0)
            low, high = curve["mean"] - spread, curve["mean"] + spread
            axis.fill_between(curve["level"], low, high, color=style["color"], alpha=0.15, lw=0)
            axis.plot(curve["level"], curve["mean"], ms=2.5, lw=1.1, label=name, **style)
        axis.set(title=modality, xlabel=AXES[kind])
        if i % len(modalities) == 0:
            axis.set_ylabel(metric)
    legend(figure, axes)
    return svg(figure)


@mpl.rc_context(STYLE)
def attention(segment: Mapping[str, Any]) -> str:
    """Word-to-word weights (w, w), a row the word that attends."""
    words = segment["words"]
    size = 1.1 + 0.24 * len(words)
    figure, [axis] = panels(1, size + 0.3, size)
    _shares(axis, np.asarray(segment["attention"]), words, words)
    return svg(figure)


@mpl.rc_context(STYLE)
def experts(segment: Mapping[str, Any]) -> str:
    """Loads of the experts (e): a row a layer or modality, and a row for each of its words."""
    rows, loads = [], []
    for name, part in segment["experts"].items():
        several = len(part["words"]) > 1
        for word, load in zip(segment["words"], part["words"], strict=True):
            rows.append(f"{name}: {word}" if several else name)
            loads.append(load)
    names = next(iter(segment["experts"].values()))["names"]
    figure, [axis] = panels(1, 1.2 + 0.5 * len(names), 0.8 + 0.28 * len(rows))
    _shares(axis, np.asarray(loads), rows, names)
    for (i, j), share in np.ndenumerate(loads):
        axis.text(j, i, f"{share:.2f}", ha="center", va="center", fontsize=7)
    return svg(figure)


def _shares(axis: Any, shares: np.ndarray, rows: Any, columns: Any) -> None:
    axis.imshow(tinted(shares / shares.max()), aspect="auto", interpolation="nearest")
    # words may hold a dollar, which is no formula
    axis.set_xticks(range(len(columns)), columns, rotation=90, parse_math=False)
    axis.set_yticks(range(len(rows)), rows, parse_math=False)
    axis.tick_params(length=0, labelsize=7)
