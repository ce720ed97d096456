"""Space: what a random search draws hyperparameters from, and the draw of one trial."""

import copy
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

WHOLE = ("batch_size", "epochs", "patience", "lengths.")


def draw(space: Mapping[str, Any], seed: int, trial: int) -> dict[str, Any]:
    """The hyperparameters of one trial: they depend on the space, the seed and its number alone.

    Args:
        space: by hyperparameter, such as `optimizer.lr`, the values to choose from, or
            {low, high} of a uniform range, with `log: true` of its logarithm. Both are included
            where whole numbers are drawn: for a setting that is one, and for one of the
            architecture whose bounds are integers.
        seed: of the search.
        trial: number of the trial, from 0.

    Returns:
        Values by the names in the space.
    """
    rng = np.random.default_rng([seed, trial])
    return {key: _value(key, space[key], rng.random()) for key in sorted(space)}


def _value(key: str, values: Any, share: float) -> Any:
    if not isinstance(values, Mapping):
        return values[int(share * len(values))]
    low, high, log = values["low"], values["high"], values.get("log", False)
    integers = isinstance(low, int) and isinstance(high, int)
    if not (key.startswith(WHOLE) or (key.startswith("architecture.") and integers)):
        return _between(low, high, share, log)
    low, high = int(low), int(high)
    # rounding may leave the range
    return min(max(math.floor(_between(low, high + 1, share, log)), low), high)


def _between(low: float, high: float, share: float, log: bool) -> float:
    if log:
        return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
    return low + share * (high - low)


def applied(settings: Mapping[str, Any], drawn: Mapping[str, Any]) -> dict[str, Any]:
    """Settings whose hyperparameters are replaced by the drawn ones."""
    changed = copy.deepcopy(dict(settings))
    for key, value in drawn.items():
        *groups, name = key.split(".")
        inner = changed["hyperparameters"]
        for group in groups:
            inner = inner.setdefault(group, {})
        inner[name] = value
    return changed
