"""Clips: extracted as the training data were, cut into segments, predicted; what is refused."""

import json

import numpy as np
import pandas as pd
import pytest
from clips import RATE, tone, write_clip

from msa.__main__ import main
from msa.base.errors import InputError
from msa.config.check import configure
from msa.config.settings import run_settings
from msa.extract import extractors
from msa.extract.extractors import DEFAULTS, extractor_facts
from msa.extract.optional import Missing
from msa.extract.video import Part
from msa.formats import csd
from msa.inference import clips
from msa.inference import predict as predictions
from msa.inference.clips import Cutting, find_clips, read_clips
from msa.inference.extraction import own_folders, say_models, stored_settings

pytest.importorskip("av", reason="needs msa[video]")

SETTINGS = {**DEFAULTS, "align": "sphinx", "vision": "none"}
PAUSES = Cutting()
QUIET = np.zeros(RATE, np.int16)


def clip(folder, name, hertz=220, words=True, ending="wav"):
    """Two tones of a second with a second of silence between them, a word said in each half."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.{ending}"
    sound = np.concatenate([tone(1.0, hertz), QUIET, tone(1.0, 1.5 * hertz)])
    write_clip(path, sound, codec="pcm_s16le")
    if words:
        said = zip("so very sp good indeed".split(), (0.0, 0.5, 1.0, 2.0, 2.5), strict=True)
        entries = [{"word": w, "start": t, "end": t + (1 if w == "sp" else 0.5)} for w, t in said]
        (folder / f"{name}.json").write_text(json.dumps(entries))
    return path


def card(**changes):
    settings = {**SETTINGS, **changes}
    return {"settings": settings, "extractors": extractor_facts(settings)}


def test_which_arguments_are_clips(tmp_path):
    path = clip(tmp_path / "a", "one")
    (tmp_path / "a/words.txt").write_text("so")
    assert find_clips([str(tmp_path / "a")]) == find_clips([str(path)]) == [path]
    assert find_clips(["words=words.csd", "audio.csd"]) == []
    (tmp_path / "a/words.csd").touch()
    assert find_clips([str(tmp_path / "a")]) == []
    with pytest.raises(InputError, match=r"gone\.mp4: no such file; expected a video or a sound"):
        find_clips([str(path), "gone.mp4"])
    with pytest.raises(InputError, match="have one name without their endings"):
        find_clips([str(path), str(clip(tmp_path / "b", "one"))])


def test_the_settings_are_those_of_the_training_data():
    assert stored_settings({"a": card(rate=2.0), "b": card(rate=2.0)}) == SETTINGS | {"rate": 2.0}


def test_data_that_were_not_extracted_here():
    with pytest.raises(InputError, match="ridge: its training data were not extracted from videos"):
        stored_settings({"ridge": None})


def test_systems_whose_data_were_extracted_otherwise():
    with pytest.raises(InputError, match=r"a and b: .* got keep_unfit: False and True; predict wi"):
        stored_settings({"a": card(), "b": card(keep_unfit=True)})


def test_columns_are_compared_by_name():
    other = card()
    columns = other["extractors"]["audio"]["columns"]
    other["extractors"]["audio"]["columns"] = [*columns[:-1], "jitter"]
    with pytest.raises(
        InputError, match=r"audio: 26 columns for 26, without jitter, with mfcc_13; predict with th"
    ):
        stored_settings({"a": other})
    other["extractors"]["audio"]["columns"] = columns[::-1]
    with pytest.raises(InputError, match="audio: 26 columns for 26, in another order"):
        stored_settings({"a": other})


def test_another_version_is_said(capsys):
    other = card()
    other["extractors"]["audio"]["package"] = "scipy 1.0"
    stored_settings({"a": other})
    assert "audio: the training data were extracted with scipy 1.0, " in capsys.readouterr().err


def test_settings_that_this_version_does_not_know():
    with pytest.raises(InputError, match="a: extracted with gaze, which this version does not kno"):
        stored_settings({"a": card() | {"settings": {**SETTINGS, "gaze": "on"}}})


def test_models_of_the_hub_are_said_and_folders_are_here(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    named = {
        "align": f"someone/letters@{'0a' * 20}",
        "asr": "my/whisper",
        "audio": "lld",
        "vision": "my/clip",
    }
    (tmp_path / "my/whisper").mkdir(parents=True)
    assert own_folders(named) == {"asr": "my/whisper", "vision": "my/clip"}
    with pytest.raises(InputError, match="vision: .* model in the folder my/clip: expected"):
        say_models(named)
    (tmp_path / "my/clip").mkdir()
    say_models(named)
    assert capsys.readouterr().err == (
        f"align: clips are read by the model someone/letters@{'0a' * 20} of the Hugging Face hub, "
        "as the training data were; it is fetched, unless it is in the hub's cache\n"
    )
    for name in ("/home/me/wavlm", "../wavlm", "a/b/c"):
        with pytest.raises(InputError, match=f"audio: .* in the folder {name}: expected"):
            say_models({**SETTINGS, "audio": name})
    assert own_folders({}) == own_folders(SETTINGS) == {}
    with pytest.raises(
        InputError, match="asr: .* by openai/whisper of the .*: expected its commit"
    ):
        say_models({**SETTINGS, "asr": "openai/whisper"})


def test_a_pack_without_a_model_of_one_s_own_says_so(system, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        "msa.inference.pack.own_folders", lambda settings: {"audio": f"{settings['rate']}/wavlm"}
    )
    where = [system / "ridge.json", tmp_path / "out", "--configfile", system / "config.yaml"]
    assert main(["pack", *map(str, where)]) == 0
    assert (
        "out: audio: the pack does not hold the model in your folder 5.0/wavlm: who predicts "
        in (capsys.readouterr().err)
    )


def test_an_extractor_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(extractors.PACKAGES["audio"], "opensmile", "opensmile-of-nobody")
    with pytest.raises(Missing, match=r'needs the package opensmile-of-nobody.*pip install "msa\['):
        stored_settings({"a": {**card(), "settings": {**SETTINGS, "audio": "opensmile"}}})


def read(tmp_path, paths, needed=("words", "audio"), cutting=PAUSES, **more):
    folder = tmp_path / "out"
    folder.mkdir(parents=True)
    return read_clips(paths, folder, SETTINGS, needed, cutting, **more)


def test_segments_between_the_words_pauses(tmp_path):
    found = read(tmp_path, [clip(tmp_path, "a b[1]")])
    assert found.segments["a b[1]"].tolist() == [[0, 1], [2, 3]]
    assert found.words("a b[1]", 0, 1) == ["so", "very"]
    assert found.words("a b[1]", 0, 3) == ["so", "very", "good", "indeed"]
    assert found.clip_of("a b[1][0]") == found.clip_of("a b[1]") == "a b[1]"
    assert {*found.files} == {"words", "audio"}


def test_segments_of_one_length_and_of_a_table(tmp_path):
    path, other = clip(tmp_path, "a"), clip(tmp_path, "b")
    found = read(tmp_path, [path], cutting=Cutting(seconds=2))
    assert found.segments["a"].tolist() == [[0, 2], [2, 3]]
    table = tmp_path / "segments.csv"
    table.write_text("video,start,end\na,0.5,2.5\na,,\n")
    found = read(tmp_path / "table", [path, other], cutting=Cutting(table))
    assert found.segments["a"].tolist() == [[0.5, 2.5], [0, 3]] and "b" not in found.segments
    assert "labels" not in found.files


def test_a_table_s_labels_have_their_names_and_its_segments_an_end(tmp_path):
    path, table = clip(tmp_path, "a"), tmp_path / "segments.csv"
    table.write_text("video,start,end,raters,sentiment\na,2,99,7,-1\n")
    found = read(tmp_path, [path], cutting=Cutting(table, targets={"sentiment": 1}))
    assert found.segments["a"].tolist() == [[2, 3]]
    with csd.Sequence(found.files["labels"]) as labels:
        np.testing.assert_array_equal(labels.features("a"), [[np.nan, -1]])
    found = read(tmp_path / "other", [path], cutting=Cutting(table, targets={"anger": 0}))
    assert "labels" not in found.files


def test_without_words_speech_is_cut(tmp_path, monkeypatch):
    path = clip(tmp_path, "a", words=False)
    stretches = np.array([[0.0, 1.0], [2.0, 3.0]])
    monkeypatch.setattr(clips, "speech", lambda samples: stretches if len(samples) else None)
    assert read(tmp_path, [path], ["audio"]).segments["a"].tolist() == [[0, 1], [2, 3]]
    monkeypatch.setattr(clips, "speech", lambda samples: np.zeros((0, 2)))
    with pytest.raises(
        InputError, match="none of 1 clips is left: nobody speaks in it.* --seconds"
    ):
        read(tmp_path / "silent", [path], ["audio"])


def test_clips_are_left_out_with_the_reason(tmp_path, capsys):
    """No transcript, and an empty file; the others go on."""
    (tmp_path / "empty.mp4").touch()
    paths = [clip(tmp_path, "a"), clip(tmp_path, "mute", words=False), tmp_path / "empty.mp4"]
    assert {*read(tmp_path, paths).segments} == {"a"}
    said = capsys.readouterr().err
    assert "left out: " in said and "empty.mp4: words, audio: the file is empty\n" in said
    assert "mute.wav: words: no transcript beside it" in said
    assert "write what is said into a file called as the clip (.txt, .srt or .json)" in said
    with pytest.raises(InputError, match="none of 2 clips is left: words: no transcript"):
        read(tmp_path / "none", paths[1:])
    with pytest.raises(InputError, match="vision: not asked for in the training data"):
        read(tmp_path / "vision", paths[:1], ["vision"])


def test_a_model_that_needs_no_sequence_has_the_reason_of_a_file_that_is_none(tmp_path):
    (tmp_path / "empty.mp4").touch()
    for number, cutting in enumerate((PAUSES, Cutting(seconds=2))):
        with pytest.raises(InputError, match="none of 1 clips is left: the file is empty"):
            read(tmp_path / str(number), [tmp_path / "empty.mp4"], (), cutting)
    endless = Part("a", facts={"declared_seconds": None})
    assert clips.seconds_of(endless) == 0


def test_transcripts_of_another_folder(tmp_path):
    path = clip(tmp_path, "a")
    (tmp_path / "text").mkdir()
    (tmp_path / "a.json").rename(tmp_path / "text/a.json")
    found = read(tmp_path, [path], transcripts=tmp_path / "text")
    assert found.words("a", 0, 3) == "so very good indeed".split()


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    """Ridge on the sound of eight clips, higher ones labelled higher, and its configuration."""
    folder = tmp_path_factory.mktemp("system")
    for number in range(8):
        clip(folder / "clips", f"c{number}", 120 + 20 * number)
    lines = [f"c{number},{k},{k + 1},{number - 3 - k / 2}" for number in range(8) for k in (0, 2)]
    (folder / "labels.csv").write_text("\n".join(["video,start,end,sentiment", *lines, ""]))
    recipe = {
        "videos": str(folder / "clips"),
        "labels": str(folder / "labels.csv"),
        "extract": {"vision": "none"},
        "folds": {"by": "video", "valid": 0.25, "test": 0.25},
        "task": {"type": "regression", "targets": ["sentiment"], "range": [-5, 5]},
        "clean": {"standardize": ["audio"]},
        "encoder": str(folder / "encoder"),
    }
    paths = {"data": str(folder / "data"), "runs": str(folder / "runs")}
    asked = {"datasets": ["mine"], "models": ["ridge"], "seeds": [1], "paths": paths}
    asked["recipes"] = {"mine": recipe}
    (folder / "config.yaml").write_text(json.dumps(asked))
    data, raw = folder / "data/mine", folder / "data/mine/raw"
    folds = {"train": range(4), "valid": range(4, 6), "test": range(6, 8)}
    (folder / "folds.json").write_text(
        json.dumps({fold: [f"c{n}" for n in numbers] for fold, numbers in folds.items()})
    )
    sequences = [f"{name}={raw}/{name}.csd" for name in ("words", "audio")]
    run, features = folder / "runs/mine/ridge/main/all/1", folder / "features"

    def stages(*steps):
        for step in steps:
            assert main([str(argument) for argument in step]) == 0

    stages(
        [
            *("extract", folder / "clips", "--settings", '{"vision": "none"}'),
            *("--labels", folder / "labels.csv", "--output", raw),
        ],
        ["demo-encoder", raw / "words.csd", folder / "encoder"],
    )
    run.mkdir(parents=True)
    settings = run_settings(configure(asked), "mine", "ridge", 1)
    (run / "settings.json").write_text(json.dumps(settings))
    stages(
        [
            *("align", "--sequence", *sequences, "--labels", raw / "labels.csd"),
            *("--to", "words", "--output", folder / "aligned"),
        ],
        [
            *("split", folder / "aligned", "--folds", folder / "folds.json", "--output", data),
            *("--card", data / "card.json", "--range", "-5", "5"),
        ],
        [
            *("clean", data, "--output", data / "clean", "--card", data / "card.json"),
            *("--standardize", "audio"),
        ],
        ["encode", data, "--encoder", folder / "encoder", "--output", features, "--device", "cpu"],
        [
            *("train", run, "--data", data, "--clean", data / "clean"),
            *("--features", features, "--device", "cpu"),
        ],
        [
            *("predict-folds", run, "--data", data, "--clean", data / "clean"),
            *("--features", features, "--device", "cpu"),
        ],
        ["score", run],
        ["summarize", run, "--output", folder / "ridge.json"],
    )
    return folder


@pytest.fixture(scope="module")
def packed(system):
    """The system as a pack; to read, not to change."""
    where = [system / "ridge.json", system / "packed", "--configfile", system / "config.yaml"]
    assert main(["pack", *map(str, where)]) == 0
    return system / "packed"


def predict(system, *inputs, more=()):
    output = system / "out/out.csv"
    output.unlink(missing_ok=True)
    run = system / "runs/mine/ridge/main/all/1"
    arguments = ["--run", run, "--input", *inputs, "--output", output, *more]
    arguments += ["--configfile", system / "config.yaml", "--device", "cpu"]
    status = main(["predict", *map(str, arguments)])
    assert (status == 0) == output.exists()
    return pd.read_csv(output) if status == 0 else None


def test_a_new_clip(system, tmp_path, capsys):
    paths = [clip(tmp_path, name, hertz) for name, hertz in (("low", 130), ("high", 290))]
    frame = predict(system, tmp_path, more=["--page", tmp_path / "page.html"])
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert html.count('src="data:audio/wav;base64,') == 2
    assert html.count('class="segment ') == 4 and ">indeed</button>" in html
    assert "4 words of low.json with their times" in html
    assert list(frame)[:5] == ["id", "video", "start", "end", "words"]
    assert frame["id"].tolist() == ["high[0]", "high[1]", "low[0]", "low[1]"]
    assert frame["words"].tolist() == ["so very", "good indeed"] * 2
    assert frame["start"].tolist() == [0, 2] * 2
    means = frame.groupby("video")["sentiment"].mean()
    assert means["high"] > means["low"] + 2
    capsys.readouterr()
    alone = predict(system, paths[0])
    assert alone["sentiment"].tolist() == pytest.approx(frame["sentiment"][2:].tolist())


def test_a_pack_predicts_for_clips(system, packed, tmp_path, monkeypatch):
    """Elsewhere, without a configuration; beside a result too, whose folder of networks it uses."""
    path, output = clip(tmp_path, "a"), tmp_path / "out.csv"
    frame = predict(system, path)
    monkeypatch.chdir(tmp_path)
    arguments = ["--input", path, "--output", output, "--device", "cpu"]
    assert main(["predict", "--run", *map(str, [packed, *arguments])]) == 0
    pd.testing.assert_frame_equal(pd.read_csv(output), frame)
    folders = []
    monkeypatch.setattr(
        predictions, "read_clips", lambda *parts: folders.append(parts[-1]) or read_clips(*parts)
    )
    runs = [packed, system / "ridge.json", "--configfile", system / "config.yaml"]
    assert main(["predict", "--run", *map(str, [*runs, *arguments])]) == 0
    both = pd.read_csv(output)
    assert both[f"{packed}.sentiment"].equals(both[f"{system / 'ridge.json'}.sentiment"])
    assert folders == [system / "data/extractors/mesh"]


def test_a_clip_of_the_training_data_says_what_it_said_there(system, capsys):
    frame = predict(system, system / "clips/c0.wav")
    assert "2 of 2 segments were in the training fold" in capsys.readouterr().err
    again = predict(system, system / "clips", more=["--segments", system / "labels.csv"])
    assert json.loads((system / "out/out.scores.json").read_text())["sentiment"]["rows"] == 16
    rows = again[again["video"] == "c0"]
    assert rows["sentiment"].tolist() == pytest.approx(frame["sentiment"].tolist())


def test_a_place_that_cannot_be_written_is_said_first(system, tmp_path, capsys, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(predictions, "open_any", None)
    path = clip(tmp_path, "a")
    assert predict(system, path, more=["--page", tmp_path / "file/page.html"]) is None
    assert "page.html: expected a folder to write into, got: File exists" in capsys.readouterr().err


def test_arguments_that_do_not_go_together(system, tmp_path, capsys):
    path = clip(tmp_path, "a")
    for more, text in (
        (["--seconds", "2", "--pause", "1"], "one way to cut clips into segments, got --seconds a"),
        (["--pause", "0"], "--pause: expected more than 0, got 0.0"),
    ):
        assert predict(system, path, more=more) is None
        assert text in capsys.readouterr().err
    for page, text in (
        (system / "out/../out/out.csv", "--page: expected another file than --output, got "),
        (system / "out/out.scores.json", "--page: expected another file than its scores, got "),
        (tmp_path, "--page: expected a file to write, got the folder "),
    ):
        assert predict(system, path, more=["--page", page]) is None
        assert text in capsys.readouterr().err
    assert predict(system, system / "data/mine/test", more=["--pause", "1"]) is None
    assert "--pause: expected videos or sounds as --input, got" in capsys.readouterr().err
