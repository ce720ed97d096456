import csv
import json
import unicodedata

import numpy as np
import pytest

from msa.__main__ import main
from msa.base.errors import InputError
from msa.demo.look_alikes import table as look_alike
from msa.formats.layouts import read_layout, recognize
from msa.formats.segments import read

HEADER = ["id", "video", "start", "end", "text", "label", "split"]


@pytest.fixture
def folder(tmp_path):
    """Six segments of three videos: audio of each, vision of videos at two rows a second."""
    folder = tmp_path / "mine"
    for name in ("audio", "vision"):
        (folder / name).mkdir(parents=True)
    for k, video in enumerate("abc"):
        # of the second i.0 to i.5 and i.5 to (i+1).0
        np.save(folder / f"vision/{video}.npy", 10 * k + np.arange(8.0).reshape(8, 1))
        for i in range(2):
            np.save(folder / f"audio/{video}{i}.npy", np.full((i + 1, 3), k))
    write(folder, rows())
    return folder


def rows():
    folds = {"a": "train", "b": "valid", "c": "test"}
    return [
        [f"{video}{i}", video, str(2 * i), str(2 * i + 2), "so good", f"{i}.5", fold]
        for video, fold in folds.items()
        for i in range(2)
    ]


def write(folder, lines, header=HEADER, delimiter=",", encoding="utf-8", name="segments.csv"):
    with (folder / name).open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *lines])


def cell(folder, line, column, text):
    """Another text in a cell; lines count from 2, as the file's do."""
    lines = rows()
    lines[line - 2][HEADER.index(column)] = text
    write(folder, lines)


def options(**more):
    return {"targets": ["sentiment"], "rates": {"vision": 2}} | more


def test_segments_have_their_own_rows_and_those_of_their_video(folder):
    folds = read_layout(folder, "table", options=options())
    assert {fold: list(segments.ids) for fold, segments in folds.items()} == {
        "train": ["a[a0]", "a[a1]"],
        "valid": ["b[b0]", "b[b1]"],
        "test": ["c[c0]", "c[c1]"],
    }
    test = folds["test"]
    assert test.label.tolist() == [[0.5], [1.5]]
    assert [block.tolist() for block in test.sequences["audio"]] == [[[2] * 3], [[2] * 3] * 2]
    assert test.sequences["vision"][0][:, 0].tolist() == [20, 21, 22, 23]
    assert test.sequences["vision"][1][:, 0].tolist() == [24, 25, 26, 27]
    assert test.sequences["words"][1].tolist() == [[b"so"], [b"good"]]


def test_rows_belong_to_each_segment_that_they_overlap(folder):
    """As align has it: a row from 1.5 to 2 s is of a segment from 1.9 s; touching is not enough."""
    cell(folder, 2, "end", "1.5")
    assert read_layout(folder, "table", options=options())["train"].sequences["vision"][0].size == 3
    lines = rows()
    lines[0][2:4] = "1.9", "2.1"
    write(folder, lines)
    vision = read_layout(folder, "table", options=options())["train"].sequences["vision"]
    assert vision[0][:, 0].tolist() == [3, 4]


@pytest.mark.parametrize(
    ("head", "times"),
    [("start,end,x", "{0},{1},"), ("Time,x", "{0},"), ("frame,timestamp,x", "7,{0},")],
)
def test_a_csv_says_the_times_of_its_rows(head, times, folder):
    for k, video in enumerate("abc"):
        (folder / f"vision/{video}.npy").unlink()
        lines = [f"{times.format(i / 2, (i + 1) / 2)}{10 * k + i}" for i in range(8)]
        (folder / f"vision/{video}.csv").write_text("\n".join([head, *lines, ""]))
    vision = read_layout(folder, "table", options=options(rates={}))["test"].sequences["vision"]
    assert vision[1][:, -1].tolist() == [24, 25, 26, 27]
    assert vision[1].shape == (4, 2 if head.startswith("frame") else 1)


def test_what_excel_writes_is_read_as_anything_else(folder):
    plain = read_layout(folder, "table", options=options())
    lines = [[value.replace(".", ",") for value in row] for row in rows()]
    header = [name.upper() for name in HEADER]
    write(folder, lines, header, delimiter=";", encoding="utf-8-sig")
    (folder / "audio/a0.npy").unlink()
    (folder / "audio/a0.csv").write_text("f1;f2;f3\n0,25;1,5;-2\n", encoding="utf-8-sig")
    folds = read_layout(folder, "table", options=options())
    for fold, segments in folds.items():
        assert list(segments.ids) == list(plain[fold].ids)
        np.testing.assert_array_equal(segments.label, plain[fold].label)
    assert folds["train"].sequences["audio"][0].tolist() == [[0.25, 1.5, -2]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,2,3\n4,5,6\n", [[1, 2, 3], [4, 5, 6]]),
        ("x;y;z\n1.5;2;\n", [[1.5, 2, np.nan]]),
        ("x\ty\tz\n1\t2\tinf\n", [[1, 2, np.inf]]),
    ],
)
def test_features_as_text(text, expected, folder):
    (folder / "audio/a0.npy").unlink()
    (folder / "audio/a0.csv").write_text(text)
    found = read_layout(folder, "table", options=options())["train"].sequences["audio"][0]
    np.testing.assert_array_equal(found, expected)


def test_one_vector_is_one_row_and_nothing_is_none(folder):
    np.save(folder / "audio/a0.npy", np.arange(3))
    np.save(folder / "audio/a1.npy", np.array([]))
    audio = read_layout(folder, "table", options=options())["train"].sequences["audio"]
    assert audio[0].tolist() == [[0, 1, 2]] and audio[1].shape == (0, 3)


@pytest.mark.parametrize("name", ["dev", "val", "Valid", " VALID "])
def test_folds_by_the_names_that_others_use(name, folder):
    lines = [[*row[:-1], row[-1].replace("valid", name)] for row in rows()]
    write(folder, lines)
    assert list(read_layout(folder, "table", options=options())["valid"].ids) == ["b[b0]", "b[b1]"]


def test_folds_of_a_file_go_before_the_column(folder):
    lines = [[*row[:-1], "train"] for row in rows()]
    write(folder, [*lines, ["x0", "x", "0", "2", "well", "1", "train"]])
    np.save(folder / "audio/x0.npy", np.ones((1, 3)))
    np.save(folder / "vision/x.npy", np.ones((8, 1)))
    videos = {"train": ["c"], "valid": ["b"], "test": ["a"]}
    folds = read_layout(folder, "table", options=options(folds=videos))
    assert list(folds["test"].ids) == ["a[a0]", "a[a1]"]
    left_out = {"id": "x[x0]", "fold": None, "reason": "its video is in no fold"}
    assert [left_out] == [*folds["train"].dropped, *folds["valid"].dropped, *folds["test"].dropped]
    with pytest.raises(
        InputError, match=r"valid 0, test 2; a video here is a, of the folds a\.mp4"
    ):
        read_layout(
            folder, "table", options=options(folds=videos | {"train": ["a.mp4"], "valid": []})
        )


def test_classes_by_name_and_by_number(folder):
    classes = ["sad", "happy"]
    lines = [[*row[:5], classes[i % 2], row[-1]] for i, row in enumerate(rows())]
    write(folder, lines)
    assert read_layout(folder, "table", options=options(classes=classes))["test"].label[
        :, 0
    ].tolist() == [
        0,
        1,
    ]
    write(folder, [[*row[:5], str((i + 1) % 2), row[-1]] for i, row in enumerate(rows())])
    assert read_layout(folder, "table", options=options(classes=classes))["test"].label[
        :, 0
    ].tolist() == [
        1,
        0,
    ]
    # where classes are called by numbers, a number is a name
    write(folder, [[*row[:5], str(i % 2 + 1), row[-1]] for i, row in enumerate(rows())])
    read_as = read_layout(folder, "table", options=options(classes=["1", "2"]))
    assert read_as["test"].label[:, 0].tolist() == [0, 1]


def test_several_labels_stand_in_the_order_of_the_targets(folder):
    header = ["id", "happy", "video", "split", "start", "end", "SAD"]
    lines = [[r[0], "1", r[1], r[-1], r[2], r[3], "0"] for r in rows()]
    write(folder, lines, header)
    label = read_layout(folder, "table", options=options(targets=["sad", "happy"]))["train"].label
    assert label.tolist() == [[0, 1]] * 2


def test_names_of_another_system(folder):
    """macOS writes é into file names as two signs."""
    lines = rows()
    lines[0][0] = "caf\u00e9"
    write(folder, lines)
    composed = unicodedata.normalize("NFD", "caf\u00e9")
    (folder / "audio/a0.npy").rename(folder / f"audio/{composed}.npy")
    assert len(read_layout(folder, "table", options=options())["train"].sequences["audio"][0]) == 1


def test_only_what_is_asked_for_has_to_be_there(folder):
    (folder / "vision/b.npy").unlink()
    folds = read_layout(folder, "table", options=options(holds=["words", "audio"], rates={}))
    assert set(folds["train"].sequences) == {"words", "audio"}


def remove(folder, *names):
    for name in names:
        (folder / name).unlink()


def save(folder, name, array):
    np.save(folder / name, array)


def second_table(folder):
    write(folder, rows(), name="predictions.csv")


FAULTS = {
    "no table": (lambda f: remove(f, "segments.csv"), "expected a folder with a .csv file that"),
    "two tables": (second_table, "found predictions.csv, segments.csv; name that of the segments"),
    "no line": (lambda f: write(f, []), "expected a line a segment"),
    "no split": (
        lambda f: write(f, [r[:6] for r in rows()], HEADER[:6]),
        "expected a column split",
    ),
    "no label": (
        lambda f: write(f, [r[:5] + r[6:] for r in rows()], HEADER[:5] + HEADER[6:]),
        "expected a column for the target sentiment, found no column of labels",
    ),
    "column twice": (
        lambda f: write(f, rows(), [*HEADER[:5], "Text", "split"]),
        "expected a column id, and each column once",
    ),
    "no id": (lambda f: cell(f, 3, "id", ""), "line 3: id: expected an id, found ''"),
    "id twice": (
        lambda f: cell(f, 5, "id", "a0"),
        "line 5: id: expected an id of its own, other than that of line 2, found 'a0'",
    ),
    "path": (lambda f: cell(f, 5, "id", "../b1"), r"line 5: id: expected a name without / and \\"),
    "video path": (
        lambda f: cell(f, 5, "video", "c:\\b"),
        "line 5: video: expected a name without",
    ),
    "fold": (lambda f: cell(f, 7, "split", "tset"), "line 7: split: expected one of train, valid"),
    "no fold": (
        lambda f: write(f, rows()[:4]),
        "expected segments in each fold, found train 2, valid 2, test 0",
    ),
    "another label": (
        lambda f: write(f, [[*r, "1"] for r in rows()], [*HEADER, "label_T"]),
        "expected a column for the target sentiment, found label, label_t",
    ),
    "text label": (
        lambda f: cell(f, 4, "label", "good"),
        "line 4: label: expected a label as a number, found 'good'",
    ),
    "cells": (
        lambda f: (f / "segments.csv").write_text("id,text,label,split\na0,so, good,1,train\n"),
        "line 2: expected 4 cells as in the first line, found 5; put texts that have a ','",
    ),
    "quote": (
        lambda f: (f / "segments.csv").write_text('id,text\na0,"so good\n'),
        "line 2: expected CSV, found unexpected end of data",
    ),
    "latin": (
        lambda f: write(f, [["é", *rows()[0][1:]]], encoding="latin-1"),
        "line 2: expected UTF-8, found the byte 0xe9; save it as CSV UTF-8",
    ),
    "missing": (
        lambda f: remove(f, "audio/a1.npy", "audio/c0.npy", "vision/b.npy"),
        r"each of 6 segments: 2 have none in audio/, the first a1, c0; 2 have none in vision/, the "
        "first b0, b1",
    ),
    "no times": (lambda f: cell(f, 6, "end", ""), "line 6: expected start and end in seconds"),
    "end first": (
        lambda f: cell(f, 6, "end", "0"),
        "for vision/c.npy is of the whole video, found",
    ),
    "milliseconds": (
        lambda f: write(f, [[*r[:2], f"{r[2]}000", f"{r[3]}000", *r[4:]] for r in rows()]),
        "its rows end at 4 s, the segment from 0 to 2000 s lies beyond, as 6 of 6",
    ),
    "width": (
        lambda f: save(f, "audio/b1.npy", np.ones((2, 4))),
        "audio/b1.npy: expected 3 columns as in a0.npy, found 4",
    ),
    "dimensions": (
        lambda f: save(f, "audio/b1.npy", np.ones((2, 3, 1))),
        r"audio/b1.npy: expected rows of numbers \(t, d\), found float64 \(2, 3, 1\)",
    ),
    "objects": (
        lambda f: save(f, "audio/b1.npy", np.array([None])),
        r"audio/b1.npy: expected rows of numbers \(t, d\), found .*Python objects",
    ),
    "cut off": (
        lambda f: (f / "audio/b1.npy").write_bytes((f / "audio/b1.npy").read_bytes()[:-9]),
        "audio/b1.npy: expected rows of numbers",
    ),
    "text features": (
        lambda f: remove(f, "audio/b1.npy") or (f / "audio/b1.csv").write_text("x,y,z\n1,a,2\n"),
        "audio/b1.csv: expected rows of numbers .* text in the column y, such as 'a'",
    ),
    "long line": (
        lambda f: remove(f, "audio/b1.npy") or (f / "audio/b1.csv").write_text("x,y,z\n1,2,3,4\n"),
        "audio/b1.csv: expected rows of numbers",
    ),
    "empty features": (
        lambda f: remove(f, "audio/b1.npy") or (f / "audio/b1.csv").write_text(""),
        "audio/b1.csv: expected rows of numbers .* No columns",
    ),
}


def read_all(folder):
    for segments in read_layout(folder, "table", options=options()).values():
        for blocks in segments.sequences.values():
            list(blocks)


@pytest.mark.parametrize("how", FAULTS)
def test_a_fault_is_one_message(how, folder):
    spoil, message = FAULTS[how]
    spoil(folder)
    with pytest.raises(InputError, match=message) as caught:
        read_all(folder)
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ({}, r"vision/a.npy: expected the times of its rows.*`rates: \{vision: 100\}`"),
        ({"vision": 20}, "its rows end at 0.4 s, the segment from 0 to 2 s lies beyond, as 6 of 6"),
        ({"vision": 2, "audio": 5}, "rates: audio: expected arrays of whole videos, found files"),
    ],
)
def test_rates_that_cannot_be(rates, message, folder):
    with pytest.raises(InputError, match=message):
        read_layout(folder, "table", options=options(rates=rates))


def import_table(folder, *files, flags=()):
    out = folder.parent / "out"
    layout = ["--layout", "table", "--targets", "sentiment", "--range", "-3", "3"]
    places = ["--output", str(out), "--card", str(out / "card.json")]
    paths = [str(folder / file) for file in files]
    rates = ["--rates", "vision=2", "--holds", "words", "audio", "vision"]
    return main(["import-data", *paths, *layout, *places, *rates, *flags])


def test_what_is_left_out_stands_in_the_card_with_its_reason(folder, capsys):
    lines = rows()
    lines.append(["a2", "a", "0", "1", "", "1", "train"])
    lines.append(["a3", "a", "0", "1", "no label", "NaN", "train"])
    lines.append(["a4", "a", "0", "1", "no fold", "1", ""])
    lines.append(["a5", "a", "50", "51", "past the end", "1", "train"])
    write(folder, lines)
    write(folder, [["a0", "1"]], ["id", "score"], name="predictions.csv")  # another table
    for i in range(2, 6):
        np.save(folder / f"audio/a{i}.npy", np.ones((1, 3)))
    assert import_table(folder, "segments.csv", "audio", "vision") == 0, capsys.readouterr().err
    card = json.loads((folder.parent / "out/card.json").read_text())
    assert card["segments"] == {"train": 2, "valid": 2, "test": 2}
    assert {left_out["id"]: left_out["reason"] for left_out in card["dropped"]} == {
        "a[a4]": "its split is empty",
        "a[a3]": "its label is not a number",
        "a[a2]": "one of its sequences has no rows",
        "a[a5]": "one of its sequences has no rows",
    }
    assert [d["fold"] for d in card["dropped"] if d["id"] == "a[a4]"] == [None]
    assert read(folder.parent / "out")["test"].sequences["vision"][1][:, 0].tolist() == [
        *range(24, 28)
    ]


def test_a_fold_that_loses_all_says_why(folder, capsys):
    write(folder, [[*row[:4], "", *row[5:]] if row[1] == "b" else row for row in rows()])
    assert import_table(folder, "segments.csv", "audio", "vision") == 1
    expected = "the fold valid has no segment: left out were 2 because one of its sequences has no"
    assert expected in capsys.readouterr().err


def test_a_folder_is_recognised_and_inspected(folder, capsys):
    assert recognize(folder, {"vision": 2})[0] == "table"
    assert main(["inspect", str(folder), "--rates", "vision=2"]) == 0
    out = capsys.readouterr().out
    assert "layout: table" in out and "videos: train 1, valid 1, test 1" in out
    assert "labels test column 0: min 0.5, max 1.5" in out
    with pytest.raises(SystemExit):
        main(["inspect", str(folder)])
    assert "rates: {vision: 100}" in capsys.readouterr().err


def test_the_template_names_the_folder_that_it_fills(tmp_path, capsys):
    assert main(["look-alike", "table", str(tmp_path / "t")]) == 0
    filled = capsys.readouterr().out
    assert f"audio: {tmp_path}/t/audio" in filled and "import: table" in filled
    assert main(["look-alike", "table"]) == 0
    assert capsys.readouterr().out == filled.replace(str(tmp_path / "t"), "my/table")
    assert main(["look-alike", "mosi_mag"]) == 1
    assert "expected a folder to write into, such as data/mosi_mag/raw" in capsys.readouterr().err


def test_a_look_alike_has_the_rows_that_it_says(tmp_path):
    path = look_alike.write(tmp_path, np.random.default_rng(0))
    test = read_layout(path, "table")["test"]
    assert test.ids[5] == "testVideo1[testVideo1_1]"
    rows = np.loadtxt(path / "vision/testVideo1.csv", delimiter=",", skiprows=1)
    np.testing.assert_array_equal(test.sequences["vision"][5], rows[30:60, 2:])
    np.testing.assert_array_equal(
        test.sequences["audio"][5], np.load(path / "audio/testVideo1_1.npy")
    )
