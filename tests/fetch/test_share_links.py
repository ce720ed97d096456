import pytest

from msa.fetch.share_links import browsable_url, confirmed_url, direct_url

DRIVE = "https://drive.google.com/uc?export=download&id=12Hb-AVG_o"


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("gdrive:12Hb-AVG_o", DRIVE),
        ("https://drive.google.com/uc?id=12Hb-AVG_o", DRIVE),
        ("https://drive.google.com/open?id=12Hb-AVG_o&authuser=0", DRIVE),
        ("https://drive.google.com/file/d/12Hb-AVG_o/view?usp=sharing", DRIVE),
        ("https://www.dropbox.com/s/a/b.pkl", "https://www.dropbox.com/s/a/b.pkl?dl=1"),
        ("https://www.dropbox.com/s/a/b.pkl?dl=0", "https://www.dropbox.com/s/a/b.pkl?dl=1"),
        (
            "https://www.dropbox.com/scl/fi/a/b.pkl?rlkey=c&dl=0",
            "https://www.dropbox.com/scl/fi/a/b.pkl?rlkey=c&dl=1",
        ),
        ("http://host/a.csd?dl=0", "http://host/a.csd?dl=0"),
        ("https://drive.google.com.evil.org/uc?id=1", "https://drive.google.com.evil.org/uc?id=1"),
    ],
)
def test_the_address_that_gives_the_file(url, asked):
    assert direct_url(url) == asked


def test_the_address_to_open_by_hand():
    assert browsable_url("gdrive:12Hb") == "https://drive.google.com/file/d/12Hb/view"
    assert browsable_url("http://host/a.csd") == "http://host/a.csd"


def test_the_link_behind_the_confirm_page():
    """Hidden inputs of other forms do not count; entities are resolved."""
    page = (
        '<form id="search"><input type="hidden" name="q" value="0"></form>'
        '<form id="download-form" action="https://host/download"><input type="submit">'
        '<input type="hidden" name="id" value="1"><input type="hidden" name="uuid" value="x&amp;y">'
        '</form><form id="other"><input type="hidden" name="z" value="0"></form>'
    )
    assert confirmed_url(page, "https://a/uc") == "https://host/download?id=1&uuid=x%26y"
    assert confirmed_url("<p>quota</p>", "https://a/uc") is None
