"""Runs that did not learn: no better on the validation fold than a constant prediction."""

from collections.abc import Mapping, Sequence

REMEDIES = "a lower lr, warm-up (`schedule`), more epochs or `clip`"


def not_learned(learned: Mapping[str, bool | None]) -> list[str]:
    """The runs that did not learn, from run -> whether; None, as of a closed form, is none."""
    return [run for run, well in learned.items() if well is False]


def all_learned(deals: Sequence[bool | None]) -> bool | None:
    """Whether every deal of a cross-validation learned; None where none of them says."""
    known = [well for well in deals if well is not None]
    return all(known) if known else None


def sentence(model: str, runs: Sequence[str], crossed: bool) -> str:
    """What tables say of a model's runs that did not learn, without a full stop.

    Args:
        model: its name.
        runs: as `not_learned` gives them: `<seed>`, or `<target>/<seed>`.
        crossed: the runs are of all folds of a cross-validation.
    """
    where = " in one fold or more" if crossed else ""
    return (
        f"{model}: seed{'s' * (len(runs) > 1)} {', '.join(runs)} did not learn{where}: no better "
        "on the validation fold than a constant prediction; the mean still counts "
        f"{'them' if len(runs) > 1 else 'it'}; try {REMEDIES}"
    )
