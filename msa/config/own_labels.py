"""Labels of one's own videos: whether their columns are the recipe's targets."""

import csv
from collections.abc import Iterator
from pathlib import Path

from msa.config.configuration import Config

KEYS = ("video", "start", "end")  # as in msa/extract/labels.py, which reads the rest


def label_problems(config: Config) -> Iterator[str]:
    """Targets of the configured videos that are other columns of the labels than those read."""
    for dataset in config.values["datasets"]:
        recipe = config.recipes[dataset]
        if "videos" not in recipe or not Path(recipe["labels"]).is_file():
            continue
        targets = recipe["task"]["targets"]
        names = [name for name in _header(Path(recipe["labels"])) if name not in KEYS]
        if names == ["label"] and len(targets) == 1:
            continue
        places = recipe["task"].get("columns", range(len(targets)))
        read = [names[place] for place in places if place < len(names)]
        if read != targets:
            yield f"recipe {dataset}: {recipe['labels']}: " + (
                f"the targets {targets} are not the columns that are read, {read}; say "
                f"`columns: {[names.index(target) for target in targets]}` in the task"
                if set(targets) <= set(names)
                else f"expected columns named as the targets {targets}, got {names}"
            )


def _header(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        return next(csv.reader(file), [])
