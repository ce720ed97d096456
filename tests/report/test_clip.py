"""The page of clips, and what a real browser makes of it."""

import re

import numpy as np
import pandas as pd
import pytest
from browsing import Page
from clips import pictures, tone, write_clip

from msa.extract.preview import preview
from msa.report import clip as module
from msa.report.clip import Clip, clock, joined, level, page
from msa.report.scale import Scale, legend

TASK = {"type": "regression", "targets": ["sentiment"], "range": [-3, 3]}
MOOD = {"type": "classification", "targets": ["mood"], "classes": ["sad", "glad"]}
EVIL = '</script><img src="x" onerror="document.title=1">'
WORDS = [("so", 0.1, 0.4), (EVIL, 0.5, 0.9), ("um", 1.1, 1.2), ("good", 1.5, 1.9)]


def table(*values, target="sentiment", spread=0.25, clip="talk"):
    """Segments from 0 to 1 s and from 1.4 to 2 s."""
    frame = pd.DataFrame({"id": [f"{clip}[0]", f"{clip}[1]"], "video": clip})
    frame["start"], frame["end"] = [0.0, 1.4], [1.0, 2.0]
    frame[target], frame[f"{target}_std"] = values, spread
    return frame


def moods(*glad):
    frame = table(*(["sad", "glad"][share > 0.5] for share in glad), target="mood")
    shares = np.array(glad)
    for name, share in (("sad", 1 - shares), ("glad", shares)):
        frame[f"mood_{name}"], frame[f"mood_{name}_std"] = share, 0.1
    return frame


def clip(**changes):
    content = {
        "name": "talk",
        "file": f"talk {EVIL}.mp4",
        "seconds": 2.0,
        "kind": "video/mp4",
        "media": b"film",
        "words": WORDS,
        "sound": tone(2.0),
        "faces": np.array([[0.0, 0.5], [0.5, 1.0], [1.6, 1.8]]),
        "facts": ["2.0 s, 2 segments"],
    }
    return Clip(**content | changes)


def text_of(html):
    """What a page shows, without its style and script."""
    body = html[html.index("<body>") : html.index("<script>")]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body)).replace("\N{MINUS SIGN}", "-")


def test_models_stand_side_by_side():
    models = {"ridge": table(1.25, -2.0), "tfn": table(0.25, 1.0, spread=np.nan)}
    html = page([clip()], models, [], TASK, ["made here"])
    assert html == page([clip()], models, [], TASK, ["made here"])
    said = text_of(html)
    assert "ridge +1.25 ± 0.25" in said and "ridge -2.00 ± 0.25" in said
    assert "tfn +0.25 models agree" in said and "tfn +1.00 models differ" in said
    assert "no segment um" in said and "made here" in said
    assert "talk &lt;/script&gt;" in said and "<img" not in html
    # the bar is the mean of the two: 0.75 of 3 above the middle
    assert 'style="top: 37.5%; height: 12.5%"' in html
    assert "http" not in html.replace("http-equiv", "")


def test_of_one_model_its_seeds_agree_or_not():
    seeds = [table(v, 1.0, spread=np.nan) for v in (1.0, 2.0, -1.0)]
    said = text_of(page([clip()], {"ridge": table(0.7, 1.0)}, seeds, TASK, []))
    assert "2 of 3 seeds agree" in said and said.count("seeds agree") == 3  # the lane's name too
    alone = text_of(page([clip()], {"ridge": table(0.7, 1.0)}, seeds[:1], TASK, []))
    assert "agree" not in alone


def test_classes_and_their_probabilities():
    html = page([clip()], {"a": moods(0.9, 0.4), "b": moods(0.7, 0.8)}, [], MOOD, [])
    said = text_of(html)
    assert "a glad 90% ± 10" in said and "b glad 70% ± 10 models agree" in said
    assert "a sad 60%" in said and "b glad 80% ± 10 models differ" in said
    # of the mean, 0.6 glad
    assert html.count('class="segment hue1"') == 2


def test_what_does_not_fit_into_the_page_is_asked_for(monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 5)
    names = "talk", "other"
    models = {"ridge": pd.concat([table(1.0, 2.0, clip=name) for name in names])}
    html = page([clip(name=name) for name in names], models, [], TASK, [])
    assert html.count("data:video/mp4;base64,ZmlsbQ==") == 1
    assert html.count('type="file" accept') == 1 and "is too large to lie in this page" in html
    lost = page([clip(media=None)], {"ridge": table(1.0, 2.0)}, [], TASK, [])
    assert "could not be put into this page" in lost


def test_places_and_colours():
    scale = Scale(TASK, "sentiment")
    assert [scale.place(v) for v in (3.0, 0.0, -3.0, 9.0)] == [0, 50, 100, 0]
    assert [scale.tone(v) for v in (3.0, -1.5, 0.0)] == [("pos", 100), ("neg", 50), ("pos", 0)]
    texts = [item["text"].replace("\N{MINUS SIGN}", "-") for item in legend(scale)]
    assert texts == "-3 -2 -1 0 +1 +2 +3".split()
    vivid = Scale({"type": "regression", "range": [1, 7]}, "vivid")
    assert vivid.tone(7) == ("pos", 100) and vivid.tone(1) == ("pos", 0)
    assert [text for _, text in vivid.ticks()] == list("1234567")
    happy = Scale({"type": "binary"}, "happy")
    assert happy.tone(0.25) == ("neg", 50) and happy.text(0.25) == "yes 25%"


def test_the_level_of_a_sound():
    sound = np.concatenate([np.zeros(8000), tone(0.5), np.zeros(8000)])
    found = level(sound)
    assert len(found) == module.BINS
    assert found[0] == found[-1] == -60
    assert found[300] == pytest.approx(20 * np.log10(0.25 / np.sqrt(2)), abs=0.6)
    assert len(level(np.zeros(0))) == 0 and len(level(np.ones(3))) == 3


def test_spans_that_meet_are_one():
    spans = np.array([[0.0, 0.2], [0.2, 0.4], [1.0, 1.2]])
    assert joined(spans).tolist() == [[0, 0.4], [1, 1.2]]
    assert len(joined(spans[:0])) == 0
    assert clock(61.96) == "1:02.0"


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    """A page of a film that browsers play, a copy of one that they do not."""
    pytest.importorskip("av", reason="needs msa[video]")
    folder = tmp_path_factory.mktemp("page")
    kind, media = preview(write_clip(folder / "talk.mkv", tone(2.0), pictures(2.0)))
    shown = clip(kind=kind, media=media)
    models = {"ridge": table(1.25, -2.0), "tfn": table(0.25, 1.0)}
    task = {**TASK, "targets": ["sentiment", "arousal"]}
    for name, frame in models.items():
        models[name] = frame.assign(arousal=[2.0, 2.5], arousal_std=0.1)
    path = folder / "page.html"
    path.write_text(page([shown], models, [], task, ["made here"]), encoding="utf-8")
    return path


NOW = "document.querySelector('video').currentTime"
FOCUS = "document.activeElement"


@pytest.mark.slow
def test_a_browser_goes_where_one_clicks(html, tmp_path):
    with Page(html, tmp_path) as browser:
        assert browser.becomes("document.querySelector('video').readyState >= 1")
        assert browser.ask("document.querySelector('video').duration") == pytest.approx(2, abs=0.1)
        browser.ask("[...document.querySelectorAll('.word')].at(1).click()")
        assert browser.ask(NOW) == pytest.approx(0.5, abs=0.01)
        assert browser.ask(f"{FOCUS}.textContent") == EVIL
        assert browser.ask("document.querySelector('.word.now').textContent") == EVIL
        browser.press("ArrowRight")
        browser.press("ArrowRight")
        assert browser.ask(f"{FOCUS}.textContent") == "good"
        browser.press("Enter")
        assert browser.ask(NOW) == pytest.approx(1.5, abs=0.01)
        left = "document.querySelector('.clip').style.getPropertyValue('--now')"
        assert browser.ask(f"parseFloat({left})") == pytest.approx(75, abs=1)
        browser.ask("document.querySelectorAll('.segment')[0].click()")
        assert browser.ask(NOW) == 0
        # two lists are there, one is seen; the other is the second target's
        browser.ask("document.querySelector('#target').focus()")
        browser.press("ArrowDown")
        hidden = "[...document.querySelectorAll('.target')].map(part => part.hidden)"
        assert browser.ask(hidden) == [True, False]
        assert browser.ask("document.title") != "1"
        assert browser.problems == []


def test_a_browser_plays_a_file_from_the_disk(tmp_path):
    """Where a clip is not in the page."""
    film = tmp_path / "talk.mp4"
    film.write_bytes(preview(write_clip(tmp_path / "talk.mkv", tone(2.0), pictures(2.0)))[1])
    path = tmp_path / "page.html"
    path.write_text(page([clip(media=None)], {"ridge": table(1.0, -2.0)}, [], TASK, []))
    with Page(path, tmp_path / "profile") as browser:
        root = browser.send("DOM.getDocument")["root"]["nodeId"]
        asked = browser.send("DOM.querySelector", nodeId=root, selector="input")
        film_seen = "getComputedStyle(document.querySelector('video')).display"
        assert browser.ask(film_seen) == "none"
        browser.send("DOM.setFileInputFiles", files=[str(film)], **asked)
        assert browser.becomes("document.querySelector('video').readyState >= 1")
        assert browser.ask(film_seen) == "block"
        browser.ask("[...document.querySelectorAll('.word')].at(-1).click()")
        assert browser.ask(NOW) == pytest.approx(1.5, abs=0.01)
        assert browser.problems == []


@pytest.mark.slow
def test_words_are_in_the_order_of_tab_once(html, tmp_path):
    with Page(html, tmp_path) as browser:
        reach = "[...document.querySelectorAll('.target:not([hidden]) .word')]"
        assert browser.ask(f"{reach}.map(word => word.tabIndex)") == [0, -1, -1, -1]
        browser.ask(f"{reach}[0].focus()")
        browser.press("ArrowRight")
        assert browser.ask(f"{reach}.map(word => word.tabIndex)") == [-1, 0, -1, -1]


@pytest.mark.slow
def test_long_names_stay_where_they_are(tmp_path):
    """Of files, and of models that are called by their paths."""
    path = tmp_path / "long.html"
    path.write_text(page([clip(file="x" * 200, media=None)], {"y" * 99: table(1, 2)}, [], TASK, []))
    with Page(path, tmp_path / "profile", width=390) as browser:
        for place in (":root", ".lost", ".values"):
            out = (
                f"(part => part.scrollWidth - part.clientWidth)(document.querySelector('{place}'))"
            )
            assert browser.ask(out) == 0, place


@pytest.mark.slow
def test_no_width_has_it_scroll_sideways(html, tmp_path):
    with Page(html, tmp_path) as browser:
        for width in (390, 700, 1200):
            browser.size(width, 800)
            wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert browser.ask(wide) == 0, width
        colour = "getComputedStyle(document.querySelector('.word')).backgroundColor"
        light = browser.ask(colour)
        assert (
            browser.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        )
        browser.media(scheme="dark")
        assert browser.ask(colour) != light
        assert browser.problems == []
