"""What is said of a data set: where its files come from, or came from."""

import hashlib

from msa.config.check import configure
from msa.config.sources import data_sources
from msa.fetch.datasets import describe

HUB = "hf://datasets/reeha-parkar/cmu-mosei-comp-seq@5f8d513c34278006d27f98e5609564e6d4b353d7/data"


def configured(**more):
    return configure({"datasets": [], "models": [], "seeds": [1], **more})


def listed(config, dataset):
    """The lines of its files, without their indentation."""
    lines = [line.strip() for line in describe(config, dataset)]
    return lines[next(i for i, line in enumerate(lines) if line.startswith("models: ")) + 1 :]


def test_both_sources_of_mosei():
    lines = listed(configured(), "mosei")
    server = "http://immortal.multicomp.cs.cmu.edu/CMU-MOSEI"
    assert lines[6:9] == [
        "missing           ?  data/mosei/raw/CMU_MOSEI_COVAREP.csd",
        f"from {server}/acoustic/CMU_MOSEI_COVAREP.csd",
        f"or {HUB}/CMU_MOSEI_COVAREP.csd",
    ]
    assert [line.partition(" ")[0] for line in lines] == ["missing", "from", "or"] * 5 + ["by"]
    for source in data_sources(configured(), "mosei").values():
        first, second = source.urls
        assert first.startswith(server) and second.startswith(HUB)
        assert first.rpartition("/")[2] == second.rpartition("/")[2]


def test_what_a_file_dropped_by_hand_must_be():
    sha256 = "d3994fd25681f9c7ad6e9c6596a6fe9b4beb85ff7d478ba978b124139002e5f9"
    assert listed(configured(), "mosi_mmsa")[:2] == [
        "missing           ?  data/mosi_mmsa/raw/aligned_50.pkl by hand",
        f"SHA-256 {sha256}",
    ]


def test_a_file_of_a_mirror(tmp_path):
    paths = {"data": str(tmp_path / "data"), "checksums": str(tmp_path / "checksums")}
    name, sha256 = "CMU_MOSEI_Labels.csd", hashlib.sha256(b"a").hexdigest()
    for folder in ("data/mosei/raw", "data/mosei/checked", "checksums/mosei"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "data/mosei/raw" / name).write_bytes(b"a")
    lock = tmp_path / "checksums/mosei" / f"{name}.sha256"
    lock.write_text(f"# from {HUB}/{name}, revision 5f8d\n{sha256}  {name}\n")
    config = configured(paths=paths)
    here = f"here          1.00B  {tmp_path}/data/mosei/raw/{name}"
    assert listed(config, "mosei")[12:14] == [here, "by hand: " + config.recipes["mosei"]["manual"]]
    (tmp_path / "data/mosei/checked" / f"{name}.sha256").write_text(f"{sha256}  {name}\n")
    assert listed(config, "mosei")[12:14] == [here, f"from the mirror {HUB}/{name}"]
