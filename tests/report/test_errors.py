"""The table of test segments: what it is made of, and what a real browser makes of it."""

import json
import re

import jinja2
import numpy as np
import pytest
from browsing import Page
from running import ROOT
from scipy.special import softmax
from scored import EMOTIONS, TASK, of_one, run, write

from msa.base.errors import InputError
from msa.report import errors
from msa.report.errors import hardest, judged, script, table, texts
from msa.report.trained import Model

POM = {"type": "regression", "targets": ["vivid"], "range": [1, 7], "metrics": "rounded"}
MOOD = {"type": "classification", "targets": ["mood"], "classes": ["sad", "calm", "glad"]}


def test_a_regression_is_right_where_the_sign_is():
    truth = np.array([-1.0, 2.0, 0.0, 0.5])
    found = judged(TASK, truth, np.array([[-0.2], [-0.1], [1.0], [0.0004]]))
    assert found["right"].tolist() == [1, 0, -1, 1]
    assert found["error"].tolist() == pytest.approx([0.8, 2.1, 1.0, 0.4996])


def test_labels_without_a_sign_are_right_where_they_round_alike():
    found = judged(POM, np.array([3.0, 3.0]), np.array([[3.4], [3.6]]))
    assert found["right"].tolist() == [1, 0]


def test_classes_have_the_probability_of_the_chosen_one():
    logits = np.array([[2.0, 0.0, 1.0], [0.0, 0.0, 5.0]])
    found = judged(MOOD, np.array([0.0, 1.0]), logits)
    shares = softmax(logits, axis=1)
    assert found["chosen"].tolist() == [0, 2] and found["right"].tolist() == [1, 0]
    assert found["value"].tolist() == [shares[0, 0], shares[1, 2]]
    assert found["error"].tolist() == [1 - shares[0, 0], 1 - shares[1, 1]]


def test_the_hardest_rows_stay_in_their_order():
    assert hardest(np.array([1.0, 3.0, 2.0, 3.0]), 3).tolist() == [1, 2, 3]
    assert hardest(np.array([1.0, 1.0]), 1).tolist() == [0]


def fold(folder, ids, segments, context=None):
    """A fold's folder with words, as split leaves it."""
    folder.mkdir(parents=True)
    offsets = np.zeros(len(ids) + 1, [("words", np.int64)])
    offsets["words"][1:] = np.cumsum([len(words) for words in segments])
    np.save(folder / "offsets.npy", offsets)
    np.save(folder / "ids.npy", np.array(ids))
    said = [word.encode() for words in segments for word in words]
    np.save(folder / "words.npy", np.array(said)[:, None])
    if context is not None:
        np.save(folder / "context.npy", np.array(context))
    return folder


def test_words_in_the_order_of_the_predictions(tmp_path):
    """Of two deals; a bar ends a context; Chinese has no blanks; what is long is cut."""
    one = fold(tmp_path / "1", ["a[0]", "b[0]"], [["so", "good"], ["我", "喜", "欢", "it"]])
    other = fold(tmp_path / "2", ["c[0]", "d[0]"], [["x", "y", "z"], ["w" * 700]], [2, 0])
    found = texts(["d[0]", "c[0]", "a[0]", "b[0]"], [one, other])
    assert found[1:] == ["x y | z", "so good", "我喜欢 it"]
    assert len(found[0]) == errors.LETTERS and found[0].endswith("w…")
    assert texts(["a[0]"], []) is None


def test_an_id_twice_has_its_own_words(tmp_path):
    folder = fold(tmp_path / "1", ["a[0]", "a[0]"], [["first"], ["second"]])
    assert texts(["a[0]", "a[0]"], [folder]) == ["first", "second"]


def test_words_of_other_segments_are_refused(tmp_path):
    folder = fold(tmp_path / "1", ["a[0]"], [["so"]])
    with pytest.raises(InputError, match=r"1 are missing, such as b\[0\]; make the data or the"):
        texts(["a[0]", "b[0]"], [folder])


def models(folder, task=TASK, **runs):
    """Models with two seeds each, or one a target and seed, from files."""
    made = []
    for name in runs or ("lmf", "ridge"):
        of = runs.get(name) or [run(seed, task, model=name) for seed in (1, 2)]
        paths = [write(folder / name / r.target / r.seed, r) for r in of]
        result = {"model": name, "variant": "main", "targets": dict.fromkeys(task["targets"])}
        made.append(Model(result, paths, task))
    return made, of


def test_a_table(tmp_path):
    made, runs = models(tmp_path)
    found = table(made, [])
    truth = runs[0].test.truth[:, 0]
    assert found["ids"] == runs[0].test.ids.tolist() and found["words"] is None
    assert (found["total"], found["classes"], found["signed"]) == (40, None, True)
    [target] = found["targets"]
    assert target["truth"] == np.rint(1000 * truth).tolist()
    mean = np.mean([r.test.prediction[:, 0] for r in runs], axis=0)
    assert target["models"]["ridge"]["value"] == np.rint(1000 * mean).tolist()
    right = ["1" if t * p > 0 else "0" for t, p in zip(truth, mean, strict=True)]
    assert target["models"]["ridge"]["right"] == "".join(right)
    assert json.loads(script(found)) == found


def test_of_many_rows_the_hardest(tmp_path, monkeypatch):
    made, runs = models(tmp_path)
    monkeypatch.setattr(errors, "ROWS", 7)
    found = table(made, [])
    assert len(found["ids"]) == 7 < found["total"] == 40
    mean = np.mean([r.test.prediction[:, 0] for r in runs], axis=0)  # both models predict alike
    worst = np.sort(np.argsort(-np.abs(mean - runs[0].test.truth[:, 0]))[:7])
    assert found["ids"] == runs[0].test.ids[worst].tolist()
    monkeypatch.setattr(errors, "NUMBERS", 10)  # of two models
    assert len(table(made, [])["ids"]) == 5


def test_several_targets_of_joint_models_and_of_one_each(tmp_path):
    each = [of_one(seed, name, "lmf") for name in EMOTIONS["targets"] for seed in (1, 2)]
    joint = [run(seed, EMOTIONS) for seed in (1, 2)]
    made, _ = models(tmp_path, EMOTIONS, joint=joint, each=each)
    found = table(made, [])
    assert found["classes"] == ["no", "yes"]
    assert [target["name"] for target in found["targets"]] == EMOTIONS["targets"]
    for target in found["targets"]:
        assert target["models"]["joint"] == target["models"]["each"]
        assert set(target["models"]["each"]) == {"value", "right", "chosen"}
        assert set(target["truth"]) == {0, 1}


def test_models_of_other_rows_are_refused(tmp_path):
    made, _ = models(tmp_path)
    path = made[1].runs[0] / "predictions/clean.npz"
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **arrays | {"test/ids": arrays["test/ids"][::-1]})
    with pytest.raises(InputError, match="expected the test rows of lmf, got others"):
        table(made, [])


EVIL = '</script><img src=x onerror="document.title=1"> <!-- & "it\'s" \u2028'


def test_no_text_ends_the_script():
    text = script({"words": [EVIL]})
    assert "<" not in text and json.loads(text) == {"words": [EVIL]}


def made_up(n, names, target="sentiment", words=True):
    """A table's content of n rows, of which the first says EVIL; model k errs by k tenths."""
    rng = np.random.default_rng(n)
    truth = rng.choice([-2000, -1000, 0, 1000, 2000], n)
    truth[0] = 1000
    of = {}
    for k, name in enumerate(names):
        value = truth + (100 * k * rng.choice([-1, 1], n)).astype(int)
        value[k] = -4000 - k if truth[k] > 0 else 4000 + k  # its largest error
        right = np.where(truth == 0, 2, ((value > 0) == (truth > 0)).astype(int))
        flags = "".join("01-"[i] for i in right)
        of[name] = {"value": value.tolist(), "right": flags}
    said = [EVIL, *(f"word {i}" for i in range(1, n))] if words else None
    return {
        **{"ids": [f"v{i}[0]" for i in range(n)], "words": said, "total": n + 1},
        **{"classes": None, "signed": True, "models": [*names]},
        "targets": [{"name": target, "truth": truth.tolist(), "models": of}],
    }


def document(content, left_out=False):
    """The partial of one data set in a page of its own, with the page's style and policy."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT / "workflow/report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    s = {"name": "demo", "errors": content, "errors_json": script(content)}
    s |= {"words_left_out": left_out}
    part = environment.get_template("errors.html").render(s=s, loop={"first": True})
    whole = (ROOT / "workflow/report/page.html").read_text()
    head = whole[: whole.index("</style>")]
    return f"{head}</style></head><body><main>{part}</main></body></html>"


ROWS = "[...document.querySelectorAll('.errors tbody tr')].map(row => row.cells[0].textContent)"
CELL = "document.querySelector('.errors tbody tr').cells"
COUNT = "document.querySelector('.errors output').textContent"
FOCUS = "document.activeElement.textContent || document.activeElement.className"


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """The partial with 230 rows of three models in a browser."""
    folder = tmp_path_factory.mktemp("errors")
    content = made_up(230, ["lmf", "mult", "misa"])
    (folder / "page.html").write_text(document(content), encoding="utf-8")
    with Page(folder / "page.html", folder / "profile") as page:
        yield page, content
        assert page.problems == []


@pytest.mark.slow
def test_a_browser_shows_words_as_text(opened):
    page, content = opened
    assert page.ask(f"{CELL}[1].textContent") == EVIL
    assert page.ask("document.querySelectorAll('.errors img').length") == 0
    assert page.ask(ROWS) == content["ids"][:100]
    assert page.ask(COUNT) == "1 to 100 of 230 segments"
    assert page.ask("document.querySelector('.errors .instead').offsetHeight") == 0


@pytest.mark.slow
def test_a_person_without_a_mouse(opened):
    """Filter, sort, page and scroll with real keys; the focus stays where it is."""
    page, content = opened
    page.ask("document.querySelector('.errors .text').focus()")
    page.write("word 22")
    expected = [f"v{i}[0]" for i in (22, *range(220, 230))]
    assert page.ask(ROWS) == expected and page.ask(COUNT) == "11 segments"
    page.ask("document.querySelector('.errors .text').select()")
    page.write("v")
    page.press("Tab")  # to the pick
    page.press("Tab")
    page.press("Tab")
    assert page.ask(FOCUS) == "next"
    page.press("Enter")
    page.press("Enter")
    assert page.ask(ROWS) == content["ids"][200:] and page.ask(FOCUS) == "next"
    assert page.ask("document.activeElement.getAttribute('aria-disabled')") == "true"
    page.press("Enter")  # there are no more
    assert page.ask(COUNT) == "201 to 230 of 230 segments"
    page.press("Tab")  # the region of the table, which scrolls
    assert page.ask("document.activeElement.getAttribute('role')") == "region"
    assert page.ask("document.activeElement.scrollTop") == 0
    page.press("PageDown")
    assert page.becomes("document.activeElement.scrollTop > 0")
    page.press("Tab")
    page.press("Tab")
    page.press("Tab")
    assert page.ask(FOCUS) == "truth"
    for direction in ("ascending", "descending"):
        page.press("Enter")
        assert page.ask(FOCUS) == "truth"
        head = "document.activeElement.parentElement"
        assert page.ask(f"{head}.getAttribute('aria-sort')") == direction
        truth = content["targets"][0]["truth"]
        order = sorted(
            range(230), key=lambda i: truth[i] if direction == "ascending" else -truth[i]
        )
        assert page.ask(ROWS) == [f"v{i}[0]" for i in order[:100]]
    assert page.ask("document.querySelectorAll('.errors [aria-sort]').length") == 1


def pick(page, kind, first=0, second=1):
    page.ask(
        f"""(() => {{
        const change = (name, index) => {{
          const made = document.querySelector(`.errors ${{name}}`);
          if (typeof index === "string") made.value = index; else made.selectedIndex = index;
          made.dispatchEvent(new Event("change"));
        }};
        document.querySelector(".errors .text").value = "";
        change(".pick", {kind!r});
        change(".first select", {first});
        change(".second select", {second});
        }})()"""
    )


@pytest.mark.slow
@pytest.mark.parametrize("k", [0, 1, 2])
def test_the_largest_errors_of_a_model(opened, k):
    page, content = opened
    pick(page, "largest", k)
    [target] = content["targets"]
    value = np.array(target["models"][content["models"][k]]["value"])
    order = np.argsort(-np.abs(value - np.array(target["truth"])), kind="stable")
    assert page.ask(ROWS) == [f"v{i}[0]" for i in order[:100]]
    shown = page.ask(f"{CELL}[{3 + k}].textContent")
    assert shown == f"{value[order[0]] / 1000:.2f} ✗"
    assert page.ask("document.querySelectorAll('.errors [aria-sort]').length") == 0


@pytest.mark.slow
def test_right_by_one_and_wrong_by_another(opened):
    page, content = opened
    pick(page, "right", 0, 2)
    [target] = content["targets"]
    one, other = (target["models"][name]["right"] for name in ("lmf", "misa"))
    both = {f"v{i}[0]" for i in range(230) if one[i] == "1" and other[i] == "0"}
    assert set(page.ask(ROWS)) == both and len(both) > 0
    pick(page, "all")


@pytest.mark.slow
def test_print_and_narrow_windows(opened):
    page, _ = opened
    fits = "document.documentElement.scrollWidth <= window.innerWidth"
    page.size(390, 800)
    assert page.ask(fits)
    page.media("print")
    assert page.ask("document.querySelector('.errors .instead').offsetHeight") > 0
    assert page.ask("document.querySelector('.errors .wide').offsetHeight") == 0
    page.media()
    page.size(1200, 900)


@pytest.mark.slow
def test_every_control_has_a_name(opened):
    page, _ = opened
    names = """[...document.querySelectorAll(".errors :is(input, select, button)")].map(
        made => (made.labels?.length ? made.labels[0] : made).textContent.trim()
    )"""
    assert len(page.ask(names)) == 12 and all(page.ask(names))


def test_what_is_said_of_words_and_of_rows_that_are_left_out():
    text = document(made_up(3, ["lmf"], words=False), left_out=True)
    assert re.search(r"words are left out", text) and "<button>words" not in text
    assert "4 test segments, of which these 3 have the largest error" in text
    assert "The data set has no words" in document(made_up(3, ["lmf"], words=False))
