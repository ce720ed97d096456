"""Near texts: which texts are equal but for case and punctuation, and which nearly.

Two texts are nearly equal where the sets of their shingles, runs of three tokens, have a Jaccard
similarity of at least .5. It is exact: the sets' intersections are a product of sparse matrices.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from msa.data.audit_segments import Pairs, Pool
from msa.data.findings import Finding
from msa.formats.segments import FOLDS

SHINGLE = 3  # tokens
LONG = 8  # tokens from which on two people do not say the same by chance
NEAR = 0.5  # below it, sentences of different people on one subject begin to be near
BLOCK = 256  # texts that are compared with all at once
# of what is written without spaces, as in `msa.data.unspaced`, each letter is a token
_LETTERS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff"
_TOKEN = re.compile(rf"[{_LETTERS}]|[^\W{_LETTERS}]+")
_APOSTROPHES = str.maketrans("", "", "'\u2019")


def tokens(text: str) -> tuple[str, ...]:
    """The words of a text in small letters, without punctuation: "It's so-so." is its, so, so."""
    return tuple(_TOKEN.findall(text.casefold().translate(_APOSTROPHES)))


def shingles(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The runs of `SHINGLE` tokens of a text."""
    return zip(*(words[i:] for i in range(SHINGLE)), strict=False)


def nearest(texts: Sequence[Sequence[str]], member: np.ndarray, least: float = NEAR) -> np.ndarray:
    """For each text the nearest other one of each group, if it is near.

    Args:
        texts: the tokens of u different texts.
        member: which groups a text is in, (u, g) bool.
        least: the Jaccard similarity of two sets of shingles that are near.

    Returns:
        Numbers of texts, (u, g); -1 where none is near.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    nearest_of = np.full(member.shape, -1)
    if not any(len(words) >= SHINGLE for words in texts):
        return nearest_of
    sets = CountVectorizer(analyzer=shingles, binary=True, dtype=np.int32).fit_transform(texts)
    sizes = sets.getnnz(axis=1)
    sets = sets[:, sets.getnnz(axis=0) > 1]  # what one text alone has is in no intersection
    for begin in range(0, len(texts), BLOCK):
        common = (sets[begin : begin + BLOCK] @ sets.T).tocoo()
        one, other = common.row + begin, common.col
        similarity = common.data / (sizes[one] + sizes[other] - common.data)
        near = np.flatnonzero((similarity >= least) & (one != other))
        # the nearest comes last, and stays
        near = near[np.argsort(similarity[near], kind="stable")]
        for group in range(member.shape[1]):
            inside = near[member[other[near], group]]
            nearest_of[one[inside], group] = other[inside]
    return nearest_of


def text_findings(pool: Pool, texts: Sequence[tuple[str, ...]]) -> Iterator[Finding]:
    """Segments whose words are those of another one, or nearly.

    Args:
        pool: the segments.
        texts: their tokens, (n,).
    """
    long = [words if len(words) >= LONG else None for words in texts]
    short = [words if 0 < len(words) < LONG else None for words in texts]

    def finding(severity: str, kind: str, a: int, b: int, pairs: Pairs, text: str) -> Finding:
        alike = pool.finding(severity, kind, a, b, pairs, text)
        return replace(alike, text=" ".join(texts[pairs[0][1]]))

    for a, b, pairs in pool.across(long):
        text = f"the text of a {FOLDS[a]} segment, word for word"
        yield finding("error", "equal text", a, b, pairs, text)
    for number, pairs in pool.within(long):
        same = sum(pool.videos[i] == pool.videos[j] is not None for i, j in pairs)
        text = f"the text of an earlier one, word for word, {same} of them in its own video"
        severity = "warning" if FOLDS[number] == "test" else "note"
        yield finding(severity, "equal text", number, number, pairs, text)
    for (a, b), pairs in _near(pool, long).items():
        severity, whose = ("note", "an earlier one") if a == b else ("warning", f"a {FOLDS[a]} one")
        text = (
            f"nearly the text of {whose} (Jaccard similarity of the runs of {SHINGLE} words at "
            f"least {NEAR})"
        )
        yield finding(severity, "near-equal text", a, b, pairs, text)
    for a, b, pairs in pool.across(short):
        text = f"the text of a {FOLDS[a]} segment, of fewer than {LONG} words"
        advice = "Short answers recur by themselves: no leakage"
        yield replace(finding("note", "equal short text", a, b, pairs, text), advice=advice)


def _near(pool: Pool, texts: Sequence[tuple[str, ...] | None]) -> dict[tuple[int, int], Pairs]:
    """By fold of the one and of the other, segments of nearly the same text, and not of the same.

    Each segment of the other fold stands once, with the nearest of the one; within a fold with an
    earlier one.
    """
    numbers: dict[tuple[str, ...], int] = {}
    number_of = [
        -1 if words is None else numbers.setdefault(words, len(numbers)) for words in texts
    ]
    first = np.full((len(numbers), len(FOLDS)), -1)
    for i in reversed(range(len(texts))):
        if number_of[i] >= 0:
            first[number_of[i], pool.fold[i]] = i
    near = nearest([*numbers], first >= 0)
    pairs: dict[tuple[int, int], dict[int, int]] = {}
    for i, number in enumerate(number_of):
        for a in range(pool.fold[i] + 1) if number >= 0 else ():
            if near[number, a] >= 0 and (a == pool.fold[i] or first[number, a] < 0):
                j = int(first[near[number, a], a])
                one, other = sorted((j, i)) if a == pool.fold[i] else (j, i)
                pairs.setdefault((a, pool.fold[i]), {}).setdefault(other, one)
    return {
        folds: [(one, other) for other, one in sorted(some.items())]
        for folds, some in pairs.items()
    }
