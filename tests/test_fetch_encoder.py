"""A hub on loopback, as far as `huggingface_hub` asks it."""

import hashlib
import json

import pytest
from making import make_bert
from running import run_stage
from serving import Answer, serving

from msa.check import digest

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
