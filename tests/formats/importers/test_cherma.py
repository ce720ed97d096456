import json

import numpy as np
import pytest

from msa.base.errors import InputError
from msa.data.import_data import import_data
from msa.demo.look_alikes import cherma
from msa.demo.look_alikes.rows import SEGMENTS
from msa.formats.importers.cherma import CLASSES
from msa.formats.layouts import read_layout


@pytest.fixture
def folder(tmp_path):
    return cherma.write(tmp_path / "raw", np.random.default_rng(0))


def set_row(folder, i, **values):
    rows = json.loads((folder / "dev.json").read_text())
    rows[i] |= values
    (folder / "dev.json").write_text(json.dumps(rows))
    return rows[i]


def import_all(folder, output):
    import_data(
        folder,
        "cherma",
        output,
        output / "card.json",
        holds=["embedding", "audio", "vision"],
        classes=len(CLASSES),
        widths={"embedding": 1024, "audio": 1024, "vision": 2048},
    )


def test_it_is_read_as_it_was_written(folder):
    valid = read_layout(folder, "cherma")["valid"]
    assert valid.ids[3] == "dev_00003"
    np.testing.assert_array_equal(
        valid.sequences["embedding"][3], np.load(folder / "text/dev/dev_00003.npy")
    )
    assert valid.sequences["audio"][3].shape[1] == 1024
    assert valid.sequences["vision"][3].shape == (16, 2048)


def test_labels_are_of_the_video_then_text_audio_and_face(folder):
    set_row(
        folder, 2, video_label="惊奇", txt_label="愤怒", audio_label="平静", visual_label="悲伤"
    )
    label = read_layout(folder, "cherma")["valid"].label
    assert label.shape == (8, 4)
    assert [CLASSES[int(number)] for number in label[2]] == ["surprise", "anger", "neutral", "sad"]
    assert CLASSES == ("anger", "disgust", "fear", "happy", "neutral", "sad", "surprise")


def test_one_vector_of_text_is_one_row(folder):
    np.save(folder / "text/dev/dev_00004.npy", np.arange(1024, dtype=np.float32))
    rows = read_layout(folder, "cherma")["valid"].sequences["embedding"][4]
    np.testing.assert_array_equal(rows, np.arange(1024)[None])


def test_files_are_read_when_asked_for(folder):
    gone = folder / "audio/dev/dev_00005.npy"
    gone.unlink()
    audio = read_layout(folder, "cherma")["valid"].sequences["audio"]
    assert len(audio) == 8 and len(audio[4])
    message = rf"{gone}: expected an array \(t, 1024\), as dev.json\[5\] names it, found no such"
    with pytest.raises(InputError, match=message):
        audio[5]


FEATURES = {
    "missing": (lambda path: path.unlink(), "found no such file"),
    "width": (lambda path: np.save(path, np.zeros((3, 1023))), r"found float64 \(3, 1023\)"),
    "dimensions": (lambda path: np.save(path, np.zeros((3, 2, 1024))), r"found .*\(3, 2, 1024\)"),
    "text": (lambda path: np.save(path, np.zeros((3, 1024), "S1")), r"found \|S1 \(3, 1024\)"),
    "objects": (lambda path: np.save(path, np.array([None, {}])), "found .*Python objects"),
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[:-9]), "found mmap length"),
    "no array": (lambda path: path.write_bytes(b"<html><body>"), "found the magic string"),
    "empty": (lambda path: path.write_bytes(b""), "found EOF"),
    "header": (
        lambda path: path.write_bytes(path.read_bytes().replace(b"{", b"[", 1)),
        "found .*header",
    ),
    "huge": (
        lambda path: path.write_bytes(path.read_bytes().replace(b"(", b"(" + b"9" * 19, 1)),
        "found ",
    ),
}


@pytest.mark.parametrize("how", FEATURES)
def test_a_broken_file_is_named_and_nothing_is_written(how, folder, tmp_path):
    path = folder / "audio/dev/dev_00006.npy"
    spoil, found = FEATURES[how]
    spoil(path)
    with pytest.raises(InputError, match=rf"{path}: .* dev.json\[6\] names it, {found}"):
        import_all(folder, tmp_path / "data")
    assert not (tmp_path / "data").exists()


BROKEN = {
    "no dev": (lambda f: (f / "dev.json").unlink(), "expected a folder of train.json, dev.json"),
    "no audio": (lambda f: (f / "audio").rename(f / "sound"), "expected the folder audio, found"),
    "no list": (
        lambda f: (f / "dev.json").write_text('{"a": 1}'),
        "dev.json: expected a list of segments, found a dictionary",
    ),
    "empty": (lambda f: (f / "dev.json").write_text("[]"), "dev.json: expected a list of"),
    "no JSON": (lambda f: (f / "dev.json").write_text("[1,"), "dev.json: expected JSON in UTF-8"),
    "deep": (lambda f: (f / "dev.json").write_text("[" * 99999), "dev.json: expected JSON"),
    "row": (
        lambda f: (f / "dev.json").write_text("[1]"),
        r"dev.json\[0\]: expected text for audio_file, video_label, .*, found 1",
    ),
    "no label": (
        lambda f: set_row(f, 5, txt_label=None),
        r"dev.json\[5\]: expected text for audio_file, video_label, txt_label",
    ),
    "label": (
        lambda f: set_row(f, 5, visual_label="喜"),
        r"dev.json\[5\]: visual_label: expected one of 愤怒, .*, found '喜'",
    ),
}


@pytest.mark.parametrize("name", ["../../../secret.wav", "/secret", "a/b.wav", "..", ".", ".wav"])
def test_files_outside_the_folder_are_not_read(folder, name):
    set_row(folder, 5, audio_file=name)
    message = rf"dev.json\[5\]: audio_file: expected a file's name, found '{name}'"
    with pytest.raises(InputError, match=message):
        read_layout(folder, "cherma")


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_folder_is_refused(how, folder):
    spoil, message = BROKEN[how]
    spoil(folder)
    with pytest.raises(InputError, match=rf"{folder}: .*{message}"):
        read_layout(folder, "cherma")


def test_a_look_alike_is_imported(folder, tmp_path):
    import_all(folder, tmp_path / "data")
    for fold, n in SEGMENTS.items():
        label = np.load(tmp_path / "data" / fold / "label.npy")
        vision = np.load(tmp_path / "data" / fold / "vision.npy").reshape(n, 16, 2048)
        assert label.shape == (n, 1)
        np.testing.assert_array_equal(vision.mean(axis=1)[:, :7].argmax(axis=1), label[:, 0])
