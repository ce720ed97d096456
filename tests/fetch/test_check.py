import hashlib

import pytest
from running import run_stage

from msa.base.errors import InputError
from msa.fetch.check import check, digest

A, B = (hashlib.sha256(text).hexdigest() for text in (b"a", b"b"))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "raw" / "a.csd"
    path.parent.mkdir()
    path.write_bytes(b"a")
    return path


def test_the_first_sight_is_recorded_and_enforced_after(file, tmp_path):
    lock, stamp = tmp_path / "checksums" / "a.csd.sha256", tmp_path / "a.ok"
    arguments = ("check", file, "--lock", lock, "--output", stamp)
    run_stage(*arguments)
    assert lock.read_text() == stamp.read_text() == f"{A}  a.csd\n"
    stamp.unlink()
    file.write_bytes(b"b")
    done = run_stage(*arguments, check=False)
    assert done.returncode == 1 and not stamp.exists()
    assert done.stderr == (
        f"error: {file}: expected the SHA-256 {A} ({lock}: first seen), got {B}; "
        f"to accept what is there now, delete {lock} and run again\n"
    )
    assert lock.read_text() == f"{A}  a.csd\n"
    lock.write_text(f"{B}\n")
    run_stage(*arguments)
    lock.unlink()
    run_stage(*arguments)
    assert lock.read_text() == stamp.read_text() == f"{B}  a.csd\n"


def test_a_recipe_goes_before_the_lock(file, tmp_path):
    lock = tmp_path / "lock"
    assert check(file, A.upper(), lock) == A
    assert not lock.exists()
    lock.write_text(f"{B}  a.csd\n")
    assert check(file, A, lock) == A
    with pytest.raises(InputError, match=f"{B} .the recipe's., got {A}; .* change the"):
        check(file, B, lock)


@pytest.mark.parametrize("text", ["", "\n", "md5", A[:-1], f"{A}0  a.csd"])
def test_what_is_no_checksum(file, tmp_path, text):
    lock = tmp_path / "lock"
    lock.write_text(text)
    with pytest.raises(InputError, match="lock: expected a SHA-256 of 64 hexadecimal digits"):
        check(file, lock=lock)


def test_a_folder(tmp_path):
    """By paths and contents: as `sha256sum` of the lines of `sha256sum`."""
    folder = tmp_path / "folder"
    (folder / "b").mkdir(parents=True)
    (folder / "b" / "c").write_bytes(b"b")
    (folder / "a").write_bytes(b"a")
    whole = digest(folder)
    assert whole == hashlib.sha256(f"{A}  a\n{B}  b/c\n".encode()).hexdigest()
    (folder / ".hidden").write_bytes(b"c")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "d").write_bytes(b"d")
    assert digest(folder) == whole
    (folder / "b" / "c").rename(folder / "b" / "d")
    assert digest(folder) != whole


def test_nothing_there(tmp_path):
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "none", tmp_path / "empty"):
        with pytest.raises(InputError, match=f"{path}: expected a file, or a folder with files"):
            check(path, lock=tmp_path / "lock")
    assert not (tmp_path / "lock").exists()
