import tracemalloc

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from msa.base.errors import InputError
from msa.data.align import align
from msa.data.plan import TOLERANCE, collapse, overlaps, plan
from msa.formats import csd

# a coarse grid makes touching, nested, equal and inverted intervals likely
grid = st.integers(0, 40).map(lambda n: np.float32(n) / 8)
near = st.sampled_from([0.0, 5e-6, -5e-6, 2e-5]).map(np.float32)
seconds = st.builds(lambda x, e: x + e, grid, near)


def intervals(least=0):
    return hnp.arrays(np.float32, st.tuples(st.integers(least, 12), st.just(2)), elements=seconds)


def sdk_overlaps(reference, rows):
    """The SDK's own rule, interval by interval."""
    tolerance = reference.dtype.type(TOLERANCE)
    order = sorted(range(len(rows)), key=lambda i: rows[i, 0])
    found = []
    for begin, end in reference:
        for i in order:
            start, stop = rows[i]
            if end - start > -tolerance and stop - begin > -tolerance:
                clipped = max(start, begin), min(stop, end)
                if abs(clipped[0] - clipped[1]) > tolerance:
                    found.append((i, *clipped))
        found.append(None)
    return found


@settings(max_examples=300, deadline=None)
@given(intervals(), intervals())
def test_overlaps_equal_a_scan(reference, rows):
    got = overlaps(reference, rows)
    flat = []
    for begin, end in zip(got.offsets[:-1], got.offsets[1:], strict=True):
        flat += [(got.rows[i], *got.clipped[i]) for i in range(begin, end)]
        flat.append(None)
    assert flat == sdk_overlaps(reference, rows)


@pytest.mark.parametrize("scale", [1, 3600, 1e9, 1e13])
def test_overlaps_equal_a_scan_whatever_lasts_long(scale):
    """Rows and references of a whole video, reversed, unsorted of no length, late or far away."""
    rng = np.random.default_rng(0)
    for _ in range(100):
        times = rng.integers(0, 20, (20, 2)) / 8 + rng.choice([0, 5e-6, -5e-6, 2e-5], (20, 2))
        times[rng.random(20) < 0.2] = [0, 3]
        times[rng.random(20) < 0.1] = [3, 0]
        times[rng.random(20) < 0.2] *= [1, 0]
        times *= rng.choice([1, scale], (20, 1))
        got = overlaps(times[:8], times[8:])
        expected = sdk_overlaps(times[:8], times[8:])
        rows = [(row, *clipped) for row, clipped in zip(got.rows, got.clipped, strict=True)]
        assert rows == [row for row in expected if row is not None]
        ends = np.flatnonzero([row is None for row in expected]) - np.arange(8)
        assert got.offsets[1:].tolist() == ends.tolist()


@pytest.mark.parametrize(
    "lasting",
    [[[0, 2700]], [[0, 2700]] * 3, [[2700, 0]] * 3, [[-1e9, 1e9]], [[0, 1e9], [0, 1e12]]],
    ids=["one", "three", "reversed", "far", "farther"],
)
def test_a_row_that_lasts_a_whole_video_adds_its_own_overlaps_alone(lasting):
    """45 minutes: it took 9 GB, every row a candidate for every word."""
    frames, words = (np.arange(2700 * rate + 1) / rate for rate in (30, 3))
    vision, words = (np.stack([edges[:-1], edges[1:]], 1) for edges in (frames, words))

    def peak(rows):
        tracemalloc.start()
        found = overlaps(words, rows)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak, len(found.rows)

    alone, count = peak(vision)
    together, more = peak(np.concatenate([vision[:9], lasting, vision[9:]]))
    assert more == count + (0 if lasting[0][0] > lasting[0][1] else len(lasting) * len(words))
    assert together <= 1.3 * alone * more / count


def test_late_float32_seconds():
    """An hour in, float32 seconds are coarser than the tolerance."""
    edges = np.float32(3600) + np.arange(50, dtype=np.float32) * np.float32(0.01)
    rows = np.stack([edges[:-1], edges[1:]], 1)
    reference = np.array([[edges[3], edges[9]]])
    assert overlaps(reference, rows).rows.tolist() == list(range(3, 9))


def test_collapse_takes_the_plain_mean_and_zeros_where_there_is_nothing():
    rows = np.array([[1, 1], [3, np.nan], [5, -np.inf]], dtype=np.float32)
    words = np.array([[0, 2], [2, 3], [8, 9]], dtype=np.float32)
    within = overlaps(words, np.array([[0, 1], [1, 2], [2, 3]], dtype=np.float32))
    np.testing.assert_array_equal(collapse(rows, within), [[2, np.nan], [5, -np.inf], [0, 0]])


def test_collapse_is_numpys_float32_mean():
    rows = np.random.default_rng(0).normal(1e3, 1e3, size=(500, 7)).astype(np.float32)
    edges = np.arange(501, dtype=np.float32)
    words = np.array([[0, 400.5], [100, 103], [7, 8]], dtype=np.float32)
    within = overlaps(words, np.stack([edges[:-1], edges[1:]], 1))
    expected = [rows[:401].mean(axis=0), rows[100:103].mean(axis=0), rows[7]]
    np.testing.assert_array_equal(collapse(rows, within), expected)


def test_routes_differ_in_what_they_drop():
    labels = np.array([[0, 1], [1, 2], [2, 2]], dtype=np.float32)
    both = {
        "words": np.array([[0, 1], [1, 2]], dtype=np.float32),
        "audio": np.array([[0, 0.5]], dtype=np.float32),
    }
    direct = plan(labels, both, "labels")
    assert direct.segments.tolist() == [0]
    assert direct.dropped == {
        1: "no rows of audio within it",
        2: "its label lasts less than 1e-05 s",
    }
    assert plan(labels, both, "none").segments.tolist() == [0, 1]
    assert plan(labels, both, "none").counts["audio"].tolist() == [1, 0]
    # imputed words keep the second segment
    words = plan(labels, both, "words")
    assert words.segments.tolist() == [0, 1]
    assert words.counts["audio"].tolist() == [1, 1]


def write(path, videos, features=lambda n: np.ones((n, 2), dtype=np.float32)):
    spans = np.array([[0, 1], [1, 2]], dtype=np.float32)
    csd.write(path, path.stem, {video: (spans, features(2)) for video in videos})
    return path


def test_videos_are_compared_whole(tmp_path):
    """The SDK's prefix match would drop vid10 together with vid1."""
    audio = write(tmp_path / "audio.csd", ["vid10", "vid2"])
    labels = write(tmp_path / "labels.csd", ["vid1", "vid10", "vid2"])
    align({"audio": audio}, labels, "labels", tmp_path / "out")
    segments = pd.read_csv(tmp_path / "out" / "segments.csv")
    assert set(segments["video"]) == {"vid10", "vid2"}
    dropped = pd.read_csv(tmp_path / "out" / "dropped.csv")
    assert dropped.values.tolist() == [
        ["vid1[0]", "vid1", "its video is not in audio"],
        ["vid1[1]", "vid1", "its video is not in audio"],
    ]


def test_no_common_video(tmp_path):
    audio = write(tmp_path / "audio.csd", ["a"])
    labels = write(tmp_path / "labels.csd", ["b"])
    with pytest.raises(InputError, match="none of its 1 videos is in every sequence: audio has 1"):
        align({"audio": audio}, labels, "labels", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_ids_of_which_one_file_has_segments_and_another_videos(tmp_path):
    audio = write(tmp_path / "audio.csd", ["a", "b"])
    labels = write(tmp_path / "labels.csd", ["a[0]", "a[1]"])
    expected = r"the labels have 'a\[0\]', audio has 'a': they differ by a segment's number"
    with pytest.raises(InputError, match=expected):
        align({"audio": audio}, labels, "labels", tmp_path / "out")


def test_an_entry_that_is_a_segment_never_takes_the_key_of_an_interval(tmp_path):
    """Where `a` has intervals, `a[0]` cannot be its first."""
    two = np.array([[0, 1], [1, 2]], "f4"), np.ones((2, 1), "f4")
    one = two[0][:1], two[1][:1]
    for name in ("audio", "labels"):
        csd.write(tmp_path / f"{name}.csd", name, {"a": two, "a[0]": one, "b[7]": one})
    align({"audio": tmp_path / "audio.csd"}, tmp_path / "labels.csd", "labels", tmp_path / "out")
    segments = pd.read_csv(tmp_path / "out" / "segments.csv")
    assert segments["key"].tolist() == ["a[0]", "a[1]", "a[0][0]", "b[7]"]
    assert segments["video"].tolist() == ["a", "a", "a", "b"]


def test_widths_that_differ(tmp_path):
    spans = np.array([[0, 1]], dtype=np.float32)
    path = tmp_path / "audio.csd"
    csd.write(
        path, "audio", {v: (spans, np.ones((1, d), "f4")) for v, d in {"a": 74, "b": 73}.items()}
    )
    labels = write(tmp_path / "labels.csd", ["a", "b"])
    with pytest.raises(InputError) as caught:
        align({"audio": path}, labels, "labels", tmp_path / "out")
    assert f"{path}: audio/data/b/features: expected (n, 74) as in a, got (n, 73)" in str(
        caught.value
    )


def test_a_broken_video_leaves_nothing_behind(tmp_path):
    """The damage is met by a worker, after the output was begun."""
    rows = np.random.default_rng(0).normal(size=(4000, 8)).astype(np.float32)
    times = np.linspace(0, 2, 4001, dtype=np.float32)
    audio = tmp_path / "audio.csd"
    csd.write(audio, "audio", {"a": (np.stack([times[:-1], times[1:]], 1), rows)})
    raw = bytearray(audio.read_bytes())
    raw[60_000:80_000] = bytes(20_000)
    audio.write_bytes(raw)
    labels = write(tmp_path / "labels.csd", ["a"])
    with pytest.raises(InputError, match=r"audio/data/a/(features|intervals): cannot be read"):
        align({"audio": audio}, labels, "labels", tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["audio.csd", "labels.csd"]


def test_words_need_words(tmp_path):
    with pytest.raises(InputError, match="no sequence plays words; got audio"):
        align({"audio": tmp_path}, tmp_path, "words", tmp_path / "out")


def test_a_segment_without_words_lacks_words_alone():
    """With the route "words" what else it has is its words'."""
    labels = np.array([[0, 1], [5, 6]])
    sequences = {"words": np.array([[0, 1.0]]), "audio": np.array([[0, 6.0]])}
    assert plan(labels, sequences, "words").dropped == {1: "no rows of words within it"}


@pytest.mark.parametrize("empty", ["words", "audio", "labels"])
@pytest.mark.parametrize("shape", [(0, 0), (0,)])
@pytest.mark.parametrize("route", ["words", "labels", "none"])
def test_an_empty_array_is_a_video_without_rows(tmp_path, route, shape, empty):
    """Never the fault of the videos that have some; the empty one comes first."""
    times, other = np.array([[0, 1], [1, 2.0]]), np.ones((2, 1))
    for name in ("words", "audio", "labels"):
        rows = (times, np.array([[b"a"], [b"b"]]) if name == "words" else other)
        csd.write(tmp_path / f"{name}.csd", name, {"a": rows, "b": rows})
    with h5py.File(tmp_path / f"{empty}.csd", "r+") as file:
        for key in ("intervals", "features"):
            del file[f"{empty}/data/a/{key}"]
            file[f"{empty}/data/a/{key}"] = np.empty(shape)
    files = {name: tmp_path / f"{name}.csd" for name in ("words", "audio")}
    align(files, tmp_path / "labels.csd", route, tmp_path / "aligned")
    kept = pd.read_csv(tmp_path / "aligned/segments.csv")["key"].tolist()
    stays = empty != "labels" and (route == "none" or (route, empty) == ("words", "audio"))
    assert kept == (["a[0]", "a[1]"] if stays else []) + ["b[0]", "b[1]"]
    for name in ("words", "audio"):
        assert np.load(tmp_path / f"aligned/{name}.npy").shape[1] == 1
