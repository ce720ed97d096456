from itertools import combinations

import numpy as np
import pytest

from msa.data.near_texts import nearest, shingles, tokens


def jaccard(one, other):
    a, b = set(shingles(one)), set(shingles(other))
    return len(a & b) / len(a | b)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's SO-so, isn't it?", ["its", "so", "so", "isnt", "it"]),
        ("don\u2019t (sp) 3 times", ["dont", "sp", "3", "times"]),
        ("我很喜欢 this", ["我", "很", "喜", "欢", "this"]),
        ("?! ...", []),
    ],
)
def test_tokens(text, words):
    assert [*tokens(text)] == words


def test_the_nearest_is_what_counting_sets_says(monkeypatch):
    monkeypatch.setattr("msa.data.near_texts.BLOCK", 7)
    rng = np.random.default_rng(0)
    texts = {tuple(rng.choice([*"abc"], n)) for n in rng.integers(2, 9, 40)}
    texts = sorted(texts)
    member = rng.random((len(texts), 2)) < 0.6
    near = {
        pair: value
        for pair in combinations(range(len(texts)), 2)
        if len(texts[pair[0]]) > 2 < len(texts[pair[1]])
        and (value := jaccard(*(texts[i] for i in pair))) >= 0.4
    }
    assert len(near) > 10
    found = nearest(texts, member, 0.4)
    for i in range(len(texts)):
        for group in (0, 1):
            values = {
                j: near[min(i, j), max(i, j)]
                for j in range(len(texts))
                if member[j, group] and (min(i, j), max(i, j)) in near
            }
            j = found[i, group]
            assert (j in values and values[j] == max(values.values())) if values else j == -1


@pytest.mark.parametrize("texts", [[], [("a", "b")], [("a", "b", "c")]])
def test_nothing_to_compare(texts):
    assert (nearest(texts, np.ones((len(texts), 1), bool)) == -1).all()
