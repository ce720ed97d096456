"""On the demo's own files a trained model says what it said in the workflow."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest

from msa.__main__ import main
from msa.base.errors import InputError
from msa.config.check import configure
from msa.data.own_input import OwnInput, find
from msa.formats import csd
from msa.formats.segments import read
from msa.inference.predict import named
from msa.inference.system import System
from msa.inference.tables import joined, scores, table
from msa.training.outputs import with_trained_lengths
from msa.training.run import SETTINGS

SEQUENCES = ("words", "audio", "vision", "labels")
SOME = {"a": ["v[0]", "v[2]"], "b": ["v[1]", "v[2]", "v[2]"]}


@pytest.fixture(scope="module")
def done(tmp_path_factory, train_demo):
    """Ridge trained on the demo by the stages, two seeds, its result and the configuration."""
    return train_demo(tmp_path_factory.mktemp("predict"), {"ridge": {}})


def predict(done, *inputs, run="ridge.json", check=True, more=()):
    output = done / "out.csv"
    runs = [done / one for one in ([run] if isinstance(run, str) else run)]
    arguments = ["--run", *runs, "--input", *inputs, "--output", output, *more]
    arguments += ["--configfile", done / "config.yaml", "--device", "cpu"]
    status = main(["predict", *map(str, arguments)])
    assert status == 0 or not check
    return pd.read_csv(output).set_index("id") if status == 0 else None


def test_a_length_of_a_share_is_that_of_the_training_fold(tmp_path):
    """Of the input's own segments it would be another."""
    lengths = {"text": "95%", "audio": 9, "vision": "95%"}
    settings = {"hyperparameters": {"lengths": lengths}}
    training = {"lengths": {"text": {"steps": 7}, "audio": {"steps": 5}}}  # without vision
    (tmp_path / "training.json").write_text(json.dumps(training))
    found = with_trained_lengths(tmp_path, settings)["hyperparameters"]["lengths"]
    assert found == {"text": 7, "audio": 9, "vision": None}


def test_words_without_rows_are_said(done, demo_files, tmp_path, capsys):
    """The audio of one video stops early, that of another is not there."""
    with csd.Sequence(demo_files / "audio.csd") as sequence:
        first, second, third = sequence.videos[:3]
        rows = {v: (sequence.intervals(v), sequence.features(v)) for v in (first, second, third)}
    rows[first] = tuple(array[: len(array) // 2] for array in rows[first])
    rows[second] = tuple(array[:0] for array in rows[second])
    csd.write(tmp_path / "audio.csd", "audio", rows)
    files = [f"{name}={demo_files}/{name}.csd" for name in ("words", "vision", "labels")]
    predict(done, *files, f"audio={tmp_path}/audio.csd")
    said = capsys.readouterr().err
    assert f"no row of audio in the whole of {second}\n" in said
    assert "%) have no row of audio: zeros stand in their place\n" in said


def test_a_fold_of_its_own_data_set(done):
    frame = predict(done, done / "data/demo/test")
    run = done / "runs/demo/ridge/main/all/1"
    clean = np.load(run / "predictions/clean.npz")
    assert frame.index.tolist() == clean["test/ids"].tolist()
    expected = pytest.approx(clean["test/prediction"][:, 0], abs=1e-5)
    assert frame["sentiment"].to_numpy() == expected
    assert frame["sentiment_std"].to_numpy() == pytest.approx(0, abs=1e-6)
    found = json.loads((done / "out.scores.json").read_text())["sentiment"]
    result = json.loads((done / "ridge.json").read_text())["targets"]["sentiment"]
    assert found["rows"] == len(frame) and found["seeds"] == 2
    means = {metric: of["mean"] for metric, of in found["metrics"].items()}
    assert means == pytest.approx({metric: of["mean"] for metric, of in result.items()}, abs=1e-5)


def test_examine_tells_of_any_model_which_modalities_it_uses(done, tmp_path, capsys):
    folder, run = done / "data/demo", done / "runs/demo/ridge/main/all/1"
    data = ["--data", folder, "--clean", folder / "clean", "--features", done / "features"]
    asked = ["examine", run, *data, "--output", tmp_path / "out.json", "--device", "cpu"]
    assert main([str(argument) for argument in asked]) == 0
    found = json.loads((tmp_path / "out.json").read_text())
    clean = np.load(run / "predictions/clean.npz")
    for name in ("text", "audio", "vision"):
        change = np.abs(clean[f"permuted/{name}"] - clean["test/prediction"]).max()
        assert found["modality_use"][name] == change > 0
    assert found["kind"] is None and found["segments"] == []
    assert capsys.readouterr().out.startswith("text ")
    result = json.loads((done / "ridge.json").read_text())
    assert result["modality_use"] == found["modality_use"]


def test_the_same_from_its_files(done, demo_files, capsys):
    """Aligned, cleaned and encoded on the fly; all folds, and the segments' times."""
    own = done / "own"
    own.mkdir()
    for name in SEQUENCES:
        (own / f"{name}.csd").symlink_to(demo_files / f"{name}.csd")
    frame = predict(done, own)
    train = len(np.load(done / "data/demo/train/ids.npy"))
    assert f"{train} of {len(frame)} segments were in the training fold" in capsys.readouterr().err
    clean = np.load(done / "runs/demo/ridge/main/all/1/predictions/clean.npz")
    ids = clean["test/ids"].tolist()
    expected = pytest.approx(clean["test/prediction"][:, 0], abs=1e-5)
    assert frame.loc[ids, "sentiment"].to_numpy() == expected
    assert (frame["end"] > frame["start"]).all()


def test_the_same_from_arrays(done, tmp_path):
    """Each segment by itself, its words as text; with labels there are scores."""
    fold = read(done / "data/demo")["test"]
    segments = [
        {
            "id": segment,
            "raw_text": " ".join(word.decode() for word in fold.sequences["words"][i][:, 0]),
            "audio": fold.sequences["audio"][i],
            "vision": fold.sequences["vision"][i],
            "regression_labels": fold.label[i, 0],
        }
        for i, segment in enumerate(fold.ids)
    ]
    path = tmp_path / "segments.pkl"
    path.write_bytes(pickle.dumps(segments))
    expected = predict(done, done / "data/demo/test")
    of_fold = (done / "out.scores.json").read_text()
    pd.testing.assert_frame_equal(predict(done, path), expected)
    assert (done / "out.scores.json").read_text() == of_fold


def one_video(folder, files, change=lambda name, rows: rows):
    folder.mkdir()
    for name in SEQUENCES[:3]:
        with csd.Sequence(files / f"{name}.csd") as sequence:
            rows = change(name, sequence.features("vid50"))
            csd.write(folder / f"{name}.csd", name, {"new": (sequence.intervals("vid50"), rows)})
    return folder


def test_a_new_video_without_labels(done, demo_files, tmp_path):
    folder = one_video(tmp_path / "one", demo_files)
    (done / "out.scores.json").unlink(missing_ok=True)
    whole = predict(done, folder, run="runs/demo/ridge/main/all/2")
    assert whole.index.tolist() == ["new[0]"]
    assert whole["sentiment_std"].isna().all()
    assert not (done / "out.scores.json").exists()
    pieces = predict(done, folder, more=("--seconds", "10"))
    assert len(pieces) > 3
    assert pieces["start"].to_numpy()[1:] == pytest.approx(pieces["end"].to_numpy()[:-1])
    named = [f"{name}={folder}/{name}.csd" for name in SEQUENCES[:3]]
    assert predict(done, *named)["sentiment"].tolist() == whole["sentiment"].tolist()


def test_two_systems_side_by_side(done):
    """Of one model's name, so that their paths tell them apart."""
    both = "ridge.json", "runs/demo/ridge/main/all/1"
    fold = done / "data/demo/test"
    alone, frame = predict(done, fold), predict(done, fold, run=both)
    columns = [f"{done / one}.sentiment" for one in both]
    assert [c for c in frame if c.endswith(".sentiment")] == columns
    for column in columns:
        assert frame[column].to_numpy() == pytest.approx(alone["sentiment"].to_numpy(), abs=1e-5)
    found = json.loads((done / "out.scores.json").read_text())
    assert {*found} == {str(done / one) for one in both}


def test_segments_that_a_system_cannot_read_have_no_numbers_of_it():
    frames = {name: pd.DataFrame({"id": ids, "start": 0, "end": 1}) for name, ids in SOME.items()}
    found = joined({name: frame.assign(joy=1.0) for name, frame in frames.items()})
    assert found["id"].tolist() == ["v[0]", "v[2]", "v[1]", "v[2]"]
    assert found["b.joy"].isna().tolist() == [True, False, False, False]
    assert list(found) == ["id", "start", "end", "a.joy", "b.joy"]


def test_models_of_other_tasks_cannot_stand_side_by_side(tmp_path):
    systems = {}
    for name, more in (("a", {}), ("b", {"range": [-1, 1]}), ("c", {"metrics": "sims"})):
        (tmp_path / name).mkdir()
        task = {"type": "regression", "targets": ["joy"], "range": [-3, 3], **more}
        settings = dict.fromkeys(SETTINGS) | {"task": task, "model": name}
        (tmp_path / name / "settings.json").write_text(json.dumps(settings))
        systems[name] = System([tmp_path / name], {}, {}, None, None, None)
    assert {*named({"a": systems["a"]})} == {"a"}
    with pytest.raises(InputError, match=r"b: range: expected \[-3, 3\] as in a, got \[-1, 1\]"):
        named({name: systems[name] for name in "ab"})
    # whichever comes first
    with pytest.raises(InputError, match="c: metrics: expected None as in a, got sims"):
        named({name: systems[name] for name in "ac"})
    with pytest.raises(InputError, match="a: metrics: expected sims as in c, got None"):
        named({name: systems[name] for name in "ca"})


def test_what_does_not_fit_is_one_error(done, demo_files, tmp_path, capsys):
    def said(*inputs, **options):
        (done / "out.csv").unlink(missing_ok=True)
        predict(done, *inputs, check=False, **options)
        assert not (done / "out.csv").exists()
        return [line for line in capsys.readouterr().err.splitlines() if "error" in line]

    narrow = one_video(
        tmp_path / "narrow",
        demo_files,
        lambda name, rows: rows[:, :5] if name == "audio" else rows,
    )
    assert said(narrow) == [
        f"error: {narrow}/audio.csd: audio: expected 12 columns as the model was trained with, "
        "got 5; extract the same features"
    ]
    [line] = said(narrow / "words.csd")
    assert line.endswith("got words; give audio=FILE vision=FILE too")
    [line] = said(tmp_path / "nothing")
    assert "expected a folder that split wrote (with offsets.npy), or .csd files" in line
    assert "the model reads audio (12 columns), vision (" in line
    assert line.endswith("words, one row a word")
    [line] = said(narrow, more=("--seconds", "-1"))
    assert line == "error: --seconds: expected more than 0, got -1.0"
    [line] = said(narrow, run="runs/demo/ridge/main/all/3")
    assert "settings.json" in line or "expected a JSON file" in line


def test_another_configuration_is_refused(done, capsys):
    path = done / "config.yaml"
    before = path.read_text()
    recipes = {
        "demo": configure(json.loads(before)).recipes["demo"] | {"clean": {"policy": "mean"}}
    }
    path.write_text(json.dumps(json.loads(before) | {"recipes": recipes}))
    assert predict(done, done / "data/demo/test", check=False) is None
    assert "demo: clean: expected {'policy': 'zero'" in capsys.readouterr().err
    path.write_text(before)


def test_names_of_files(tmp_path):
    assert find(["audio=a/b.csd", "x/words.csd"]).keys() == {"audio", "words"}
    with pytest.raises(InputError, match="got COVAREP; say which is which with NAME=FILE"):
        find(["x/COVAREP.csd"])


def own(n):
    return OwnInput(np.array([f"v[{i}]" for i in range(n)]), np.full((n, 2), ""), None)


def test_classes_have_probabilities():
    task = {"type": "classification", "targets": ["emotion"], "classes": ["sad", "happy"]}
    settings = {"task": task, "label_columns": [0]}
    outputs = [np.log([[0.9, 0.1], [0.4, 0.6]]), np.log([[0.7, 0.3], [0.2, 0.8]])]
    runs = {"emotion": [(settings, output) for output in outputs]}
    frame = table(own(2), runs)
    assert frame["emotion"].tolist() == ["sad", "happy"]
    assert frame["emotion_sad"].tolist() == pytest.approx([0.8, 0.3])
    assert frame["emotion_happy_std"].tolist() == pytest.approx([np.sqrt(0.02)] * 2)
    found = scores(np.array([[0.0], [np.nan]]), runs)["emotion"]
    assert (found["rows"], found["metrics"]["acc"]["mean"]) == (1, 1.0)


def test_binary_targets_have_the_probability_of_one():
    task = {"type": "binary", "targets": ["happy", "sad"]}
    settings = {"task": task, "label_columns": [0, 1]}
    outputs = np.log([[0.9, 0.1, 0.25, 0.75]])
    frame = table(own(1), {target: [(settings, outputs)] for target in task["targets"]})
    assert frame[["happy", "sad"]].to_numpy().tolist() == [[0, 1]]
    assert frame[["happy_1", "sad_1"]].to_numpy()[0] == pytest.approx([0.1, 0.75])


def test_emotions_have_their_mean_where_all_are_labelled():
    task = {"type": "binary", "targets": ["happy", "sad"], "present": {"above": 0}}
    settings = {"task": task, "label_columns": [0, 1]}
    # happy is right in all rows; sad is never said
    outputs = np.array([[0.0, 1, 1, 0], [1, 0, 1, 0], [0, 1, 1, 0]])
    label = np.array([[1.0, 1], [0, 0], [1, np.nan]])
    found = scores(label, {target: [(settings, outputs)] for target in task["targets"]})
    assert list(found) == ["all", "happy", "sad"]
    assert [found[name]["rows"] for name in found] == [2, 3, 2]
    assert found["happy"]["metrics"]["wacc"]["mean"] == 1
    assert found["sad"]["metrics"]["wacc"]["mean"] == 0.5
    assert found["all"]["metrics"]["wacc"]["mean"] == 0.75
