"""Export data: the folds as a pickle that the loaders of MMSA or of MulT read.

Importing such a file gives the same segments again: besides what those loaders read, it has
`text_lengths`, `audio_lengths` and `vision_lengths`. Their NumPy has to be 1.26 or newer.
"""

import argparse
import pickle
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.atomic import atomic_write
from msa.base.errors import InputError
from msa.data.encoder import load_encoder
from msa.formats.content import as_text
from msa.formats.importers.mmsa import LABELS, UNIMODAL
from msa.formats.segments import FOLDS, MODALITIES, Segments, read

# the first of these that the folds have is the text
TEXTS = {"mmsa": ("embedding", "features", "glove"), "mult": ("glove", "embedding", "features")}
PROTOCOL = 4  # what Python 3.4 to 3.7 read
SIGNS = ("Negative", "Neutral", "Positive")


def pad(rows: Sequence[np.ndarray], steps: int, side: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows of n segments as one array (n, steps, d), and how many each has there, (n,).

    Args:
        rows: (t, d) of each segment.
        steps: longer segments are cut.
        side: "left" puts zeros first and keeps the last rows, "right" the other way round.
    """
    lengths = np.array([min(len(rows[i]), steps) for i in range(len(rows))])
    padded = np.zeros((len(rows), steps, rows[0].shape[1]), dtype=np.float32)
    for i, length in enumerate(lengths.tolist()):
        if side == "right":
            padded[i, :length] = rows[i][:length]
        else:
            padded[i, steps - length :] = rows[i][len(rows[i]) - length :]
    return padded, lengths


def mmsa_id(segment: str) -> str:
    """`video[clip]` as `video$_$clip`."""
    video, clip = _cut_id(segment)
    return f"{video}$_${clip}" if clip else video


def mult_id(segment: str) -> tuple[bytes, bytes, bytes]:
    """`video[start:end]`, or `video[clip]`, in three, without an end; as bytes, as MOSI's are."""
    video, clip = _cut_id(segment)
    start, mark, end = clip.partition(":")
    if mark and not end:
        start, end, video = "", "", segment
    return video.encode(), start.encode(), end.encode()


def _cut_id(segment: str) -> tuple[str, str]:
    found = re.fullmatch(r"(.+)\[([^\[\]]+)\]", segment, re.DOTALL)
    return (found[1], found[2]) if found else (segment, "")


def to_mmsa(segments: Segments, pad_modality: Callable[[str, str], Any]) -> dict[str, Any]:
    """One fold as MMSA's loader reads it, padded on the right.

    The ids in `text_bert` are 0, its mask tells the text's rows; `add_pieces` replaces it.

    Args:
        segments: the fold.
        pad_modality: the rows and lengths of a modality, padded on a side.

    Raises:
        InputError: there are neither one label, nor four as in SIMS.
    """
    n, columns = segments.label.shape
    if columns not in (1, 4):
        raise InputError(
            f"MMSA has one label, or four as in SIMS; got {columns}; choose with --columns"
        )
    fold: dict[str, Any] = {}
    for name in MODALITIES:
        fold[name], lengths = pad_modality(name, "right")
        fold[f"{name}_lengths"] = lengths.tolist()
    pieces = np.zeros((n, 3, fold["text"].shape[1]), dtype=np.int64)
    pieces[:, 1] = np.arange(pieces.shape[2]) < np.array(fold["text_lengths"])[:, None]
    sign = np.sign(segments.label[:, 0]).astype(np.int64) + 1
    return fold | {
        "text_bert": pieces,
        "raw_text": np.array(texts(segments)),
        "id": [mmsa_id(segment) for segment in segments.ids],
        "annotations": [SIGNS[i] for i in sign],
        "classification_labels": sign.astype(np.float32),
        **{UNIMODAL[name]: label for name, label in segments.unimodal.items()},
        **{key: segments.label[:, i] for i, key in enumerate(LABELS[:columns])},
    }


def to_mult(
    segments: Segments, pad_modality: Callable[[str, str], Any], binary: bool
) -> dict[str, Any]:
    """One fold as MulT's loader reads it, padded on the left as its files are.

    Args:
        segments: the fold.
        pad_modality: the rows and lengths of a modality, padded on a side.
        binary: labels are 0 and 1, which become (n, k, 2) as in IEMOCAP; otherwise (n, 1, k).

    Raises:
        InputError: `binary`, and a label is neither 0 nor 1.
    """
    label = segments.label[:, None]  # (n, 1, k)
    if binary:
        if not np.isin(label, (0, 1)).all():
            raise InputError("expected labels 0 and 1 with --binary, got others")
        label = np.stack([1 - segments.label, segments.label], axis=2).astype(np.int64)
    fold: dict[str, Any] = {"labels": label}
    for name in MODALITIES:
        fold[name], fold[f"{name}_lengths"] = pad_modality(name, "left")
    return fold | {"id": np.array([mult_id(segment) for segment in segments.ids])}


def texts(segments: Segments) -> list[str]:
    """The words of each segment with blanks between; nothing where there are no words."""
    words = segments.sequences.get("words")
    if words is None:
        return [""] * len(segments.ids)
    return [
        " ".join(as_text(word) for word in words[i][:, 0].tolist())
        for i in range(len(segments.ids))
    ]


def export(
    folds: Mapping[str, Segments],
    layout: str,
    *,
    text: str | None = None,
    length: int | None = None,
    columns: Sequence[int] | None = None,
    binary: bool = False,
    tokenizer: Any = None,
) -> dict[str, dict[str, Any]]:
    """The content of a pickle of a layout.

    Args:
        folds: by the names in `FOLDS`.
        layout: mmsa or mult.
        text: the sequence to take as the text; by default the first there is of `TEXTS`.
        length: steps of every modality; None takes each one's longest segment of all folds.
        columns: the targets' columns in the labels; None takes all.
        binary: see `to_mult`.
        tokenizer: makes MMSA's `text_bert` from the words.

    Raises:
        InputError: a modality, or a label's column, is missing.
    """
    available = folds["train"].sequences
    candidates = (text,) if text else TEXTS[layout]
    chosen_text = next((name for name in candidates if name in available), "")
    names = {"text": chosen_text, "audio": "audio", "vision": "vision"}
    for modality, name in names.items():
        if name not in available:
            one_of = ", ".join(candidates) if modality == "text" else modality
            raise InputError(
                f"{layout} needs {modality}: expected a sequence {one_of}, found "
                f"{', '.join(available)}; --features gives the folder of encoded words"
            )
    width = folds["train"].label.shape[1]
    columns = range(width) if columns is None else columns
    if not set(columns) <= set(range(width)):
        raise InputError(f"expected columns {list(columns)} of the labels, there are {width}")
    steps = {
        modality: length
        or max(max(map(len, segments.sequences[name]), default=0) for segments in folds.values())
        or 1
        for modality, name in names.items()
    }
    content = {}
    for fold, segments in folds.items():
        selected = replace(segments, label=segments.label[:, list(columns)])

        def pad_modality(
            modality: str, side: str, segments: Segments = segments
        ) -> tuple[np.ndarray, np.ndarray]:
            return pad(segments.sequences[names[modality]], steps[modality], side)

        content[fold] = (
            to_mmsa(selected, pad_modality)
            if layout == "mmsa"
            else to_mult(selected, pad_modality, binary)
        )
    if layout == "mmsa" and tokenizer is not None:
        add_pieces(content, tokenizer, length)
    return content


def add_pieces(content: Mapping[str, Any], tokenizer: Any, length: int | None) -> None:
    """Set `text_bert` to the pieces of `raw_text`, all folds as long as the longest."""
    raw_texts = [text for fold in FOLDS for text in content[fold]["raw_text"].tolist()]
    limit = min(length or sys.maxsize, tokenizer.model_max_length)
    tokens = tokenizer(
        raw_texts,
        truncation=True,
        max_length=limit,
        padding="max_length" if length else "longest",
        return_token_type_ids=True,
        return_tensors="np",
    )
    keys = ("input_ids", "attention_mask", "token_type_ids")
    pieces = np.stack([tokens[key] for key in keys], axis=1).astype(np.int64)
    bounds = np.cumsum([len(content[fold]["raw_text"]) for fold in FOLDS])[:-1]
    for fold, fold_pieces in zip(FOLDS, np.split(pieces, bounds), strict=True):
        content[fold]["text_bert"] = fold_pieces


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = __doc__
    parser.add_argument("data", type=Path, help="folder of the folds' folders")
    parser.add_argument("--layout", choices=TEXTS, required=True)
    parser.add_argument("--output", type=Path, required=True, help="pickle to write")
    parser.add_argument("--clean", type=Path, help="folder of the stage clean")
    parser.add_argument("--features", type=Path, help="folder of the stage encode")
    parser.add_argument("--text", help="the sequence that is the text, such as embedding or glove")
    parser.add_argument("--length", type=int, help="steps to cut and pad to; else the longest")
    parser.add_argument("--columns", type=int, nargs="+", help="the targets' columns; else all")
    parser.add_argument(
        "--binary", action="store_true", help="mult: labels 0 and 1, as IEMOCAP's (n, k, 2)"
    )
    parser.add_argument(
        "--encoder",
        type=Path,
        help="mmsa: folder of the encoder whose tokenizer makes the ids of text_bert; else 0",
    )


def main(args: argparse.Namespace) -> None:
    if args.length is not None and args.length < 1:
        raise InputError(f"--length: expected at least 1, got {args.length}")
    folds = read(args.data, args.clean, args.features)
    content = export(
        folds,
        args.layout,
        text=args.text,
        length=args.length,
        columns=args.columns,
        binary=args.binary,
        tokenizer=load_encoder(args.encoder)[0] if args.encoder else None,
    )
    if args.layout == "mmsa" and not args.encoder:
        print("text_bert: ids are 0, the mask tells the text's rows; --encoder gives pieces")
    with atomic_write(args.output, "wb") as file:
        pickle.dump(content, file, protocol=PROTOCOL)
