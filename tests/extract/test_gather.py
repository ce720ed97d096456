"""What was extracted of several videos as .csd files, and what was not."""

import argparse
import json

import numpy as np
import pandas as pd
import pytest

from msa.base.errors import InputError
from msa.extract.extractors import DEFAULTS
from msa.extract.gather import add_arguments, card_text, gather, main, sequences
from msa.extract.media import media_files
from msa.extract.parts import Rows, Words
from msa.extract.video import Part, read_part, write_part
from msa.formats import csd

SETTINGS = {**DEFAULTS, "vision": "none"}


def words(*texts):
    times = np.arange(len(texts))[:, None] + np.array([0.0, 0.5])
    return Words([*texts], times, "aligned", 12.5)


def rows(n, width=26):
    return Rows(np.ones((n, width), np.float32), np.arange(n)[:, None] + np.array([0.0, 1.0]))


@pytest.fixture
def parts():
    facts = {"words": "aligned", "fit": 12.5, "declared_seconds": 4.0}
    silent = {"audio": "no audio stream", "words": "no audio stream"}
    return [
        Part("b ü", words("so", "good"), rows(4), facts=facts, notes=["2 audio streams"]),
        Part("a", words("bad"), None, left_out={"audio": "damaged"}, facts=facts),
        Part("c", None, None, None, silent, facts={"declared_seconds": 2.0}),
    ]


def test_the_files(parts, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("video,sentiment\na,-1\nb ü,2\n")
    gather(parts, tmp_path / "raw", SETTINGS, labels)
    with csd.Sequence(tmp_path / "raw/words.csd") as sequence:
        assert sequence.videos == ["a", "b ü"]
        assert [x.decode() for x in sequence.features("b ü").ravel()] == ["so", "good"]
    with csd.Sequence(tmp_path / "raw/audio.csd") as sequence:
        # alignment would drop a, which has words, if it had no row at all
        assert sequence.features("a").shape == (1, 26) and not sequence.features("a").any()
        np.testing.assert_array_equal(sequence.intervals("a"), [[0, 0.5]])
        assert sequence.metadata()["dimension names"][:2] == ["level_db", "f0_semitones"]
    with csd.Sequence(tmp_path / "raw/vision.csd") as sequence:
        assert sequence.videos == []
    with csd.Sequence(tmp_path / "raw/labels.csd") as sequence:
        np.testing.assert_array_equal(sequence.intervals("a"), [[0, 4]])
    lines = pd.read_csv(tmp_path / "raw/dropped.csv").to_numpy().tolist()
    assert lines == [
        ["a", "audio", "damaged"],
        ["c", "audio", "no audio stream"],
        ["c", "words", "no audio stream"],
    ]
    card = json.loads((tmp_path / "raw/card.json").read_text())
    assert card["with"] == {"words": 2, "audio": 1, "vision": 0}
    assert (card["words"], card["words_by_origin"]) == (3, {"aligned": 2})
    text = card_text(card)
    assert "- b ü: 2 audio streams" in text and "- a: audio left out: damaged" in text


def test_what_no_video_has_is_refused(parts):
    with pytest.raises(InputError, match=r"audio: none of 1 videos has any \(no audio stream\)"):
        sequences(parts[2:], ["audio"])


def test_parts_come_back(parts, tmp_path):
    for number, part in enumerate(parts):
        path = tmp_path / f"{number}.npz"
        write_part(part, path)
        again = read_part(path)
        assert (again.video, again.left_out, again.facts) == (part.video, part.left_out, part.facts)
        if part.words:
            assert again.words.texts == part.words.texts
            np.testing.assert_array_equal(again.words.times, part.words.times)
        assert (again.audio is None) == (part.audio is None)


def test_the_stage(parts, tmp_path, capsys):
    paths = []
    for part in parts:
        paths.append(tmp_path / f"{part.video}.npz")
        write_part(part, paths[-1])
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    settings = json.dumps({"vision": "none"})
    flags = ["--settings", settings, "--output", str(tmp_path / "raw")]
    main(parser.parse_args([*map(str, paths), *flags]))
    assert "a: audio left out: damaged" in capsys.readouterr().err
    assert (tmp_path / "raw/words.csd").is_file()


def test_folders_of_media(tmp_path):
    for name in ("b.MP4", "a.wav", "a.txt", "notes.md"):
        (tmp_path / name).touch()
    assert [path.name for path in media_files(tmp_path)] == ["a.wav", "b.MP4"]
    (tmp_path / "b.mkv").touch()
    with pytest.raises(
        InputError, match=r"b\.MP4 and \S+b\.mkv have one name without their endings"
    ):
        media_files(tmp_path)
    with pytest.raises(InputError, match=r"other: expected a folder of videos, found none"):
        media_files(tmp_path / "other")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="expected media files"):
        media_files(tmp_path / "empty")
