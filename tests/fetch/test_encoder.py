"""A hub on loopback, as far as `huggingface_hub` asks it."""

import hashlib
import json
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from making import make_bert
from running import run_stage, snakemake
from serving import Answer, serving

from msa.fetch.check import digest

NAME, COMMIT = "someone/tiny-bert", "c0ffee" * 6 + "abcd"
VOCABULARY = "[PAD] [UNK] [CLS] [SEP] [MASK] good bad".split()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A tiny BERT's files, and one that nobody needs."""
    folder = tmp_path_factory.mktemp("model")
    make_bert().save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    (folder / "tf_model.h5").write_bytes(b"not needed")
    (folder / "pytorch_model.bin").write_bytes(b"not needed beside model.safetensors")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def listed(name, body):
    """A file in the hub's listing: large ones with their SHA-256."""
    entry = {"type": "file", "path": name, "size": len(body), "oid": git_id(body)}
    if name.endswith((".safetensors", ".bin", ".h5")):
        oid = hashlib.sha256(body).hexdigest()
        entry["lfs"] = {"oid": oid, "size": len(body), "pointerSize": 134}
    return entry


def git_id(body):
    return hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()


@pytest.fixture
def hub(files, monkeypatch):
    with serving() as server:
        tree = json.dumps([listed(name, body) for name, body in files.items()]).encode()
        tree_path = f"/api/models/{NAME}/tree/{COMMIT}"
        server.answers = {tree_path: [Answer(tree, kind="application/json", etag=None)]}
        for name, body in files.items():
            server.answers[f"/{NAME}/resolve/{COMMIT}/{name}"] = [file_answer(body)]
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


def file_answer(body, **faults):
    return Answer(
        body,
        etag=f'"{git_id(body)}"',
        headers={"X-Repo-Commit": COMMIT, "X-Linked-Size": str(len(body))},
        **faults,
    )


def fetch(tmp_path, check=True):
    return run_stage(
        *("fetch-encoder", NAME, "--revision", COMMIT),
        *("--output", tmp_path / "encoders" / "tiny", "--lock", tmp_path / "tiny.sha256"),
        check=check,
    )


def test_fetch(hub, files, tmp_path):
    from transformers import AutoModel, AutoTokenizer

    fetch(tmp_path)
    folder, lock = tmp_path / "encoders" / "tiny", tmp_path / "tiny.sha256"
    needed = {"config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json"}
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {n: files[n] for n in needed}
    assert lock.read_text() == f"{digest(folder)}  tiny\n"
    assert [p.name for p in folder.parent.iterdir()] == ["tiny"]
    assert AutoTokenizer.from_pretrained(folder).tokenize("Good bad") == ["good", "bad"]
    assert AutoModel.from_pretrained(folder).config.hidden_size == 12


def weights(name="model.safetensors"):
    return f"/{NAME}/resolve/{COMMIT}/{name}"


def test_a_connection_that_breaks_is_taken_up_again(hub, files, tmp_path):
    body = files["model.safetensors"]
    good, drops = file_answer(body), file_answer(body, drops=5000)
    hub.answers[weights()] = [good, drops, good]  # the first is for HEAD
    fetch(tmp_path)
    assert (tmp_path / "encoders" / "tiny" / "model.safetensors").read_bytes() == body
    assert [asked.sent for asked in hub.requests if asked.path == weights()] == [
        *(0, 5000, len(body))
    ]


def test_what_has_come_is_kept_for_the_next_run(hub, files, tmp_path):
    body = files["model.safetensors"]
    hub.answers[weights()] = [Answer(b"", 404)]
    assert fetch(tmp_path, check=False).returncode == 1
    assert not (tmp_path / "encoders" / "tiny").exists()
    assert not (tmp_path / "tiny.sha256").exists()
    hub.answers[weights()] = [file_answer(body)]
    hub.requests.clear()
    fetch(tmp_path)
    assert not any(asked.sent for asked in hub.requests if asked.path == weights("config.json"))


def test_a_file_that_is_not_the_listed_one(hub, files, tmp_path):
    """Same length, same tag."""
    body = files["model.safetensors"]
    hub.answers[weights()] = [replace(file_answer(body), body=body[::-1])]
    done = fetch(tmp_path, check=False)
    right, found = (hashlib.sha256(b).hexdigest() for b in (body, body[::-1]))
    assert done.returncode == 1
    assert f"model.safetensors: expected the SHA-256 {right}, got {found}" in done.stderr
    assert not (tmp_path / "encoders" / "tiny").exists()
    hub.answers[weights()] = [file_answer(body)]
    fetch(tmp_path)


def test_another_encoder_than_the_one_first_seen(hub, files, tmp_path):
    """The listing has no checksum of small files."""
    fetch(tmp_path)
    folder, lock = tmp_path / "encoders" / "tiny", tmp_path / "tiny.sha256"
    first = lock.read_text()
    shutil.rmtree(folder)
    vocabulary = files["vocab.txt"].replace(b"good", b"evil")
    hub.answers[weights("vocab.txt")] = [file_answer(vocabulary)]
    done = fetch(tmp_path, check=False)
    assert done.returncode == 1
    assert f"{folder}: expected the SHA-256 {first[:64]} ({lock}: first seen)" in done.stderr
    assert not list(folder.parent.iterdir()) and lock.read_text() == first


def test_a_folder_filled_by_hand(hub, files, tmp_path):
    folder = tmp_path / "encoders" / "tiny"
    folder.mkdir(parents=True)
    (folder / "config.json").write_bytes(files["config.json"])
    fetch(tmp_path)
    assert not hub.requests
    assert (tmp_path / "tiny.sha256").read_text() == f"{digest(folder)}  tiny\n"
    (folder / "config.json").write_text("{}")
    done = fetch(tmp_path, check=False)
    assert done.returncode == 1 and "first seen), got " in done.stderr


def test_in_the_workflow(hub, files, project):
    """What is there is never removed or fetched again because a rule's text is another one."""
    recipe = yaml.safe_load((project / "workflow/recipes/data/demo.yaml").read_text())
    (project / "quick.yaml").write_text(
        yaml.safe_dump(
            {
                "encoders": {NAME: {"revision": COMMIT}},
                "recipes": {"mine": recipe | {"encoder": NAME}},
            }
        )
    )
    own = ("--configfile", "config.yaml", "quick.yaml")
    folder = f"data/encoders/someone--tiny-bert@{COMMIT}"
    snakemake(project, folder, *own)
    assert [path.name for path in (project / "data/encoders").iterdir()] == [Path(folder).name]
    assert (project / folder / "vocab.txt").read_bytes() == files["vocab.txt"]
    assert (project / f"checksums/encoders/{Path(folder).name}.sha256").exists()
    rule = project / "rules/fetch_encoder.smk"
    rule.write_text(rule.read_text().replace("python -m msa", "python  -m msa"))
    planned = snakemake(project, "-n", "features/mine/tiny-bert/train.npy", *own).stdout
    assert "rule encode:" in planned and "rule fetch_encoder:" not in planned


def test_weights_without_safetensors(hub, files, tmp_path):
    names = ("config.json", "vocab.txt", "pytorch_model.bin")
    tree = json.dumps([listed(name, files[name]) for name in names]).encode()
    path = f"/api/models/{NAME}/tree/{COMMIT}"
    hub.answers[path] = [Answer(tree, kind="application/json", etag=None)]
    fetch(tmp_path)
    assert {p.name for p in (tmp_path / "encoders" / "tiny").iterdir()} == set(names)


@pytest.mark.parametrize("offline", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_without_network(offline, tmp_path, monkeypatch):
    """Nobody listens at this hub: which files go into which folder."""
    monkeypatch.setenv("HF_HUB_OFFLINE", str(int(offline)))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{taken.getsockname()[1]}")
        done = fetch(tmp_path, check=False)
    assert done.returncode == 1
    folder = tmp_path / "encoders" / "tiny"
    said = done.stderr.splitlines()[-1]
    assert said.startswith(f"error: encoder {NAME}: could not be fetched: ")
    assert said.endswith(
        f". By hand: put the files of {NAME}, commit {COMMIT} (model.safetensors and, as far as it "
        f"has them, config.json, tokenizer.json, tokenizer_config.json, vocab.txt) into {folder} "
        "and run again"
    )
