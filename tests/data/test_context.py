import numpy as np
import pytest

from msa.base.errors import InputError
from msa.data.context import before, with_context


def test_the_utterances_before_in_the_same_video():
    ids = ["a[0]", "a[1]", "b[0]", "a[2]", "b[1]"]
    assert before(ids, 1) == [[], [0], [], [1], [2]]
    assert before(ids, 2) == [[], [0], [], [0, 1], [2]]


def test_numbers_tell_the_order_whatever_that_of_the_rows():
    """10 comes behind 9, and 0003 behind 2."""
    assert before(["a[10]", "a[9]", "a[2]", "a[0003]"], 1) == [[1], [3], [], [2]]
    assert before(["a[12.5:14]", "a[2:3.1]"], 1) == [[1], []]
    assert before(["a[1][0]", "a[0][7]", "a[0][6]"], 2) == [[2, 1], [2], []]


@pytest.mark.parametrize("segment", ["train/0", "a_1", "a[x]", "a[1", "a[]", "12"])
def test_ids_without_videos_are_refused(segment):
    message = r"^context: expected ids video\[i\], .* got '"
    with pytest.raises(InputError, match=message):
        before(["a[0]", segment], 1)


def test_words_with_their_context():
    """Segments of 2, 0, 3 and 1 words; the third is the first of the other video."""
    bounds = np.array([0, 2, 2, 5, 6])
    numbers, offsets, context = with_context(["a[0]", "a[1]", "b[0]", "a[2]"], bounds, 2)
    assert offsets.tolist() == [0, 2, 4, 7, 10]
    assert numbers.tolist() == [0, 1, 0, 1, 2, 3, 4, 0, 1, 5]
    assert context.tolist() == [0, 2, 0, 2]


def test_no_segments():
    numbers, offsets, context = with_context([], np.array([0]), 2)
    assert numbers.tolist() == context.tolist() == []
    assert offsets.tolist() == [0]
    assert numbers.dtype.kind == "i"
