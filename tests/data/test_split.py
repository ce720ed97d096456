import json

import numpy as np
import pytest

from msa.base.errors import InputError
from msa.data.align import align
from msa.data.aligned import word_rows
from msa.data.card import card_markdown, segment_lengths
from msa.data.labels import BEYOND
from msa.data.split import FOLDS, read_folds, split
from msa.formats import csd

VIDEOS = ["a", "b", "c", "d"]
UNCLEANED = {"policy": "zero", "standardized": [], "counts": {fold: {} for fold in FOLDS}}


@pytest.fixture
def aligned(tmp_path):
    """Three segments a video, of words w0 .. and a pause; audio lacks the first word's rows."""
    spans = np.array([[0, 3], [3, 6], [6, 7]], dtype=np.float32)
    times = np.arange(7, dtype=np.float32)
    word_spans = np.stack([times, times + 1], 1)
    words = np.array([[b"w0"], [b"sp"], [b"w2"], [b"w3"], [b"w4"], [b"w5"], [b"sp"]])
    audio = np.arange(7, dtype=np.float32)[:, None] + np.array([[0, 100]], dtype=np.float32)
    labels = np.array([[-1.0], [2.0], [0.5]], dtype=np.float32)
    for name, rows in {"words": (word_spans, words), "audio": (word_spans[1:], audio[1:])}.items():
        csd.write(tmp_path / f"{name}.csd", name, dict.fromkeys(VIDEOS, rows))
    csd.write(tmp_path / "labels.csd", "labels", dict.fromkeys(VIDEOS, (spans, labels)))
    files = {name: tmp_path / f"{name}.csd" for name in ("words", "audio")}
    align(files, tmp_path / "labels.csd", "words", tmp_path / "aligned")
    return tmp_path


def run(folder, folds=None, **changes):
    folds_file = folder / "folds.json"
    folds_file.write_text(json.dumps(folds or {"train": ["a"], "valid": ["b"], "test": ["c"]}))
    options = {"columns": [0], "span": (-3.0, 3.0)} | changes
    outputs = {fold: folder / fold for fold in FOLDS}
    split(folder / "aligned", folds_file, outputs, folder / "card.json", **options)
    return json.loads((folder / "card.json").read_text())


def load(folder, fold, name):
    return np.load(folder / fold / f"{name}.npy")


def test_pauses_go_with_their_rows(aligned):
    card = run(aligned)
    offsets = load(aligned, "train", "offsets")
    assert load(aligned, "train", "words")[:, 0].tolist() == [b"w0", b"w2", b"w3", b"w4", b"w5"]
    # w0 has no audio and gets zeros; "sp" is gone with its row 1
    np.testing.assert_array_equal(
        load(aligned, "train", "audio"), [[0, 0], [2, 102], [3, 103], [4, 104], [5, 105]]
    )
    assert offsets["words"].tolist() == offsets["audio"].tolist() == [0, 2, 5]
    assert load(aligned, "train", "ids").tolist() == ["a[0]", "a[1]"]
    np.testing.assert_array_equal(load(aligned, "train", "label"), [[-1], [2]])
    assert card["sequences"]["train"]["audio"]["imputed_rows"] == 0
    assert card["segments"] == {"train": 2, "valid": 2, "test": 2}


def test_odd_times_and_ids_twice_or_empty_are_said_in_the_card(aligned):
    times = np.array([[2, 3], [0, 1], [0, 1], [1, 0.5], [0, 1], [4, 4], [2, 3]])
    words = np.array([[b"w"]] * 7)
    with csd.Sequence(aligned / "words.csd") as sequence:
        rows = {video: (sequence.intervals(video), words) for video in VIDEOS}
    csd.write(aligned / "words.csd", "words", {**rows, "b": (times, words), "d": (times, words)})
    spans, labels = np.array([[0, 3], [3, 0], [0, 3]]), np.ones((3, 1))
    csd.write(aligned / "labels.csd", "labels", dict.fromkeys(VIDEOS, (spans, labels)))
    files = {name: aligned / f"{name}.csd" for name in ("words", "audio")}
    align(files, aligned / "labels.csd", "words", aligned / "aligned")
    folds = {"train": ["a", "a", "d", "d", "d"], "valid": ["b", "", " "], "test": ["c"]}
    card = run(aligned, folds, allow_missing=True)
    assert card["times"] == {
        "words": {"reversed": {"b": 1, "d": 1}, "repeated": {"b": 3, "d": 3}},
        "audio": {},
        "labels": {
            "reversed": dict.fromkeys(VIDEOS, 1),
            "repeated": dict.fromkeys(VIDEOS, 1),
        },
    }
    assert card["ids"] == {
        "train": {"twice": ["a", "d"], "empty": 0},
        "valid": {"twice": [], "empty": 2},
    }


def test_every_dropped_segment_has_a_reason(aligned):
    dropped = {d["id"]: (d["fold"], d["reason"]) for d in run(aligned)["dropped"]}
    assert dropped == {
        "a[2]": ("train", "it has no words but pauses"),
        "b[2]": ("valid", "it has no words but pauses"),
        "c[2]": ("test", "it has no words but pauses"),
        "d[0]": (None, "its video is in no fold"),
        "d[1]": (None, "its video is in no fold"),
        "d[2]": (None, "its video is in no fold"),
    }


def test_a_segment_that_has_neither_words_nor_pauses_says_so(tmp_path):
    times = np.array([[0, 1], [2, 3], [4, 5]])
    said = (times[:2], ["so", "sp"])
    sounds = (times, np.ones((3, 2)))
    for name, rows in {"words": said, "audio": sounds, "labels": sounds}.items():
        csd.write(tmp_path / f"{name}.csd", name, dict.fromkeys("abc", rows))
    files = {name: tmp_path / f"{name}.csd" for name in ("words", "audio")}
    align(files, tmp_path / "labels.csd", "none", tmp_path / "aligned")
    reasons = {dropped["id"]: dropped["reason"] for dropped in run(tmp_path)["dropped"]}
    assert reasons["a[1]"] == "it has no words but pauses"
    assert reasons["a[2]"] == "it has no words"


def test_pauses_may_stay(aligned):
    assert run(aligned, pauses=())["segments"] == {"train": 3, "valid": 3, "test": 3}
    assert load(aligned, "train", "words")[1, 0] == b"sp"


SILENCES = ["", "sp", "SP", "sil", "spn", "<eps>", " "]


@pytest.fixture
def silences(tmp_path):
    """A word, then a pause as each aligner writes it, in one segment; audio is 0, 1, ..."""
    words = ["so", *SILENCES, "spy"]
    begins = np.arange(float(len(words)))
    times = np.stack([begins, begins + 1], 1)
    csd.write(tmp_path / "words.csd", "words", dict.fromkeys("abc", (times, words)))
    csd.write(tmp_path / "audio.csd", "audio", dict.fromkeys("abc", (times, begins[:, None])))
    whole = ([[0.0, len(words)]], [[1.0]])
    csd.write(tmp_path / "labels.csd", "labels", dict.fromkeys("abc", whole))
    files = {name: tmp_path / f"{name}.csd" for name in ("words", "audio")}
    align(files, tmp_path / "labels.csd", "words", tmp_path / "aligned")
    return tmp_path


def test_pauses_of_all_aligners_are_dropped_and_counted_by_word(silences):
    card = run(silences)
    assert load(silences, "train", "words")[:, 0].tolist() == [b"so", b"spy"]
    assert load(silences, "train", "audio")[:, 0].tolist() == [0, len(SILENCES) + 1]
    assert card["pauses"] == "dropped"
    assert card["pause_words"]["test"] == {"": 2} | dict.fromkeys(SILENCES[1:-1], 1)
    card |= {"cleaning": UNCLEANED, "lengths": {f: segment_lengths(silences / f) for f in FOLDS}}
    assert 'Pauses: dropped ("" 6, "sp" 3, "SP" 3, ' in card_markdown(card)


def test_pauses_of_a_recipe_are_those_alone(silences):
    card = run(silences, pauses=["sp", "so"])
    assert card["pause_words"]["train"] == {"so": 1, "sp": 1}
    words = load(silences, "train", "words")[:, 0].tolist()
    assert words == [b"", b"SP", b"sil", b"spn", b"<eps>", b" ", b"spy"]
    assert run(silences, pauses=())["pause_words"]["train"] == {}


def test_rows_that_a_word_lacks_are_imputed():
    words, offsets = np.array([4, 7, 7, 9]), np.array([0, 2, 4])
    rows, row_offsets = np.array([7, 4, 9]), np.array([0, 2, 3])
    assert word_rows(words, offsets, rows, row_offsets).tolist() == [1, 0, -1, 2]
    assert word_rows(words, offsets, rows[:0], row_offsets * 0).tolist() == [-1] * 4


def test_words_without_rows_are_counted(aligned, capsys):
    card = run(aligned)
    assert card["coverage"]["train"] == {
        "words": {"unit": "segments", "total": 3, "without_rows": 0, "videos": {}},
        # w0 of five words; its pauses are no words
        "audio": {
            "unit": "words",
            "total": 5,
            "without_rows": 1,
            "videos": {"a": {"total": 5, "without_rows": 1}},
        },
    }
    said = capsys.readouterr().err
    assert said.count("words (20.0%) have no row of audio: zeros stand in their place") == 3
    assert "warning: test: 1 of 5 words" in said
    # a pause that is kept is a word, and has audio
    kept = run(aligned, pauses=())["coverage"]["train"]["audio"]
    assert (kept["total"], kept["without_rows"]) == (7, 1)


@pytest.mark.parametrize(("route", "left"), [("labels", 2), ("none", 3)])
def test_segments_without_rows_are_counted(tmp_path, capsys, route, left):
    times = np.array([[0, 1], [2, 3], [4, 5]])
    rows = {
        "words": dict.fromkeys("abc", (times, ["so", "so", "so"])),
        "audio": dict.fromkeys("abc", (times[1:], np.ones((2, 2)))),
        "labels": dict.fromkeys("abc", (times, np.ones((3, 1)))),
    }
    rows["audio"]["c"] = (times, np.ones((3, 2)))
    for name, videos in rows.items():
        csd.write(tmp_path / f"{name}.csd", name, videos)
    files = {name: tmp_path / f"{name}.csd" for name in ("words", "audio")}
    align(files, tmp_path / "labels.csd", route, tmp_path / "aligned")
    card = run(tmp_path)
    assert card["segments"] == {"train": left, "valid": left, "test": 3}
    audio = {fold: sequences["audio"] for fold, sequences in card["coverage"].items()}
    lack = {"unit": "segments", "total": 3, "without_rows": 1}
    assert audio["train"] == lack | {"videos": {"a": {"total": 3, "without_rows": 1}}}
    assert audio["test"] == lack | {"without_rows": 0, "videos": {}}
    said = capsys.readouterr().err
    assert "warning: train: 1 of 3 segments (33.3%) have no row of audio; the data card" in said
    assert "test" not in said


def test_a_few_words_without_rows_are_counted_in_silence(tmp_path, capsys):
    """One of 20 is not more than 5 %."""
    times = np.stack([np.arange(20.0), np.arange(20.0) + 1], 1)
    for name, rows in {"words": times, "audio": times[1:], "labels": times}.items():
        values = ["so"] * 20 if name == "words" else np.ones((len(rows), 1))
        csd.write(tmp_path / f"{name}.csd", name, dict.fromkeys("abc", (rows, values)))
    files = {name: tmp_path / f"{name}.csd" for name in ("words", "audio")}
    align(files, tmp_path / "labels.csd", "words", tmp_path / "aligned")
    assert run(tmp_path)["coverage"]["valid"]["audio"]["without_rows"] == 1
    assert "warning" not in capsys.readouterr().err


def test_the_card_names_videos_that_a_sequence_covers_nothing_of(tmp_path):
    """The clock of one video is an hour late, of another in milliseconds; others are right."""
    videos = "abcdefg"
    times = np.array([[0, 1], [1, 2], [2, 3.0]])
    audio = {video: (times, np.ones((3, 1))) for video in videos}
    audio |= {"a": (times + 3600, np.ones((3, 1))), "b": (times * 1000, np.ones((3, 1)))}
    csd.write(tmp_path / "audio.csd", "audio", audio)
    csd.write(tmp_path / "words.csd", "words", dict.fromkeys(videos, (times, ["so"] * 3)))
    csd.write(tmp_path / "labels.csd", "labels", dict.fromkeys(videos, (times, np.ones((3, 1)))))
    files = {name: tmp_path / f"{name}.csd" for name in ("words", "audio")}
    align(files, tmp_path / "labels.csd", "words", tmp_path / "aligned")
    card = run(tmp_path, {"train": [*"abcde"], "valid": ["f"], "test": ["g"]})
    assert card["coverage"]["train"]["audio"]["without_rows"] == 3
    (remark,) = card["remarks"]
    assert remark.endswith(
        "in 2 of 7 videos the times are hardly seconds as those of the labels are: a, b"
    )
    card |= {"cleaning": UNCLEANED, "lengths": {f: segment_lengths(tmp_path / f) for f in FOLDS}}
    text = card_markdown(card)
    assert "\n| train | audio | 15 words | 3 | 20.0% |\n" in text
    assert "\n| test | audio | 3 words | 0 | 0.0% |\n" in text
    assert "\n- train: no row of audio in the whole of a\n" in text and f"\n- {remark}\n" in text
    assert "\n| train | audio | 15 | 1 | 1 | 1 | 1 | 3 | 0 | 0 |  |  |\n" in text


def test_nan_and_infinity_are_counted_by_column(aligned):
    audio = np.load(aligned / "aligned" / "audio.npy")
    audio[2] = np.nan, np.inf
    np.save(aligned / "aligned" / "audio.npy", audio)
    counts = run(aligned)["sequences"]["train"]["audio"]
    assert (counts["nan"], counts["inf"]) == ({"0": 1}, {"1": 1})


def test_leakage(aligned):
    with pytest.raises(InputError, match="leakage: the video a is in train and in test"):
        run(aligned, {"train": ["a"], "valid": ["b"], "test": ["c", "a"]})


def test_segments_of_one_video_in_two_folds_are_leakage(aligned):
    folds = {"train": ["a[0]"], "valid": ["b"], "test": ["a[1]", "c"]}
    with pytest.raises(
        InputError, match=r"the video a is in train and in test \(a\[0\] and a\[1\]"
    ):
        run(aligned, folds)


def test_folds_may_name_segments(aligned):
    card = run(aligned, {"train": ["a[1]"], "valid": ["b"], "test": ["c[0]", "c[1]"]})
    assert card["segments"] == {"train": 1, "valid": 2, "test": 2}
    assert card["videos"] == {"train": 1, "valid": 1, "test": 1}
    assert load(aligned, "train", "ids").tolist() == ["a[1]"]
    assert not any(card["videos_without_segments"].values())


@pytest.mark.parametrize("folds", [["a", "b", "c"], ["a[0]", "b[0]", "c[0]"]])
def test_files_whose_entries_are_segments_already(tmp_path, folds):
    """As the SDK leaves them: ids `video[i]`, one interval each; and an entry of two intervals."""
    rows = np.array([[0.0, 1.0]]), np.ones((1, 2))
    entries = {f"{video}[{i}]": rows for video in "abc" for i in range(2)}
    entries["c[1]"] = np.array([[0.0, 1.0], [1.0, 2.0]]), np.ones((2, 2))
    for name in ("audio", "labels"):
        csd.write(tmp_path / f"{name}.csd", name, entries)
    align(
        {"audio": tmp_path / "audio.csd"}, tmp_path / "labels.csd", "labels", tmp_path / "aligned"
    )
    card = run(tmp_path, dict(zip(FOLDS, ([name] for name in folds), strict=True)))
    assert card["videos"] == {"train": 1, "valid": 1, "test": 1}
    assert load(tmp_path, "train", "ids").tolist() == ["a[0]", "a[1]"][: card["segments"]["train"]]
    if folds == ["a", "b", "c"]:
        assert card["segments"] == {"train": 2, "valid": 2, "test": 3}
        assert load(tmp_path, "test", "ids").tolist() == ["c[0]", "c[1][0]", "c[1][1]"]


@pytest.mark.parametrize("lacking", [1, 2])
def test_ids_of_a_fold_that_the_data_does_not_have(aligned, capsys, lacking):
    folds = {"train": ["a"], "valid": ["b"], "test": ["c", *["D.mp4", "elsewhere"][:lacking]]}
    message = f"the fold test: {lacking} of its {1 + lacking} ids are not in the data: "
    likely = "the folds have 'D.mp4', the data 'd': they differ by a file extension and upper and"
    if lacking == 2:
        with pytest.raises(InputError, match=rf"{message}{likely}.*allow_missing: true"):
            run(aligned, folds)
        card = run(aligned, folds, allow_missing=True)
        assert card["segments"]["test"] == 2
    else:
        card = run(aligned, folds)
    assert f"warning: {aligned}/folds.json: {message}{likely}" in capsys.readouterr().err
    assert card["videos_without_segments"]["test"] == ["D.mp4", "elsewhere"][:lacking]


def test_of_official_folds_a_few_videos_may_be_absent(aligned, capsys, monkeypatch):
    monkeypatch.setattr("msa.data.split.FEW", 0.5)
    folds = {"train": ["a", "gone"], "valid": ["b"], "test": ["c"]}
    assert run(aligned, folds, official=True)["videos_without_segments"]["train"] == ["gone"]
    assert "gone" not in capsys.readouterr().err


def test_a_fold_of_which_nothing_is_there_says_how_the_ids_differ(aligned):
    with pytest.raises(InputError, match="have 'my/a', the data 'a': they differ by a folder"):
        run(aligned, {"train": ["my/a"], "valid": ["b"], "test": ["c"]})


def test_a_fold_without_segments(aligned):
    with pytest.raises(InputError, match="the fold test has no segment: none of its 1 videos"):
        run(aligned, {"train": ["a"], "valid": ["b"], "test": ["elsewhere"]})
    assert not (aligned / "card.json").exists()


def test_labels_out_of_range(aligned):
    with pytest.raises(
        InputError, match=r"4 labels lie outside the task's range \[-3, 1\].*a\[1\]"
    ):
        run(aligned, span=(-3.0, 1.0))


@pytest.mark.parametrize(("beyond", "kept"), [("clip", [-1, 1, 1]), ("drop", [-1])])
def test_labels_beyond_the_range_are_counted(aligned, capsys, beyond, kept):
    labels = np.load(aligned / "aligned" / "labels.npy")
    labels[9] = np.nan  # d[0]
    np.save(aligned / "aligned" / "labels.npy", labels)
    times = {"words": {}, "audio": {}, "labels": {"repeated": {"d": 1}}}
    (aligned / "aligned" / "times.json").write_text(json.dumps(times))
    folds = {"train": ["a", "d"], "valid": ["b"], "test": ["c"]}
    card = run(aligned, folds, span=(-3.0, 1.0), beyond=beyond)
    assert load(aligned, "train", "label")[:, 0].tolist() == kept
    one = {"missing": 0, "beyond": 1, "repeated": 0}
    assert card["labels"] == {
        "beyond": beyond,
        "range": [-3, 1],
        "folds": {
            "train": {"missing": 1, "beyond": 2, "repeated": 1},
            "valid": one,
            "test": one,
        },
    }
    done = "clipped" if beyond == "clip" else "left out"
    said = capsys.readouterr().err
    assert f"warning: train: segments with labels beyond [-3, 1], {done}: 2\n" in said
    reasons = {d["id"]: d["reason"] for d in card["dropped"]}
    assert reasons["d[0]"] == "its label is not a number"
    assert reasons.get("a[1]") == (BEYOND if beyond == "drop" else None)


def test_intensities_become_presence(aligned):
    card = run(aligned, span=None, classes=2, above=0.0)
    assert load(aligned, "train", "label")[:, 0].tolist() == [0, 1]
    assert card["labels"]["range"] is None
    with pytest.raises(
        InputError, match=r"12 labels are none of the classes 0 to 1, the first in a\[0\]: \[-1\]"
    ):
        run(aligned, span=None, classes=2)


def test_a_column_that_is_not_there(aligned):
    with pytest.raises(InputError, match="expected a column 6 as the task says, got 1 columns"):
        run(aligned, columns=[6])


def test_labels_that_are_not_numbers(aligned):
    labels = np.load(aligned / "aligned" / "labels.npy")
    labels[0] = np.nan
    np.save(aligned / "aligned" / "labels.npy", labels)
    reasons = {d["id"]: d["reason"] for d in run(aligned)["dropped"]}
    assert reasons["a[0]"] == "its label is not a number"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{", "expected a JSON file, got: "),
        ('{"train": [], "dev": [], "test": []}', "expected the keys"),
        ('{"train": "a", "valid": [], "test": []}', "train: expected a list of video ids"),
        ('{"train": [7], "valid": [], "test": []}', "expected a list of video ids as text, got 7"),
    ],
)
def test_folds_files_that_are_wrong(tmp_path, content, expected):
    path = tmp_path / "folds.json"
    path.write_text(content)
    with pytest.raises(InputError, match=expected):
        read_folds(path)


@pytest.mark.parametrize(
    ("name", "videos"),
    [("mosi", (52, 10, 31)), ("mosei", (2249, 300, 678)), ("pom", (600, 100, 203))],
)
def test_the_official_folds_are_shipped(name, videos):
    from msa.base.workflow import WORKFLOW

    folds = read_folds(WORKFLOW / "resources" / "folds" / f"{name}.json")
    assert tuple(map(len, folds.values())) == videos
