"""Pieces: words cut by a fast tokenizer, each piece knowing its word."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from msa.base.errors import InputError

SPECIAL = -1  # the word of [CLS] and [SEP]
MANY = 4  # a word of more pieces is spelt rather than known
WARNED, REFUSED = 0.05, 0.9  # shares of unknown pieces, or of words in more than MANY
BLANKS = "▁Ġ"  # pieces that only say that a word begins


@dataclass(frozen=True)
class Pieces:
    """The pieces of all segments, one after another.

    Attributes:
        ids: the tokenizer's ids, (p,).
        types: 0, or 1 for a punchline that follows its context, (p,).
        words: row of the word each piece belongs to, SPECIAL for [CLS] and [SEP], (p,).
        counts: pieces of each segment, (n,).
        whole: pieces of each segment before what is too long was cut, (n,).
    """

    ids: np.ndarray
    types: np.ndarray
    words: np.ndarray
    counts: np.ndarray
    whole: np.ndarray


def cut_words(
    words: Sequence[str],
    offsets: np.ndarray,
    tokenizer: Any,
    length: int | None = None,
    context: np.ndarray | None = None,
    word_map: str = "words",
) -> Pieces:
    """Make `[CLS] words [SEP]`, or `[CLS] context [SEP] punchline [SEP]`, of each segment.

    What is too long loses its last pieces; with a context, the context's first ones before that.

    Args:
        words: all segments' words, one after another.
        offsets: where each segment begins in `words`, (n + 1,).
        tokenizer: a fast tokenizer with [CLS] and [SEP].
        length: most pieces of a segment, special ones included; never more than the tokenizer's
            `model_max_length`.
        context: how many leading words of each segment are context, (n,).
        word_map: "words" uses the tokenizer's word ids. "released" is GLoMo's code for humor: a
            new word begins at a piece with "_" in it, so that nearly every piece has the last
            word of its part.
    """
    limit = min(length or tokenizer.model_max_length, tokenizer.model_max_length)
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    ids: list[int] = []
    types: list[int] = []
    rows: list[int] = []
    counts, whole = [], []
    for i, (first, last) in enumerate(pairwise(offsets)):
        middle = first + (context[i] if context is not None else 0)
        spans = [(first, last)] if context is None else [(first, middle), (middle, last)]
        parts = [_part(words, *span, tokenizer, word_map) for span in spans]
        whole.append(1 + len(parts) + sum(map(len, parts)))
        room = max(limit - 1 - len(parts), 0)
        if len(parts) == 2:
            context_room = max(room - len(parts[1]), 0)
            parts[0] = parts[0][max(len(parts[0]) - context_room, 0) :]
        parts[-1] = parts[-1][:room]
        ids.append(cls)
        types.append(0)
        rows.append(SPECIAL)
        for kind, part in enumerate(parts):
            ids += [piece for piece, _ in part] + [sep]
            rows += [row for _, row in part] + [SPECIAL]
            types += [kind] * (len(part) + 1)
        counts.append(1 + len(parts) + sum(map(len, parts)))
    return Pieces(*(np.array(x, dtype=np.int64) for x in (ids, types, rows, counts, whole)))


def _part(
    words: Sequence[str], first: int, last: int, tokenizer: Any, word_map: str
) -> list[tuple[int, int]]:
    """Pieces of some words, each with its word's row."""
    if first == last:
        return []
    encoding = tokenizer.backend_tokenizer.encode(
        list(words[first:last]), is_pretokenized=True, add_special_tokens=False
    )
    if word_map == "words":
        return [(i, first + word) for i, word in zip(encoding.ids, encoding.word_ids, strict=True)]
    marks = np.cumsum(["_" in token for token in encoding.tokens])
    # numbering starts at -1, which is the last word
    numbers = (marks - 1) % (last - first)
    return [(i, int(first + n)) for i, n in zip(encoding.ids, numbers, strict=True)]


def count_pieces(words: Sequence[str], tokenizer: Any) -> dict[str, int]:
    """How well a tokenizer knows some words; those that it makes nothing of do not count.

    Returns:
        `words`, `pieces`, pieces that are `unknown`, and words in `many` pieces, more than MANY.
    """
    backend, times = tokenizer.backend_tokenizer, Counter(words)
    blanks = {backend.token_to_id(blank) for blank in BLANKS}
    encodings = backend.encode_batch(
        [[word] for word in times], is_pretokenized=True, add_special_tokens=False
    )
    counts = dict.fromkeys(("words", "pieces", "unknown", "many"), 0)
    for encoding, n in zip(encodings, times.values(), strict=True):
        ids = [i for i in encoding.ids if i not in blanks]
        counts["words"] += n * bool(ids)
        counts["pieces"] += n * len(ids)
        counts["unknown"] += n * ids.count(tokenizer.unk_token_id)
        counts["many"] += n * (len(ids) > MANY)
    return counts


def shares(counts: Mapping[str, int]) -> tuple[float, float]:
    """The share of pieces that are unknown, and of words in more than MANY."""
    unknown, many = counts["unknown"] / max(counts["pieces"], 1), counts["many"]
    return unknown, many / max(counts["words"], 1)


def pieces_line(counts: Mapping[str, int]) -> str:
    """What was counted of a fold, for a log."""
    unknown, many = shares(counts)
    return (
        f"{counts['words']} words in {counts['pieces']} pieces; {unknown:.1%} of the pieces are "
        f"unknown, {many:.1%} of the words are cut into more than {MANY}"
    )


def check_pieces(folds: Mapping[str, Mapping[str, int]], encoder: object) -> None:
    """Warn of folds whose words an encoder knows badly, refuse those that it hardly knows.

    Args:
        folds: by name, as of `count_pieces`.
        encoder: its folder.
    """
    for fold, counts in folds.items():
        if max(shares(counts)) > REFUSED:
            raise InputError(
                f"{fold}: expected words that the encoder {encoder} knows, got "
                f"{pieces_line(counts)}; choose an encoder of their language, which knows "
                "capital letters if they have some"
            )
        if max(shares(counts)) > WARNED:
            _say(
                f"warning: {fold}: the encoder {encoder} knows its words badly: "
                f"{pieces_line(counts)}"
            )


@cache
def _say(message: str) -> None:
    """Print a message once, of however many runs it is true."""
    print(message, file=sys.stderr)


def pieces_table(folds: Mapping[str, Mapping[str, int]]) -> str:
    """What was counted of all folds, as Markdown."""
    lines = [
        "## Pieces of the text encoder",
        "",
        f"| fold | words | pieces | unknown pieces | words in more than {MANY} pieces |",
        "|---|---:|---:|---:|---:|",
    ]
    for fold, counts in folds.items():
        unknown, many = shares(counts)
        lines.append(
            f"| {fold} | {counts['words']} | {counts['pieces']} | {unknown:.1%} | {many:.1%} |"
        )
    return "\n".join(lines) + "\n"
