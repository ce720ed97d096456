from msa.base.coverage import counts, fold_lacks, lacks, uncovered

VIDEOS = {"a": {"total": 4, "without_rows": 4}, "b": {"total": 96, "without_rows": 2}}
AUDIO = {"unit": "words", "total": 100, "without_rows": 6, "videos": VIDEOS}
VISION = {"unit": "segments", "total": 100, "without_rows": 5, "videos": {}}
FOLD = {"audio": AUDIO, "vision": VISION}


def test_more_than_five_per_cent_are_said():
    audio = "6 of 100 words (6.0%) have no row of audio: zeros stand in their place"
    assert lacks(FOLD) == [audio]
    assert lacks(FOLD, 0) == [audio, "5 of 100 segments (5.0%) have no row of vision"]
    assert fold_lacks({"train": {"vision": VISION}, "test": FOLD}) == [f"test: {audio}"]


def test_what_is_not_known_is_not_said():
    assert fold_lacks(None) == [] and counts([None]) is None and counts([]) is None
    assert lacks({"audio": AUDIO | {"total": 0, "without_rows": 0}}, 0) == []


def test_videos_of_which_nothing_is_covered():
    assert uncovered(FOLD) == {"audio": ["a"]}


def test_a_result_has_no_videos():
    one = {"unit": "words", "total": 100, "without_rows": 6}
    assert counts([{"test": {"audio": AUDIO}}]) == {"test": {"audio": one}}


def test_the_deals_of_a_data_set_are_summed():
    both = counts([{"test": FOLD}, {"test": {"audio": AUDIO | {"total": 9}, "vision": VISION}}])
    assert both["test"]["audio"] == {"unit": "words", "total": 109, "without_rows": 12}
    assert counts([{"test": FOLD}, None]) is None
