"""What jobs took, from Snakemake's benchmark files."""

import re

import pytest

from msa.base.errors import InputError
from msa.results.cost import UNKNOWN, costs, read_cost

HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
LONG = "12.5\t0:00:12\t310.25\t900.00\t1.00\t2.00\t0.00\t0.30\t95.00\t11.80\n"
SHORT = "0.2\t0:00:00" + "\tNA" * 8 + "\n"


def write(path, row=LONG):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + row)
    return path


def test_a_job(tmp_path):
    expected = {"seconds": 12.5, "cpu_seconds": 11.8, "memory_mb": 310.25}
    assert read_cost(write(tmp_path / "train.tsv")) == expected


@pytest.mark.parametrize("row", [SHORT, "0.2\t0:00:00" + "\t0" * 7 + "\t0.00\n"])
def test_a_job_too_short_to_be_looked_at(row, tmp_path):
    expected = {"seconds": 0.2, "cpu_seconds": None, "memory_mb": None}
    assert read_cost(write(tmp_path / "train.tsv", row)) == expected


def test_no_file_is_no_error(tmp_path):
    assert read_cost(tmp_path / "train.tsv") == UNKNOWN
    assert set(UNKNOWN.values()) == {None}


@pytest.mark.parametrize("text", ["", HEAD, "s\n1.5\n", HEAD + "1.5\n", HEAD + "x" + LONG, "\0\n"])
def test_something_else(text, tmp_path):
    path = tmp_path / "train.tsv"
    path.write_text(text)
    with pytest.raises(InputError, match=f"^{re.escape(str(path))}: expected a benchmark of Sn"):
        read_cost(path)


def test_each_run_has_its_jobs(tmp_path):
    runs = {str(seed): tmp_path / f"all/{seed}" for seed in (1, 2)}
    write(runs["1"] / "benchmarks/train.tsv")
    encode = write(tmp_path / "encode.tsv", SHORT)
    rows = costs(runs, shared=[("encode", encode)])
    assert [(row["stage"], row["runs"], row["seconds"]) for row in rows] == [
        ("encode", ["1", "2"], 0.2),
        ("train", ["1"], 12.5),
        ("train", ["2"], None),
    ]
    write(runs["2"] / "benchmarks/predict.tsv")
    rows = costs(runs, stage="predict")
    assert [(row["stage"], row["runs"], row["seconds"]) for row in rows] == [
        ("predict", ["1"], None),
        ("predict", ["2"], 12.5),
    ]


def test_seeds_that_were_trained_together_are_one_job(tmp_path):
    """Although one of them had been trained alone before."""
    runs = {
        f"{target}/{seed}": tmp_path / f"{target}/{seed}"
        for target in ("happy", "sad")
        for seed in (1, 2)
    }
    write(tmp_path / "happy/benchmarks/train.tsv")
    write(runs["happy/1"] / "benchmarks/train.tsv", SHORT)
    train = [row for row in costs(runs, together=True) if row["stage"] == "train"]
    assert [(row["runs"], row["seconds"]) for row in train] == [
        (["happy/1", "happy/2"], 12.5),
        (["sad/1", "sad/2"], None),
    ]
    alone = [row for row in costs(runs) if row["stage"] == "train"]
    assert [row["seconds"] for row in alone] == [0.2, None, None, None]
