"""What each modality carries, and parts of the test fold, as tables show them."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from msa.results.seeds import spread_text

ALL = "all"  # the probe of all modalities, which is ridge itself
NOTE = (
    "Conflict: segments where the linear probes of single modalities disagree in {what}; "
    "agreement: the others. The tenths are of each model its own, by its {metric} in each {unit}, "
    "mean over seeds: the worst are worse, and the best better, by luck too."
)
NO_CONFLICT = "Conflicts are not told apart{where}: fewer than two single modalities have a say."
SIGN = "sign (positive is above 0)"


def probe_name(modality: str) -> str:
    """What a probe is called in tables."""
    return f"ridge: {modality} alone"


def probe_rows(probes: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows of single modalities in a leaderboard, from modalities.json."""
    for name, probe in probes["probes"].items():
        for target, scores in probe["targets"].items() if name != ALL else ():
            spreads = {
                f"{metric}_mean": np.nan if value is None else value
                for metric, value in scores["test"].items()
            }
            yield {
                **{"model": probe_name(name), "target": target, **spreads},
                **{"parameters": probe["parameters"], "seeds": 1},
                **{"wall_time_s": probe["wall_time_s"], "settings": probes["settings"]},
                **{"authority": "", "missing": "", "kind": "probe"},
            }


def remarks(probes: Mapping[str, Any]) -> list[str]:
    """Which modalities have no probe, and which probes learn nothing, a sentence each."""
    said = [f"{name} has no probe: {why}" for name, why in probes["left_out"].items()]
    for name, probe in probes["probes"].items():
        lost = [target for target, clearly in probe["carries"].items() if not clearly]
        which = f" for {', '.join(lost)}" if len(probe["carries"]) > 1 else ""
        if lost:
            what = "all modalities together are" if name == ALL else f"{name} alone is"
            said.append(
                f"{what} not clearly better on the validation fold than the training labels' mean "
                f"or shares{which}{'' if name == ALL else ', and has no say in conflicts'}"
            )
    return said


def probe_table(probes: Mapping[str, Any], folds: tuple[str, ...] = ("valid", "test")) -> str:
    """The probes as a Markdown table: a row a modality and target, its penalty and scores."""
    rows = []
    for name, probe in probes["probes"].items():
        for target, scores in probe["targets"].items():
            shown = {
                f"{metric} ({fold})": "n/a" if value is None else f"{value:.3f}"
                for metric in scores["test"]
                for fold in folds
                for value in [scores[fold][metric]]
            }
            row = {"ridge on": name, "target": target, "columns": str(probe["columns"])}
            rows.append({**row, "penalty": f"{probe['alpha']:.3g}", **shown})
    if not rows:
        return ""
    frame = pd.DataFrame(rows)
    if frame["target"].nunique() == 1:
        frame = frame.drop(columns="target")
    return str(frame.to_markdown(index=False, disable_numparse=True))


def subset_table(frame: pd.DataFrame, target: str, metric: str) -> pd.DataFrame:
    """A row a model, a column a part of the fold, as text; with rows where all have as many.

    Args:
        frame: the content of subsets.csv.
        target: one of its targets.
        metric: one of its metrics.
    """
    # the tenths have the metric that they are chosen by alone
    wanted = (frame["metric"] == metric) | frame["subset"].str.contains(" tenth of ")
    part = frame[(frame["target"] == target) & wanted]
    columns = {}
    for name, subset in part.groupby("subset", sort=False):
        counts, own = subset["rows"].unique(), subset["metric"].iloc[0]
        title = f"{name} ({counts[0]})" if len(counts) == 1 and own == metric else str(name)
        title += f" ({own})" if own != metric else ""
        columns[title] = pd.Series(
            [spread_text(*pair) for pair in subset[["mean", "std"]].to_numpy()],
            index=subset["model"],
        )
    order = part.loc[part["subset"] == part["subset"].iloc[0]].set_index("model")["mean"]
    order = order.sort_values(ascending=metric == "mae", kind="stable")
    return pd.DataFrame(columns).reindex(order.index).fillna("")


def subset_note(frame: pd.DataFrame, metric: str) -> str:
    """What the parts are."""
    tenths = frame[frame["subset"].str.contains(" tenth of ")]
    unit = "video"
    if len(tenths):
        unit = tenths["subset"].iloc[0].rpartition(" ")[2].removesuffix("s")
        own = tenths["metric"].iloc[0]
        metric = metric if metric.lower() == own else own
    regression = "mae" in set(frame["metric"])
    note = NOTE.format(what=SIGN if regression else "class", metric=metric, unit=unit)
    have = set(frame["target"][frame["subset"] == "conflict"])
    lacking = [target for target in frame["target"].unique() if target not in have]
    if not have:
        return f"{NO_CONFLICT.format(where='')} {note.partition('others. ')[2]}"
    where = f" in {', '.join(lacking)}"
    return f"{note} {NO_CONFLICT.format(where=where)}" if lacking else note


def markdown(frame: pd.DataFrame, headline: str, probes: Mapping[str, Any] | None = None) -> str:
    """A section on the parts of the test fold.

    Args:
        frame: the content of subsets.csv.
        headline: the metric that results are sorted by.
        probes: the content of modalities.json.
    """
    text = f"\n## Parts of the test fold: {headline}\n"
    targets = frame["target"].unique()
    for target in targets:
        shown = subset_table(frame, target, headline)
        title = f"\n{target}:\n" if len(targets) > 1 else ""
        aligned = ["left", *["right"] * len(shown.columns)]
        body = shown.reset_index(names="model").to_markdown(
            index=False, disable_numparse=True, colalign=aligned
        )
        text += f"{title}\n{body}\n"
    text += f"\n{subset_note(frame, headline)}\n"
    said = remarks(probes) if probes else []
    return text + "".join(f"\n- {remark}" for remark in said) + ("\n" if said else "")
