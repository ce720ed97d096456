import pickle
from itertools import pairwise

import numpy as np
import pytest

from msa.base.errors import InputError
from msa.data.import_data import import_data
from msa.demo.look_alikes import hkt
from msa.formats.layouts import read_layout


def make_part(words, first, n=None):
    """Vision, audio and features of humor of n words, each row of one value."""
    n = len(words) if n is None else n
    rows = first + np.arange(n, dtype=np.float64)[:, None]
    return tuple(np.repeat(rows, width, axis=1) for width in (91, 81, 4))


def make_row(context=("a b", "c"), punchline="d e f", segment="1_60", label=1):
    words = " ".join(context).split()
    return (
        (punchline, *make_part(punchline.split(), 100)),
        (list(context), *make_part(words, 0)),
        segment,
        label,
    )


def read_rows(folder, *rows):
    path = folder / "some.pkl"
    path.write_bytes(pickle.dumps({fold: list(rows) for fold in ("train", "dev", "test")}))
    return read_layout(path, "hkt")["train"]


def test_the_context_comes_first_and_sentences_end(tmp_path):
    train = read_rows(tmp_path, make_row(), make_row(context=(), segment=7, label=0))
    assert train.ids == ["1_60", "7"]
    assert train.label.tolist() == [[1], [0]]
    assert train.context.tolist() == [3, 0]
    words = [[word.decode() for word in of[:, 0]] for of in train.sequences["words"]]
    assert words == [["a", "b.", "c", "d", "e", "f."], ["d", "e", "f."]]
    no_punchline = read_rows(tmp_path, make_row(punchline=" "))
    assert len(no_punchline.sequences["words"][0]) == no_punchline.context[0] == 3
    assert set(train.sequences) == {"words", "audio", "vision", "hcf"}
    for name, width in (("audio", 81), ("vision", 91), ("hcf", 4)):
        rows = train.sequences[name]
        assert rows[0].shape == (6, width)
        assert rows[0][:, 0].tolist() == [0, 1, 2, 100, 101, 102]
        assert rows[1][:, -1].tolist() == [100, 101, 102]


def test_rows_may_come_by_sentence(tmp_path):
    punchline, (sentences, vision, audio, hcf), segment, label = make_row(("a b", "", " c "))
    parts = [(sentences, [x[:2], [], x[2:]]) for x in (vision, audio)]
    by_sentence = (sentences, parts[0][1], parts[1][1], hcf)
    whole, split = read_rows(
        tmp_path,
        (punchline, (sentences, vision, audio, hcf), segment, label),
        (punchline, by_sentence, segment, label),
    ).sequences["audio"]
    np.testing.assert_array_equal(whole, split)
    assert len(whole) == 6


@pytest.mark.parametrize("nothing", [[], np.zeros(0), np.zeros((0, 91)), [[]]])
def test_an_empty_context_may_be_anything_empty(tmp_path, nothing):
    punchline, context, *rest = make_row(())
    train = read_rows(tmp_path, (punchline, (context[0], nothing, nothing, nothing), *rest))
    assert len(train.sequences["vision"][0]) == 3


def test_rows_past_the_words_are_left_out_and_missing_ones_are_an_error(tmp_path):
    punchline, context, *rest = make_row()
    more = (context[0], *make_part([], 0, 5))
    train = read_rows(tmp_path, (punchline, more, *rest))
    assert train.sequences["audio"][0][:, 0].tolist() == [0, 1, 2, 100, 101, 102]
    fewer = (context[0], *make_part([], 0, 2))
    message = r"train\[0\] \(1_60\): context: vision: expected a row a word, 3, found 2"
    with pytest.raises(InputError, match=message):
        read_rows(tmp_path, (punchline, fewer, *rest))


def test_bytes_are_text_too(tmp_path):
    punchline, context, segment, label = make_row()
    as_bytes = (
        (punchline[0].encode(), *punchline[1:]),
        ([sentence.encode() for sentence in context[0]], *context[1:]),
        segment.encode(),
        np.array([label], dtype=np.int32),
    )
    train = read_rows(tmp_path, as_bytes, make_row())
    assert train.ids == ["1_60", "1_60"]
    np.testing.assert_array_equal(*train.sequences["words"])


BROKEN = {
    "three members": (lambda row: row[:3], r"train: expected a list of .*id, label\), found"),
    "no hcf": (lambda row: (row[0][:3], *row[1:]), r"train: expected a list of .*, found"),
    "context": (lambda row: (row[0], row[0], *row[2:]), r"train: expected a list of .*, found"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_another_row_is_refused(how, tmp_path):
    spoil, message = BROKEN[how]
    with pytest.raises(InputError, match=message):
        read_rows(tmp_path, spoil(make_row()))
    with pytest.raises(InputError, match=r"train\[2\]: expected \(\(words, vision, audio, hcf\)"):
        read_rows(tmp_path, make_row(), make_row(), spoil(make_row()))


def test_the_width_of_a_later_row_is_checked(tmp_path):
    (words, vision, audio, hcf), *rest = make_row()
    message = (
        r"train\[1\] \(1_60\): punchline: audio: expected rows \(t, 81\), found an array \(3, 80\)"
    )
    with pytest.raises(InputError, match=message):
        read_rows(tmp_path, make_row(), ((words, vision, audio[:, :80], hcf), *rest))


@pytest.mark.parametrize("dataset", ["ur_funny", "mustard"])
def test_a_look_alike_is_imported(dataset, tmp_path):
    path = hkt.write(tmp_path, np.random.default_rng(0), dataset)
    import_data(
        path,
        "hkt",
        tmp_path / "data",
        tmp_path / "card.json",
        holds=["words", "audio", "vision", "hcf"],
        classes=2,
        aligned=True,
        widths={"audio": 81, "vision": 91, "hcf": 4},
    )
    context = np.load(tmp_path / "data/train/context.npy")
    assert len(context) == 24 and (context == 0).any() and context.max() > 3
    offsets = np.load(tmp_path / "data/train/offsets.npy")
    for name in ("audio", "hcf"):
        np.testing.assert_array_equal(offsets["words"], offsets[name])
    # rows of context and punchline lie beside their words
    label, vision = (np.load(tmp_path / f"data/train/{x}.npy") for x in ("label", "vision"))
    means = [vision[a:b, 55].mean() for a, b in pairwise(offsets["vision"])]
    assert np.corrcoef(means, label[:, 0])[0, 1] > 0.9
