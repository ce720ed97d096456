"""What becomes of labels, by exact values."""

import numpy as np
import pytest

from msa.base.errors import InputError
from msa.data.labels import Kind, kind_of, label_table, over_folds, task_labels

NAN = np.nan
# of seven segments; the last one's is float32's 3
VALUES = np.array([[-3.5], [-3.0], [0.0], [10 / 3], [5.0], [NAN], [3 + 2e-7]])
IDS = [f"v[{i}]" for i in range(len(VALUES))]
SPAN = (-3.0, 3.0)
EMOTIONS = {
    "type": "binary",
    "targets": ["happy", "sad"],
    "columns": [1, 2],
    "present": {"above": 0},
}


def test_labels_beyond_the_range_are_refused_by_default():
    message = (
        r"^my\.csd: 3 labels lie outside the task's range \[-3, 3\], the first in v\[0\]: "
        r"\[-3\.5\]; .* `beyond: clip` or `beyond: drop` \(--beyond\)$"
    )
    with pytest.raises(InputError, match=message):
        task_labels("my.csd", IDS, VALUES, Kind(span=SPAN))
    label, misfits = task_labels("my.csd", IDS, VALUES, Kind(span=(-4, 5)))
    np.testing.assert_array_equal(label, VALUES)
    assert not misfits.any()


@pytest.mark.parametrize("beyond", ["clip", "drop"])
def test_labels_beyond_the_range_are_clipped_or_told(beyond):
    label, misfits = task_labels("", IDS, VALUES, Kind(span=SPAN, beyond=beyond))
    assert misfits.tolist() == [True, False, False, True, True, False, False]
    clipped = [-3, -3, 0, 3, 3, NAN, 3]
    np.testing.assert_array_equal(label[:, 0], clipped if beyond == "clip" else VALUES[:, 0])


def test_infinity_is_no_label_that_clipping_helps():
    infinite = np.array([[np.inf], [1.0]])
    label, misfits = task_labels("", IDS, infinite, Kind(span=SPAN, beyond="clip"))
    assert not misfits.any() and label[0, 0] == np.inf
    with pytest.raises(InputError, match="1 labels lie outside"):
        task_labels("", IDS, infinite, Kind(span=SPAN))


def test_an_emotion_is_present_above_a_number():
    values = np.array([[3, 0, 1 / 3], [-3, -0.0, 0], [0, NAN, 3]])
    label, misfits = task_labels("", IDS, values, Kind([1, 2], (0, 3), 2, 0.0))
    np.testing.assert_array_equal(label, [[0, 1], [0, 0], [NAN, 1]])
    assert not misfits.any()
    higher, _ = task_labels("", IDS, values, Kind([1, 2], (0, 3), 2, 1 / 3))
    np.testing.assert_array_equal(higher, [[0, 0], [0, 0], [NAN, 1]])


@pytest.mark.parametrize(("values", "count"), [([[1], [0.5], [0]], 1), ([[2], [-1], [NAN]], 2)])
def test_classes_are_refused_where_they_are_none(values, count):
    with pytest.raises(
        InputError, match=rf"{count} labels are none of the classes 0 to 1, .* `type: binary` with"
    ):
        task_labels("", IDS, np.array(values), Kind(classes=2, span=SPAN))
    _, misfits = task_labels("", IDS, np.array(values), Kind(classes=2, beyond="drop"))
    assert misfits.sum() == count


def test_classes_cannot_be_clipped():
    with pytest.raises(InputError, match="beyond: clip: expected labels with a range"):
        Kind(classes=2, span=SPAN, beyond="clip")


def test_labels_that_split_made_are_not_made_again():
    task = EMOTIONS | {"present": {"above": 1}, "range": [0, 3], "beyond": "clip"}
    fresh, made = kind_of(task), kind_of(task, made=True)
    assert [*fresh.columns] == [0, 1] and (fresh.span, fresh.above) == ((0, 3), 1)
    values = np.array([[0.0, 1.0], [1.0, 2.0]])
    np.testing.assert_array_equal(task_labels("", IDS, values, fresh)[0], [[0, 0], [0, 1]])
    np.testing.assert_array_equal(task_labels("", IDS, values[:1], made)[0], [[0, 1]])
    with pytest.raises(InputError, match=r"the first in v\[1\]"):
        task_labels("", IDS, values, made)


def test_the_card_says_what_there_was():
    counts = {"missing": 1, "beyond": 2, "repeated": 0}
    none = dict.fromkeys(counts, 0)
    card = {"beyond": "clip", "range": [-3, 3], "folds": {"train": counts, "test": counts}}
    assert label_table({"labels": card})[3:] == [
        "| fold | missing, dropped | beyond [-3, 3], clipped | repeated, kept |",
        "|---|---:|---:|---:|",
        "| train | 1 | 2 | 0 |",
        "| test | 1 | 2 | 0 |",
    ]
    assert label_table({"labels": card | {"folds": {"train": none}}}) == label_table({}) == []
    total = over_folds(card)
    assert total is not None and total["folds"] == {
        "all": {"missing": 2, "beyond": 4, "repeated": 0}
    }
    assert over_folds(None) is None
