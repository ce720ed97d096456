import json

import pytest
from running import python


def benchmark(body):
    """Rows of `body`, a program that prints them, in a process of its own."""
    return json.loads(python("-c", f"import json\n{body}\nprint(json.dumps(rows))").stdout)


def check(rows):
    for row in rows:
        assert set(row) == {"name", "value", "unit", "baseline", "ratio", "wanted"}
        assert row["value"] > 0
        if row["baseline"] is None:
            assert row["ratio"] is None
        else:
            assert row["ratio"] == pytest.approx(row["value"] / row["baseline"])
    return [row["name"] for row in rows]


@pytest.mark.slow
def test_align():
    """At the smallest scale: every figure is there, and relative to reading."""
    rows = benchmark("from benchmarks import align\nrows = align.run(2, (1, 2), 1)")
    names = check(rows)
    for route in ("words", "labels"):
        for videos in (2, 4):
            title = f"align to {route}, {videos} videos"
            assert {title, f"{title}: computing", f"{title}: memory"} <= set(names)
        [linear] = [
            row
            for row in rows
            if row["name"].startswith(f"align to {route}, 4 against 2") and row["unit"] == "s"
        ]
        [small] = [r for r in rows if r["name"] == f"align to {route}, 2 videos: computing"]
        assert linear["baseline"] == pytest.approx(2 * small["value"])


def test_copies_hold_what_the_file_holds():
    rows = benchmark(
        "import tempfile\n"
        "from pathlib import Path\n"
        "import numpy as np\n"
        "from benchmarks.generate import again, mosi_like, write\n"
        "from msa.formats import csd\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    one = write(Path(folder, 'words.csd'), mosi_like('words', 2))\n"
        "    two = again(Path(folder, 'words2.csd'), one, 2)\n"
        "    with csd.Sequence(one) as a, csd.Sequence(two) as b:\n"
        "        rows = [b.videos, [bool(np.array_equal(a.features(v), b.features(f'{v}_1')))\n"
        "                for v in a.videos]]\n"
    )
    assert rows == [[f"video0000{v}_{t}" for v in (0, 1) for t in (0, 1)], [True, True]]


def test_damaged_files_are_refused_or_give_the_right_result():
    """A few of the 10,000 of `python -m benchmarks.mutate`."""
    answers = benchmark(
        "from benchmarks.mutate import outcomes\nrows = [one[2] for one in outcomes(20, 0, None)]"
    )
    assert len(answers) == 20
    assert {answer.split(maxsplit=1)[0] for answer in answers} == {"refused", "right"}


def test_encode():
    rows = benchmark("from benchmarks import encode\nrows = encode.run(8, 1)")
    assert len(check(rows)) == 2
    assert {row["unit"] for row in rows} == {"rows/s"}


def test_every_benchmark_is_found_and_others_are_refused():
    done = python("-m", "benchmarks", "aline", check=False)
    assert done.returncode == 2
    assert "unknown: aline; there are align, encode, " in done.stderr


@pytest.mark.slow
def test_train():
    """An epoch of each system, and of its baseline."""
    rows = benchmark("from benchmarks import train\nrows = train.run(32, 1)")
    names = check(rows)
    for model in ("lmf", "nhfnet", "lmr_cbt", "cm_bert", "glomo"):
        assert f"train an epoch: {model}, 32 segments, 1 thread" in names


@pytest.mark.slow
def test_recurrent():
    """A batch of each system, of either kind of lengths."""
    rows = benchmark("from benchmarks import recurrent\nrows = recurrent.run(1, 1)")
    assert len(check(rows)) == 12


@pytest.mark.slow
def test_page():
    rows = benchmark("from benchmarks import page\nrows = page.run(2000)")
    assert check(rows)[0] == "table of errors, 2000 segments, 12 models"


@pytest.mark.slow
def test_extract(face_weights):
    """Of some seconds and of eight videos; no rows where espeak-ng or a package is missing."""
    rows = benchmark(
        f"import os\nos.environ['MSA_FACE_WEIGHTS'] = {str(face_weights)!r}\n"
        "from benchmarks import extract\nrows = extract.run(5, 9)"
    )
    assert len(check(rows)) in (0, 16)
    assert all(row["value"] == 7 for row in rows if row["unit"] == "videos")


@pytest.mark.slow
def test_word_times():
    """Of half a minute; no rows where espeak-ng or pocketsphinx is not installed."""
    rows = benchmark("from benchmarks import word_times\nrows = word_times.run(30)")
    assert len(check(rows)) in (0, 14)
