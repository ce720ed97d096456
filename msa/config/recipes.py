"""What a data recipe says: its sequences and its task, over the recipe that it extends."""

import re
from collections.abc import Mapping
from math import inf
from typing import Any

from msa.base.errors import InputError
from msa.base.schema import nearest
from msa.config.layers import merge

SEQUENCES = ("words", "glove", "embedding", "audio", "vision", "hcf")
FOLDS = ("train", "valid", "test")
EXTRACTED = "extracted"  # in place of a file: what is made of the recipe's videos
# repository, revision, file
HUB_FILE = re.compile("hf://datasets/([^/@]+/[^/@]+)@([^/@]+)/(.+)")
# by a task's `metrics`, the labels that they are defined for; rounded is for any
METRIC_RANGES = {"sentiment7": (-3, 3), "sims": (-1, 1)}
DEFAULTS: dict[str, Any] = {
    "pauses": "drop",
    "encoder": None,
    "clean": {"policy": "zero", "standardize": []},
}


def extend_recipe(
    name: str, raw_recipes: Mapping[str, Any], seen: tuple[str, ...] = ()
) -> dict[str, Any]:
    """A recipe over the one it extends; the base's raw files are its own.

    Args:
        name: of the recipe.
        raw_recipes: every recipe by name, as it is written.
        seen: names of those that extend it.

    Raises:
        InputError: it extends one that is not there, or itself.
    """
    recipe = raw_recipes[name]
    base = recipe.get("extends") if isinstance(recipe, Mapping) else None
    if isinstance(recipe, Mapping) and isinstance(recipe.get("folds"), str):
        recipe = {**recipe, "folds": {"file": recipe["folds"]}}
    if isinstance(recipe, Mapping) and "videos" in recipe:
        recipe = {"align": "words", **recipe, "sequences": _extracted(recipe.get("extract", {}))}
    if base is None:
        return merge(DEFAULTS, recipe)
    if base not in raw_recipes:
        raise InputError(f"recipe {name}: extends: unknown recipe {nearest(base, raw_recipes)}")
    if base in (*seen, name):
        raise InputError(f"recipe {name}: extends: {base} extends it in turn")
    below = extend_recipe(base, raw_recipes, (*seen, name))
    folds = recipe.get("folds")
    if isinstance(folds, Mapping) and {"file", "by"} & set(folds):
        below.pop("folds", None)  # one way of making folds replaces another
    return merge(below, recipe)


def _extracted(settings: Any) -> dict[str, str]:
    """The sequences that are made of videos: all but those that are asked to be none."""
    keys = {"words": "align", "audio": "audio", "vision": "vision"}
    left_out = settings if isinstance(settings, Mapping) else {}
    names = [name for name, key in keys.items() if left_out.get(key) != "none"]
    return dict.fromkeys([*names, "labels"], EXTRACTED)


def sequence_names(recipe: Mapping[str, Any]) -> list[str]:
    """The sequences a recipe has, beside the labels."""
    names = recipe["holds"] if "import" in recipe else recipe["sequences"]
    return [name for name in SEQUENCES if name in names]


def file_urls(file: str | Mapping[str, Any]) -> tuple[str, ...]:
    """The sources that a recipe names for a file."""
    urls = file if isinstance(file, str) else file.get("url", ())
    return (urls,) if isinstance(urls, str) else tuple(urls)


def recipe_problems(name: str, recipe: Mapping[str, Any]) -> list[str]:
    """What a schema cannot say."""
    needed = ["align", "holds"] if "import" in recipe else ["align", "sequences", "folds"]
    if not recipe.get("import", "demo-").startswith("demo-"):
        needed.append("files")
    wrong = [f'recipe {name}: the key "{key}" is missing' for key in needed if key not in recipe]
    wrong += _folds_problems(name, recipe.get("folds", {}), "import" in recipe)
    wrong += _video_problems(name, recipe)
    if "speakers" in recipe and "speakers" in recipe.get("folds", {}):
        wrong.append(
            f"recipe {name}: speakers: expected it once, got it in folds too; drop that one"
        )
    if wrong:
        return wrong
    for file in recipe.get("files", recipe.get("sequences", {})).values():
        wrong += [
            f"recipe {name}: expected hf://datasets/OWNER/NAME@REVISION/FILE, got {url}"
            for url in file_urls(file)
            if url.startswith("hf://") and not HUB_FILE.fullmatch(url)
        ]
    task, names = recipe["task"], sequence_names(recipe)
    if recipe["align"] == "words" and "words" not in names:
        wrong.append(f"recipe {name}: align: words needs a sequence that plays words, got {names}")
    if recipe["encoder"] and "words" not in names:
        wrong.append(f"recipe {name}: encoder: needs a sequence that plays words, got {names}")
    if not names:
        wrong.append(f"recipe {name}: sequences: expected one beside labels, of {SEQUENCES}")
    if unknown := set(recipe["clean"]["standardize"]) - set(names):
        wrong.append(
            f"recipe {name}: clean: standardize: expected some of {names}, got {sorted(unknown)}"
        )
    return wrong + _table_problems(name, recipe) + task_problems(f"recipe {name}: task", task)


def task_problems(where: str, task: Mapping[str, Any]) -> list[str]:
    """What is wrong with a task that is as the schema says."""
    wrong = []
    if task["type"] == "regression" and "range" not in task:
        wrong.append(f"{where}: a regression needs its range, such as [-3, 3]")
    if "range" in task and not -inf < task["range"][0] < task["range"][1] < inf:
        wrong.append(f"{where}: range: expected low, high, got {task['range']}")
    wrong += _metrics_problems(where, task)
    if task["type"] == "classification" and ("classes" not in task or len(task["targets"]) != 1):
        wrong.append(f"{where}: a classification needs classes and one target")
    wrong += _label_problems(where, task)
    columns = task.get("columns", task["targets"])
    if len(columns) != len(task["targets"]):
        wrong.append(
            f"{where}: expected a column for each of {len(task['targets'])} targets, "
            f"got {len(columns)}"
        )
    return wrong


def _video_problems(name: str, recipe: Mapping[str, Any]) -> list[str]:
    """What only videos may say, and what they need."""
    if "videos" not in recipe:
        alone = [key for key in ("transcripts", "extract") if key in recipe]
        alone += ["labels"] if isinstance(recipe.get("labels"), str) else []
        return [f"recipe {name}: {key}: is for videos alone" for key in alone]
    wrong = [f'recipe {name}: {key}: not with "videos"' for key in ("import",) if key in recipe]
    if not isinstance(recipe.get("labels"), str):
        wrong.append(
            f"recipe {name}: labels: videos need a .csv with the columns video, start, end and "
            "one a target"
        )
    return wrong


def _metrics_problems(where: str, task: Mapping[str, Any]) -> list[str]:
    """What is wrong with the scores that a task asks for."""
    metrics = task.get("metrics")
    if metrics and task["type"] != "regression":
        return [f"{where}: metrics: of a regression alone, got a {task['type']}"]
    low, high = METRIC_RANGES.get(metrics or "", (None, None))
    first, last = task.get("range", (low, high))
    if low is not None and not low <= first < last <= high:
        return [
            f"{where}: metrics: {metrics} is of labels in [{low}, {high}], got the "
            f"range [{first}, {last}]; correct one of them, or leave metrics out for mae and corr "
            "alone"
        ]
    return []


def _label_problems(where: str, task: Mapping[str, Any]) -> list[str]:
    """What is wrong with what becomes of labels."""
    wrong = []
    if "present" in task and task["type"] != "binary":
        wrong.append(f"{where}: present: only with type: binary, got type: {task['type']}")
    if "present" in task and "all" in task["targets"]:
        wrong.append(f"{where}: targets: all is the name of the means over all targets")
    ranged = "range" in task and (task["type"] == "regression" or "present" in task)
    if task.get("beyond") == "clip" and not ranged:
        wrong.append(
            f"{where}: beyond: clip: needs the key range, such as range: [-3, 3]; classes are "
            "refused or dropped"
        )
    return wrong


def _folds_problems(name: str, folds: Mapping[str, Any], imported: bool) -> list[str]:
    """What is wrong with folds that are read from a file, or dealt for a cross-validation."""
    where = f"recipe {name}: folds"
    if not folds:
        return []
    if "by" not in folds:
        alone = [key for key in ("k", "valid", "test", "seed", "speakers") if key in folds]
        wrong = [f'{where}: {key}: needs the key "by"' for key in alone]
        known = "file" in folds or imported or wrong
        return wrong if known else [f'{where}: the key "file" is missing']
    wrong = [f'{where}: {key}: not with "by"' for key in ("file", "allow_missing") if key in folds]
    if "test" in folds:
        wrong += [f'{where}: {key}: not with "test"' for key in ("k",) if key in folds]
        if imported or folds["by"] == "session":
            wrong.append(f"{where}: test: of .csd files or videos, by: video or by: speaker")
        if folds["test"] + folds.get("valid", 0.1) >= 1:
            wrong.append(f"{where}: valid and test: expected shares of less than 1 together")
    if "speakers" in folds and folds["by"] != "speaker":
        wrong.append(f"{where}: speakers: only with by: speaker, got by: {folds['by']}")
    return wrong


def _table_problems(name: str, recipe: Mapping[str, Any]) -> list[str]:
    """What only a table may say, and what it may not."""
    is_table, rates = recipe.get("import") == "table", recipe.get("rates", {})
    if not is_table:
        return [f"recipe {name}: rates: are for import: table alone"] if rates else []
    wrong = []
    if unknown := sorted(set(rates) - set(sequence_names(recipe))):
        wrong.append(
            f"recipe {name}: rates: expected some of {sequence_names(recipe)}, got {unknown}"
        )
    if "columns" in recipe["task"]:
        wrong.append(
            f"recipe {name}: task: columns: a table's columns are found by the names in `targets`; "
            "take it out"
        )
    return wrong
