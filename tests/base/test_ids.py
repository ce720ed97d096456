import pytest

from msa.base.ids import unlike, video_of


@pytest.mark.parametrize(
    ("segment", "video"),
    [
        ("a[0]", "a"),
        ("a[1.5:2.25]", "a"),
        ("a", "a"),
        ("a[2][0]", "a"),
        ("a [2020][0]", "a [2020]"),
        ("a [HD][3]", "a [HD]"),
        ("[3]", "[3]"),
    ],
)
def test_the_video_of_a_segment(segment, video):
    assert video_of(segment) == video


@pytest.mark.parametrize(
    ("name", "known", "cause"),
    [
        ("a1.mp4", "a1", "a file extension"),
        ("a1", "clips/a1", "a folder"),
        ("VID1", "vid1", "upper and lower case"),
        ("\ufeffa1 ", "a1", "blanks or encoding"),
        ("e\u0301", "\u00e9", "blanks or encoding"),
        ("a1_3", "a1", "a segment's number"),
        ("a1$_$3", "a1", "a segment's number"),
        ("a1[3]", "a1", "a segment's number"),
        ("video07", "video7", "leading zeros"),
        ("my/A1.wav", "a1", "a file extension and a folder and upper and lower case"),
    ],
)
def test_how_ids_differ(name, known, cause):
    expected = f"here {name!r}, there {known!r}: they differ by {cause}"
    assert unlike([name, "zzz"], [known, "b"], ("here", "there")) == expected


def test_ids_that_have_nothing_in_common_are_shown():
    assert unlike(["x"], ["k", "b"], ("here", "there")) == "here 'x', there 'b'"
