"""What the jobs behind a result took, from the files that Snakemake's `benchmark:` leaves.

They lie in a folder `benchmarks` beside what a job made, and travel with it. They are inputs of no
rule: each run of a job writes other numbers, and a run from elsewhere may come without them.
"""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from msa.base.errors import InputError

# ours -> Snakemake's column: seconds, seconds, MB of resident memory
COLUMNS = {"seconds": "s", "cpu_seconds": "cpu_time", "memory_mb": "max_rss"}
UNKNOWN = dict.fromkeys(COLUMNS)
# of a job that ended before Snakemake's first look at it
NOT_MEASURED = ("NA", "-")


def read_cost(path: Path) -> dict[str, float | None]:
    """Seconds, CPU seconds and peak memory (MB) of one job; None where they are not known.

    Raises:
        InputError: the file is no benchmark of Snakemake's.
    """
    if not path.is_file():
        return dict(UNKNOWN)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            row = list(csv.DictReader(file, delimiter="\t"))[-1]
        texts = {name: row[column] for name, column in COLUMNS.items()}
        return {
            name: None if text in NOT_MEASURED else float(text) or None  # nothing was not measured
            for name, text in texts.items()
        }
    except (IndexError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise InputError(
            f"{path}: expected a benchmark of Snakemake's with {', '.join(COLUMNS.values())}, "
            f"got something else ({error!r}); remove it: the cost is then unknown"
        ) from error


def costs(
    runs: Mapping[str, Path],
    together: bool = False,
    shared: Iterable[tuple[str, Path]] = (),
    stage: str = "train",
) -> list[dict[str, Any]]:
    """A row a job: its stage, the runs that it was for, and what it took.

    Args:
        runs: label of a run -> its folder.
        together: the seeds of a target were trained by one job.
        shared: stage and file of the jobs that were for all runs.
        stage: what made each run, train or, of a checkpoint of the authors', predict.
    """
    jobs: dict[tuple[str, Path], list[str]] = {job: list(runs) for job in shared}
    for label, folder in runs.items():
        home = folder.parent if together else folder
        jobs.setdefault((stage, home / f"benchmarks/{stage}.tsv"), []).append(label)
    return [
        {"stage": made_by, "runs": labels, **read_cost(path)}
        for (made_by, path), labels in jobs.items()
    ]
