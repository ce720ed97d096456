import pickle
import shutil

import numpy as np
import pytest

from msa.base.errors import InputError
from msa.data.cleaning import fit_cleaning
from msa.data.own_arrays import read_arrays
from msa.data.own_input import find, prepare
from msa.formats import csd
from msa.formats.segments import Asked

RECIPE = {"align": "words", "pauses": "drop", "task": {"targets": ["sentiment"]}}
TIMES = {
    "good": np.array([[0.0, 1.0], [1.0, 2.5]]),
    "empty": np.zeros((0, 2)),
    "point": np.array([[1.0, 1.0]]),
}


def prepared(folder, *videos):
    """Own words and audio of some videos of TIMES, without labels."""
    times = {video: TIMES[video] for video in videos}
    words = {video: (of, np.full((len(of), 1), b"so")) for video, of in times.items()}
    audio = {video: (of, np.ones((len(of), 3), np.float32)) for video, of in times.items()}
    csd.write(folder / "words.csd", "words", words)
    csd.write(folder / "audio.csd", "audio", audio)
    cleanings = {"audio": fit_cleaning(np.ones((2, 3)), "zero", False)}
    files = {name: folder / f"{name}.csd" for name in ("words", "audio")}
    out, forms = folder / "out", {"text": None, "audio": "audio"}
    return prepare(files, forms, RECIPE, cleanings, None, out, "cpu")


def test_videos_that_last_no_time_are_left_out_and_said(tmp_path):
    found = prepared(tmp_path, *TIMES)
    assert found.ids.tolist() == ["good[0]"] and found.times.tolist() == [["0.0", "2.5"]]
    reasons = {"empty": "it has no rows", "point": "its rows last no time"}
    assert dict(found.dropped) == reasons


def test_no_video_that_lasts_some_time(tmp_path):
    with pytest.raises(InputError, match=r"words.csd: expected a video that lasts .*'it has no ro"):
        prepared(tmp_path, "empty")


def own(folder, **times):
    """One video of six words, one a second, and audio at some times, the way of the recipe."""
    second = np.stack([np.arange(6.0), np.arange(6.0) + 1], 1)
    audio = times.get("audio", second)
    csd.write(folder / "words.csd", "words", {"v": (second, ["so", "sil", "so", "so", "so", ""])})
    csd.write(folder / "audio.csd", "audio", {"v": (audio, np.ones((len(audio), 3)))})
    csd.write(folder / "labels.csd", "labels", {"v": ([[0.0, 3.0], [3.0, 6.0]], [[1.0], [1.0]])})
    cleanings = {"audio": fit_cleaning(np.ones((2, 3)), "zero", False)}
    names = ("words", "audio", "labels") if times.get("labels") else ("words", "audio")
    files = {name: folder / f"{name}.csd" for name in names}
    forms = {"text": None, "audio": "audio"}
    return prepare(files, forms, RECIPE, cleanings, None, folder / "out", "cpu")


@pytest.mark.parametrize("labels", [True, False])
def test_words_without_rows_are_counted(tmp_path, labels):
    """Of four words; "sil" and an empty one are pauses."""
    found = own(tmp_path, audio=np.array([[0.0, 1.0], [2.0, 3.0], [4.5, 6.0]]), labels=labels)
    lack = {"total": 4, "without_rows": 1}
    assert found.coverage["audio"] == {"unit": "words", "videos": {"v": lack}, **lack}


@pytest.mark.parametrize(("labels", "other"), [(True, "the labels"), (False, "words")])
@pytest.mark.parametrize(("factor", "shift"), [(1000, 0), (1, 3600)])
def test_another_clock_is_refused(tmp_path, factor, shift, labels, other):
    times = np.stack([np.arange(60) / 10, np.arange(1, 61) / 10], 1) * factor + shift
    first, last = f"{times.min():.1f}", f"{times.max():.1f}"
    with pytest.raises(
        InputError,
        match=f"audio: expected .* clock of {other}, got rows from "
        f"{first} to {last} s where {other} last from 0.0 to 6.0 s",
    ):
        own(tmp_path, audio=times, labels=labels)


def test_a_path_may_have_an_equals_sign(tmp_path):
    path = tmp_path / "lr=0.1" / "words.csd"
    assert find([str(path)]) == find([f"words={path}"]) == {"words": path}


UNALIGNED = {"align": "none", "pauses": "drop", "task": {"targets": ["sentiment"]}}
FORMS = {"text": "embedding", "audio": "audio"}


@pytest.fixture
def arrays(tmp_path):
    """Two segments as arrays, one by one, and what is prepared of an input."""
    rng = np.random.default_rng(0)
    segments = [
        {"id": name, "text": rng.normal(size=(t, 4)), "audio": rng.normal(size=(2 * t, 3))}
        for name, t in (("a", 2), ("b", 3))
    ]
    cleanings = {
        name: fit_cleaning(np.ones((2, width)), "zero", False)
        for name, width in (("embedding", 4), ("audio", 3))
    }

    def prepare_input(*inputs, recipe=UNALIGNED, forms=FORMS):
        """What is prepared, and the text's and audio's rows of all segments."""
        folder = tmp_path / "out"
        shutil.rmtree(folder, ignore_errors=True)
        found = prepare(
            *(find([*map(str, inputs)]), forms, recipe, cleanings, None),
            *(folder, "cpu"),
        )
        rows = [np.load(folder / f"clean/own/{name}.npy") for name in ("embedding", "audio")]
        return found, *rows

    return segments, prepare_input


def padded(segments, **more):
    """The segments as one fold."""
    fold = {"id": [segment["id"] for segment in segments], **more}
    for name in ("text", "audio"):
        rows = [segment[name] for segment in segments]
        longest = max(map(len, rows))
        fold[name] = np.stack([np.pad(x, [(0, longest - len(x)), (0, 0)]) for x in rows])
    return fold


def dumped(path, content):
    path.write_bytes(pickle.dumps(content))
    return path


def saved(folder, segments):
    for segment in segments:
        for name in ("text", "audio"):
            (folder / name).mkdir(parents=True, exist_ok=True)
            np.save(folder / name / f"{segment['id']}.npy", segment[name])
    return folder


@pytest.mark.parametrize(
    "write",
    [
        lambda path, both: dumped(path / "fold.pkl", padded(both)),
        lambda path, both: dumped(path / "list.pkl", both),
        lambda path, both: dumped(path / "by_id.pkl", {s.pop("id"): s for s in both}),
        lambda path, both: dumped(
            path / "folds.pkl",
            {"train": padded(both[:1]), "dev": padded(both[1:]), "test": padded(both)},
        ),
        lambda path, both: saved(path / "folder", both),
    ],
)
def test_arrays_of_some_segments(arrays, tmp_path, write):
    segments, prepare_input = arrays
    text = np.concatenate([segment["text"] for segment in segments])
    audio = np.concatenate([segment["audio"] for segment in segments])
    found, *rows = prepare_input(write(tmp_path, segments))
    # three folds are read one after another
    times = len(found.ids) // 2
    assert found.ids.tolist() == ["a", "b"] * times and found.label is None
    for array, expected in zip(rows, (text, audio), strict=True):
        np.testing.assert_allclose(array, np.tile(expected, (times, 1)), rtol=1e-6)


@pytest.mark.parametrize("name", ["text", "embedding"])
def test_arrays_of_one_segment(arrays, tmp_path, name):
    segments, prepare_input = arrays
    one = {name: segments[0]["text"], "audio": segments[0]["audio"]}
    files = []
    for key, array in one.items():
        files.append(tmp_path / "one" / f"{key}.npy")
        files[-1].parent.mkdir(exist_ok=True)
        np.save(files[-1], array)
    named = [
        f"{'embedding' if key == name else key}={file}"
        for key, file in zip(one, files, strict=True)
    ]
    pickled = dumped(tmp_path / "one.pkl", one | {"id": "a", "regression_labels": 1.5})
    for inputs in ([tmp_path / "one"], named, [pickled]):
        found, text, audio = prepare_input(*inputs)
        np.testing.assert_allclose(text, one[name], rtol=1e-6)
        np.testing.assert_allclose(audio, one["audio"], rtol=1e-6)
    assert found.ids.tolist() == ["a"] and found.label.tolist() == [[1.5]]


def test_arrays_with_a_row_a_word(arrays, tmp_path):
    """A word may have a row of zeros, which is no padding."""
    segments, prepare_input = arrays
    recipe = UNALIGNED | {"align": "words"}
    both = [s | {"audio": s["audio"][: len(s["text"])]} for s in segments]
    both[0]["audio"][-1] = 0
    words = [" ".join("so" for _ in s["text"]) for s in both]
    _, text, audio = prepare_input(
        dumped(tmp_path / "fold.pkl", padded(both, raw_text=words)), recipe=recipe
    )
    np.testing.assert_allclose(audio, np.concatenate([s["audio"] for s in both]), rtol=1e-6)
    assert len(text) == 5
    other = dumped(tmp_path / "other.pkl", segments[0] | {"raw_text": ["so", "good"]})
    with pytest.raises(InputError, match="a: expected as many rows of audio as of words, 2, got 4"):
        prepare_input(other, recipe=recipe)


def test_features_of_humor_are_arrays_too(tmp_path):
    hcf = np.arange(12.0).reshape(3, 4)
    one = {"raw_text": "so very good", "audio": np.ones((3, 3)), "hcf": hcf}
    path = dumped(tmp_path / "one.pkl", one)
    found = read_arrays(path, Asked(holds=["words", "audio", "hcf"]), aligned=True)
    np.testing.assert_array_equal(found.sequences["hcf"][0], hcf)
    del one["hcf"]
    with pytest.raises(InputError, match="expected hcf, found only"):
        read_arrays(dumped(path, one), Asked(holds=["words", "audio", "hcf"]), aligned=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"audio": None}, "one.pkl: audio: expected numbers, found"),
        (
            {"audio": np.ones((2, 5))},
            "audio: expected 3 columns as the model was trained with, got 5",
        ),
        ({"text": "so good"}, "one.pkl: expected text, found only"),
        (
            {"id": b"x", "audio": np.zeros((1, 0))},
            "audio: expected 3 dimensions, none of them empty",
        ),
    ],
)
def test_arrays_that_do_not_fit(arrays, tmp_path, change, message):
    segments, prepare_input = arrays
    with pytest.raises(InputError, match=message):
        prepare_input(dumped(tmp_path / "one.pkl", segments[0] | change))


def test_what_is_no_arrays_or_would_run_code(arrays, tmp_path):
    _, prepare_input = arrays
    with pytest.raises(InputError, match="one.pkl: expected audio, embedding as arrays, of one"):
        prepare_input(dumped(tmp_path / "one.pkl", 3))
    with pytest.raises(InputError, match="refused because reading it could run any code"):
        prepare_input(dumped(tmp_path / "one.pkl", {"text": print}))


def test_an_embedding_of_its_own_as_csd(arrays, tmp_path):
    segments, prepare_input = arrays
    times = np.array([[0.0, 1.0], [1.0, 2.0]])
    rows = {"embedding": segments[0]["text"], "audio": segments[0]["audio"][:2]}
    for name, array in rows.items():
        csd.write(tmp_path / "own" / f"{name}.csd", name, {"a": (times, array)})
    found, text, _ = prepare_input(tmp_path / "own")
    assert found.ids.tolist() == ["a[0]"]
    np.testing.assert_allclose(text, segments[0]["text"], rtol=1e-6)


def test_words_where_the_model_reads_an_embedding(arrays, tmp_path):
    _, prepare_input = arrays
    for name, array in (("words", [["so"]]), ("audio", np.ones((1, 3)))):
        csd.write(tmp_path / "own" / f"{name}.csd", name, {"a": ([[0.0, 1.0]], array)})
    with pytest.raises(InputError) as error:
        prepare_input(tmp_path / "own")
    assert str(error.value) == (
        "the run needs audio (3 columns), embedding (4 columns), each with rows of its own, got "
        "audio, words; its embedding is made elsewhere (those of the training data) and cannot be "
        "made of words here: make it of them as for the training data, or train on a recipe with "
        "`words` and an `encoder`; give embedding=FILE too"
    )


def test_what_is_taken_for_arrays(tmp_path):
    for name in ("audio.csd", "audio.npy", "one.p"):
        (tmp_path / name).touch()
    assert find([str(tmp_path / "one.p")]) == tmp_path / "one.p"
    assert find([str(tmp_path / "audio.npy")]) == {"audio": tmp_path / "audio.npy"}
    assert find([str(tmp_path)]) == {"audio": tmp_path / "audio.csd"}
    (tmp_path / "audio.csd").unlink()
    assert find([str(tmp_path)]) == tmp_path


def test_the_folder_of_all_folds(tmp_path):
    for fold in ("train", "valid", "test"):
        (tmp_path / fold).mkdir()
        (tmp_path / fold / "offsets.npy").touch()
    with pytest.raises(
        InputError, match="expected the folder of one fold, got that of all; .*test"
    ):
        find([str(tmp_path)])


def labelled(folder, task, label=(1.0, 5.0)):
    """Two segments of one video with these labels, and a folder of the same as split writes it."""
    second = np.stack([np.arange(6.0), np.arange(6.0) + 1], 1)
    spans = [[0.0, 3.0], [3.0, 6.0]]
    csd.write(folder / "audio.csd", "audio", {"v": (second, np.ones((6, 3)))})
    csd.write(folder / "labels.csd", "labels", {"v": (spans, np.array(label)[:, None])})
    cleanings = {"audio": fit_cleaning(np.ones((2, 3)), "zero", False)}
    files = {name: folder / f"{name}.csd" for name in ("audio", "labels")}
    recipe = {"align": "labels", "pauses": "drop", "task": {"targets": ["a"], **task}}
    forms = {"audio": "audio"}
    return prepare(files, forms, recipe, cleanings, None, folder / "out", "cpu").label


SENTIMENT = {"type": "regression", "range": [-3, 3]}


def test_own_labels_are_made_the_tasks(tmp_path, capsys):
    made = {}
    for name, task in {
        "clip": SENTIMENT | {"beyond": "clip"},
        "drop": SENTIMENT | {"beyond": "drop"},
        "present": {"type": "binary", "present": {"above": 1}},
    }.items():
        (tmp_path / name).mkdir()
        made[name] = labelled(tmp_path / name, task)[:, 0]
    np.testing.assert_array_equal(made["clip"], [1, 3])
    np.testing.assert_array_equal(made["drop"], [1, np.nan])
    np.testing.assert_array_equal(made["present"], [0, 1])
    said = capsys.readouterr().err
    assert "labels.csd: segments with labels beyond [-3, 3], clipped: 1" in said
    with pytest.raises(InputError, match=r"labels.csd: 1 labels .*\[-3, 3\].* in v\[1\]: \[5\]"):
        labelled(tmp_path, SENTIMENT)
