"""Near texts: which texts are equal but for case and punctuation, and which nearly.

Two texts are nearly equal where the sets of their shingles, runs of three tokens, have a Jaccard
similarity of at least .5. It is exact: the sets' intersections are a product of sparse matrices.
"""

import re
from collections.abc import Iterator, Sequence

import numpy as np

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
        near = near[
            np.argsort(similarity[near], kind="stable")
        ]  # the nearest comes last, and stays
        for group in range(member.shape[1]):
            inside = near[member[other[near], group]]
            nearest_of[one[inside], group] = other[inside]
    return nearest_of
