import json

import pytest

from msa.base.errors import InputError
from msa.extract.transcript import Token, given, read_transcript

LONG_GRID = '''File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 1.5
tiers? <exists>
size = 3
item []:
    item [1]:
        class = "TextTier"
        name = "bells"
        xmin = 0
        xmax = 1.5
        points: size = 1
        points [1]:
            number = 0.5
            mark = "ding"
    item [2]:
        class = "IntervalTier"
        name = "ann - words"
        xmin = 0
        xmax = 1.5
        intervals: size = 4
        intervals [1]:
            xmin = 0
            xmax = 0.4
            text = "so ""good"""
        intervals [2]:
            xmin = 0.4
            xmax = 0.5
            text = ""
        intervals [3]:
            xmin = 0.5
            xmax = 1
            text = "film"
        intervals [4]:
            xmin = 1
            xmax = 1.5
            text = "yes"
    item [3]:
        class = "IntervalTier"
        name = "ann - phones"
        xmin = 0
        xmax = 1.5
        intervals: size = 1
        intervals [1]:
            xmin = 0
            xmax = 1.5
            text = "S"
'''
SHORT_GRID = """"ooTextFile"
"TextGrid"
0
1.5
<exists>
1
"IntervalTier"
"anything"
0
1.5
2
0
0.5
"good"
0.5
1.5
"film"
"""
TWO = [Token("good", 0.0, 0.5, True), Token("film", 0.5, 1.5, True)]
WORDS = [{"word": "good", "start": 0, "end": 0.5}, {"word": "film", "start": 0.5, "end": 1.5}]


def write(folder, name, text, encoding="utf-8"):
    path = folder / name
    path.write_text(text, encoding=encoding)
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.json", json.dumps(WORDS)),
        ("openai.json", json.dumps({"text": "good film", "words": WORDS})),
        ("segments.json", json.dumps({"segments": [{"words": WORDS[:1]}, {"words": WORDS[1:]}]})),
        ("vosk.json", json.dumps({"result": WORDS})),
        (
            "transformers.json",
            '{"chunks": [{"text": " good", "timestamp": [0, 0.5]}, '
            '{"text": " film", "timestamp": [0.5, 1.5]}]}',
        ),
        ("words.csv", "word,start,end\ngood,0,0.5\n\nfilm,0.5,1.5\n"),
        ("comma.csv", "Start;End;Word\n0;0,5;good\n0,5;1,5;film\n"),
        (
            "aligner.csv",
            "Begin,End,Label,Type\n0,0.5,good,words\n0.5,1.5,film,words\n0,0.1,G,phones\n",
        ),
        ("clip.ctm", ";; by kaldi\nclip 1 0.5 1.0 film 0.9\nclip 1 0 0.5 good\n"),
        ("many.ctm", "many 1 0 0.5 good\nother 1 0 1 bad\nmany 1 0.5 1 film\n"),
        ("short.TextGrid", SHORT_GRID),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_words_with_their_times(tmp_path, name, text, encoding):
    assert read_transcript(write(tmp_path, name, text, encoding)) == TWO


def test_a_textgrid_as_praat_writes_it(tmp_path):
    """The tier of words among others, quotes, an empty interval, UTF-16, a time for two words."""
    tokens = read_transcript(write(tmp_path, "clip.TextGrid", LONG_GRID, "utf-16"))
    spans = [(0, 0.2), (0.2, 0.4), (0.5, 1), (1, 1.5)]
    assert [token.text for token in tokens] == ["so", '"good"', "film", "yes"]
    assert [(token.start, token.end) for token in tokens] == spans


def test_cues_in_a_file_of_words_are_cues(tmp_path):
    cues = [{"text": "it was good", "start": 0, "end": 2}, {"text": "Yes.", "start": 2, "end": 3}]
    tokens = read_transcript(write(tmp_path, "a.json", json.dumps({"segments": cues})))
    assert tokens[0] == Token("it", 0, 2) and tokens[3] == Token("Yes.", 2, 3)
    assert given(tokens) is None


def test_words_that_a_recognizer_could_not_place_lie_between_their_neighbours(tmp_path):
    words = [WORDS[0], {"word": "24"}, {"word": "new"}, {**WORDS[1], "start": 0.9}]
    path = write(tmp_path, "a.json", json.dumps({"words": words}))
    placed = given(read_transcript(path))
    assert placed.texts == ["good", "24", "new", "film"]
    bounds = [0, 0.5, 0.5, 0.7, 0.7, 0.9, 0.9, 1.5]
    assert placed.times.ravel() == pytest.approx(bounds)
    assert placed.origin == "given"
    assert placed.notes == ["2 words have no times of their own, put between their neighbours"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", '[{"word":\n "a",}]', r"line 2: expected JSON"),
        ("a.json", '{"speech": 3}', r"an object with one of words, segments"),
        (
            "a.json",
            '{"words": [{"word": "a", "start": 2, "end": 1}]}',
            r"words\[0\]: .*found 2 and 1",
        ),
        (
            "a.json",
            '{"words": [{"start": 2}]}',
            r"words\[0\]: expected an object with word or text",
        ),
        ("a.json", "[" * 100_000, "expected JSON"),
        ("a.csv", "token,from,to\na,0,1\n", "line 1: expected the columns word, start and end"),
        (
            "a.csv",
            "word,start,end\na,0,1\nb,x,2\n",
            "line 3: expected seconds.*'x'",
        ),
        ("a.csv", "word,start,end\na,0\n", "line 2: expected 3 cells, found 2"),
        ("a.csv", "word,start,end\na,nan,1\n", "line 2: expected seconds"),
        ("a.ctm", "a 1 0 0.5\n", "line 1: expected a line of recording, channel, start"),
        ("a.ctm", "a 1 0 0.5 x\na 1 0 -1 x\n", "line 2: expected seconds"),
        ("a.ctm", "b 1 0 1 x\nc 1 0 1 x\n", "expected one recording, or a among them, found b, c"),
        ("a.TextGrid", "word\n", "line 1: expected a TextGrid of Praat"),
        (
            "a.TextGrid",
            SHORT_GRID.replace('1.5\n"film"', '"film"'),
            "after line 12: expected a tier or an",
        ),
        ("a.TextGrid", SHORT_GRID[:-8], "after line 12: expected a tier or an interval"),
        (
            "a.TextGrid",
            LONG_GRID.replace("ann - words", "ann"),
            "called words, found ann, ann - ph",
        ),
        ("a.txt", " \n", "expected the words of a video, found none"),
    ],
)
def test_a_bad_file_is_one_error_with_its_line(tmp_path, name, text, message):
    path = write(tmp_path, name, text)
    with pytest.raises(InputError, match=f"^{path}: .*{message}|^{path}: {message}"):
        read_transcript(path)


def test_another_encoding_is_refused_with_its_line(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("gut\nschön".encode("latin-1"))
    with pytest.raises(InputError, match="line 2: expected text in UTF-8, found the byte 0xf6"):
        read_transcript(path)


def test_a_file_that_is_gone(tmp_path):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_transcript(tmp_path / "a.txt")
