import unicodedata

import numpy as np
import pytest

from msa.extract.transcript import Token, closed, find_transcripts, given, read_transcript, spans


def test_which_file_is_a_videos_transcript(tmp_path):
    """Times of words before those of cues, before a text; a language may be named."""
    for name in ("a b.txt", "a b.SRT", "a b.TextGrid", "a b.en.vtt", "a.txt", "a b.mp4", "a b.npy"):
        (tmp_path / name).touch()
    (tmp_path / "a b.json").mkdir()
    names = [path.name for path in find_transcripts(tmp_path / "a b.mp4")]
    assert names == ["a b.TextGrid", "a b.SRT", "a b.txt", "a b.en.vtt"]
    assert find_transcripts(tmp_path / "c.mp4") == []


def test_a_folder_of_transcripts_and_names_that_a_mac_wrote(tmp_path):
    name = "schön.txt"
    (tmp_path / unicodedata.normalize("NFD", name)).touch()
    video = tmp_path / "videos" / unicodedata.normalize("NFC", "schön.mp4")
    assert len(find_transcripts(video, tmp_path)) == 1


def test_a_plain_text(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("so  good\r\nfilm".encode("utf-8-sig"))
    assert read_transcript(path) == [Token("so"), Token("good"), Token("film")]


def test_where_words_without_times_must_lie():
    tokens = [Token("a"), Token("b", 1, 2), Token("c"), Token("d"), Token("e", 4, 5), Token("f")]
    assert spans(tokens, 9.0) == [(0, 1), (1, 2), (2, 4), (2, 4), (4, 5), (5, 9)]
    assert spans([Token("a"), Token("b")], 9.0) == [(0, 9), (0, 9)]


def test_an_end_that_is_not_known_is_the_next_start():
    times = closed(np.array([[0, 1], [1, np.nan], [1.5, 1.5], [1.51, np.nan]]))
    assert times.ravel() == pytest.approx([0, 1, 1, 1.5, 1.5, 1.52, 1.51, 1.53])


def test_a_text_without_times_gives_none():
    assert given([Token("a"), Token("b")]) is None
