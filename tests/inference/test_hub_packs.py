"""A pack on a hub of our own: pushed, and predicted with from there."""

import json
import shutil
from pathlib import Path

import pytest
from loopback_hub import hub_on_loopback

from msa.__main__ import main
from msa.base.errors import InputError
from msa.config.encoders import Encoder
from msa.inference.content import listed
from msa.inference.packed import open_any
from msa.inference.packed_encoder import pack_encoder

NAME = "me/lmf-on-demo"
LOG_IN = "then log in (`hf auth login`) or set HF_TOKEN"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    with hub_on_loopback() as hub:
        files = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", files)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.setenv("HF_TOKEN", "hf_writes")
        yield hub


def pack(trained, output, *more, status=0):
    arguments = [trained / "ridge.json", output, "--configfile", trained / "config.yaml", *more]
    assert main(["pack", *map(str, arguments)]) == status
    return output


def predict(trained, run, output, *more, status=0):
    arguments = ["--run", run, "--input", trained / "data/demo/test", "--output", output]
    assert main(["predict", *map(str, [*arguments, "--device", "cpu", *more])]) == status
    return output.read_bytes() if status == 0 else b""


def newest(hub, name=NAME):
    return [*hub.models[name].items()][-1]


@pytest.mark.slow
def test_what_is_pushed_predicts_from_there(hub, trained, tmp_path, capsys):
    """One commit, private; the same bits as at home; a pinned one is asked for once."""
    out = pack(trained, tmp_path / "out", "--push", NAME)
    commit, files = newest(hub)
    assert len(hub.models[NAME]) == 2  # the hub's own, and one with everything
    assert hub.private == {NAME}
    names = [path.relative_to(out).as_posix() for path in out.rglob("*.*")]
    assert files.keys() == {".gitattributes", *names}
    assert all(files[name] == (out / name).read_bytes() for name in names)
    said = capsys.readouterr().out
    assert said.startswith(f"hf://{NAME}@{commit} (private)\n")
    config = ["--configfile", trained / "config.yaml"]
    at_home = predict(trained, trained / "ridge.json", tmp_path / "home.csv", *config)
    address, digest = f"hf://{NAME}@{commit}", said.split("--sha256 ")[1].strip()
    assert predict(trained, address, tmp_path / "a.csv", "--sha256", digest) == at_home
    hub.server.requests.clear()
    assert predict(trained, address, tmp_path / "b.csv") == at_home
    assert not hub.server.requests
    capsys.readouterr()
    assert predict(trained, f"hf://{NAME}", tmp_path / "c.csv") == at_home
    moved = f"hf://{NAME}: main is the commit {commit}; to stay: @{commit}\n"
    assert capsys.readouterr().err.startswith(moved)
    assert main(["unpack", f"hf://{NAME}@main", str(tmp_path / "copy")]) == 0
    assert listed(tmp_path / "copy") == listed(out)


def test_another_system_leaves_nothing_of_the_first(hub, trained, tmp_path):
    """But what the user put beside it on the hub."""
    hub.commit(NAME, {"runs/all/9/model.safetensors": b"old", "figure.png": b"mine"})
    hub.private.add(NAME)
    pack(trained, tmp_path / "out", "--push", NAME)
    files = newest(hub)[1]
    assert "runs/all/9/model.safetensors" not in files and files["figure.png"] == b"mine"


def test_nothing_becomes_public_unasked(hub, trained, tmp_path, capsys):
    hub.commit(NAME, {"figure.png": b"mine"})
    pack(trained, tmp_path / "out", "--push", NAME, status=1)
    assert capsys.readouterr().err.endswith(
        f"error: hf://{NAME}: expected a private model, got one that everybody sees; say --public, "
        "or push to another name\n"
    )
    assert newest(hub)[1].keys() == {"figure.png"} and not (tmp_path / "out").exists()
    pack(trained, tmp_path / "out", "--push", NAME, "--public")
    assert f"hf://{NAME}@{newest(hub)[0]} (public)" in capsys.readouterr().out
    pack(trained, tmp_path / "new", "--push", "me/new", "--public")
    assert "me/new" in hub.models and not hub.private


def test_a_push_that_cannot_be(hub, trained, tmp_path, capsys, monkeypatch):
    pack(trained, tmp_path / "out", "--push", "lmf", status=1)
    assert "--push: expected OWNER/NAME, got lmf" in capsys.readouterr().err
    pack(trained, tmp_path / "out", "--public", status=1)
    assert "--public: expected --push OWNER/NAME with it" in capsys.readouterr().err
    monkeypatch.setenv("HF_TOKEN", "hf_reads")
    pack(trained, tmp_path / "out", "--push", NAME, status=1)
    assert f"error: hf://{NAME}: the hub answers HTTP 401: look at {hub.url}/{NAME}, {LOG_IN}" in (
        capsys.readouterr().err
    )
    monkeypatch.delenv("HF_TOKEN")
    pack(trained, tmp_path / "out", "--push", NAME, status=1)
    assert capsys.readouterr().err == (
        "error: --push: expected a token that may write to the hub, got none; log in "
        "(`hf auth login`) or set HF_TOKEN\n"
    )
    assert not (tmp_path / "out").exists() and not hub.models


def test_what_the_hub_does_not_have(hub, trained, tmp_path, capsys):
    def said(address):
        predict(trained, address, tmp_path / "out.csv", status=1)
        [line] = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
        return line.removeprefix(f"error: {address.partition('@')[0]}")

    assert "the hub has no such model, or not for everybody" in said("hf://me/none")
    hub.commit(NAME, {"config.json": b"{}"})
    assert said(f"hf://{NAME}@v1") == ": the hub's model has no revision v1"
    commit = newest(hub)[0]
    assert said(f"hf://{NAME}@{commit}") == (
        f"@{commit}/system.json: expected this file, got config.json"
    )


def test_a_file_of_the_hub_that_is_another(hub, trained, tmp_path, capsys):
    """Of the same size, or of another, which is then not fetched."""
    out = pack(trained, tmp_path / "out")
    files = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*.*")}
    name = "runs/all/1/model.safetensors"
    good, longer = files[name], files[name] + b"x"
    for body in (good[:-1] + b"x", longer):
        hub.commit(NAME, files | {name: body})
        commit = newest(hub)[0]
        capsys.readouterr()
        predict(trained, f"hf://{NAME}@{commit}", tmp_path / "out.csv", status=1)
        said = capsys.readouterr().err
        if body is longer:
            where = f"hf://{NAME}@{commit}/{name}"
            sizes = f"expected {len(good)} bytes, the hub lists {len(longer)}"
            assert f"{where}: {sizes}" in said
            assert not [ask for ask in hub.server.requests if ask.path.endswith(f"{commit}/{name}")]
        else:
            assert f"{name}: expected the SHA-256 " in said and "got the SHA-256" in said


@pytest.fixture
def named(hub, trained, demo_encoder, tmp_path):
    """A pack that has of its encoder no more than its name on the hub."""
    files = {path.name: path.read_bytes() for path in Path(demo_encoder).iterdir()}
    commit = hub.commit("someone/tiny-bert", files)
    out = pack(trained, tmp_path / "out")
    shutil.rmtree(out / "encoder")
    encoder = Encoder("someone/tiny-bert", str(demo_encoder), commit, "hub")
    run, forms = trained / "runs/demo/ridge/main/all/1", {"text": "features"}
    content = json.loads((out / "system.json").read_text())
    content["encoder"] = pack_encoder(tmp_path / "x", encoder, run, forms)
    content["files"] = listed(out)
    (out / "system.json").write_text(json.dumps(content))
    assert not (tmp_path / "x").exists()
    return out


def test_an_encoder_of_the_hub_is_fetched(named, hub, trained, tmp_path, demo_encoder):
    config = ["--configfile", trained / "config.yaml"]
    at_home = predict(trained, trained / "ridge.json", tmp_path / "home.csv", *config)
    assert predict(trained, named, tmp_path / "a.csv") == at_home
    hub.models.clear()
    assert predict(trained, named, tmp_path / "b.csv", "--encoder", demo_encoder) == at_home


def test_another_encoder_is_refused(named, hub, demo_encoder, tmp_path):
    def said(**options):
        scratch = tmp_path / f"scratch{len(list(tmp_path.iterdir()))}"
        scratch.mkdir()
        with pytest.raises(InputError) as caught:
            open_any(str(named), [], scratch, **options)
        return str(caught.value)

    own = tmp_path / "own"
    shutil.copytree(demo_encoder, own)
    (own / "config.json").write_text((own / "config.json").read_text() + "\n")
    assert f"{own}/config.json: expected the SHA-256" in said(encoder=own)
    shutil.copy(Path(demo_encoder) / "config.json", own)
    (own / "added_tokens.json").write_text("{}")
    assert said(encoder=own).endswith(", got added_tokens.json too")
    body = hub.models["someone/tiny-bert"]
    commit = [*body][-1]
    body[commit] = body[commit] | {"config.json": b"{}"}
    assert "config.json: expected the SHA-256" in said()
    hub.models.clear()
    shutil.rmtree(tmp_path / "cache")
    text = said()
    assert text.startswith("encoder hf://someone/tiny-bert: the hub has no such model")
    assert text.endswith(f"commit {commit}, into a folder and give it with --encoder")
