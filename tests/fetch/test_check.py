import hashlib
import os

import pytest
from running import run_stage

from msa.base.errors import InputError
from msa.fetch.check import Look, check, digest, look, stamp

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


@pytest.mark.parametrize("is_folder", [False, True])
def test_a_look_tells_a_file_from_another_whatever_its_date(tmp_path, is_folder):
    path = tmp_path / "raw"
    file = path / "b" / "c" if is_folder else path
    file.parent.mkdir(parents=True, exist_ok=True)

    def put(text, date=0):
        other = tmp_path / "other"
        other.write_bytes(text)
        os.utime(other, (date, date))
        other.replace(file)

    put(b"a")
    first = stamp(path)
    assert stamp(path) == first
    put(b"b")
    second = stamp(path)
    assert second[0] == first[0] and second[1] != first[1]
    put(b"b", date=1)
    assert stamp(path)[0] != first[0]
    put(b"bb")
    assert stamp(path)[0] != first[0]
    assert stamp(tmp_path / "none") is None


def test_links_are_followed(tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "folder").mkdir()
    (tmp_path / "elsewhere" / "b").write_bytes(b"b")
    (tmp_path / "folder" / "inside").symlink_to(tmp_path / "elsewhere")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "a")
    before = stamp(link), stamp(tmp_path / "folder")
    assert digest(tmp_path / "folder") == hashlib.sha256(f"{B}  inside/b\n".encode()).hexdigest()
    link.unlink()
    link.symlink_to(tmp_path / "elsewhere" / "b")
    (tmp_path / "elsewhere" / "b").write_bytes(b"bb")
    after = stamp(link), stamp(tmp_path / "folder")
    assert before[0] != after[0] and before[1] != after[1]


def checked(file, *flags, check=True):
    """As the rule does it."""
    output = ["--output", file.parent / "a.sha256", "--seen", file.parent / "a.seen"]
    return run_stage("check", file, *output, *flags, check=check)


def looked(file, **known):
    return look(file, file.parent / "a.sha256", file.parent / "a.seen", **known)


def test_what_has_not_changed_is_not_asked_again(file):
    first = looked(file)
    assert not first.same and first.arguments != looked(file).arguments
    checked(file, *first.arguments)
    assert looked(file) == Look(first.arguments)
    assert looked(file, sha256=A) == Look(first.arguments)
    another = looked(file, sha256=B)
    assert another.same and f"--sha256={B}" in another.arguments
    file.unlink()
    assert looked(file) == Look(first.arguments)


def test_the_content_decides_where_only_the_look_has_changed(file, monkeypatch):
    lock = file.parent / "lock"
    checked(file, *looked(file).arguments)
    os.utime(file, (0, 0))
    touched = looked(file)
    assert touched.same and touched.arguments != looked(file).arguments
    checked(file, *touched.arguments)
    assert looked(file) == Look(touched.arguments)
    # a large file is not read for a look, and what it must be may be known
    monkeypatch.setattr("msa.fetch.check.SMALL", 0)
    os.utime(file, (1, 1))
    assert not looked(file).same
    for text, same in ((A, True), (B, False)):
        lock.write_text(f"{text}  a.csd\n")
        assert looked(file, lock=lock).same == looked(file, sha256=text).same == same


def test_another_file_of_the_same_size_and_date_is_refused_once(file):
    """As on another node, where a file has another number: nothing follows but where it differs."""
    os.utime(file, (0, 0))
    checked(file, *looked(file).arguments)
    file.write_bytes(b"b")
    os.utime(file, (0, 0))
    look_at_other = looked(file)
    assert look_at_other.same
    done = checked(file, *look_at_other.arguments, check=False)
    assert done.returncode == 1
    assert f"a.csd: expected the SHA-256 {A}, as its size and date" in done.stderr
    assert f"got {B}; to use what is there now, touch it and run again" in done.stderr
    file.touch()
    assert not looked(file).same
    checked(file, *looked(file).arguments)
    assert (file.parent / "a.sha256").read_text() == f"{B}  a.csd\n"
