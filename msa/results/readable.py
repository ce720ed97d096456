"""What can be read at all: the smallest difference that a test fold and its seeds can show.

The standard error of a difference of two means over seeds has two parts. That of the test fold is
the deviation of the paired bootstrap over videos, which keeps the trained seeds as they are. That
of the seeds is what other seeds would give on the same fold, var / n of each model, whose trainings
are independent. Their variances are added: where seeds differ in which segments they get wrong,
that is in both, so that the sum is a little too large and not too small (Owen, The pigeonhole
bootstrap, Annals of Applied Statistics 1, 2007; why both are needed: Bouthillier et al., Accounting
for variance in machine learning benchmarks, MLSys 2021). The smallest difference that is then found
at 5 %, two-sided, four times in five is (z_.975 + z_.8) standard errors (Bloom, Minimum detectable
effects, Evaluation Review 19, 1995).
"""

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from msa.results.summarize import label

LEVEL, POWER = 0.05, 0.8
FACTOR = NormalDist().inv_cdf(1 - LEVEL / 2) + NormalDist().inv_cdf(POWER)  # 2.80


def readable(
    resampled: np.ndarray, first: np.ndarray, second: np.ndarray
) -> dict[str, float | None]:
    """`readable`, the smallest difference that a pair of models can show, and what it is made of.

    Args:
        resampled: differences of the means over seeds, (r,), of resamples of the test fold.
        first: the first model's score of each seed, (s,).
        second: the second's, (t,).

    Returns:
        `se_test` and `se_seeds`, the two standard errors; the latter is None where a model has one
        seed, and `readable` then of the test fold alone. All None of fewer than two resamples.
    """
    if len(resampled) < 2:
        return {"se_test": None, "se_seeds": None, "readable": None}
    test = float(resampled.std(ddof=1))
    sides = (first, second)
    seeds = None
    if min(map(len, sides)) > 1:
        seeds = float(np.sqrt(sum(side.var(ddof=1) / len(side) for side in sides)))
    return {
        "se_test": test,
        "se_seeds": seeds,
        "readable": FACTOR * float(np.hypot(test, seeds or 0.0)),
    }


def sentence(
    results: Sequence[Mapping[str, Any]], comparisons: Mapping[str, Any], metric: str, title: str
) -> str:
    """What cannot be told apart on a data set; nothing where no pair of models says.

    It is the median over the pairs of published systems, or, of fewer than two, of all models.

    Args:
        results: as in workflow/schemas/result.schema.json.
        comparisons: of the same models.
        metric: the one that results are sorted by.
        title: how it is called.
    """
    names = {label(result) for result in results if result["authority"]}
    of, names = ("systems", names) if len(names) > 1 else ("models", {*map(label, results)})
    least, pairs, one_seed = {}, 0, False
    for target, metrics in comparisons["targets"].items():
        found = [
            pair
            for pair in metrics.get(metric, ())
            if {pair["first"], pair["second"]} <= names and pair.get("readable") is not None
        ]
        if found:
            least[target] = float(np.median([pair["readable"] for pair in found]))
            pairs = max(pairs, len(found))
            one_seed |= any(pair["se_seeds"] is None for pair in found)
    if not least:
        return ""
    several = len(comparisons["targets"]) > 1
    values = (f"{value:.3f}{f' ({target})' if several else ''}" for target, value in least.items())
    which = f"the median over {pairs} pairs of {of}" if pairs > 1 else f"of one pair of {of}"
    alone = " Of one seed the spread over seeds is not known and not in it." if one_seed else ""
    return (
        f"Differences under {', '.join(values)} in {title} cannot be told apart here: the smallest "
        "that this test fold and number of seeds show with 80 % power, two-sided 5 %, "
        f"{which}.{alone}"
    )
