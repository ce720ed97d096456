"""See the errors: the test segments with their words, the truth and what each model predicts.

What the page's table needs, as one compact JSON. Numbers are whole thousandths, and what is right
is said here, from the predictions themselves, so that rounding turns no sign.
"""

import json
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from scipy.special import softmax

from msa.base.errors import InputError
from msa.base.reading import read_array, read_offsets, read_words
from msa.report.trained import Model, predicted
from msa.results.metrics import ALL

ROWS = 5000  # of a table at most
NUMBERS = 600_000  # predictions of a table at most, about 4 MB
THOUSAND = 1000
LETTERS = 600  # of a segment's text at most
# Chinese and Japanese, whose words were cut where no blank stood
UNSPACED = re.compile("(?<=[\u3040-\u30ff\u3400-\u9fff]) (?=[\u3040-\u30ff\u3400-\u9fff])")


def table(models: Sequence[Model], folders: Sequence[Path]) -> dict[str, Any]:
    """The test segments of a data set, ready for JSON.

    Args:
        models: those on the page, all of the same test rows.
        folders: of the folds with these rows and their words, written by split or import-data: of a
            cross-validation those of all deals. None: ids alone.

    Returns:
        `ids` and `words` (None without) of the shown rows; `total`, how many there are; `classes`
        (None of a regression); `signed`, whether right is of the same sign; `models`, their names;
        `targets`: {name, truth, models: name -> what `judged` says}, as lists.

    Raises:
        InputError: the words are of other segments, or models of different rows.
    """
    task, names = models[0].task, [model.name for model in models]
    targets = [target for target in models[0].result["targets"] if target != ALL]
    ids = np.array([], dtype=str)
    truths: dict[str, np.ndarray] = {}
    made: dict[str, dict[str, dict[str, np.ndarray]]] = {}
    for target in targets:
        made[target] = {}
        for model in models:
            if target not in model.result["targets"]:
                continue
            rows = predicted(model, target)
            if len(ids) and not np.array_equal(ids, rows.ids):
                raise InputError(
                    f"{model.runs[0]}: expected the test rows of {names[0]}, got others; make its "
                    "runs again"
                )
            ids, truths[target] = rows.ids, rows.truth[:, 0]
            made[target][model.name] = judged(task, truths[target], rows.prediction)
    errors = [judgement["error"] for of in made.values() for judgement in of.values()]
    shown = hardest(np.mean(errors, axis=0), min(ROWS, NUMBERS // len(errors)))
    words = texts(ids.tolist(), folders)
    classes = classes_of(task)
    return {
        "ids": ids[shown].tolist(),
        "words": words and [words[i] for i in shown],
        "total": len(ids),
        "classes": classes,
        "signed": classes is None and signed(task),
        "models": names,
        "targets": [
            {
                "name": target,
                "truth": _whole(truths[target][shown], 1 if classes else THOUSAND),
                "models": {name: _columns(of, shown, classes) for name, of in made[target].items()},
            }
            for target in targets
        ],
    }


def classes_of(task: Mapping[str, Any]) -> list[str] | None:
    """The names of a target's classes; None of a regression."""
    return None if task["type"] == "regression" else [*task.get("classes", ["no", "yes"])]


def signed(task: Mapping[str, Any]) -> bool:
    """Whether a regression's labels are positive or negative; of others right is rounded alike."""
    low, high = task["range"]
    return bool(low < 0 < high)


def judged(task: Mapping[str, Any], truth: np.ndarray, output: np.ndarray) -> dict[str, np.ndarray]:
    """What a model's outputs for one target say, and how far they are off.

    Args:
        task: of the settings.
        truth: (n,), class indices unless the task is a regression.
        output: (n, 1) values, or (n, classes) logits.

    Returns:
        Of (n,) each: `value`, or the `chosen` class and its probability as `value`; `error`, the
        absolute one, or 1 - the probability of the true class; `right`: 1, or 0, or -1 for neither:
        a label of exactly 0 has no sign.
    """
    if task["type"] == "regression":
        value = output[:, 0]
        right = (value > 0) == (truth > 0) if signed(task) else np.rint(value) == np.rint(truth)
        neither = (truth == 0) & signed(task)
        return {
            "value": value,
            "error": np.abs(value - truth),
            "right": np.where(neither, -1, right),
        }
    shares = softmax(output, axis=1)
    chosen, rows = output.argmax(axis=1), np.arange(len(truth))
    true = truth.astype(int)
    return {
        "value": shares[rows, chosen],
        "chosen": chosen,
        "error": 1 - shares[rows, true],
        "right": (chosen == true).astype(int),
    }


def hardest(errors: np.ndarray, limit: int) -> np.ndarray:
    """The numbers of the rows with the largest errors (n,), at most so many, in their order."""
    return np.sort(np.argsort(-errors, kind="stable")[:limit])


def texts(ids: Sequence[str], folders: Sequence[Path]) -> list[str] | None:
    """What is said in each segment; None without folders.

    A context, such as what comes before a punchline, ends with a bar.

    Raises:
        InputError: a segment is in none of the folders, or a file is missing or damaged.
    """
    keys: list[str] = []
    said: list[str] = []
    for folder in folders:
        offsets = read_offsets(folder / "offsets.npy", ["words"])
        bounds, n = offsets["words"], len(offsets) - 1
        words = read_words(folder / "words.npy", bounds[-1])
        keys += read_array(folder / "ids.npy", "text", 1, n).tolist()
        path = folder / "context.npy"
        context = read_array(path, "numbers", 1, n) if path.is_file() else np.zeros(n, np.int64)
        for (first, last), count in zip(pairwise(bounds), context, strict=True):
            begin = first + count
            parts = [*words[first:begin], *(["|"] if count else []), *words[begin:last]]
            said.append(shortened(UNSPACED.sub("", " ".join(parts))))
    if not folders:
        return None
    if keys == [*ids]:  # an id may be there twice
        return said
    of = dict(zip(keys, said, strict=True))
    if lost := [segment for segment in ids if segment not in of]:
        raise InputError(
            f"{', '.join(map(str, folders))}: expected the segments that were predicted, "
            f"{len(lost)} are missing, such as {lost[0]}; make the data or the runs again"
        )
    return [of[segment] for segment in ids]


def shortened(text: str) -> str:
    """A text of at most LETTERS letters; three dots stand for the rest."""
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 1]}…"


def _columns(
    judgement: Mapping[str, np.ndarray], shown: np.ndarray, classes: Sequence[str] | None
) -> dict[str, Any]:
    """A model's lists; the error where the rest does not tell it: of three classes or more."""
    columns: dict[str, Any] = {
        "value": _whole(judgement["value"][shown]),
        "right": "".join("01-"[int(flag)] for flag in judgement["right"][shown]),
    }
    if classes:
        columns["chosen"] = judgement["chosen"][shown].tolist()
    if classes and len(classes) > 2:
        columns["error"] = _whole(judgement["error"][shown])
    return columns


def _whole(values: np.ndarray, scale: int = THOUSAND) -> list[int]:
    return np.rint(values * scale).astype(int).tolist()


def script(content: Mapping[str, Any]) -> Markup:
    """JSON for a <script>, which no text in it can end."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # what begins a tag or a comment stands in text alone, where JSON may spell it so
    return Markup(text.replace("<", "\\u003c"))
