"""The audit on made-up folds: clean ones have no findings, and what is planted is found."""

import json
from dataclasses import replace

import numpy as np
import pytest

from msa.__main__ import main
from msa.base.errors import InputError
from msa.data.audit import Fold, audit, read_times
from msa.data.findings import markdown
from msa.data.refuse_leakage import refuse
from msa.formats.segments import FOLDS, Segments, write

VIDEOS = {"train": "abcdef", "valid": "gh", "test": "ijk"}
LEVELS = np.linspace(-3, 3, 19)  # thirds
CARD = {"dropped": [], "videos_without_segments": {fold: [] for fold in FOLDS}}
LONG = "the film was far too long for what it told"


def clean_fold(name):
    """Three segments a video of ten seconds each, all of them unlike."""
    rng = np.random.default_rng(len(name) + ord(name[0]))
    ids = [f"{video}[{i}]" for video in VIDEOS[name] for i in range(3)]
    words = [f"{segment[0]}{segment[2]}w{j}" for segment in ids for j in range(10)]
    ends = np.arange(len(ids) + 1)
    label = np.resize([LEVELS[3], LEVELS[12], LEVELS[9]], len(ids))[:, None]
    bounds = {"words": 10 * ends, "audio": 2 * ends}
    return Fold(ids, label, {"audio": rng.normal(1, 0.1, (2 * len(ids), 4))}, bounds, words)


@pytest.fixture
def folds():
    return {fold: clean_fold(fold) for fold in FOLDS}


@pytest.fixture
def times(folds):
    ids = [segment for fold in folds.values() for segment in fold.ids]
    return {segment: (10.0 * int(segment[2]), 10.0 * int(segment[2]) + 10) for segment in ids}


def say(fold, number, text):
    """The fold with other words in one of its segments, ten or fewer."""
    words = text.split()
    at = fold.bounds["words"][number]
    padded = words + ["?"] * (10 - len(words))  # no token
    return replace(fold, words=[*fold.words[:at], *padded, *fold.words[at + 10 :]])


def found(folds, card=CARD, **options):
    """By kind the findings, of which each kind is there once."""
    report = audit(folds, card, targets=["sentiment"], **options)
    json.dumps(report)
    kinds = {finding["kind"]: finding for finding in report["findings"]}
    assert len(kinds) == len(report["findings"])
    return kinds


def one(kinds):
    ((kind, finding),) = kinds.items()
    return kind, finding["severity"], finding["count"], finding["examples"]


def test_clean_data_has_no_findings(folds, times):
    speakers = {video: f"s{video}" for videos in VIDEOS.values() for video in videos}
    assert found(folds, times=times, speakers=speakers) == {}
    report = audit(folds, CARD, times=times, speakers=speakers)
    assert report["not_looked_for"] == []
    assert report["segments"] == {"train": 18, "valid": 6, "test": 9}
    assert "Result: nothing found." in markdown(report)


@pytest.mark.parametrize("text", [LONG, LONG.upper() + "!"])
def test_an_equal_text_in_two_folds_is_leakage(folds, text):
    folds["train"], folds["test"] = say(folds["train"], 4, LONG), say(folds["test"], 7, text)
    kinds = found(folds)
    assert one(kinds) == ("equal text in two folds", "error", 1, [["b[1]", "k[1]"]])
    (finding,) = kinds.values()
    assert finding["folds"] == ["train", "test"] and finding["text"] == LONG
    assert finding["sentence"].startswith("1 of 9 test segments has the text of a train segment")


def test_a_near_equal_text_in_two_folds_is_a_warning(folds):
    folds["train"] = say(folds["train"], 4, LONG)
    folds["valid"] = say(folds["valid"], 0, LONG.replace("the film", "that film"))
    assert one(found(folds)) == ("near-equal text in two folds", "warning", 1, [["b[1]", "g[0]"]])
    # 3 shingles of 13 are in both
    folds["valid"] = say(folds["valid"], 0, "the one is far too short for what it told")
    assert found(folds) == {}


def test_short_answers_are_no_leakage(folds):
    folds["train"], folds["test"] = (
        say(folds["train"], 4, "oh yeah"),
        say(folds["test"], 0, "Oh yeah"),
    )
    assert one(found(folds)) == ("equal short text in two folds", "note", 1, [["b[1]", "i[0]"]])
    folds["test"] = say(folds["test"], 0, "?")  # of no words is like none
    folds["train"] = say(folds["train"], 4, "?")
    assert found(folds) == {}


def test_texts_within_a_fold_count_twice(folds):
    folds["test"] = say(say(folds["test"], 0, LONG), 8, LONG)
    assert one(found(folds)) == ("equal text in one fold", "warning", 1, [["i[0]", "k[2]"]])
    folds = {fold: clean_fold(fold) for fold in FOLDS}
    folds["train"] = say(say(folds["train"], 0, LONG), 2, LONG.replace("told", "had"))
    kind, severity, count, examples = one(found(folds))
    assert (kind, severity, count) == ("near-equal text in one fold", "note", 1)
    assert examples == [["a[0]", "a[2]"]]


def test_a_context_is_not_a_segments_own_text(folds):
    for fold in ("train", "test"):
        folds[fold] = say(folds[fold], 0, LONG)
        folds[fold] = replace(folds[fold], context=np.full(len(folds[fold].ids), 7))
    kind, severity, *_ = one(found(folds))
    assert (kind, severity) == ("equal short text in two folds", "note")


def test_data_without_words_or_times_says_what_was_not_looked_for(folds):
    folds = {name: replace(fold, words=None) for name, fold in folds.items()}
    report = audit(folds, CARD)
    assert report["findings"] == []
    assert [text.partition(":")[0] for text in report["not_looked_for"]] == [
        "speakers in two folds",
        "equal texts",
        "segments that overlap",
    ]
    assert "Not looked for: equal texts: the data has no words." in markdown(report)


def test_segments_that_overlap_or_repeat(folds, times):
    times["a[1]"] = (9.97, 20)  # of rounding
    times["i[1]"] = (8.0, 12.0)
    assert one(found(folds, times=times)) == (
        "overlap in one fold",
        "warning",
        1,
        [["i[0]", "i[1]"]],
    )
    times["i[1]"] = times["i[0]"]
    kind, *rest = one(found(folds, times=times))
    assert (kind, rest) == ("same times in one fold", ["warning", 1, [["i[0]", "i[1]"]]])
    times["i[1]"] = (np.nan, np.nan)
    assert found(folds, times=times) == {}


def test_a_video_in_two_folds_and_what_of_it_overlaps(folds, times):
    """As imported files may have it; split refuses such folds."""
    ids = [*folds["test"].ids]
    ids[4], ids[5] = "a[7]", "a[8]"
    folds["test"] = replace(folds["test"], ids=ids)
    times |= {"a[7]": times["a[1]"], "a[8]": (25.0, 35.0)}
    kinds = found(folds, times=times)
    assert {kind: (f["severity"], f["examples"]) for kind, f in kinds.items()} == {
        "one video in two folds": ("error", [["a", "a[0]", "a[7]"]]),
        "same times in two folds": ("error", [["a[1]", "a[7]"]]),
        "overlap in two folds": ("error", [["a[2]", "a[8]"]]),
    }
    ids[4] = "a[1]"
    kinds = found(folds)
    assert kinds["one id in two folds"]["examples"] == [["a[1]", "a[1]"]]


def test_a_speaker_in_two_folds_is_leakage(folds):
    speakers = {video: "s" + video for videos in VIDEOS.values() for video in videos}
    speakers |= {"k": "sb", "k[0]": "sk"}  # a segment's own counts
    kinds = found(folds, speakers=speakers)
    assert one(kinds) == ("one speaker in two folds", "error", 1, [["sb", "b[0]", "k[1]"]])
    del speakers["k"]
    kind, severity, count, _ = one(found(folds, speakers=speakers))
    assert (kind, severity, count) == ("no speaker", "warning", 2)


def test_ids_outside_the_folds_and_labels_without_media(folds):
    reasons = [
        ("x[0]", None, "its video is in no fold"),
        ("a[9]", "train", "its video is not in vision"),
    ]
    dropped = [dict(zip(("id", "fold", "reason"), reason, strict=True)) for reason in reasons]
    absent = CARD["videos_without_segments"] | {"test": ["z"]}
    kinds = found(folds, {"dropped": dropped, "videos_without_segments": absent})
    assert {kind: (f["severity"], f["examples"]) for kind, f in kinds.items()} == {
        "in no fold": ("note", [["x[0]"]]),
        "ids without data": ("note", [["z"]]),
        "label without media": ("note", [["a[9]"]]),
    }


def test_columns_that_carry_nothing(folds):
    for fold in folds.values():
        fold.rows["audio"][:, 1] = 0
        fold.rows["audio"][:, 2] = 7
    kinds = found(folds)
    assert one(kinds) == ("constant columns of audio", "note", 2, [["column 1"], ["column 2"]])
    assert "Columns of audio with one value in train and everywhere: 2 of 4, 1 of them 0" in str(
        kinds
    )
    folds["test"].rows["audio"][3, 2] = 8
    report = audit(folds, CARD)
    assert [(f["severity"], f["examples"]) for f in report["findings"]] == [
        ("warning", [["column 2"]]),
        ("note", [["column 1"]]),
    ]


def test_segments_without_a_voice(folds):
    folds["train"].rows["audio"][2:4] = [[0, np.nan, 0, 0], [0, 0, 0, 0]]
    rows = folds["test"].rows["audio"]
    rows[:2] = 0
    kind, severity, count, examples = one(found(folds))
    assert (kind, severity, count) == ("segments without audio", "warning", 2)  # 1 of 9 in test
    assert examples == [["a[1]"], ["i[0]"]]
    rows[1, 0] = 0.1
    kind, severity, *_ = one(found(folds))
    assert (kind, severity) == ("segments without audio", "warning")  # 1 of 18


def test_labels_without_anything_are_told_apart(folds):
    fold = folds["test"]
    words, audio = fold.bounds["words"].copy(), fold.bounds["audio"].copy()
    words[1], audio[1] = 0, 0  # the first segment's rows are the second's
    folds["test"] = replace(fold, bounds={"words": words, "audio": audio})
    kinds = found(folds)
    assert kinds["segments without sequence at all"]["examples"] == [["i[0]"]]


def test_what_the_labels_are(folds):
    facts = audit(folds, CARD, targets=["s"])["labels"]["s"]
    assert facts["train"]["zero"] == pytest.approx(1 / 3)
    assert (facts["test"]["low"], facts["test"]["high"]) == (-2, 1)
    assert facts["valid"]["step"] == 1 and facts["valid"]["on_step"] == 1
    folds["train"].label[:] = np.resize(LEVELS, 18)[:, None].round(4)
    folds["valid"].label[:] = folds["test"].label[:] = 0.25
    report = audit(folds, CARD, targets=["s"])
    assert report["labels"]["s"]["train"]["step"] == pytest.approx(1 / 3)
    kinds = [(finding["kind"], finding["folds"][1]) for finding in report["findings"]]
    assert kinds.count(("other steps of the labels", "test")) == 1
    assert "| s | train | 18 | 5.6% | -3 to 2.667 | 0.3333 (100%) |" in markdown(report)
    shifted = folds["test"].label
    shifted[:] = 2
    kinds = [
        f["folds"] for f in audit(folds, CARD)["findings"] if f["kind"] == "shift of the labels"
    ]
    assert ["train", "test"] in kinds
    # of classes there are no steps, and no 0 that means anything
    folds["train"].label[:] = np.resize([0, 1, 2, 3], 18)[:, None]
    report = audit(folds, CARD, classes=True)
    facts = report["labels"]["0"]["train"]
    assert facts["step"] is None and facts["zero"] is None and report["findings"] == []


def test_words_and_ids_are_no_markup(folds):
    text = "`<b>x</b>` [a](javascript:x) *so* and so on and on"
    folds["train"], folds["test"] = say(folds["train"], 0, text), say(folds["test"], 0, text)
    shown = markdown(audit(folds, CARD))
    assert "<b>" not in shown and "](" not in shown
    ids = ["`<b>[0]", *folds["test"].ids[1:]]
    folds["test"] = replace(folds["test"], ids=ids)
    assert "`a[0] and '<b>[0]`" in markdown(audit(folds, CARD))


def test_strict_names_the_pairs_and_how_to_go_on(tmp_path, folds):
    path = tmp_path / "audit.json"
    path.write_text(json.dumps(audit(folds, CARD)))
    refuse(path)
    folds["train"], folds["test"] = say(folds["train"], 0, LONG), say(folds["test"], 0, LONG)
    path.write_text(json.dumps(audit(folds, CARD, speakers={"a": "anna", "j": "anna"})))
    with pytest.raises(InputError) as caught:
        refuse(path)
    text = str(caught.value)
    assert (
        "expected no leakage between the folds, got:\n  1 speaker is in train and in test" in text
    )
    assert (
        "a[0] and i[0]\n" in text
        and "anna: a[0] and j[0]\n" in text
        and "`audit: report` in the recipe" in text
    )


def test_the_stage_reads_what_import_data_writes(tmp_path, folds):
    segments = {
        name: Segments(
            fold.ids,
            fold.label,
            {
                "words": [
                    np.array(fold.words, "S").reshape(-1, 10, 1)[i] for i in range(len(fold.ids))
                ],
                "audio": [fold.rows["audio"][2 * i : 2 * i + 2] for i in range(len(fold.ids))],
            },
        )
        for name, fold in folds.items()
    }
    write(segments, tmp_path, tmp_path / "card.json", "imported (table)")
    table = tmp_path / "table.csv"
    table.write_text("id;video;start;end\n0;a;0;1,5\n1;a;1;2\n2;a;;\n")
    output = tmp_path / "audit.json"
    command = ["audit", str(tmp_path), "--output", str(output), "--targets", "sentiment"]
    assert main([*command, "--times", str(table)]) == 0
    (finding,) = json.loads(output.read_text())["findings"]
    assert (finding["kind"], finding["examples"]) == ("overlap in one fold", [["a[0]", "a[1]"]])
    assert output.with_suffix(".md").read_text().startswith("# Audit of the data\n")


def test_a_table_without_times(tmp_path):
    (tmp_path / "a.csv").write_text("id,text\n0,x\n")
    (tmp_path / "b.csv").write_text("name\nx\n")
    assert read_times([tmp_path / "a.csv", tmp_path / "b.csv"]) == {}
