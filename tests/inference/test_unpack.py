"""A pack may be anybody's, and damaged: every fault is one error that names the file."""

import json
import stat
import zipfile
from pathlib import Path

import pytest
from safetensors.numpy import save

from msa.__main__ import main
from msa.base.errors import InputError
from msa.base.provenance import digest
from msa.inference.content import AGAIN, listed
from msa.inference.packed import one_error, open_any
from msa.inference.unpack import RATIO, obtain, unpack

TASK = {"type": "binary", "targets": ["a"]}
SETTINGS = {
    **{"dataset": "demo", "model": "lmf", "seed": 1, "target": "all", "task": TASK},
    **{"label_columns": [0], "forms": {}, "hyperparameters": {"batch_size": 8}},
}
FILES = {
    "README.md": b"a card",
    "result.json": b"{}",
    "cleaning.safetensors": b"numbers",
    "runs/all/1/settings.json": json.dumps(SETTINGS).encode(),
    "runs/all/1/training.json": b"{}",
    "runs/all/1/model.safetensors": b"weights" * 10,
}
CONTENT = {
    "format": 1,
    "packed_by": "0.1.0",
    "dataset": "demo",
    "model": "lmf",
    "variant": "main",
    "runs": ["all/1"],
    "recipe": {"align": "words", "pauses": "drop", "task": TASK},
    "cleaning": {},
    "encoder": None,
    "extraction": None,
    "licences": [],
}


@pytest.fixture
def packed(tmp_path):
    """A pack without much in it."""
    folder = tmp_path / "packed"
    for name, body in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    write(folder)
    return folder


def write(folder, **changes):
    content = CONTENT | {"files": listed(folder)} | changes
    (folder / "system.json").write_text(json.dumps(content))


def zipped(folder, path, change=lambda archive: None, top=""):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*.*")):
            archive.write(file, f"{top}{file.relative_to(folder)}")
        change(archive)
    return path


def refused(source, tmp_path, **options):
    """What is said of it; nothing is left of it."""
    with pytest.raises(InputError) as caught:
        unpack(str(source), tmp_path / "out", **options)
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".*"))
    said = str(caught.value)
    assert "\n" not in said
    return said


def test_a_folder_and_a_zip_are_unpacked_as_they_are(packed, tmp_path):
    (packed / ".DS_Store").write_bytes(b"what systems leave there")
    plain = zipped(packed, tmp_path / "a.zip")
    within = zipped(packed, tmp_path / "b.zip", top="somebody's folder/")
    for n, source in enumerate((packed, plain, within)):
        unpack(str(source), tmp_path / str(n))
        assert listed(tmp_path / str(n)) == listed(packed)
    assert main(["unpack", str(plain), str(tmp_path / "c")]) == 0
    assert main(["unpack", str(plain), str(tmp_path / "c")]) == 1


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("form", ["folder", "zip"])
def test_a_changed_byte(name, form, packed, tmp_path):
    body = bytearray(FILES[name])
    body[-1] ^= 1
    (packed / name).write_bytes(body)
    source = zipped(packed, tmp_path / "a.zip") if form == "zip" else packed
    said = refused(source, tmp_path)
    assert f"/{name}: expected the SHA-256 {digest(FILES[name])}, got the SHA-256 " in said
    assert said.endswith(f"{digest(bytes(body))}; {AGAIN}")


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_files_missing_and_too_many_are_all_named(form, packed, tmp_path):
    (packed / "runs/all/1/model.safetensors").unlink()
    (packed / "README.md").write_bytes(b"a card of another length")
    source = zipped(packed, tmp_path / "a.zip") if form == "zip" else packed
    said = refused(source, tmp_path)
    assert f"model.safetensors: expected the SHA-256 {digest(b'weights' * 10)}, got no such" in said
    assert f"README.md: expected the SHA-256 {digest(b'a card')}, got the SHA-256" in said


def test_a_file_more(packed, tmp_path):
    (packed / "model.py").write_bytes(b"raise")
    more = f"model.py: expected no such file, got the SHA-256 {digest(b'raise')}"
    assert more in refused(packed, tmp_path)
    assert "model.py: expected no such file" in refused(
        zipped(packed, tmp_path / "a.zip"), tmp_path
    )


def test_system_json_is_known_by_its_own_digest(packed, tmp_path):
    right = digest((packed / "system.json").read_bytes())
    assert obtain(str(packed), tmp_path / "x", right.upper()) == packed
    write(packed, dataset="other")
    now = digest((packed / "system.json").read_bytes())
    for source in (packed, zipped(packed, tmp_path / "a.zip")):
        said = refused(source, tmp_path, sha256=right)
        assert f"system.json: expected the SHA-256 {right} (--sha256), got {now}; it is" in said


WRONG = {
    "a newer format": (
        {"format": 2, "packed_by": "0.9"},
        "expected a pack of format 1, which msa 0.1.0 reads, got format 2, written by msa 0.9; "
        "install that version",
    ),
    "no format": ({"format": None}, "system.json: format: 1 was expected"),
    "an unknown key": ({"code": "x"}, 'system.json: unknown key "code"'),
    "a path": (
        {"files": {"../x.json": {"sha256": "0" * 64, "size": 1}}},
        "expected a file that packs have, got '../x.json'",
    ),
    "code": (
        {"files": {"encoder/model.py": {"sha256": "0" * 64, "size": 1}}},
        "expected a file that packs have, got 'encoder/model.py'",
    ),
    "a task of no kind": (
        {"recipe": CONTENT["recipe"] | {"task": TASK | {"type": "ranking"}}},
        "system.json: recipe: task: type: expected one of ['regression', 'classification', 'bin",
    ),
    "extracted by a number": (
        {"extraction": {"settings": {"audio": 3}, "extractors": {}}},
        "system.json: extraction: settings: audio: expected string, got 3 (int)",
    ),
    "a run elsewhere": ({"runs": ["../1"]}, "runs: 0: expected target/seed, got '../1'"),
    "no weights": ({"runs": ["all/1", "all/2"]}, "files: expected runs/all/2/settings.json, runs"),
    "no encoder": (
        {"encoder": {"name": "x", "revision": None, "weights": "pack", "files": {}}},
        "files: expected encoder/config.json, encoder/tokenizer.json, encoder/model.safetensors",
    ),
    "an encoder elsewhere": (
        {"encoder": {"name": "../x", "revision": None, "weights": "hub", "files": {}}},
        "encoder: name: expected a name, on the hub owner/name, got '../x'",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_system_json_that_is_none(name, packed, tmp_path):
    changes, text = WRONG[name]
    write(packed, **changes)
    assert text in refused(packed, tmp_path)
    assert text in refused(zipped(packed, tmp_path / "a.zip"), tmp_path)


def test_an_unknown_model_and_settings_that_are_none(packed, tmp_path):
    write(packed, model="lmv")
    with pytest.raises(InputError, match='model: unknown model "lmv"; did you mean "lmf"'):
        open_any(str(packed), [], tmp_path)
    hyper = {"batch_size": "many", "precision": "fp3"}
    said = refused_settings(packed, tmp_path, hyperparameters=hyper)
    assert "settings.json: batch_size: expected" in said and "fp3" in said
    with pytest.raises(InputError, match="--encoder: expected a pack .*, got results/x.json"):
        open_any("results/x.json", [], tmp_path, encoder=tmp_path)


def refused_settings(packed, tmp_path, **changes):
    (packed / "runs/all/1/settings.json").write_text(json.dumps(SETTINGS | changes))
    write(packed)
    with pytest.raises(InputError) as caught:
        open_any(str(packed), [], tmp_path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [("model", "misa"), ("dataset", 3), ("seed", 2), ("target", "b"), ("task", {"targets": []})],
)
def test_a_run_of_another_system(key, value, packed, tmp_path):
    said = refused_settings(packed, tmp_path, **{key: value})
    assert f"settings.json: {key}: expected " in said
    assert said.endswith(f"as in system.json, got {value!r}")


def test_settings_of_other_types_are_one_error(packed, tmp_path):
    for forms in (None, {"text": ["words"]}, {"text": "smells"}):
        assert "settings.json: forms: expected some of (None, 'words'" in refused_settings(
            packed, tmp_path, forms=forms
        )
    for hyper in (None, [], "x"):
        assert "settings.json: expected object, got" in refused_settings(
            packed, tmp_path, hyperparameters=hyper
        )


def test_a_task_that_cannot_be(packed, tmp_path):
    """NaN and what is greater than all numbers are JSON for Python."""
    for low, high in (("NaN", "3"), ("-1e999", "3"), ("3", "-3")):
        task = f'{{"type": "regression", "targets": ["a"], "range": [{low}, {high}]}}'
        recipe = CONTENT["recipe"] | {"task": json.loads(task)}
        write(packed, recipe=recipe)
        with pytest.raises(InputError, match="system.json: recipe: task: range: expected low, hi"):
            open_any(str(packed), [], tmp_path)


def test_hashes_that_are_none(packed, tmp_path):
    for content in ({"salt": 1, "ids": []}, {"salt": "a", "ids": {}}, {"salt": "a", "ids": [[]]}):
        (packed / "training_ids.json").write_text(json.dumps(content))
        (packed / "cleaning.safetensors").write_bytes(save({}))
        write(packed)
        with pytest.raises(InputError, match="training_ids.json: expected a text as salt and a li"):
            open_any(str(packed), [], tmp_path)


def test_whatever_a_pack_does_is_one_error(packed, tmp_path):
    said = "packed: expected a pack whose .*, got: KeyError: 'a'$"
    with pytest.raises(InputError, match=said), one_error(str(packed)):
        raise KeyError("a")
    with pytest.raises(RuntimeError), one_error(str(packed)):
        raise RuntimeError("out of memory")
    with pytest.raises(KeyError), one_error("results/x.json"):
        raise KeyError("a")


def link(archive):
    info = zipfile.ZipInfo("README")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive.writestr(info, "/etc/passwd")


ZIPS = {
    "out of it": (lambda archive: archive.writestr("../x.json", ""), "../x.json", "a path out"),
    "absolute": (lambda archive: archive.writestr("/x.json", ""), "/x.json", "a path out of it"),
    "backslash": (lambda archive: archive.writestr("..\\x", ""), "..\\x", "a path out of it"),
    "a link": (link, "README", "a link"),
}


@pytest.mark.parametrize("name", ZIPS)
def test_a_zip_that_writes_elsewhere(name, packed, tmp_path):
    change, file, got = ZIPS[name]
    said = refused(zipped(packed, tmp_path / "a.zip", change), tmp_path)
    assert said.startswith(f"{tmp_path}/a.zip: {file}: expected a file of a pack, got {got}")
    assert not list(tmp_path.rglob("x.json"))


def test_a_zip_with_a_file_twice(packed, tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        source = zipped(
            packed, tmp_path / "a.zip", lambda archive: archive.writestr("README.md", "other")
        )
    assert "README.md: expected a file of a pack, got one that is there twice" in refused(
        source, tmp_path
    )


def test_a_zip_of_a_rare_compression(packed, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_LZMA) as archive:
        for file in packed.rglob("*.*"):
            archive.write(file, file.relative_to(packed))
    assert "expected a file of a pack, got one of a rare compression" in refused(
        tmp_path / "a.zip", tmp_path
    )


def test_a_zip_of_damaged_places(packed, tmp_path):
    """What zipfile says of these is no error of its own."""
    body = zipped(packed, tmp_path / "a.zip").read_bytes()
    place, comment = body.index(b"PK\1\2"), body.index(b"PK\5\6")
    beyond = body[: place + 42] + b"\xff" * 3 + body[place + 45 :]  # a file's header
    before = body[: comment + 16] + b"\xff" * 3 + body[comment + 19 :]  # the directory
    for number, damaged in enumerate((beyond, before)):
        (tmp_path / f"{number}.zip").write_bytes(damaged)
        assert f"{number}.zip: expected a .zip of a pack, got: " in refused(
            tmp_path / f"{number}.zip", tmp_path
        )


def test_a_zip_that_grows(packed, tmp_path):
    """Zeros by the million in a few bytes, which system.json says or does not say."""
    zeros, name = bytes(1 << 22), "runs/all/1/model.safetensors"
    (packed / name).write_bytes(zeros)
    write(packed)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in packed.rglob("*.*"):
            archive.write(file, file.relative_to(packed))
    said = refused(tmp_path / "a.zip", tmp_path)
    assert f"a.zip: expected at most {RATIO} times its size unzipped, got 4194" in said
    files = listed(packed)
    write(packed, files=files | {name: files[name] | {"size": 100}})
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in packed.rglob("*.*"):
            archive.write(file, file.relative_to(packed))
    said = refused(tmp_path / "b.zip", tmp_path)
    cut = digest(bytes(101))
    assert f"{name}: expected the SHA-256 {digest(zeros)}, got the SHA-256 {cut}" in said


def test_what_is_no_pack(tmp_path):
    assert "nothing/system.json: expected a pack's system.json, got: No such file" in refused(
        Path(tmp_path / "nothing"), tmp_path
    )
    (tmp_path / "a.zip").write_bytes(b"PK nothing")
    assert "a.zip: expected a .zip of a pack, got: " in refused(tmp_path / "a.zip", tmp_path)
    assert "b.zip: expected a .zip of a pack, got: No such" in refused(tmp_path / "b.zip", tmp_path)
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("notes.txt", "")
    assert "c.zip: expected system.json in it, got notes.txt" in refused(
        tmp_path / "c.zip", tmp_path
    )
    assert refused("hf://datasets/me/x", tmp_path) == (
        "hf://datasets/me/x: expected hf://OWNER/NAME, or hf://OWNER/NAME@REVISION"
    )
