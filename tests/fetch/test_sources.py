"""Two sources of one file: which checksum each may have, and what is recorded of it."""

import hashlib
from dataclasses import dataclass

import pytest
from running import run_stage
from serving import FILE, Answer, serving

from msa.base.errors import InputError
from msa.base.lock import Seen, read_lock
from msa.fetch.check import check
from msa.fetch.download import download
from msa.fetch.transfer import Patience

BODIES = {name: FILE[:8] + name.encode() for name in ("ours", "theirs", "third")}
SUM = {name: hashlib.sha256(body).hexdigest() for name, body in BODIES.items()}
PATIENCE = Patience(connect=1, read=1, tries=2, pause=0.001)


@pytest.fixture
def server():
    with serving() as server:
        yield server


def lock_text(lines, second):
    """A lock's: of each file what it is, and the address of the second source if it gave it."""
    remark = {True: f"# from {second}\n", False: ""}
    return "".join(f"{remark[of_second]}{SUM[name]}  a.csd\n" for name, of_second in lines)


OURS, THEIRS = ("ours", False), ("theirs", True)


@dataclass(frozen=True)
class Row:
    """What the two sources give, what is known before, and what must come of it.

    Attributes:
        first, second: the file that they serve; None is gone.
        lock: what was seen before, and of the second source or not.
        sha256: what the recipe says it is.
        gets: the file that is fetched; None is an error.
        records: the lock afterwards.
        says: part of the error.
    """

    first: str | None
    second: str | None
    lock: tuple[tuple[str, bool], ...] = ()
    sha256: str | None = None
    gets: str | None = None
    records: tuple[tuple[str, bool], ...] = ()
    says: str = ""


ROWS = {
    "nothing known": Row("ours", "theirs", gets="ours"),
    "first gone, nothing known": Row(None, "theirs", gets="theirs", records=(THEIRS,)),
    "first gone, the second has another file than the first had": Row(
        None, "theirs", (OURS,), gets="theirs", records=(OURS, THEIRS)
    ),
    "first gone, the second has the same file": Row(
        None, "ours", (OURS,), gets="ours", records=(OURS, ("ours", True))
    ),
    "first gone, the second is as it was": Row(
        None, "theirs", (OURS, THEIRS), gets="theirs", records=(OURS, THEIRS)
    ),
    "first gone, the second has changed": Row(
        None,
        "third",
        (OURS, THEIRS),
        records=(OURS, THEIRS),
        says=f"expected the SHA-256 {SUM['theirs']} (LOCK: from SECOND), got {SUM['third']}; to "
        "accept what is there now, delete LOCK and run again",
    ),
    "first gone, the second has become the first's file": Row(
        None, "ours", (OURS, THEIRS), records=(OURS, THEIRS), says="(LOCK: from SECOND), got"
    ),
    "the first has changed, the second is as it was": Row(
        "third", "theirs", (OURS, THEIRS), gets="theirs", records=(OURS, THEIRS)
    ),
    "both have changed": Row(
        "third",
        "third",
        (OURS, THEIRS),
        records=(OURS, THEIRS),
        says=f"expected the SHA-256 {SUM['ours']} (LOCK: first seen), got {SUM['third']}",
    ),
    "the first is back, only the second was known": Row(
        "ours", None, (THEIRS,), gets="ours", records=(OURS, THEIRS)
    ),
    "the recipe's checksum, the second has it": Row(
        None, "ours", sha256="ours", gets="ours", records=(("ours", True),)
    ),
    "the recipe's checksum, the second has another file": Row(
        None,
        "theirs",
        sha256="ours",
        says=f"expected the SHA-256 {SUM['ours']} (the recipe's), got {SUM['theirs']}",
    ),
    "the recipe's checksum goes before the lock": Row(
        None, "ours", (THEIRS,), "ours", "ours", (THEIRS, ("ours", True))
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_two_sources(name, server, tmp_path):
    row = ROWS[name]
    urls = [f"{server.url}/first", f"{server.url}/second"]
    for path, body in (("/first", row.first), ("/second", row.second)):
        server.answers[path] = [Answer(BODIES[body]) if body else Answer(b"", 404)]
    output, lock = tmp_path / "raw" / "a.csd", tmp_path / "a.csd.sha256"
    if row.lock:
        lock.write_text(lock_text(row.lock, urls[1]))
    known = {"sha256": SUM[row.sha256] if row.sha256 else None, "lock": lock}
    if row.gets:
        download(urls, output, **known, patience=PATIENCE)
        assert output.read_bytes() == BODIES[row.gets]
    else:
        with pytest.raises(InputError) as caught:
            download(urls, output, **known, patience=PATIENCE)
        assert row.says.replace("LOCK", str(lock)).replace("SECOND", urls[1]) in str(caught.value)
        assert not output.exists()
    assert (lock.read_text() if lock.exists() else "") == lock_text(row.records, urls[1])
    if row.gets:  # what was fetched is found right, and what was never seen is recorded
        assert check(output, **known) == SUM[row.gets]
        assert lock.read_text() == lock_text(row.records or [OURS], urls[1])


def test_what_is_dropped_by_hand_may_be_either(tmp_path):
    """And nothing else: it is told what both are."""
    path, lock, stamp = tmp_path / "a.csd", tmp_path / "lock", tmp_path / "stamp"
    lock.write_text(lock_text((OURS, THEIRS), "http://h/a.csd"))
    before = lock.read_text()
    for name in ("ours", "theirs"):
        path.write_bytes(BODIES[name])
        run_stage("check", path, "--lock", lock, "--output", stamp)
        assert stamp.read_text() == f"{SUM[name]}  a.csd\n"
    path.write_bytes(BODIES["third"])
    with pytest.raises(InputError) as caught:
        check(path, lock=lock)
    assert str(caught.value) == (
        f"{path}: expected the SHA-256 {SUM['ours']} ({lock}: first seen) or {SUM['theirs']} "
        f"({lock}: from http://h/a.csd), got {SUM['third']}; to accept what is there now, delete "
        f"{lock} and run again"
    )
    assert lock.read_text() == before


def test_a_lock_is_read_as_sha256sum_reads_it(tmp_path):
    """Remarks of others, too."""
    lock = tmp_path / "lock"
    lock.write_text(
        f"# two sources\n\n{SUM['ours']} *a.csd\n# from hf://d@main/a, b.csd, revision c0ffee\n"
        f"# which is a copy\n{SUM['theirs'].upper()}  a.csd\n{SUM['third']}  a.csd\n"
    )
    assert read_lock(lock) == [
        Seen(SUM["ours"]),
        Seen(SUM["theirs"], "hf://d@main/a, b.csd", "c0ffee"),
        Seen(SUM["third"]),
    ]
