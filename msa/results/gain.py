"""What a system gains over its text encoder alone, fine-tuned, on the same test rows and seeds."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from msa.results.metrics import LOWER_IS_BETTER

BASELINE = "text_only"
LEVEL = 0.05
NOTE = (
    f"gain: by how much better {{metric}} is than that of {BASELINE}, which is fine-tuned from the "
    "same text encoder and reads nothing else, and the 95 % interval: the paired bootstrap of "
    "comparisons.json, same test rows, means over the seeds. Above 0 is better; "
    f"*: p < {LEVEL}, Holm-corrected as there. Readable: the smallest difference that this test "
    "fold and number of seeds show with 80 % power. Systems that do not read words through that "
    "encoder have none."
)


class Gain(NamedTuple):
    """A paired difference in one metric, positive where it is better than the baseline.

    Attributes:
        gain: the difference.
        gain_low: where its 95 % interval begins.
        gain_high: where that ends.
        gain_p: two-sided, Holm-corrected as comparisons.json is.
        gain_readable: the smallest difference that could be read, as of `msa.results.readable`.
    """

    gain: float = np.nan
    gain_low: float = np.nan
    gain_high: float = np.nan
    gain_p: float = np.nan
    gain_readable: float = np.nan


def gains(comparisons: Mapping[str, Any], target: str, metric: str) -> dict[str, Gain]:
    """By model, as tables name it, what those of the baseline's encoder gain over it.

    Args:
        comparisons: the content of comparisons.json.
        target: one of its targets.
        metric: one of its metrics.
    """
    encoders, found = comparisons["encoders"], {}
    for pair in comparisons["targets"][target][metric]:
        names = [pair["first"], pair["second"]]
        if BASELINE not in names or pair["p_holm"] is None:
            continue
        model = names[names[0] == BASELINE]
        if encoders[model] is None or encoders[model] != encoders[BASELINE]:
            continue
        # the pair is first - second
        sign = 1 if (model == pair["first"]) != (metric in LOWER_IS_BETTER) else -1
        low, high = sorted(sign * bound for bound in pair["ci95"])
        least = np.nan if pair.get("readable") is None else pair["readable"]
        found[model] = Gain(sign * pair["difference"], low, high, pair["p_holm"], least)
    return found


def gain_texts(frame: pd.DataFrame) -> list[str]:
    """What a table shows of the columns of `Gain`: "+0.031* [+0.010, +0.052] readable 0.028"."""
    return [
        ""
        if np.isnan(gain)
        else f"{gain:+.3f}{'*' if p < LEVEL else ''} [{low:+.3f}, {high:+.3f}]"
        + ("" if np.isnan(least) else f" readable {least:.3f}")
        for gain, low, high, p, least in frame[[*Gain._fields]].itertuples(index=False)
    ]
