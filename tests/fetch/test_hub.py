"""A data set's file on a hub on loopback, as far as `huggingface_hub` and we ask it."""

import hashlib
import socket
from dataclasses import replace
from functools import partial

import pytest
from huggingface_hub import hf_hub_url
from running import run_stage
from serving import FILE, Answer, serving

from msa.base.errors import InputError
from msa.fetch import hub as hub_module
from msa.fetch.download import download
from msa.fetch.transfer import Patience

COMMIT = "5f8d" * 10
ADDRESS = f"hf://datasets/someone/copy@{COMMIT}/data/a.csd"
PATH = f"/datasets/someone/copy/resolve/{COMMIT}/data/a.csd"
SHA256 = hashlib.sha256(FILE).hexdigest()
LISTED = {"X-Repo-Commit": COMMIT, "X-Linked-Etag": f'"{SHA256}"', "X-Linked-Size": str(len(FILE))}
GOOD = Answer(headers=LISTED)
PATIENCE = Patience(connect=1, read=1, tries=2, pause=0.001)
HALF = len(FILE) // 2


@pytest.fixture
def server(monkeypatch):
    with serving() as server:
        server.answers = {PATH: [GOOD]}
        monkeypatch.setattr(hub_module, "hf_hub_url", partial(hf_hub_url, endpoint=server.url))
        monkeypatch.setattr(
            hub_module, "build_hf_headers", lambda: {"user-agent": "x", "authorization": "Bearer t"}
        )
        yield server


def fetch(tmp_path, *urls, **known):
    known = {"lock": tmp_path / "lock", "patience": PATIENCE} | known
    download(urls or [ADDRESS], tmp_path / "raw" / "a.csd", **known)
    return (tmp_path / "raw" / "a.csd").read_bytes()


def test_the_user_s_token_and_hub(server, tmp_path, monkeypatch):
    """As the environment has them; address, revision and checksum are recorded."""
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    output, lock = tmp_path / "a.csd", tmp_path / "lock"
    run_stage("download", output, "--url", ADDRESS, "--lock", lock)
    assert output.read_bytes() == FILE
    asked = [request.authorization for request in server.requests if request.path == PATH]
    assert asked == ["Bearer hf_secret", "Bearer hf_secret"]
    assert lock.read_text() == f"# from {ADDRESS}, revision {COMMIT}\n{SHA256}  a.csd\n"


def test_a_branch_is_recorded_as_the_commit_that_it_was(server, tmp_path):
    """And refused when it has moved to another file."""
    branch = "hf://datasets/someone/copy@refs%2Fpr%2F1/data/a.csd"
    path = PATH.replace(COMMIT, "refs%2Fpr%2F1")
    server.answers = {path: [GOOD]}
    assert fetch(tmp_path, branch) == FILE
    before = (tmp_path / "lock").read_text()
    assert before == f"# from {branch}, revision {COMMIT}\n{SHA256}  a.csd\n"
    (tmp_path / "raw" / "a.csd").unlink()
    server.answers = {path: [Answer(FILE[:-1], headers={"X-Repo-Commit": "f00d"})]}
    with pytest.raises(InputError, match=f"expected the SHA-256 {SHA256} .*: from {branch}.*got"):
        fetch(tmp_path, branch)
    assert (tmp_path / "lock").read_text() == before


def test_the_token_is_not_for_those_who_store_the_files(server, tmp_path):
    with serving() as store:
        store.answers = {"/blob": [Answer(etag='"blob"')]}
        moved = Answer(b"", 302, headers=LISTED | {"Location": f"{store.url}/blob"})
        server.answers = {PATH: [moved]}
        assert fetch(tmp_path) == FILE
        assert [asked.authorization for asked in store.requests] == [None]
    assert (tmp_path / "lock").read_text().startswith(f"# from {ADDRESS}, revision {COMMIT}\n")


@pytest.mark.parametrize("etag", ['"first"', None])
def test_a_second_run_goes_on_where_the_first_broke_off(server, tmp_path, etag):
    """Without a tag of those who store it, too: the hub lists the checksum."""
    with serving() as store:
        moved = Answer(b"", 302, headers=LISTED | {"Location": f"{store.url}/blob"})
        server.answers = {PATH: [moved]}
        broken = Answer(drops=HALF, etag=etag)
        store.answers = {"/blob": [broken, Answer(b"", 404)]}
        with pytest.raises(InputError, match="HTTP 404"):
            fetch(tmp_path)
        store.answers = {"/blob": [Answer(etag=etag)]}
        assert fetch(tmp_path) == FILE
        last = store.requests[-1]
        begin = int(last.range.removeprefix("bytes=").removesuffix("-"))
        assert begin > 0 and last.sent == len(FILE) - begin


def test_a_file_that_is_not_the_listed_one(server, tmp_path):
    server.answers = {PATH: [replace(GOOD, body=FILE[:-1] + b"x")]}
    with pytest.raises(InputError, match=f"expected the SHA-256 {SHA256} .the hub's., got "):
        fetch(tmp_path)
    assert not (tmp_path / "raw" / "a.csd").exists() and not (tmp_path / "lock").exists()


def refused(status, code=""):
    return [Answer(b"", status, headers={"X-Error-Code": code} if code else {}, etag=None)]


LOG_IN = "then log in (`hf auth login`) or set HF_TOKEN"
REFUSED = {
    "gated": (refused(403, "GatedRepo"), f"to whom its owners grant access: ask at PAGE, {LOG_IN}"),
    "private, or none": (
        refused(401, "RepoNotFound"),
        f"the hub has no such data set, or not for everybody: look at PAGE, {LOG_IN}",
    ),
    "no such revision": (refused(404, "RevisionNotFound"), f"has no revision {COMMIT}"),
    "no such file": (refused(404, "EntryNotFound"), "has no file data/a.csd at this revision"),
    "a wrong token": (refused(403), f"the hub answers HTTP 403: look at PAGE, {LOG_IN}"),
    "busy": (refused(503), "the hub answers HTTP 503 (2 tries in a row without progress)"),
    "no hub": ([Answer()], "is not answered by a hub; HF_ENDPOINT, or a proxy?"),
    "silent": ([Answer(pause=2, raw=b"?")], "the hub cannot be reached: "),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name, server, tmp_path):
    """In one sentence with what to do, and how to get the file by hand."""
    server.answers[PATH], text = REFUSED[name]
    with pytest.raises(InputError) as caught:
        fetch(tmp_path)
    said = str(caught.value)
    assert text.replace("PAGE", f"{server.url}/datasets/someone/copy") in said
    assert said.startswith(f"a.csd: could not be downloaded: {ADDRESS}: ") and "\n" not in said
    assert said.endswith(f"put it there and run again: {tmp_path / 'raw' / 'a.csd'}")


def test_the_hub_after_a_server_that_is_gone(server, tmp_path):
    server.answers["/gone"] = [Answer(b"", 503)]
    assert fetch(tmp_path, f"{server.url}/gone", ADDRESS) == FILE
    assert (tmp_path / "lock").read_text().startswith(f"# from {ADDRESS}, revision {COMMIT}\n")


@pytest.mark.parametrize("offline", [True, False])
def test_without_network(offline, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", str(int(offline)))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{taken.getsockname()[1]}")
        output = tmp_path / "a.csd"
        done = run_stage("download", output, "--url", ADDRESS, "--tries", 1, check=False)
    assert done.returncode == 1
    reason = "HF_HUB_OFFLINE forbids to ask the hub" if offline else "the hub cannot be reached: "
    said = done.stderr.splitlines()[-1]
    assert said.startswith(f"error: a.csd: could not be downloaded: {ADDRESS}: {reason}")
    assert said.endswith(
        f". By hand: get the file where you can; put it there and run again: {output}"
    )
