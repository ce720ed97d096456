import pickle
from itertools import pairwise

import numpy as np
import pytest

from msa.base.errors import InputError
from msa.data.import_data import import_data
from msa.demo.look_alikes import cm_bert
from msa.demo.look_alikes.rows import SEGMENTS
from msa.formats.layouts import read_layout

COUNTS = {"train": 4, "dev": 2, "test": 3}


def make_audio(n, words=3):
    """One row of audio a word, from the first step on; row i of segment s is 10 s + i + 1."""
    audio = np.zeros((n, 50, 5))
    audio[:, :words] = (10 * np.arange(n)[:, None] + np.arange(words) + 1)[..., None]
    return audio


def write_texts(folder, text="SO VERY GOOD", label="1.5"):
    for key, n in COUNTS.items():
        (folder / f"{key}.tsv").write_text("text\tlabel\n" + f"{text}\t{label}\n" * n)


def write_audio(folder, arrays, name="a.pickle"):
    (folder / name).write_bytes(pickle.dumps(arrays))


@pytest.fixture
def folder(tmp_path):
    write_texts(tmp_path)
    write_audio(tmp_path, [make_audio(n) for n in COUNTS.values()])
    return tmp_path


def test_one_row_a_word(folder):
    folds = read_layout(folder, "cm_bert")
    assert {fold: len(of.ids) for fold, of in folds.items()} == {"train": 4, "valid": 2, "test": 3}
    train = folds["train"]
    assert train.ids[1] == "train/1" and train.label.tolist() == [[1.5]] * 4
    assert train.sequences["words"][0].tolist() == [[b"SO"], [b"VERY"], [b"GOOD"]]
    assert train.sequences["audio"][2][:, 4].tolist() == [21, 22, 23]


def test_quotation_marks_are_plain_and_lines_may_end_as_on_windows(folder):
    rows = ['"AS IF" HE\t0.5', "IT'S \"\t-1", "A\t0"]
    text = "text\tlabel\n" + "\r\n".join(rows) + "\r\n"
    (folder / "test.tsv").write_text(text, newline="")
    test = read_layout(folder, "cm_bert")["test"]
    assert [len(of) for of in test.sequences["words"]] == [3, 2, 1]
    assert test.sequences["words"][1][1] == b'"'
    assert test.label[:, 0].tolist() == [0.5, -1, 0]


def test_words_past_the_last_row_have_zeros(folder):
    write_texts(folder, text="W " * 53)
    write_audio(folder, [make_audio(n, words=50) for n in COUNTS.values()])
    train = read_layout(folder, "cm_bert")["train"]
    audio = train.sequences["audio"][0]
    assert len(audio) == len(train.sequences["words"][0]) == 53
    assert audio[49, 0] == 50 and not audio[50:].any()


def read_pieces(folder, rows, text, capsys):
    """The first segment's audio by word, where after [CLS] the pieces have these values."""
    arrays = [np.zeros((n, 50, 5)) for n in COUNTS.values()]
    for array in arrays:
        array[:, 1 : 1 + len(rows)] = np.array(rows, dtype=float)[:, None]
    write_texts(folder, text=text)
    write_audio(folder, arrays)
    audio = read_layout(folder, "cm_bert")["train"].sequences["audio"][0]
    return audio[:, 0].tolist(), capsys.readouterr().err


def test_pieces_become_words(folder, capsys):
    assert read_pieces(folder, [7, 8, 8, 8, 9], "A BCD E", capsys) == ([7, 8, 9], "")
    # a word without audio between others
    assert read_pieces(folder, [7, 0, 9], "A B C", capsys) == ([7, 0, 9], "")
    # two words with the same audio, each one piece
    assert read_pieces(folder, [7, 7, 9], "A B C", capsys) == ([7, 7, 9], "")


def test_pieces_of_words_without_a_number_are_one_word(folder, capsys):
    values, said = read_pieces(folder, [7, np.nan, np.nan, 9], "A B C", capsys)
    np.testing.assert_array_equal(values, [7, np.nan, 9])
    assert not said


def test_pieces_that_do_not_tell_their_words_are_spread_and_said(folder, capsys):
    values, said = read_pieces(folder, [7, 7, 7, 7, 9, 9], "A B C", capsys)
    assert values == [7, 7, 9]
    assert "train: in 4 of 4 segments, first in train/0, the audio does not tell" in said


def test_words_past_the_last_piece_have_zeros(folder, capsys):
    rows = np.repeat(np.arange(1, 25), 2)  # all 48 steps between [CLS] and [SEP]
    values, said = read_pieces(folder, rows, "W " * 30, capsys)
    assert values == [*range(1, 25), *[0] * 6] and not said


def test_no_audio_at_all_is_zeros(folder, capsys):
    assert read_pieces(folder, [0], "A B", capsys)[0] == [0, 0]


def test_the_pickle_is_found_by_content(folder):
    write_audio(folder, {"train": [1]}, "0.pickle")
    write_audio(folder, [make_audio(n) + 1 for n in (4, 2, 4)], "1.pickle")
    write_audio(folder, "text", "z.pickle")
    write_audio(folder, [[[1], [1, 2]]] * 3, "ragged.pickle")
    (folder / "readme.md").write_text("audio")
    (folder / "more").mkdir()
    (folder / "a.pickle").rename(folder / "b")
    assert read_layout(folder, "cm_bert")["train"].sequences["audio"][0][0, 0] == 1


def test_arrays_in_another_order_are_told_by_their_rows(folder):
    write_audio(folder, [make_audio(n) + 100 * n for n in (3, 4, 2)])
    for fold, n in (("train", 4), ("valid", 2), ("test", 3)):
        audio = read_layout(folder, "cm_bert")[fold].sequences["audio"]
        assert len(audio) == n and audio[0][0, 0] == 100 * n + 1


def test_two_pickles_that_fit_are_refused(folder):
    write_audio(folder, [make_audio(n) for n in COUNTS.values()], "b.pickle")
    with pytest.raises(InputError, match=r"expected one pickle .*found 2: .*a.pickle.*b.pickle"):
        read_layout(folder, "cm_bert")


BROKEN = {
    "no dev": (lambda f: (f / "dev.tsv").unlink(), "expected a folder of train.tsv, dev.tsv and"),
    "no pickle": (lambda f: (f / "a.pickle").unlink(), "expected a pickle of three arrays .*no o"),
    "width": (
        lambda f: write_audio(f, [np.ones((n, 50, 6)) for n in COUNTS.values()]),
        r"expected a pickle of three arrays \(n, 50, 5\), found .*a.pickle: a list of length 3",
    ),
    "damaged": (
        lambda f: (f / "a.pickle").write_bytes((f / "a.pickle").read_bytes()[:900]),
        "expected a pickle of three arrays .*a.pickle: no pickle",
    ),
    "rows": (
        lambda f: write_audio(f, [make_audio(n) for n in (4, 2, 2)]),
        r"with the \[4, 2, 3\] rows of the .tsv files, found 0: {'a.pickle': \[4, 2, 2\]}",
    ),
    "header": (
        lambda f: (f / "dev.tsv").write_text("text\n"),
        r"dev.tsv: expected a header text TAB label, found \['text'\]",
    ),
    "empty": (lambda f: (f / "dev.tsv").write_text(""), "dev.tsv: expected a header"),
    "label": (
        lambda f: (f / "test.tsv").write_text("text\tlabel\nGOOD\t1\nBAD\tbad\nOK\t0\n"),
        r"test.tsv: line 3: expected text TAB number, found 'BAD\\tbad'",
    ),
    "one column": (
        lambda f: (f / "test.tsv").write_text("text\tlabel\nGOOD\t1\nBAD -1\nOK\t0\n"),
        "test.tsv: line 3: expected text TAB number",
    ),
    "no text": (
        lambda f: (f / "test.tsv").write_bytes(b"text\tlabel\n\xff\xfe\t1\n"),
        "test.tsv: expected text in UTF-8",
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_folder_is_refused(how, folder):
    spoil, message = BROKEN[how]
    spoil(folder)
    with pytest.raises(InputError, match=rf"{folder}: .*{message}"):
        read_layout(folder, "cm_bert")


def test_a_look_alike_is_imported(tmp_path, capsys):
    path = cm_bert.write(tmp_path / "raw", np.random.default_rng(0))
    import_data(
        path,
        "cm_bert",
        tmp_path / "data",
        tmp_path / "card.json",
        holds=["words", "audio"],
        span=(-3, 3),
        aligned=True,
        widths={"audio": 5},
    )
    folder = tmp_path / "data/train"
    offsets = np.load(folder / "offsets.npy")
    assert len(offsets) == 1 + SEGMENTS["train"]
    audio, label = np.load(folder / "audio.npy"), np.load(folder / "label.npy")
    means = [audio[a:b, 0].mean() for a, b in pairwise(offsets["audio"])]
    assert np.corrcoef(means, label[:, 0])[0, 1] > 0.9
    assert not capsys.readouterr().err
