"""The fault table: what servers do, and what must come of it."""

import hashlib
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from types import SimpleNamespace

import pytest
from running import ROOT, environment, run_stage
from serving import FILE, Answer, serving

from msa.base.errors import InputError
from msa.fetch import share_links, transfer
from msa.fetch.answer import Refused, require_beginning
from msa.fetch.download import download
from msa.fetch.transfer import Patience

SHA256 = hashlib.sha256(FILE).hexdigest()
HALF = len(FILE) // 2
OTHER = FILE[:8] + FILE[:7:-1]
PATIENCE = Patience(connect=1, read=1, tries=3, pause=0.001, longest=2)
PAGE = b"<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title></head></html>"
CONFIRM = (
    b'<html><body><form id="download-form" action="/download" method="get">'
    b'<input type="submit" value="Download anyway"/><input type="hidden" name="id" value="ID1">'
    b'<input type="hidden" name="confirm" value="t"></form></body></html>'
)
DATE = "Mon, 01 Jan 2024 00:00:00 GMT"
GOOD, DROPS = Answer(), Answer(drops=HALF)
HTML = Answer(PAGE, kind="text/html; charset=utf-8", etag=None)
DEAD: list[Answer] = []  # nobody listens at this mirror
SHA256_KNOWN, SIZE_KNOWN = {"sha256": SHA256}, {"size": len(FILE)}
HASTE = {"first": 0.3}  # seconds until the second source is asked
DRIVE = "https://drive.google.com/file/d/ID1/view?usp=sharing"
NO_PROGRESS = "3 tries in a row without progress"


def error(status, **headers):
    return Answer(b"", status, headers={k.replace("_", "-"): v for k, v in headers.items()})


def both(first, second=GOOD, **changes):
    """Two answers of a server with the same peculiarity."""
    return [replace(first, **changes), replace(second, **changes)]


@dataclass(frozen=True)
class Row:
    """A fault and what must come of it.

    Attributes:
        mirrors: each one's answers in order, at /0, /1, ...
        says: what the error must say; None for the right file.
        asks: requests, all mirrors together.
        resumes: the last request goes on from what was there, and is sent the rest alone.
        keeps: what came is kept for the next run.
        waits: seconds, at least, before some try.
        known: what `download` is told of the file.
        also: answers at other paths.
        urls: in place of the mirrors' own.
    """

    mirrors: list[list[Answer]]
    says: str | None = None
    asks: int = 1
    resumes: bool = False
    keeps: bool = False
    waits: float = 0
    known: dict = field(default_factory=dict)
    also: dict[str, list[Answer]] = field(default_factory=dict)
    urls: list[str] | None = None


FAULTS = {
    # the connection breaks
    "drops mid-body once": Row([[DROPS, GOOD]], asks=2, resumes=True),
    "drops mid-body every time": Row([[Answer(drops=HALF // 2)]], asks=5, resumes=True),
    "drops before the first byte, always": Row([[Answer(drops=0)]], NO_PROGRESS, 3, keeps=True),
    "drops, the second mirror is good": Row([[Answer(drops=0)], [GOOD]], asks=4),
    "drops, chunked": Row([both(DROPS, chunked=True)], asks=2, resumes=True),
    "drops always, chunked, no validator": Row(
        [[Answer(drops=HALF, chunked=True, etag=None)]], NO_PROGRESS, asks=4, keeps=True
    ),
    "drops, says no length": Row(
        [both(DROPS, length="none")], asks=2, resumes=True, known=SIZE_KNOWN
    ),
    "speaks no HTTP": Row([[Answer(raw=b"220 ftp ready\r\n")]], NO_PROGRESS, asks=3),
    "is gone": Row([DEAD], NO_PROGRESS, asks=0),
    "is gone, the second mirror is good": Row([DEAD, [GOOD]]),
    "is silent, the second source is good": Row([[Answer(pause=2)], [GOOD]], asks=2, known=HASTE),
    "is silent, the second source is gone": Row([[Answer(pause=0.7)], DEAD], asks=2, known=HASTE),
    "503 for longer than it is waited for, the second source is good": Row(
        [[error(503, Retry_After="1")], [GOOD]], asks=2, known=HASTE
    ),
    "is silent once": Row([[Answer(pause=2), GOOD]], asks=2),
    "is silent always": Row([[Answer(pause=2)]], NO_PROGRESS, 3, keeps=True),
    "is slow but steady": Row([[Answer(slow=0.01)]]),
    # ranges and versions
    "drops, ignores ranges": Row([both(DROPS, ranges="ignored")], asks=2),
    "drops always, ignores ranges": Row(
        [[Answer(drops=HALF, ranges="ignored")]], NO_PROGRESS, asks=4, keeps=True
    ),
    "drops, answers with another range": Row([[DROPS, Answer(ranges="shifted")]], asks=3),
    "drops, no validator": Row([both(DROPS, etag=None)], asks=2),
    "drops, weak validator": Row([both(DROPS, etag='W/"1"')], asks=2),
    "drops, no validator, sha256 known": Row(
        [both(DROPS, etag=None)], asks=2, resumes=True, known=SHA256_KNOWN
    ),
    "drops, a date for a validator": Row(
        [both(DROPS, etag=None, modified=DATE)], asks=2, resumes=True
    ),
    "drops, file changes": Row([[Answer(OTHER, drops=HALF, etag='"old"'), GOOD]], asks=2),
    "drops, file changes, If-Range ignored": Row(
        [[Answer(OTHER, drops=HALF, etag='"old"'), Answer(ranges="forced")]], asks=3
    ),
    "drops, file changes in secret, sha256 known": Row(
        [[Answer(OTHER, drops=HALF), GOOD]], asks=3, known=SHA256_KNOWN
    ),
    "drops, file shrinks": Row([[Answer(FILE * 2, drops=len(FILE) + HALF), GOOD]], asks=3),
    # lengths
    "length too large": Row([[Answer(length=len(FILE) + 1000)]], NO_PROGRESS, asks=4),
    "length too small, size known": Row(
        [[Answer(length=HALF)]],
        f"expected {len(FILE)} bytes, the server has {HALF}",
        known=SIZE_KNOWN,
    ),
    "length too small, sha256 known": Row(
        [[Answer(length=HALF)]], "expected the SHA-256", known=SHA256_KNOWN
    ),
    "chunked, and a length that is not true": Row(
        [[Answer(chunked=True, headers={"Content-Length": "5"})]]
    ),
    "no length": Row([[Answer(length="none")]], "does not say how long the file is"),
    "no length, sha256 known": Row([[Answer(length="none")]], known=SHA256_KNOWN),
    "length absurd": Row([[Answer(length=10**17)], [GOOD]], asks=2),
    "empty": Row([[Answer(b"")]], "expected some bytes, got 0"),
    "compressed": Row(
        [[Answer(headers={"Content-Encoding": "gzip"})]], "expected the file as it is"
    ),
    # pages in place of files
    "page with status 200": Row([[HTML]], "got a web page (Google Drive - Quota exceeded)"),
    "page that says it is a file": Row([[Answer(PAGE)]], "got a web page (Google Drive - Quota"),
    "page that says it is a file, indented": Row([[Answer(b"\n  " + PAGE.lower())]], "a web page"),
    "an error as JSON, the second mirror is good": Row(
        [[Answer(b'{"error": "gone"}', kind="application/json")], [GOOD]], asks=2
    ),
    "an error as XML": Row(
        [[Answer(b"<?xml version='1.0'?><Error/>")]],
        "expected the content of a .csd file, got b\"<?xml version='1.0'?>",
    ),
    "page, the second mirror is good": Row([[HTML], [GOOD]], asks=2),
    # errors and redirects
    "403": Row([[error(403)]], "HTTP 403 Forbidden"),
    "404": Row([[error(404)]], "HTTP 404 Not Found"),
    "410, the second mirror is good": Row([[error(410)], [GOOD]], asks=2),
    "416 to every range": Row([[DROPS, error(416), GOOD]], asks=3),
    "503 then good": Row([[error(503), GOOD]], asks=2),
    "503 always": Row([[error(503)]], f"HTTP 503 Service Unavailable ({NO_PROGRESS})", asks=3),
    "429 with Retry-After": Row([[error(429, Retry_After="2"), GOOD]], asks=2, waits=2),
    "429 with Retry-After of an age": Row(
        [[error(429, Retry_After="9" * 400)]], "not to be asked again for "
    ),
    "429 with Retry-After of an hour": Row(
        [[error(429, Retry_After="3600")]], "not to be asked again for 3600 s"
    ),
    "redirect": Row([[error(302, Location="/there")]], asks=2, also={"/there": [GOOD]}),
    "redirect, drops": Row(
        [[error(302, Location="/there")]], asks=4, resumes=True, also={"/there": [DROPS, GOOD]}
    ),
    "redirect loop": Row([[error(302, Location="/0")]], "Exceeded 10 redirects", asks=11),
    "redirect to no address, the second mirror is good": Row(
        [[error(302, Location="http://[::bad")], [GOOD]], asks=2
    ),
    "redirect to no address": Row(
        [[error(302, Location="http://[::bad")]], "it leads to an address that is none: Invalid"
    ),
    "no address": Row([], "No connection adapters", asks=0, urls=["gopher://host/a"]),
    # checksums
    "wrong checksum": Row([[Answer(OTHER)]], f"expected the SHA-256 {SHA256}", known=SHA256_KNOWN),
    "wrong checksum, right on the second mirror": Row(
        [[Answer(OTHER)], [GOOD]], asks=2, known=SHA256_KNOWN
    ),
    # share links
    "drive, small file": Row([], urls=[DRIVE], also={"/uc": [GOOD]}),
    "drive, confirm page": Row(
        [],
        asks=2,
        urls=["gdrive:ID1"],
        also={"/uc": [replace(HTML, body=CONFIRM)], "/download": [GOOD]},
    ),
    "drive, confirm page, drops": Row(
        [],
        asks=4,
        resumes=True,
        urls=[DRIVE],
        also={"/uc": [replace(HTML, body=CONFIRM)], "/download": [DROPS, GOOD]},
    ),
    "drive, quota page": Row(
        [],
        "/file/d/ID1/view: expected a file, got a web page (Google Drive - Quota exceeded)",
        urls=[DRIVE],
        also={"/uc": [HTML]},
    ),
    "drive, quota page behind the confirm page": Row(
        [],
        "got a web page (Google Drive - Quota exceeded)",
        asks=2,
        urls=[DRIVE],
        also={"/uc": [replace(HTML, body=CONFIRM)], "/download": [HTML]},
    ),
    "dropbox": Row([], urls=["SERVER/s/a/b.pkl?dl=0"], also={"/s/a/b.pkl": [GOOD]}),
}


@pytest.fixture
def server():
    with serving() as server:
        yield server


@pytest.fixture
def waits(monkeypatch):
    """Seconds that a download would have waited; it does not."""
    slept = []
    clock = SimpleNamespace(sleep=slept.append, monotonic=time.monotonic)
    monkeypatch.setattr(transfer, "time", clock)
    return slept


@pytest.fixture
def dead():
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.mark.parametrize("fault", FAULTS)
def test_fault(fault, server, dead, waits, tmp_path, monkeypatch):
    row, output = FAULTS[fault], tmp_path / "raw" / "a.csd"
    monkeypatch.setattr(share_links, "DRIVE", server.url)
    if "SERVER" in str(row.urls):
        monkeypatch.setattr(share_links, "DROPBOX", server.url)
    server.answers = {f"/{i}": list(m) for i, m in enumerate(row.mirrors)} | {
        path: list(answers) for path, answers in row.also.items()
    }
    urls = [f"{server.url if m else dead}/{i}" for i, m in enumerate(row.mirrors)]
    urls = [url.replace("SERVER", server.url) for url in row.urls or urls]
    try:
        download(urls, output, manual="the .csd of MOSI", patience=PATIENCE, **row.known)
        said = None
    except InputError as caught:
        said = str(caught)
    if row.says is None:
        assert said is None and output.read_bytes() == FILE
        last = server.requests[-1]
        begin = int((last.range or "bytes=0-")[6:-1])
        assert (begin > 0 and last.sent == len(FILE) - begin) == row.resumes
    else:
        assert said and row.says in said and not output.exists()
        assert said.startswith("a.csd: could not be downloaded: ")
        assert said.endswith(f". By hand: the .csd of MOSI; put it there and run again: {output}")
    assert len(server.requests) == row.asks
    assert max(waits, default=0) >= row.waits
    kept = {"a.csd.part", "a.csd.part.json"} if row.keeps else set()
    assert {p.name for p in output.parent.iterdir()} == kept | ({"a.csd"} if not said else set())


def fetch(server, output, *paths, **known):
    download([server.url + path for path in paths], output, patience=PATIENCE, **known)


def test_a_second_run_goes_on_where_the_first_broke_off(server, waits, tmp_path):
    """Also where that is not the first mirror: what is half there comes first."""
    server.answers = {"/a": [error(404), Answer(OTHER)], "/b": [DROPS, error(503)]}
    with pytest.raises(InputError, match="HTTP 503"):
        fetch(server, tmp_path / "a.csd", "/a", "/b")
    server.answers["/b"] = [GOOD]
    fetch(server, tmp_path / "a.csd", "/a", "/b")
    assert (tmp_path / "a.csd").read_bytes() == FILE
    assert server.requests[-1].path == "/b" and server.requests[-1].sent <= HALF + (1 << 14)


def test_another_mirror_starts_from_the_beginning(server, waits, tmp_path):
    """Even with the same tag."""
    server.answers = {"/a": [Answer(OTHER, drops=HALF), error(404)], "/b": [GOOD]}
    fetch(server, tmp_path / "a.csd", "/a", "/b")
    assert (tmp_path / "a.csd").read_bytes() == FILE
    assert server.requests[-1].range is None and len(server.requests) == 3


def test_another_mirror_that_drops_goes_on_as_long_as_it_brings_more(server, waits, tmp_path):
    """Less than what the first had brought, at first."""
    server.answers = {
        "/a": [Answer(drops=len(FILE) - 1000), error(404)],
        "/b": [Answer(drops=len(FILE) // 9)],
    }
    fetch(server, tmp_path / "a.csd", "/a", "/b")
    assert (tmp_path / "a.csd").read_bytes() == FILE


def test_a_page_in_a_part_is_not_taken_for_the_file(server, waits, tmp_path):
    """Whole, but its process was killed before it looked."""
    part = tmp_path / "a.csd.part"
    server.answers = {"/a": [replace(GOOD, body=FILE[: len(PAGE)]), GOOD]}
    transfer.transfer(f"{server.url}/a", part, None, False, PATIENCE)
    part.write_bytes(PAGE)
    with pytest.raises(InputError, match="got a web page"):
        fetch(server, tmp_path / "a.csd", "/a")
    fetch(server, tmp_path / "a.csd", "/a")
    assert (tmp_path / "a.csd").read_bytes() == FILE


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("a.pkl", pickle.dumps({}, 0), b'{"error": 1}'),
        ("a.pkl", pickle.dumps([1], 1), b"<Error/>"),
        ("a.pkl", pickle.dumps({"train": 1}, 4), b"version https://git-lfs.github.com/spec/v1"),
        ("a.zip", b"PK\x03\x04", b"[]"),
        ("a.json", b'{"error": 1}', b"<!doctype html>"),
    ],
)
def test_a_file_begins_as_its_name_says(name, good, bad):
    require_beginning(good, name)
    with pytest.raises(Refused):
        require_beginning(bad, name)


def test_a_part_of_unknown_origin_is_not_continued(server, tmp_path):
    server.answers = {"/a": [GOOD]}
    (tmp_path / "a.csd.part").write_bytes(OTHER[:HALF])
    (tmp_path / "a.csd.part.json").write_text("{")
    fetch(server, tmp_path / "a.csd", "/a", sha256=SHA256)
    assert server.requests[0].range is None and len(server.requests) == 1


def test_a_process_that_ended_before_it_renamed(server, waits, tmp_path):
    server.answers = {"/a": [GOOD]}
    part = tmp_path / "a.csd.part"
    transfer.transfer(f"{server.url}/a", part, None, False, PATIENCE)
    fetch(server, tmp_path / "a.csd", "/a")
    assert (tmp_path / "a.csd").read_bytes() == FILE and len(server.requests) == 1


def test_a_killed_process_goes_on(server, tmp_path):
    """With SIGKILL, in mid-download; the second process is sent the rest alone."""
    output, part = tmp_path / "a.csd", tmp_path / "a.csd.part"
    server.answers = {"/a": [Answer(slow=0.1), GOOD]}
    command = [sys.executable, "-m", "msa", "download", output, "--url", f"{server.url}/a"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment())
    while process.poll() is None and (not part.exists() or part.stat().st_size < HALF // 2):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    have = part.stat().st_size
    assert HALF // 2 <= have < len(FILE)
    run_stage("download", output, "--url", f"{server.url}/a")
    assert output.read_bytes() == FILE
    second = server.requests[1]
    assert second.range == f"bytes={have}-" and second.sent == len(FILE) - have
    assert [p.name for p in tmp_path.iterdir()] == ["a.csd"]


def test_a_lock_is_enforced_and_not_written(server, waits, tmp_path):
    server.answers = {"/a": [GOOD], "/b": [Answer(OTHER)]}
    lock, output = tmp_path / "a.csd.sha256", tmp_path / "raw" / "a.csd"
    fetch(server, output, "/a", lock=lock)
    assert not lock.exists()
    output.unlink()
    lock.write_text(f"{SHA256}  a.csd\n")
    fetch(server, output, "/b", "/a", lock=lock)
    assert output.read_bytes() == FILE
    output.unlink()
    with pytest.raises(InputError) as caught:
        fetch(server, output, "/b", lock=lock)
    found = hashlib.sha256(OTHER).hexdigest()
    assert f"expected the SHA-256 {SHA256} ({lock}: first seen), got {found}" in str(caught.value)
    assert f"delete {lock} and run again" in str(caught.value)


def test_a_full_disk_keeps_what_is_there(server, waits, tmp_path, monkeypatch):
    server.answers = {"/a": [DROPS, error(404), GOOD]}
    with pytest.raises(InputError, match="HTTP 404"):
        fetch(server, tmp_path / "a.csd", "/a")
    have = (tmp_path / "a.csd.part").stat().st_size
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
        with pytest.raises(InputError) as caught:
            fetch(server, tmp_path / "a.csd", "/a", "/b")
    text = f"/a: expected {(len(FILE) - have) // 1000}kB free in {tmp_path}, got 1.00kB"
    assert text in str(caught.value) and str(caught.value).endswith(f": {tmp_path / 'a.csd'}")
    assert (tmp_path / "a.csd.part").stat().st_size == have
    fetch(server, tmp_path / "a.csd", "/a")
    assert server.requests[-1].range == f"bytes={have}-"


def test_a_folder_that_cannot_be_written(server, tmp_path):
    (tmp_path / "raw").write_text("a file")
    with pytest.raises(InputError, match=r"raw: (File exists|Not a directory)\. By hand: "):
        fetch(server, tmp_path / "raw" / "a.csd", "/a")


def test_a_file_that_is_there_is_left(server, tmp_path, capsys):
    (tmp_path / "a.csd").write_text("mine")
    fetch(server, tmp_path / "a.csd", "/a")
    assert (tmp_path / "a.csd").read_text() == "mine" and not server.requests
    assert "is there already and is left as it is" in capsys.readouterr().err


def test_a_file_that_comes_by_hand_meanwhile_is_left(server, tmp_path, monkeypatch):
    def slow(url, part, *_):
        part.write_bytes(FILE)
        (tmp_path / "a.csd").write_text("mine")
        return False

    monkeypatch.setattr("msa.fetch.download.transfer", slow)
    fetch(server, tmp_path / "a.csd", "/a")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.csd", "mine")]


def test_what_only_a_person_can_fetch(tmp_path):
    """Fails at once: what it is, from where, and into which path."""
    output = tmp_path / "raw" / "aligned_50.pkl"
    manual = "MMSA's aligned_50.pkl, https://pan.baidu.com/s/1, code abcd"
    done = run_stage("download", output, "--manual", manual, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "error: aligned_50.pkl: only a person can fetch it. "
        f"By hand: {manual}; put it there and run again: {output}\n"
    )


def test_retry_after_a_date(server, waits, tmp_path):
    date = formatdate(time.time() + 1.9, usegmt=True)
    server.answers = {"/a": [error(503, Retry_After=date), error(503, Retry_After="soon"), GOOD]}
    fetch(server, tmp_path / "a.csd", "/a")
    assert 0 < waits[0] <= 2 and waits[1] < 0.1


def test_a_line_now_and_then(server, waits, tmp_path, monkeypatch, capsys):
    """Where there is no terminal."""
    monkeypatch.setattr(transfer, "QUIET", 0)
    server.answers = {"/a": [GOOD]}
    fetch(server, tmp_path / "a.csd", "/a")
    assert "a.csd: 512kB of 512kB\n" in capsys.readouterr().err
