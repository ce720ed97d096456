import numpy as np
import pytest

from msa.base.errors import InputError
from msa.data.clock import check_clock, check_ends, span

STEPS = np.arange(600) / 20
SECONDS = np.stack([STEPS, STEPS + 0.05], 1)  # half a minute
LABELS = np.array([[1.0, 5.0], [6.0, 12.0], [13.0, 29.0]])
FILE = "audio.csd: audio"


def check(intervals, labels=LABELS, wrong=3, covers=True):
    """Three videos, of which some have other times than SECONDS."""
    times = [intervals if i < wrong else SECONDS for i in range(3)]
    spans = {f"v{i}": one for i, rows in enumerate(times) if (one := span(rows))}
    references = dict.fromkeys(["v0", "v1", "v2"], span(labels))
    return check_clock(FILE, spans, "the labels", references, covers)


def test_the_same_clock():
    assert check(SECONDS) == []


@pytest.mark.parametrize("shift", [-0.9, 5, 28])
def test_a_shift_within_the_video_is_no_other_clock(shift):
    assert check(SECONDS + shift) == []


def test_a_long_recording_with_one_early_label_is_no_other_clock():
    steps = np.arange(60_000) / 20
    hour = np.stack([steps, steps + 0.05], 1)
    (remark,) = check(hour, LABELS[:1])
    assert "its times reach 600 times as far as those of the labels" in remark


@pytest.mark.parametrize(
    ("intervals", "labels", "said"),
    [
        (SECONDS * 1000, LABELS, "its times look like milliseconds; divide them by 1000"),
        (SECONDS * 600, LABELS, "its times look like milliseconds; divide them by 1000"),
        (SECONDS * 1e6, LABELS, "its times look like microseconds; divide them by 1000000"),
        (SECONDS * 1e7, LABELS, "its times look like HTK's units of 100 ns"),
        (SECONDS, LABELS * 1000, "the times of the labels look like milliseconds"),
        (SECONDS + 3601, LABELS, "one of them begins 3600 s later; write both on one clock"),
        (SECONDS, LABELS + 3600, "one of them begins 3601 s later; write both on one clock"),
        (SECONDS[:10], LABELS, "in 3 of 3 videos; write the times again"),
    ],
)
def test_another_clock_is_refused_with_both_spans(intervals, labels, said):
    with pytest.raises(InputError) as caught:
        check(intervals, labels)
    message = str(caught.value)
    assert message.startswith(f"{FILE}: expected times in seconds on the clock of the labels, got ")
    assert f"got rows {span(intervals)} where the labels last {span(labels)}, in the video v0" in (
        message
    )
    assert said in message


def test_the_spans_are_said_in_seconds():
    with pytest.raises(InputError, match=r"from 0\.0 to 30000\.0 s where .* from 1\.0 to 29\.0 s"):
        check(SECONDS * 1000)


def test_most_videos_are_refused_and_fewer_are_said():
    with pytest.raises(InputError, match="in the video v0, and so in 2 of 3 videos"):
        check(SECONDS * 1000, wrong=2)
    assert check(SECONDS * 1000, wrong=1) == [
        f"{FILE}: in 1 of 3 videos the times are hardly seconds as those of the labels are: v0"
    ]


def test_frames_are_said():
    (remark,) = check(SECONDS * 25)
    assert remark == (
        f"{FILE}: in the median video its times reach 26 times as far as those of the labels: "
        "are they seconds, or numbers of frames?"
    )


def test_videos_without_rows_have_no_clock():
    assert check(SECONDS[:0], wrong=2) == check(SECONDS[:0]) == []
    with pytest.raises(InputError, match="expected rows, got none in any of 3 videos of the lab"):
        check(SECONDS[:0], covers=False)


def test_rows_between_the_segments_alone():
    with pytest.raises(InputError, match="in the video v0; none of its rows is within a segment"):
        check(SECONDS, covers=False)


def test_durations_in_place_of_ends():
    durations = np.stack([SECONDS[:, 0], np.full(600, 0.05)], 1)
    # what starts before 0.05 s ends later than it starts
    with pytest.raises(InputError, match="got 599 of 600 rows that do not end .* hold durations"):
        check_ends(FILE, {"v0": span(durations)})
    with pytest.raises(InputError, match="hold durations"):
        check(durations)
    check_ends(FILE, {"v0": span(SECONDS), "v1": span(durations)})
