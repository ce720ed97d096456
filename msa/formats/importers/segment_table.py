"""The CSV of a table: a line a segment, with its id, times, text, fold and labels.

Commas, semicolons or tabs, in UTF-8 with or without a mark; with semicolons 1,5 is a number too.
Names of columns may be in upper case.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from msa.base.errors import InputError
from msa.base.ids import video_of
from msa.formats.content import FOLD_NAMES
from msa.formats.segments import FOLDS

SPAN = ("start", "end")
COLUMNS = ("id", "video", *SPAN, "text", "split")
LABEL = "label"  # may stand for the only target
ENDINGS = (".csv", ".tsv")
DELIMITERS = ",;\t"
MISSING = ("", "nan", "na", "n/a", "null", "none")
SHOWN = 3  # names in a message


@dataclass(frozen=True)
class Table:
    """What the CSV says of n segments.

    Attributes:
        name: of the file, for messages.
        columns: by name in lower case the texts, (n,) each.
        lines: of the file, (n,).
        decimal_comma: 1,5 is a number.
    """

    name: str
    columns: Mapping[str, Sequence[str]]
    lines: Sequence[int]
    decimal_comma: bool = False

    @property
    def videos(self) -> list[str]:
        """The video of each segment: of its column, else as the id says."""
        ids = self.columns["id"]
        named = self.columns.get("video", [""] * len(ids))
        return [video or video_of(i) for video, i in zip(named, ids, strict=True)]

    @property
    def ids(self) -> list[str]:
        """Each segment's id in the form that tells its video, `video[id]`."""
        pairs = zip(self.videos, self.columns["id"], strict=True)
        return [i if video_of(i) == video else f"{video}[{i}]" for video, i in pairs]

    def refusal(self, numbers: Sequence[int], column: str, expected: str) -> InputError:
        """Of the cells of a column in these segments, of which the first is shown."""
        text, more = self.columns[column][numbers[0]], len(numbers) - 1
        return InputError(
            f"{self.name}: line {self.lines[numbers[0]]}: {column}: expected {expected}, "
            f"found {text!r:.80}{f', and {more} more lines like it' if more else ''}"
        )

    def values(self, column: str, expected: str = "numbers") -> np.ndarray:
        """The numbers of a column, (n,), NaN where a cell is empty, or says so.

        Raises:
            InputError: something else stands there.
        """
        texts = self.columns[column]
        numbers = [self._number(text) for text in texts]
        wrong = [
            i
            for i, (text, number) in enumerate(zip(texts, numbers, strict=True))
            if number is None and text.lower() not in MISSING
        ]
        if wrong:
            raise self.refusal(wrong, column, expected)
        return np.array([np.nan if number is None else number for number in numbers])

    def _number(self, text: str) -> float | None:
        try:
            return float(text.replace(",", ".") if self.decimal_comma else text)
        except ValueError:
            return None

    def span(self, i: int, file: str) -> tuple[float, float]:
        """Start and end of a segment in seconds, for a file of its whole video."""
        start, end = (
            self._number(self.columns[name][i]) if name in self.columns else None for name in SPAN
        )
        if start is None or end is None or not 0 <= start < end:
            found = [self.columns[n][i] if n in self.columns else "no column" for n in SPAN]
            raise InputError(
                f"{self.name}: line {self.lines[i]}: expected start and end in seconds, start "
                f"before end, for {file} is of the whole video, found {' and '.join(found)}"
            )
        return start, end

    def folds(self, videos_of: Mapping[str, Sequence[str]] | None = None) -> list[str | None]:
        """The fold of each segment; None where `split` is empty, or its video in no fold.

        Args:
            videos_of: by fold its videos, in place of the column `split`.

        Raises:
            InputError: there is no such column, it names another fold, or a fold has no segment.
        """
        if videos_of is not None:
            fold_of = {video: fold for fold, videos in videos_of.items() for video in videos}
            folds = [fold_of.get(video) for video in self.videos]
        elif "split" in self.columns:
            texts = self.columns["split"]
            folds = [FOLD_NAMES.get(text.lower()) for text in texts]
            if wrong := [i for i, fold in enumerate(folds) if fold is None and texts[i]]:
                raise self.refusal(wrong, "split", f"one of {', '.join(FOLD_NAMES)}")
        else:
            raise InputError(
                f"{self.name}: expected a column split with train, valid and test, found "
                f"{', '.join(self.columns)}; add it, or name a file of folds in the recipe's "
                "`folds`"
            )
        if not set(FOLDS) <= set(folds):
            counts = ", ".join(f"{fold} {folds.count(fold)}" for fold in FOLDS)
            theirs = [video for videos in (videos_of or {}).values() for video in videos][:1]
            unlike = (
                f"; a video here is {self.videos[0]}, of the folds {theirs[0]}" if theirs else ""
            )
            raise InputError(f"{self.name}: expected segments in each fold, found {counts}{unlike}")
        return folds

    def labels(self, targets: Sequence[str], classes: Sequence[str]) -> np.ndarray:
        """The targets' labels, (n, targets), NaN where there is none.

        Args:
            targets: names of columns; where there is one alone, its name may be `label`. Without
                them it is all columns that are nothing else.
            classes: what may stand for 0, 1, ...

        Raises:
            InputError: a target has no column, or a label is no number and no class.
        """
        others = [name for name in self.columns if name not in COLUMNS]
        if not targets:
            columns = [self._any_label(name) for name in others]
            return np.stack(columns, axis=1) if columns else np.empty((len(self.lines), 0))
        names = [target.lower() for target in targets]
        if len(names) == 1 and others == [LABEL]:
            names = [LABEL]
        if missing := [name for name in names if name not in others]:
            raise InputError(
                f"{self.name}: expected a column for the target {', '.join(missing)}, found "
                f"{', '.join(others) or 'no column of labels'}"
            )
        return np.stack([self._label(name, classes) for name in names], axis=1)

    def _label(self, name: str, classes: Sequence[str]) -> np.ndarray:
        texts = self.columns[name]
        # classes called 1 and 2 are names, not numbers
        if not set(texts) & set(classes):
            one = f", or one of the classes {', '.join(classes)}" if classes else ""
            return self.values(name, f"a label as a number{one}")
        numbers = {text: float(i) for i, text in enumerate(classes)}
        wrong = [i for i, t in enumerate(texts) if t not in numbers and t.lower() not in MISSING]
        if wrong:
            raise self.refusal(wrong, name, f"one of the classes {', '.join(classes)}")
        return np.array([numbers.get(text, np.nan) for text in texts])

    def _any_label(self, name: str) -> np.ndarray:
        try:
            return self.values(name)
        except InputError:
            present = {text for text in self.columns[name] if text.lower() not in MISSING}
            return self._label(name, sorted(present))


def names_of(path: Path) -> tuple[list[str], str]:
    """The cells of a file's first line, and the sign between them."""
    with path.open(encoding="utf-8-sig", errors="replace", newline=None) as file:
        line = file.readline()
    delimiter = max(DELIMITERS, key=line.count)
    return [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])], delimiter


def tables(folder: Path) -> list[Path]:
    """The files of a folder that have a column `id`."""
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS)
    return [
        path
        for path in files
        if path.is_file() and "id" in [name.lower() for name in names_of(path)[0]]
    ]


def read_table(path: Path) -> Table:
    """The CSV.

    Raises:
        InputError: it is none; an id or a video is no file's name; an id is missing or not the
            only one.
    """
    header, delimiter = names_of(path)
    names = [name.lower() for name in header]
    if "id" not in names or len(set(names)) < len(names):
        raise InputError(
            f"{path.name}: expected a column id, and each column once, found {', '.join(header)}"
        )
    rows, lines = [], []
    try:
        text = path.read_bytes().decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        next(reader)
        begins = reader.line_num + 1
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append([cell.strip() for cell in row])
                lines.append(begins)
            begins = reader.line_num + 1
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path.name}: line {line}: expected UTF-8, found the byte "
            f"0x{error.object[error.start]:02x}; save it as CSV UTF-8"
        ) from None
    except csv.Error as error:
        raise InputError(f"{path.name}: line {begins}: expected CSV, found {error}") from None
    if wrong := [i for i, row in enumerate(rows) if len(row) != len(names)]:
        raise InputError(
            f"{path.name}: line {lines[wrong[0]]}: expected {len(names)} cells as in the first "
            f"line, found {len(rows[wrong[0]])}; put texts that have a {delimiter!r} between "
            "quotation marks"
        )
    if not rows:
        raise InputError(f"{path.name}: expected a line a segment, found the first line alone")
    columns = {name: [row[k] for row in rows] for k, name in enumerate(names)}
    table = Table(path.name, columns, lines, delimiter == ";")
    _check_ids(table)
    return table


def _check_ids(table: Table) -> None:
    ids = table.columns["id"]
    if empty := [i for i, name in enumerate(ids) if not name]:
        raise table.refusal(empty, "id", "an id")
    first: dict[str, int] = {}
    if twice := [i for i, name in enumerate(ids) if first.setdefault(name, i) != i]:
        line = table.lines[first[ids[twice[0]]]]
        raise table.refusal(twice, "id", f"an id of its own, other than that of line {line}")
    for column in ("id", "video"):
        # a path would lead to files outside the folders of features
        names = table.columns.get(column, ())
        if wrong := [i for i, n in enumerate(names) if n in (".", "..") or set(n) & set("/\\\0")]:
            raise table.refusal(wrong, column, "a name without / and \\, as files have")
