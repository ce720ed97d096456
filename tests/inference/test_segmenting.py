"""Segments between pauses, and none that lasts too long."""

import numpy as np
import pytest

from msa.inference.segmenting import between_pauses, pieces


def words(*starts, each=0.4):
    return np.array(starts)[:, None] + np.array([0.0, each])


def test_a_pause_ends_a_segment():
    found = between_pauses(words(0, 0.5, 1.5, 2.0, each=0.4), 0.5)
    assert found.tolist() == [[0, 0.9], [1.5, 2.4]]
    assert between_pauses(words(0, 0.5, 1.5, 2.0), 0.7).tolist() == [[0, 2.4]]


def test_words_out_of_order_and_within_one_another():
    times = np.array([[2.0, 2.2], [0.0, 1.9], [0.5, 0.7]])
    assert between_pauses(times, 0.5).tolist() == [[0, 2.2]]


def test_what_lasts_too_long_is_cut_at_its_longest_pause():
    # 0.1 s between words, 0.3 s before 4.7 and the longest, 0.45 s, near the end
    starts = np.arange(0, 10, 0.5) + 0.2 * (np.arange(20) >= 9) + 0.35 * (np.arange(20) >= 19)
    found = between_pauses(words(*starts), 0.5, longest=8)
    assert found[:, 0].tolist() == [0, 4.7]
    assert found[-1, 1] == pytest.approx(starts[-1] + 0.4)
    short = between_pauses(words(*starts), 0.5, longest=3)
    assert (np.diff(short, axis=1) <= 3).all()
    covered = [any(a <= s and s + 0.4 <= b + 1e-9 for a, b in short) for s in starts]
    assert all(covered)


def test_what_has_no_pause_is_cut_into_equal_parts():
    found = between_pauses(np.array([[1.0, 31.6]]), longest=15)
    assert found.tolist() == [[1, 11.2], [11.2, 21.4], [21.4, 31.6]]


def test_two_words_of_which_one_is_too_long():
    found = between_pauses(np.array([[0.0, 20.0], [20.1, 20.5]]), 0.5, longest=15)
    assert found.tolist() == [[0, 10], [10, 20], [20.1, 20.5]]


def test_nobody_speaks():
    assert between_pauses(np.zeros((0, 2))).shape == (0, 2)


@pytest.mark.parametrize("length", [2.0, 4.0, 100.0, np.inf])
def test_pieces_of_one_length(length):
    found = pieces(5.0, length)
    assert found[0, 0] == 0 and found[-1, 1] == 5
    assert (found[1:, 0] == found[:-1, 1]).all()
    assert (np.diff(found, axis=1) <= length).all()
