import os

import pytest

from msa.base.atomic import atomic_folder, atomic_path, atomic_write


def test_a_file_appears_whole(tmp_path):
    with atomic_write(tmp_path / "new" / "a.txt") as file:
        file.write("é")
        assert not (tmp_path / "new" / "a.txt").exists()
    assert (tmp_path / "new" / "a.txt").read_text(encoding="utf-8") == "é"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_what_was_there(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail():
        with atomic_write(path) as file:
            file.write("half")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_folder_replaces_the_old_one(tmp_path):
    for content in ("1", "2"):
        with atomic_folder(tmp_path / "out") as folder:
            (folder / content).touch()
    assert os.listdir(tmp_path / "out") == ["2"]
    with pytest.raises(ValueError, match="stop"), atomic_folder(tmp_path / "out"):
        raise ValueError("stop")
    assert os.listdir(tmp_path) == ["out"]
    assert os.listdir(tmp_path / "out") == ["2"]


def test_others_may_read_it(tmp_path):
    old = os.umask(0o022)
    try:
        with atomic_path(tmp_path / "a") as path:
            path.touch(0o600)
        with atomic_folder(tmp_path / "b"):
            pass
    finally:
        os.umask(old)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o755
