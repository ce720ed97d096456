"""Figures of the page, as SVG that takes the page's own text colour.

Every function gives the SVG's text, the same for the same numbers.
"""

import io
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any
from zlib import crc32

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

PIXELS = 105  # of an inch
DOTS = 10_000  # of a figure that are drawn one by one, about 1.4 MB
INK = "#010203"  # stands for the page's text colour, light or dark
# after Okabe and Ito, so that colour-blind readers tell them apart; as dark as white paper needs
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b87f00", "#8a6fc8", "#9a8c00")
MARKERS = "os^Dv"
STYLE: Any = {
    **{"svg.fonttype": "none", "svg.hashsalt": "msa", "font.family": "sans-serif"},
    **{"font.size": 9, "axes.titlesize": 9, "axes.spines.top": False, "axes.spines.right": False},
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor"), INK),
    **{"xtick.color": INK, "ytick.color": INK, "legend.frameon": False},
    **{"axes.linewidth": 0.6, "xtick.major.width": 0.6, "ytick.major.width": 0.6},
}

LINE: Any = {"color": INK, "lw": 0.9, "ls": "--", "alpha": 0.7}


def styles(names: Sequence[str]) -> dict[str, dict[str, str]]:
    """A colour and a marker for each model of a data set, the same in its figures."""
    made = [(marker, colour) for marker in MARKERS for colour in COLOURS]
    return {
        name: {"color": made[i % len(made)][1], "marker": made[i % len(made)][0]}
        for i, name in enumerate(sorted(names))
    }


def svg(figure: Figure) -> str:
    """The figure's <svg> element, without a date, its ids its own."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None}, dpi=2 * PIXELS)
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    # as wide as the page and as drawn at most; on a phone not tiny, it scrolls
    text = re.sub(r' height="[^"]*"', "", text, count=1)
    pixels = PIXELS * figure.get_figwidth()
    wide = f' style="max-width: {pixels:.0f}px; min-width: {0.85 * pixels:.0f}px"'
    text = re.sub(r' width="[^"]*"', wide, text, count=1)
    # several figures share a page: ids must not meet
    mark = f"f{crc32(text.encode()):x}-"
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{mark}", text)


def panels(count: int, width: float = 2.2, height: float = 2.0, columns: int = 4) -> Any:
    """A figure of small panels, and the axes of each."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for spare in axes[count:]:
        spare.set_axis_off()
    return figure, axes[:count]


@mpl.rc_context(STYLE)
def bars(
    scores: Mapping[str, Mapping[str, Any]],
    title: str,
    palette: Mapping[str, Mapping[str, str]],
    lines: Mapping[str, float] = MappingProxyType({}),
) -> str:
    """Means with 95 % intervals, from model to {mean, ci95}, in the order given; and lines."""
    shown = {name: s for name, s in scores.items() if s["mean"] is not None}
    figure, [axis] = panels(1, 5.6, 0.6 + 0.3 * len(shown))
    for i, (name, score) in enumerate(shown.items()):
        low, high = score["ci95"] or (score["mean"], score["mean"])
        axis.barh(i, score["mean"], color=palette[name]["color"], height=0.6)
        axis.plot([low, high], [i, i], color=INK, lw=1.2, solid_capstyle="butt")
        axis.annotate(
            f"{score['mean']:.3f}",
            (max(high, score["mean"], 0), i),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
        )
    axis.set_yticks(range(len(shown)), list(shown))
    axis.tick_params(axis="y", length=0)
    axis.margins(x=0.1, y=0.03)
    axis.invert_yaxis()
    axis.set_xlabel(title)
    for name, value in lines.items():
        axis.axvline(value, **LINE)
        place = {"xycoords": axis.get_xaxis_transform(), "ha": "center", "va": "bottom"}
        axis.annotate(f"{name} {value:.3f}", (value, 1), fontsize=8, **place)
    return svg(figure)


@mpl.rc_context(STYLE)
def curves(histories: Mapping[str, Sequence[tuple[pd.DataFrame, int]]]) -> str:
    """Training and validation loss of each model's seeds; a dot at the selected epoch."""
    figure, axes = panels(len(histories))
    for axis, (name, seeds) in zip(axes, histories.items(), strict=True):
        for history, selected in seeds:
            axis.plot(history["epoch"], history["train_loss"], color=INK, alpha=0.6, lw=0.9)
            axis.plot(history["epoch"], history["valid_loss"], color=COLOURS[0], lw=1.1)
            at = history[history["epoch"] == selected]
            axis.plot(at["epoch"], at["valid_loss"], "o", color=COLOURS[1], ms=4)
        axis.set_title(name)
        axis.set_xlabel("epoch")
        axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        low = max(0, min(h[["train_loss", "valid_loss"]].min().min() for h, _ in seeds) * 0.9)
        shown = [h[["train_loss", "valid_loss"]].quantile(0.95).max() for h, _ in seeds]
        high = max(shown) * 1.1
        axis.set_ylim(low, max(high, low + 1e-6))
    axes[0].set_ylabel("loss")
    return svg(figure)


@mpl.rc_context(STYLE)
def scatter(pairs: Mapping[str, tuple[np.ndarray, np.ndarray]], low: float, high: float) -> str:
    """Predicted against true values of each model, (n,) each, and the line of a perfect one.

    The dots are pictures where there are more than DOTS, so that the page stays small.
    """
    figure, axes = panels(len(pairs))
    many = sum(len(truth) for truth, _ in pairs.values()) > DOTS
    for axis, (name, (truth, predicted)) in zip(axes, pairs.items(), strict=True):
        axis.plot([low, high], [low, high], color=INK, lw=0.6, alpha=0.6)
        dots = {"s": 7, "alpha": 0.8, "color": COLOURS[0], "lw": 0}
        axis.scatter(truth, predicted, rasterized=many, **dots)
        axis.set(title=name, xlim=(low - 0.2, high + 0.2), ylim=(low - 0.2, high + 0.2))
        axis.set_xlabel("true")
    axes[0].set_ylabel("predicted")
    return svg(figure)


def tinted(shares: np.ndarray) -> np.ndarray:
    """Shares (r, c) of 0 to 1 as (r, c, 4): one blue, through which the page's paper shows."""
    rgba = np.empty((*shares.shape, 4))
    rgba[..., :3] = to_rgb(COLOURS[0])
    rgba[..., 3] = 0.75 * shares  # text stays readable in light and dark
    return rgba


@mpl.rc_context(STYLE)
def matrices(counts: Mapping[str, np.ndarray], names: Sequence[str]) -> str:
    """Confusion matrices (c, c) of each model, shares of the true class in the rows."""
    figure, axes = panels(len(counts), 2.3, 2.3)
    for axis, (name, matrix) in zip(axes, counts.items(), strict=True):
        shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        axis.imshow(tinted(shares), aspect="equal", interpolation="nearest")
        for i, j in np.ndindex(matrix.shape):
            axis.text(j, i, int(matrix[i, j]), ha="center", va="center", fontsize=7)
        axis.set_title(name)
        axis.set_xticks(range(len(names)), names, rotation=45 if len(names[0]) > 2 else 0)
        axis.set_yticks(range(len(names)), names)
        axis.tick_params(length=0, labelsize=7)
        axis.set_xlabel("predicted")
    axes[0].set_ylabel("true")
    return svg(figure)


@mpl.rc_context(STYLE)
def calibration(
    bins: Mapping[str, tuple[np.ndarray, np.ndarray]], labels: Any, diagonal: bool = False
) -> str:
    """A panel a model, through (x, share) of its bins.

    The guide is the diagonal for probabilities, or a cross through zero and one half.
    """
    figure, axes = panels(len(bins))
    every = np.concatenate([x for x, _ in bins.values()])
    for axis, (name, (x, share)) in zip(axes, bins.items(), strict=True):
        if diagonal:
            axis.plot([0, 1], [0, 1], color=INK, lw=0.6, alpha=0.6)
        else:
            axis.axhline(0.5, color=INK, lw=0.6, alpha=0.4)
            axis.axvline(0, color=INK, lw=0.6, alpha=0.4)
        axis.plot(x, share, "o-", ms=3.5, lw=1.1, color=COLOURS[0])
        axis.set(title=name, ylim=(-0.05, 1.05), xlabel=labels[0])
        space = 0.05 * max(np.ptp(every), 0.1)
        axis.set_xlim(every.min() - space, every.max() + space)
    axes[0].set_ylabel(labels[1])
    return svg(figure)


@mpl.rc_context(STYLE)
def sizes(
    points: Mapping[str, tuple[float, float]],
    metric: str,
    palette: Mapping[str, Mapping[str, str]],
    lines: Mapping[str, float] = MappingProxyType({}),
) -> str:
    """A score against the number of parameters; and lines."""
    figure, [axis] = panels(1, 5.6, 3.2)
    for name, (count, score) in points.items():
        axis.plot(count, score, ls="", ms=7, label=name, **palette[name])
    axis.set(xscale="log", xlabel="parameters", ylabel=metric)
    axis.minorticks_off()
    axis.margins(x=0.15, y=0.12)
    for name, value in lines.items():
        axis.axhline(value, **LINE)
        place = {"xycoords": axis.get_yaxis_transform(), "ha": "right", "va": "bottom"}
        axis.annotate(f"{name} {value:.3f}", (1, value), fontsize=8, **place)
    legend(figure, [axis])
    return svg(figure)


def legend(figure: Figure, axes: Sequence[Axes], width: float = 1.1) -> None:
    """One legend below all panels, of what any of them has, in columns of a width in inches."""
    handles: dict[str, Artist] = {}
    for axis in axes:
        for handle, name in zip(*axis.get_legend_handles_labels(), strict=True):
            handles.setdefault(name, handle)
    names = list(handles)
    figure.legend(
        handles=[handles[name] for name in names],
        labels=names,
        loc="outside lower left",
        ncols=max(1, int(figure.get_figwidth() / width)),
        fontsize=8,
    )
