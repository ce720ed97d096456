"""What the page says of the audits."""

import json

import pytest

from msa.data.findings import Finding
from msa.report.audits import audits
from msa.report.page import environment

FACTS = {
    "segments": 1234, "zero": 0.25, "low": -3, "high": 3, "step": 1 / 3, "on_step": 1, "mean": 0.1,
    "deviation": 1.5,
}  # fmt: skip
LEAK = Finding(
    *("error", "equal text in two folds", ["train", "test"], 7, "7 of 9 test segments have it"),
    *("Put both into one fold", [(f"a[{i}]", f"<b>{i}") for i in range(7)], "secret words"),
)
NOTE = Finding("note", "in no fold", [], 1, "segments in no fold: 1", "Look", [("z[0]",)])


@pytest.fixture
def data(tmp_path):
    def write(**findings):
        for name, some in findings.items():
            (tmp_path / name).mkdir()
            content = {
                "findings": [finding.as_json() for finding in some],
                "labels": {"sentiment": {"test": FACTS}},
                "not_looked_for": ["equal texts: the data has no words"],
            }
            (tmp_path / name / "audit.json").write_text(json.dumps(content))
        return tmp_path

    return write


def test_what_is_found_stands_with_ids_and_without_words(data):
    shown = audits(data(mine=[LEAK, NOTE]), ["mine"])
    assert shown["counted"] == "1 error, 1 note" and shown["leaks"]
    (error, meaning, ((_, examples),)), note = shown["groups"]
    assert (error, meaning.partition(":")[0], note[0]) == ("error", "leakage", "note")
    assert examples.startswith("a[0] and <b>0; a[1] and <b>1") and examples.endswith("and 2 more")
    assert shown["labels"] == [
        ["sentiment", "test", "1,234", "25.0%", "-3 to 3", "0.3333 (100%)", "0.100", "1.500"]
    ]
    text = template(shown)
    assert "<details open>" in text and "&lt;b&gt;0" in text
    assert "<b>0" not in text and "secret" not in text


def test_a_leak_of_another_deal_is_not_hidden(data):
    folder = data(a=[NOTE], b=[LEAK])
    shown = audits(folder, ["a", "b"])
    assert not shown["leaks"] and [name for name, _ in shown["others"]] == ["b"]
    assert "<details open>" in template(shown) and "b: 7 of 9 test segments" in template(shown)
    assert "<details><summary>Audit of the data: 1 note<" in template(audits(folder, ["a"]))


def test_results_that_were_made_without_an_audit(tmp_path):
    assert audits(tmp_path, ["mine"]) is None


def template(shown):
    return environment().get_template("audit.html").render(s={"audit": shown, "name": "mine"})
