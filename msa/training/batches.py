"""Batches: a fold in memory, padded per batch from its ragged arrays."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from msa.base.errors import InputError
from msa.base.reading import read_array, read_json, read_offsets, read_words
from msa.data.context import with_context
from msa.data.pieces import SPECIAL, Pieces, count_pieces, cut_words
from msa.models import OWN_ROWS
from msa.models.padding import Steps, numbers

MODALITIES = ("text", "audio", "vision")  # of every model
SEQUENCES = (*MODALITIES, "hcf")
FOLDS = ("train", "valid", "test")


@dataclass(frozen=True)
class Ragged:
    """The steps of one modality, segment after segment.

    Attributes:
        rows: (r, d) float32.
        begins: first row of each segment, (n,), on the CPU.
        counts: steps of each segment, (n,), on the CPU.
        side: "left" pads on the left, "right" on the right.
        fixed: steps to pad to; None pads to the longest of the batch.
        index: row of each step, -1 for a step of zeros, on the CPU; None where steps are rows.
        whole: steps of each segment before the settings' length cut them, (n,), on the CPU; None
            where nothing can be cut.
    """

    rows: Tensor
    begins: Tensor
    counts: Tensor
    side: str = "right"
    fixed: int | None = None
    index: Tensor | None = None
    whole: Tensor | None = None

    @property
    def width(self) -> int:
        return self.rows.shape[1]

    @property
    def tensors(self) -> list[Tensor]:
        """All that the steps are made from."""
        return [x for x in (self.rows, self.begins, self.counts, self.index) if x is not None]

    @property
    def cut_steps(self) -> float:
        """Share of the steps that the settings' length leaves out."""
        if self.whole is None:
            return 0.0
        return 1 - self.counts.sum().item() / max(self.whole.sum().item(), 1)

    @property
    def cut_segments(self) -> float:
        """Share of the segments that lose a step to it."""
        if self.whole is None or not len(self.whole):
            return 0.0
        return (self.counts < self.whole).double().mean().item()

    def to(self, device: torch.device) -> "Ragged":
        return replace(self, rows=self.rows.to(device))

    def steps(self, segments: Tensor) -> Steps:
        """The steps of some segments, one of zeros where a segment has none."""
        counts, begins = self.counts[segments].numpy(), self.begins[segments].numpy()
        lengths = counts.clip(min=1)
        if not len(self.rows):
            return Steps(self.rows.new_zeros(len(lengths), self.width), lengths)
        row = np.repeat(begins, lengths) + numbers(lengths)
        device = self.rows.device
        # the row of a segment without steps may be one past the last
        place = torch.from_numpy(row.clip(max=len(self.rows) - 1)).to(device)
        rows = self.rows.index_select(0, place)
        if not counts.all():
            rows = rows * torch.from_numpy(np.repeat(counts > 0, lengths)).to(device)[:, None]
        return Steps(rows, lengths)

    def padded(self, segments: Tensor) -> tuple[Tensor, Tensor]:
        """Padded steps of some segments (b, t, d), and which of them are valid (b, t)."""
        begins, counts = self.begins[segments], self.counts[segments]
        steps = max(self.fixed or int(counts.max()), 1)
        step = torch.arange(steps)
        if self.side == "left":
            step = step - (steps - counts)[:, None]  # (b, t)
        else:
            step = step.expand(len(segments), -1)
        mask = (step >= 0) & (step < counts[:, None])
        row, real = torch.where(mask, begins[:, None] + step, 0), mask
        if self.index is not None:
            row = self.index[row]
            real = mask & (row >= 0)
        row, real, mask = (x.to(self.rows.device) for x in (row.clamp(min=0), real, mask))
        if not len(self.rows):
            return self.rows.new_zeros(*mask.shape, self.width), mask
        return self.rows[row] * real[..., None], mask


@dataclass(frozen=True)
class Fold:
    """One fold: segment ids, labels (n, targets) and the modalities.

    With `pad`, the text is pieces, rows of (id, type); `pad` and `unknown` are the tokenizer's ids,
    `words` the row of each piece's word, -1 for special ones, on the CPU. The others are then
    copied to the pieces, unless `own_rows` says that they have steps of their own. `released` is
    for models that take padding for steps, as the authors' code does. `known` is how well the
    encoder knows the words that the text is made from, as of `count_pieces`; None where that is not
    known. `unimodal` are the labels of single modalities, (n,) float32, NaN where there is none, of
    a model that needs them.
    """

    ids: np.ndarray
    label: Tensor
    modalities: dict[str, Ragged]
    pad: int | None = None
    unknown: int | None = None
    words: Tensor | None = None
    released: bool = False
    own_rows: bool = False
    known: dict[str, int] | None = None
    unimodal: Mapping[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def widths(self) -> dict[str, int]:
        return {name: ragged.width for name, ragged in self.modalities.items()}

    def to(self, device: torch.device) -> "Fold":
        moved = {name: ragged.to(device) for name, ragged in self.modalities.items()}
        unimodal = {name: label.to(device) for name, label in self.unimodal.items()}
        return replace(self, label=self.label.to(device), modalities=moved, unimodal=unimodal)

    def batch(self, segments: Tensor) -> dict[str, Any]:
        """Each `<modality>` and the `label` of some `segments`, whose numbers are on the CPU.

        A modality is `Steps`; if `released`, or copied to pieces, it is (b, t, d) with
        `<modality>_mask` (b, t). Pieces are `input_ids`, `token_type_ids` and `attention_mask`
        (b, t) in place of the text. Labels of single modalities are `label_<modality>`, (b,).
        """
        on = segments.to(self.label.device)
        batch: dict[str, Any] = {"segments": on, "label": self.label[on]}
        batch |= {f"label_{name}": label[on] for name, label in self.unimodal.items()}
        for name, ragged in self.modalities.items():
            beside = self.own_rows and name != "text"
            if (self.pad is None or beside) and not self.released:
                batch[name] = ragged.steps(segments)
            else:
                batch[name], batch[f"{name}_mask"] = ragged.padded(segments)
        if self.pad is not None:
            pieces, mask = batch.pop("text"), batch.pop("text_mask")
            batch["input_ids"] = pieces[..., 0].masked_fill(~mask, self.pad)
            batch["token_type_ids"], batch["attention_mask"] = pieces[..., 1], mask.long()
        return batch


def cut(offsets: np.ndarray, length: int | None, side: str) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the rows that stay, and how many of each segment.

    Args:
        offsets: where each segment begins, (n + 1,).
        length: steps a segment may have; None is all.
        side: "left" keeps the last steps, "right" the first.
    """
    counts = np.diff(offsets)
    kept = counts if length is None else np.minimum(counts, length)
    first = offsets[:-1] + (counts - kept if side == "left" else 0)
    begins = np.repeat(first - (np.cumsum(kept) - kept), kept)
    return begins + np.arange(len(begins)), kept


def with_lengths(settings: Mapping[str, Any], data: Path, tokenizer: Any = None) -> dict[str, Any]:
    """The settings, each length such as "95%" made the steps that it is in the training fold.

    These are the fewest that leave at least this share of its segments whole.

    Args:
        settings: the run's settings.
        data: folder of the folds, written by the stage split.
        tokenizer: a fast tokenizer; needed for words.
    """
    hyper, forms = settings["hyperparameters"], settings["forms"]
    shares = {name: length for name, length in hyper["lengths"].items() if isinstance(length, str)}
    if not shares:
        return dict(settings)
    needed = {"words" if form == "features" else form for form in forms.values() if form}
    offsets = read_offsets(data / "train" / "offsets.npy", needed)
    lengths = dict(hyper["lengths"])
    for name, share in shares.items():
        form = forms.get(name)
        if form is None:
            lengths[name] = None
            continue
        if form == "words":
            counts = _pieces(data / "train", offsets, hyper, tokenizer, None).whole
        else:
            counts = np.diff(offsets["words" if form == "features" else form])
        length = np.quantile(counts, float(share.rstrip("%")) / 100, method="inverted_cdf")
        lengths[name] = max(int(length), 1)
    return {**settings, "hyperparameters": {**hyper, "lengths": lengths}}


def load_fold(
    fold: str,
    settings: Mapping[str, Any],
    data: Path,
    clean: Path | None = None,
    features: Path | None = None,
    tokenizer: Any = None,
) -> Fold:
    """Read one fold as the settings want it.

    A modality that the data set lacks gets one step of zeros of width 1. Where the text is words,
    the others are copied to the words' pieces, zeros at the special ones, unless the model's
    `alignment` says that it reads them as they are.

    Args:
        fold: train, valid or test.
        settings: the run's settings, as of `with_lengths`; `forms`, `alignment`,
            `hyperparameters`, `task` and `label_columns` are read.
        data: folder of the folds, written by the stage split.
        clean: folder written by the stage clean; needed for all but words and features.
        features: folder written by the stage encode; needed for features.
        tokenizer: a fast tokenizer; needed for words.
    """
    hyper, forms = settings["hyperparameters"], settings["forms"]
    needed = {"words" if form == "features" else form for form in forms.values() if form}
    offsets = read_offsets(data / fold / "offsets.npy", needed)
    n = len(offsets) - 1
    ids = read_array(data / fold / "ids.npy", "text", 1, n)
    label = _label(data / fold / "label.npy", n, settings)
    unimodal = {
        name: torch.from_numpy(read_array(path, "numbers", 1, n)).float()
        for name in settings.get("unimodal", ())
        # new input that is predicted needs none
        if (path := data / fold / f"label_{name}.npy").is_file() or fold in FOLDS
    }
    # the released code pads to the full length, where there is one, and sees the padding
    released = hyper["architecture"].get("padding") == "released"
    pieces = None
    if forms.get("text") == "words":
        pieces = _pieces(data / fold, offsets, hyper, tokenizer, hyper["lengths"]["text"])
    own_rows = settings.get("alignment") in OWN_ROWS
    modalities = {}
    # whatever the order of the settings' keys, the data's digest is of one order
    for name in (name for name in SEQUENCES if name in forms):
        form = forms[name]
        # what is copied to the pieces is as long as they are
        leader = name if pieces is None or own_rows else "text"
        length, side = hyper["lengths"][leader], hyper["sides"][leader]
        fixed = length if released else None
        index = None
        if form is None:
            rows = np.zeros((len(ids), 1))
            counts = whole = np.ones(len(ids), dtype=np.int64)
            fixed = None
        elif pieces is None or (own_rows and name != "text"):
            rows = _rows(form, fold, offsets, hyper, clean, features)
            bounds = offsets["words" if form == "features" else form]
            kept, counts = cut(bounds, length, side)
            rows, whole = rows[kept], np.diff(bounds)
        elif form == "words":
            rows = np.stack([pieces.ids, pieces.types], axis=1)
            counts, whole = pieces.counts, pieces.whole
        else:
            rows = _rows(form, fold, offsets, hyper, clean, features)
            counts, whole = pieces.counts, pieces.whole
            index = torch.from_numpy(pieces.words)
        steps = torch.from_numpy(np.array(rows, dtype=np.int64 if form == "words" else np.float32))
        lengths = torch.from_numpy(counts)
        begins = lengths.cumsum(0) - lengths
        modalities[name] = Ragged(
            steps, begins, lengths, side, fixed, index, torch.from_numpy(whole)
        )
    if pieces is None:
        known = _known(features, fold) if forms.get("text") == "features" else None
        return Fold(ids, label, modalities, released=released, known=known, unimodal=unimodal)
    special = tokenizer.pad_token_id, tokenizer.unk_token_id
    known = count_pieces(read_words(data / fold / "words.npy", offsets["words"][-1]), tokenizer)
    rows_of = torch.from_numpy(pieces.words)
    return Fold(ids, label, modalities, *special, rows_of, released, own_rows, known, unimodal)


def _known(features: Path | None, fold: str) -> dict[str, int] | None:
    """What encode counted beside the features; features of another source have no count."""
    path = features / "pieces.json" if features else None
    return read_json(path, fold)[fold] if path and path.is_file() else None


def _label(path: Path, n: int, settings: Mapping[str, Any]) -> Tensor:
    """The targets' columns, (n, targets): float in a regression, else class numbers."""
    label = read_array(path, "numbers", 2, n)
    columns, task = settings["label_columns"], settings["task"]
    if max(columns) >= label.shape[1]:
        raise InputError(
            f"{path}: expected a column {max(columns)} as the settings say, "
            f"got {label.shape[1]} columns"
        )
    label = label[:, columns]
    if task["type"] == "regression":
        return torch.from_numpy(label).float()
    classes = len(task["classes"]) if task["type"] == "classification" else 2
    if not np.isin(label, np.arange(classes)).all():
        raise InputError(f"{path}: expected class numbers from 0 to {classes - 1}, got others")
    return torch.from_numpy(label).long()


def _rows(
    form: str,
    fold: str,
    offsets: np.ndarray,
    hyper: Mapping[str, Any],
    clean: Path | None,
    features: Path | None,
) -> np.ndarray:
    """The rows of one form, memory-mapped, with the columns that the settings choose."""
    folder = features if form == "features" else clean
    if folder is None:
        raise InputError(f"{fold}: the model needs {form}, but no folder was given for it")
    path = folder / f"{fold}.npy" if form == "features" else folder / fold / f"{form}.npy"
    count = offsets["words" if form == "features" else form][-1]
    rows = read_array(path, "numbers", 2, count, mapped=True)
    first, last = hyper["columns"].get(form) or (0, rows.shape[1])
    if last > rows.shape[1]:
        raise InputError(
            f"{path}: expected {last} columns as the settings say, got {rows.shape[1]}"
        )
    return rows[:, first:last]


def _pieces(
    folder: Path,
    offsets: np.ndarray,
    hyper: Mapping[str, Any],
    tokenizer: Any,
    length: int | None,
) -> Pieces:
    words = read_words(folder / "words.npy", offsets["words"][-1])
    path, n = folder / "context.npy", len(offsets) - 1
    own = read_array(path, "numbers", 1, n) if path.is_file() else None
    utterances = hyper.get("context")  # runs of an earlier version have none
    if not utterances:
        return cut_words(words, offsets["words"], tokenizer, length, own, hyper["word_map"])
    if own is not None:
        raise InputError(
            f"context: expected a data set without a context of its own, got {path}; set context: 0"
        )
    ids = read_array(folder / "ids.npy", "text", 1, n).tolist()
    rows, bounds, context = with_context(ids, offsets["words"], utterances)
    said = [words[row] for row in rows]
    pieces = cut_words(said, bounds, tokenizer, length, context, hyper["word_map"])
    # SPECIAL is the last of them
    return replace(pieces, words=np.append(rows, SPECIAL)[pieces.words])
