import json

import numpy as np
import pytest
from running import run_stage

from msa.base.errors import InputError
from msa.base.ids import video_of
from msa.data.deal import deal, draw, group_of
from msa.data.refold import refold
from msa.data.share_features import share
from msa.formats.segments import FOLDS, Segments

IDS = [f"v{v:02d}[{i}]" for v in range(12) for i in range(1 + v % 3)]
SPEAKERS = {f"v{v:02d}": f"s{v % 6}" for v in range(12)}


def dealt(k, **changes):
    options = {"k": k, "valid": 0.2, "seed": 0} | changes
    return [deal(IDS, SPEAKERS, **options, fold=n) for n in range(1, k + 1)]


def groups(videos):
    return {SPEAKERS[video] for video in videos}


@pytest.mark.parametrize("k", [2, 3, 6])
def test_every_group_is_tested_once_and_in_one_fold_of_a_deal(k):
    folds = dealt(k)
    tested = [group for fold in folds for group in groups(fold["test"])]
    assert sorted(tested) == sorted(set(SPEAKERS.values()))
    for fold in folds:
        videos = [video for name in FOLDS for video in fold[name]]
        assert sorted(videos) == sorted(SPEAKERS)
        assert sum(len(groups(fold[name])) for name in FOLDS) == 6
        assert all(fold[name] for name in FOLDS)


def test_a_share_of_the_training_groups_is_to_select_on():
    assert [len(groups(fold["valid"])) for fold in dealt(3, valid=0.5)] == [2, 2, 2]
    assert [len(groups(fold["valid"])) for fold in dealt(3, valid=0.01)] == [1, 1, 1]


def test_the_seed_decides():
    assert dealt(3) == dealt(3)
    assert dealt(3) != dealt(3, seed=1)
    # leaving out one group each, in their order, only the validation is drawn
    assert [groups(fold["test"]) for fold in dealt(6)] == [{f"s{i}"} for i in range(6)]
    assert [f["valid"] for f in dealt(6)] != [f["valid"] for f in dealt(6, seed=1)]
    assert len({tuple(sorted(groups(fold["valid"]))) for fold in dealt(6)}) > 1


def test_too_few_groups():
    with pytest.raises(InputError, match="got k 7 and 6 groups: s0, s1"):
        dealt(7)
    with pytest.raises(InputError, match="three groups for train, valid and test"):
        deal(["a[0]", "b[0]"], {"a": "a", "b": "b"}, k=2, valid=0.1, seed=0, fold=1)


def test_a_deal_that_leaves_none_to_train_on():
    assert all(fold["train"] for fold in dealt(6, valid=0.8))
    with pytest.raises(InputError, match=r"valid 0\.81 of the 5 groups .* leaves none to train on"):
        dealt(6, valid=0.81)


@pytest.mark.parametrize(
    ("segment", "by", "group"),
    [
        ("Ses01F_impro01[3]", "session", "Ses01"),
        ("Ses05M_script01_1_F003", "session", "Ses05"),
        ("Ses05M_script01_1_F003[0]", "speaker", "Ses05F"),
        ("Ses05F_impro02_M012", "speaker", "Ses05M"),
        ("a_video[2]", "video", "a_video"),
    ],
)
def test_the_group_that_an_id_tells(segment, by, group):
    assert group_of([segment], by) == {video_of(segment): group}


@pytest.mark.parametrize(
    ("segment", "by", "advice"),
    [
        ("v1[0]", "session", "expected ids of IEMOCAP such as Ses01F_impro01, got 'v1"),
        ("Ses01F_impro01[3]", "speaker", "of a turn.*or by: session"),
    ],
)
def test_ids_that_tell_none(segment, by, advice):
    with pytest.raises(InputError, match=advice):
        group_of([segment], by)


def speakers(path, text):
    path.write_text(text)
    return path


def test_a_table_of_speakers(tmp_path):
    table = speakers(tmp_path / "s.csv", "id,age,speaker\na,30,anna\nb[0],40,ben\nb[1],40,ben\n")
    assert group_of(["a[0]", "a[1]", "b[0]", "b[1]"], "speaker", table) == {"a": "anna", "b": "ben"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("video,speaker\na,x\n", "expected the columns id and speaker, got"),
        ("id,speaker\na,x\na,y\n", "expected each id once, got a twice"),
        ("id,speaker\na.mp4,x\n", "'a', the table 'a.mp4': they differ by a file extension"),
        ("id,speaker\na[0],x\na[1],y\n", "the video a has segments of x and of y"),
    ],
)
def test_tables_of_speakers_that_are_wrong(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        group_of(["a[0]", "a[1]"], "speaker", speakers(tmp_path / "s.csv", text))


def test_imported_folds_are_dealt_anew(tmp_path):
    rng = np.random.default_rng(0)
    rows = {segment: rng.normal(size=(1 + i % 3, 2)) for i, segment in enumerate(IDS)}
    parts = dict(zip(FOLDS, (IDS[:12], IDS[12:18], IDS[18:]), strict=True))
    imported = {
        fold: Segments(
            ids,
            np.array([[rows[i][0, 0]] for i in ids]),
            {"audio": [rows[i] for i in ids]},
            unimodal={"audio": np.array([rows[i][0, 1] for i in ids])},
        )
        for fold, ids in parts.items()
    }
    folds = deal(IDS, SPEAKERS, k=3, valid=0.2, seed=0, fold=2)
    lost = [{"id": "v03[9]", "fold": "train", "reason": "it has no words"}]
    again = refold(imported, folds, lost)
    assert sorted(i for segments in again.values() for i in segments.ids) == sorted(IDS)
    for fold, segments in again.items():
        assert {video_of(i) for i in segments.ids} == set(folds[fold])
        for n, segment in enumerate(segments.ids):
            np.testing.assert_array_equal(segments.sequences["audio"][n], rows[segment])
            assert segments.label[n, 0] == rows[segment][0, 0]
            assert segments.unimodal["audio"][n] == rows[segment][0, 1]
    [fold] = [fold for fold, segments in again.items() if segments.dropped]
    assert "v03" in folds[fold]


def test_features_of_one_deal_are_those_of_another():
    rng = np.random.default_rng(0)
    text = {
        segment: rng.integers(9, size=(1 + n % 3, 1)).astype("S1") for n, segment in enumerate(IDS)
    }
    vectors = {segment: rng.normal(size=(len(words), 4)) for segment, words in text.items()}

    def segments(fold, **more):
        ids = [i for i in IDS if video_of(i) in fold]
        sequences = {"words": text} | more
        rows = {name: [values[i] for i in ids] for name, values in sequences.items()}
        return Segments(ids, np.zeros((len(ids), 1)), rows)

    first, second = dealt(3)[:2]
    encoded = {fold: segments(first[fold], features=vectors) for fold in FOLDS}
    other = {fold: segments(second[fold]) for fold in FOLDS}
    shared = share(encoded, other)
    for fold in FOLDS:
        np.testing.assert_array_equal(
            shared[fold], np.concatenate([vectors[i] for i in other[fold].ids])
        )
    other["test"].sequences["words"][0] = np.array([[b"x"]])
    with pytest.raises(InputError, match="expected the words that were encoded"):
        share(encoded, other)


def test_the_stages_by_hand(tmp_path):
    """On imported folds, which lie in files."""
    run_stage("demo-classes", "humor", tmp_path / "humor")
    run_stage(
        *("deal", tmp_path / "humor", "--by", "video", "--k", 3, "--valid", 0.1, "--seed", 0),
        *("--fold", 1, "--output", tmp_path / "folds.json", "--groups", tmp_path / "groups.json"),
    )
    run_stage(
        *("refold", tmp_path / "humor", "--folds", tmp_path / "folds.json"),
        *("--output", tmp_path / "new", "--card", tmp_path / "card.json"),
    )
    before, after = (
        sorted(i for fold in FOLDS for i in np.load(tmp_path / place / fold / "ids.npy").tolist())
        for place in ("humor", "new")
    )
    assert before == after
    card, old = (
        json.loads((tmp_path / name).read_text()) for name in ("card.json", "humor/card.json")
    )
    assert card["route"] == old["route"] and sum(card["segments"].values()) == len(before)


def test_one_split_is_drawn_by_groups():
    folds = draw(IDS, SPEAKERS, valid=0.2, test=0.34, seed=0)
    assert [len(groups(folds[name])) for name in FOLDS] == [3, 1, 2]
    assert not groups(folds["train"]) & groups(folds["test"])
    assert sorted(video for name in FOLDS for video in folds[name]) == sorted(SPEAKERS)
    assert draw(IDS, SPEAKERS, valid=0.2, test=0.34, seed=0) == folds
    assert draw(IDS, SPEAKERS, valid=0.2, test=0.34, seed=1) != folds


def test_a_split_that_leaves_none_to_train_on():
    with pytest.raises(InputError, match="valid 0.5 and test 0.5 of 6 groups leave none to train"):
        draw(IDS, SPEAKERS, valid=0.5, test=0.5, seed=0)
