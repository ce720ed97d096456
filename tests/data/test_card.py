"""The data card as Markdown."""

import json

from msa.data.card import card_markdown
from msa.data.cleaning import FOLDS


def test_the_card_is_readable():
    left = {fold: {"audio": {"values": 12, "not_finite": 3, "left": 0}} for fold in FOLDS}
    report = {"policy": "clip", "standardized": [], "counts": left}
    counts = {"audio": {"rows": 4, "width": 3, "imputed_rows": 1, "nan": {"0": 2}, "inf": {"0": 1}}}
    card = {
        "route": "words",
        "pauses": "dropped",
        "videos": {"train": 2, "valid": 1, "test": 1},
        "segments": {"train": 4, "valid": 2, "test": 1},
        "expected": {"train": 5},
        "sequences": dict.fromkeys(["train", "valid", "test"], counts),
        "dropped": [{"id": "a[2]", "fold": "train", "reason": "it has no words but pauses"}],
        "cleaning": report,
        "lengths": {fold: {"audio": {"median": 7, "p95": 8, "most": 9}} for fold in FOLDS},
    }
    text = card_markdown(json.loads(json.dumps(card)))
    assert "Videos" not in text
    card["times"] = {
        "words": {"reversed": {"a": 2, "b": 1}},
        "audio": {},
        "labels": {"repeated": dict.fromkeys("abcdefg", 1)},
    }
    card["ids"] = {"train": {"twice": ["x"], "empty": 0}, "test": {"twice": [], "empty": 3}}
    odd = card_markdown(card)
    assert "\n- words: rows that end before they start, 3: in a, b\n" in odd
    assert "another one of their video, 7: in a, b, c, d, e and 2 more\n- train: ids twice" in odd
    assert "\n- train: ids twice or more, 1: x\n- test: empty ids, 3\n\nCleaning" in odd
    assert "modality alone" not in odd
    card["unimodal"] = {fold: {"text": 4, "vision": 3} for fold in ("train", "valid", "test")}
    alone = "Labels of one modality alone: text train 4, valid 4, test 4; vision train 3, valid 3"
    assert f"\n\n{alone}, test 3.\n\nCleaning" in card_markdown(card)
    card["videos_in_two_folds"] = ["a", "b"]
    card["videos_without_segments"] = {"train": [], "valid": ["c"], "test": []}
    del card["times"], card["ids"], card["unimodal"]
    with_videos = card_markdown(card)
    assert "\n- Videos in more than one fold: a, b\n" in with_videos
    assert "\n- Videos of the fold valid without a segment: c\n\nCleaning" in with_videos
    assert "fold train without" not in with_videos
    assert "| train | 2 | 4 | 5 |" in text
    assert "| train | audio | 4 | 7 | 8 | 9 | 3 | 1 | 2 | 1 | 0: 3 | 0 |" in text
    assert "| a[2] | train | it has no words but pauses |" in text
