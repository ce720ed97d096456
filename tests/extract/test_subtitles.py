import pytest

from msa.base.errors import InputError
from msa.extract.transcript import Token, read_transcript

SRT = """1
00:00:01,000 --> 00:00:02,500
<i>It was</i>
{\\an8}so &amp; so

2
00:01:02,5 --> 00:01:03,000
- [applause] (sighs)
3
01:00:00,000 --> 01:00:01,000
♪ ANN: - Yes! ♪
"""
VTT = """WEBVTT
Kind: captions

NOTE nothing is --) here

cue one
00:01.000 --> 00:02.500 align:start position:0%
<v Bob>It was</v>
so &amp; so

01:00:00.000 --> 01:00:01.000
<c.yellow>Yes!</c>
"""
CUES = [(1.0, 2.5, "It was so & so"), (3600.0, 3601.0, "Yes!")]
ROLLING = """WEBVTT

00:00:00.000 --> 00:00:02.000
SPACE
it<00:00:00.400><c> was</c><00:00:00.800><c> good</c>

00:00:02.000 --> 00:00:02.010
it was good
SPACE

00:00:02.010 --> 00:00:03.000
it was good
yes<00:00:02.500><c> yes</c>
""".replace("SPACE", " ")


def write(folder, name, text):
    path = folder / name
    path.write_bytes(text.encode("utf-8-sig"))
    return path


def said(tokens):
    cues = dict.fromkeys((token.start, token.end) for token in tokens)
    return [(*cue, " ".join(t.text for t in tokens if (t.start, t.end) == cue)) for cue in cues]


@pytest.mark.parametrize(("name", "text"), [("a.srt", SRT), ("a.vtt", VTT)])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_cues_without_what_nobody_says(tmp_path, name, text, newline):
    """Tags, settings, several lines, descriptions, speakers, a missing empty line."""
    tokens = read_transcript(write(tmp_path, name, text.replace("\n", newline)))
    wanted = [(start, end, words.replace("& ", "")) for start, end, words in CUES]
    assert said(tokens) == wanted
    assert not any(token.timed for token in tokens)


def test_captions_that_roll_are_read_once(tmp_path):
    tokens = read_transcript(write(tmp_path, "a.en.vtt", ROLLING))
    assert said(tokens) == [(0.0, 2.0, "it was good"), (2.01, 3.0, "yes yes")]


def test_a_cue_of_one_word_is_no_time_of_a_word(tmp_path):
    path = write(tmp_path, "a.srt", "1\n00:00:01,000 --> 00:00:02,000\nYes\n")
    assert read_transcript(path) == [Token("Yes", 1.0, 2.0)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\n00:01 -> 00:02\nyes\n", "expected cues of subtitles, found none"),
        ("1\n\n1:2 --> 00:00:02,000\nyes\n", "line 3: expected two times as in .*found '1:2 -->"),
        ("00:00:03,000 --> 00:00:02,000\nyes\n", "line 1: expected an end not before the start"),
    ],
)
def test_a_bad_file_is_one_error_with_its_line(tmp_path, text, message):
    path = write(tmp_path, "a.srt", text)
    with pytest.raises(InputError, match=f"a.srt: {message}"):
        read_transcript(path)
