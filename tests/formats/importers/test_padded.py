import re

import numpy as np
import pytest

from msa.formats.importers import padded


def rows(*patterns):
    return np.array([[c == "x" for c in pattern] for pattern in patterns])


@pytest.mark.parametrize(
    ("side", "begins", "ends"),
    [
        ("left", [1, 0, 3], [4, 4, 4]),
        ("right", [0, 0, 0], [3, 4, 1]),
        ("both", [1, 0, 0], [3, 4, 1]),
    ],
)
def test_padding_goes_and_one_row_stays(side, begins, ends):
    found = padded.trim(rows(".xx.", "x..x", "...."), side)
    assert [x.tolist() for x in found] == [begins, ends]


def test_only_zero_is_padding(monkeypatch):
    monkeypatch.setattr(padded, "BLOCK", 1)
    array = np.zeros((3, 2, 2), dtype=np.float32)
    array[0, 1, 1], array[1, 0, 0], array[2, 0] = np.nan, -np.inf, -0.0
    expected = [[False, True], [True, False], [False, False]]
    assert padded.not_zero(array).tolist() == expected


def test_segments_are_views():
    array = np.arange(24.0).reshape(2, 4, 3)
    first, second = padded.cut_segments(array, np.array([1, 0]), np.array([4, 0]))
    assert np.shares_memory(first, array) and first.tolist() == array[0, 1:4].tolist()
    assert second.shape == (0, 3)


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([1, 6], "expected numbers of rows from 0 to 5, .* found 6 for segment 1"),
        ([-1, 2], "found -1 for segment 0"),
        ([1.5, 2], "found 1.5 for segment 0"),
        ([1, np.nan], "found nan for segment 1"),
        ([1, 2, 3], "expected 2 numbers of rows, found a list of length 3"),
        (["1", "2"], "expected 2 numbers of rows"),
        ([[1, 2], [3]], "expected 2 numbers of rows"),
    ],
)
def test_lengths_that_cannot_be(lengths, message):
    (problem,) = padded.length_problems("train: audio", lengths, 2, 5)
    assert problem.startswith("train: audio: ")
    assert re.search(message, problem)


def test_lengths_that_can_be():
    assert not padded.length_problems("", [0, 5], 2, 5)
    assert not padded.length_problems("", np.array([[1], [2]]), 2, 5)
