"""The commit that a result names is that of this code, not of what lies around an installation."""

import runpy
import shutil
import subprocess

from running import ROOT


def test_the_checkout_around_an_installed_package_is_not_its_own(tmp_path):
    identity = ("-c", "user.email=a@b", "-c", "user.name=a")

    def git(*command):
        done = subprocess.run(["git", *identity, *command], cwd=tmp_path, capture_output=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode().strip()

    file = tmp_path / "site/msa/base/provenance.py"
    file.parent.mkdir(parents=True)
    shutil.copy(ROOT / "msa/base/provenance.py", file)
    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "theirs")
    seen = runpy.run_path(str(file))["git"]()
    assert seen == {"git_commit": None, "git_dirty": None}
    git("add", ".")
    git("commit", "-q", "-m", "ours")
    seen = runpy.run_path(str(file))["git"]()
    assert seen == {"git_commit": git("rev-parse", "HEAD"), "git_dirty": False}
