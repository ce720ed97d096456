"""Raw files in the workflow: fetched or dropped by hand, never lost."""

import hashlib
import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from running import environment, snakemake
from serving import FILE, Answer, serving

from msa.report.page import mirrored

HANGS = Answer(pause=60)
MISSING = Answer(b"", 404)
RECIPE = {
    "align": "labels",
    "folds": "mosi",
    "task": {"type": "regression", "targets": ["sentiment"], "range": [-3, 3]},
}
ARGUMENTS = ("data/mine/checked/audio.csd.sha256", "--configfile", "quick.yaml")
CHECKED = ARGUMENTS[0]


@pytest.fixture
def mine(project):
    """A project whose recipe has one file of a server; its path, and a way to configure it."""
    with serving() as server:

        def configure(**known):
            audio = {"url": f"{server.url}/audio.csd", **known}
            recipe = RECIPE | {"sequences": {"audio": audio, "labels": "my/labels.csd"}}
            values = {"datasets": ["demo"], "models": ["mean"], "seeds": [1]}
            (project / "quick.yaml").write_text(
                yaml.safe_dump(values | {"recipes": {"mine": recipe}})
            )

        configure()
        file = project / "data/mine/raw/audio.csd"
        yield SimpleNamespace(server=server, project=project, file=file, configure=configure)


def drop(file):
    """By hand, and long ago."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"mine")
    os.utime(file, (0, 0))


def nothing_to_do(project, *arguments):
    done = snakemake(project, *(arguments or ARGUMENTS))
    return "Nothing to be done" in done.stdout + done.stderr


def test_a_file_is_fetched_once(mine):
    mine.server.answers = {"/audio.csd": [Answer(), MISSING]}
    snakemake(mine.project, *ARGUMENTS)
    assert mine.file.read_bytes() == FILE
    assert [path.name for path in mine.file.parent.iterdir()] == ["audio.csd"]
    assert nothing_to_do(mine.project)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_file_dropped_while_its_server_hangs(how, mine):
    """Whatever then stops Snakemake."""
    mine.server.answers = {"/audio.csd": [HANGS, MISSING]}
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *ARGUMENTS]
    with subprocess.Popen(
        command,
        cwd=mine.project,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        while not mine.server.requests:
            assert process.poll() is None
            time.sleep(0.1)
        drop(mine.file)
        os.killpg(process.pid, how)
    assert mine.file.read_bytes() == b"mine"
    snakemake(mine.project, "--unlock", *ARGUMENTS[1:])
    snakemake(mine.project, *ARGUMENTS)
    assert mine.file.read_bytes() == b"mine" and (mine.project / CHECKED).exists()


@pytest.mark.slow
@pytest.mark.parametrize("fetched", [True, False])
def test_nothing_makes_snakemake_remove_a_file(fetched, mine):
    """Neither another recipe nor another text of a rule, nor force."""
    mine.server.answers = {"/audio.csd": [Answer(), MISSING]}
    if not fetched:
        drop(mine.file)
    snakemake(mine.project, *ARGUMENTS)
    before = mine.file.read_bytes(), mine.file.stat().st_mtime_ns
    mine.configure(url=["http://127.0.0.1:9/audio.csd"])
    assert nothing_to_do(mine.project)
    for rule in ("download", "fetch_encoder"):
        path = mine.project / f"rules/{rule}.smk"
        path.write_text(path.read_text().replace("python -m msa", "python  -m msa"))
    assert nothing_to_do(mine.project)
    mine.configure(sha256="0" * 64)
    for options in ([], ["--forceall"], ["--delete-all-output"]):
        snakemake(mine.project, *ARGUMENTS, *options, check=False)
        assert (mine.file.read_bytes(), mine.file.stat().st_mtime_ns) == before


@pytest.mark.slow
def test_a_checksum_that_the_recipe_gets_later_is_checked(mine):
    drop(mine.file)
    snakemake(mine.project, *ARGUMENTS)
    mine.configure(sha256="0" * 64)
    for _ in range(2):
        failed = snakemake(mine.project, *ARGUMENTS, check=False)
        assert f"expected the SHA-256 {'0' * 64} (the recipe's)" in failed.stdout + failed.stderr
        assert failed.returncode == 1 and mine.file.read_bytes() == b"mine"
    mine.configure(sha256=hashlib.sha256(b"mine").hexdigest())
    snakemake(mine.project, *ARGUMENTS)
    assert nothing_to_do(mine.project)


def test_exchanged_parts_are_aligned_again(project, demo_files):
    def configure(**parts):
        files = {name: str(demo_files / f"{of}.csd") for name, of in parts.items()}
        values = {"datasets": ["demo"], "models": ["mean"], "seeds": [1]}
        recipe = RECIPE | {"sequences": files | {"labels": str(demo_files / "labels.csd")}}
        (project / "quick.yaml").write_text(yaml.safe_dump(values | {"recipes": {"mine": recipe}}))

    aligned = ("data/mine/aligned", "--configfile", "quick.yaml")
    configure(audio="audio", vision="vision")
    snakemake(project, *aligned)
    configure(audio="vision", vision="audio")
    assert "rule align:" in snakemake(project, "-n", *aligned).stdout


@pytest.mark.slow
def test_a_changed_folder_is_refused(project, tmp_path):
    """Also where a file below it is another of an old date; one that is gone is not missed."""
    recipe = RECIPE | {"import": "msaf", "files": {"train": {}}, "holds": ["audio"]}
    values = {"datasets": ["demo"], "models": ["mean"], "seeds": [1], "recipes": {"mine": recipe}}
    (project / "quick.yaml").write_text(yaml.safe_dump(values))
    file, record = project / "data/mine/raw/train/a/label50.npy", "data/mine/checked/train.sha256"
    arguments = (record, "--configfile", "quick.yaml")

    drop(file)
    snakemake(project, *arguments)
    assert nothing_to_do(project, *arguments)
    file.write_bytes(b"another")
    os.utime(file, (0, 0))
    failed = snakemake(project, *arguments, check=False)
    assert "data/mine/raw/train: expected the SHA-256" in failed.stdout + failed.stderr
    (project / "checksums/mine/train.sha256").unlink()
    snakemake(project, *arguments)
    assert nothing_to_do(project, *arguments)
    file.parent.parent.rename(tmp_path / "elsewhere")
    assert nothing_to_do(project, *arguments)


@pytest.fixture
def imported(project, tmp_path):
    """A recipe that imports a pickle, of the user's own or dropped by hand."""
    rng = np.random.default_rng(0)
    other, labels = tmp_path / "other.pkl", rng.uniform(-2, 2, 4)

    def write(path, sign=1.0):
        arrays = {name: np.ones((4, 3, 2)) for name in ("text", "audio", "vision")}
        fold = {**arrays, "regression_labels": sign * labels}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(dict.fromkeys(("train", "valid", "test"), fold)))
        os.utime(path, (0, 0))

    def configure(where):
        file = project / (where or "data/mine/raw/f.pkl")
        files = {"files": {"f.pkl": where or {}}}
        recipe = files | {"import": "mmsa", "align": "none", "holds": ["audio"]}
        recipe["task"] = RECIPE["task"]
        values = {"datasets": ["demo"], "models": ["mean"], "seeds": [1]}
        (project / "quick.yaml").write_text(yaml.safe_dump(values | {"recipes": {"mine": recipe}}))
        write(file)
        write(other, -1.0)
        os.utime(other, (-1, -1))
        return file, other

    def rules(*options, target="data/mine/clean/card.json"):
        """The rules that ran, and whether all went well."""
        done = snakemake(project, target, "--configfile", "quick.yaml", *options, check=False)
        text = done.stdout + done.stderr
        return re.findall("^(?:local)?rule (\\w+):", text, re.MULTILINE), done.returncode == 0

    def label():
        return np.load(project / "data/mine/train/label.npy")[0, 0] / labels[0]

    return SimpleNamespace(configure=configure, rules=rules, label=label, project=project)


@pytest.mark.slow
def test_an_own_file_of_an_older_date_is_noticed(imported):
    file, other = imported.configure("my/f.pkl")
    assert imported.rules() == (["check", "import_data", "clean"], True)
    shutil.copy2(other, file)
    assert imported.rules() == (["check", "import_data", "clean"], True)
    assert imported.label() == -1
    file.touch()
    assert imported.rules() == (["check"], True)
    assert imported.rules("-n") == ([], True)


@pytest.mark.slow
def test_nothing_old_stands_after_a_job_has_failed(imported):
    """Snakemake takes what a failed job was asked for done."""
    file, _ = imported.configure("my/f.pkl")
    imported.rules()
    whole = file.read_bytes()
    file.write_bytes(b"no pickle")
    for _ in range(2):
        ran, ended_well = imported.rules()
        assert "import_data" in ran and not ended_well
    file.write_bytes(whole)
    assert imported.rules() == (["check", "import_data", "clean"], True)
    assert imported.rules("-n") == ([], True)


@pytest.mark.slow
def test_a_raw_file_of_an_older_date_is_refused_until_it_is_accepted(imported, tmp_path):
    file, other = imported.configure(None)
    kept = tmp_path / "kept.pkl"
    shutil.copy2(file, kept)
    imported.rules()
    shutil.copy2(other, file)
    for _ in range(2):
        assert imported.rules() == (["check"], False)
    # neither does what the folds alone would do
    _, ended_well = imported.rules(target="runs/mine/mean/main/all/1/model.safetensors")
    assert (
        not ended_well and not (imported.project / "runs/mine/mean/main/all/1/history.csv").exists()
    )
    shutil.copy2(kept, file)
    assert imported.rules() == (["check"], True)
    assert imported.rules("-n") == ([], True)
    shutil.copy2(other, file)
    (imported.project / "checksums/mine/f.pkl.sha256").unlink()
    assert imported.rules("-n") == (["check", "import_data", "clean"], True)
    assert imported.rules() == (["check", "import_data", "clean"], True)
    assert imported.label() == -1
    shutil.copy2(kept, file)
    assert imported.rules("--touch")[1]
    assert imported.rules() == (["check"], False)


@pytest.mark.slow
def test_a_mirror_is_named_in_the_result(project, demo_files):
    """Beside the checksum of its file, which the lock has too."""
    audio = (demo_files / "audio.csd").read_bytes()
    sequences = {name: str(demo_files / f"{name}.csd") for name in ("vision", "labels")}
    recipe = RECIPE | {"folds": str(demo_files / "folds.json"), "sequences": sequences}
    values = {"datasets": ["mine"], "models": ["mean"], "seeds": [1], "recipes": {"mine": recipe}}
    arguments = ("results/mine/mean.json", "--configfile", "quick.yaml")
    with serving() as server:
        server.answers = {"/mirror/audio.csd": [Answer(audio)]}
        first, mirror = (f"{server.url}/{name}/audio.csd" for name in ("gone", "mirror"))
        sequences["audio"] = {"url": [first, mirror]}
        (project / "quick.yaml").write_text(yaml.safe_dump(values))
        snakemake(project, *arguments)
    sha256 = hashlib.sha256(audio).hexdigest()
    lock = project / "checksums/mine/audio.csd.sha256"
    assert lock.read_text() == f"# from {mirror}\n{sha256}  audio.csd\n"
    result = json.loads((project / arguments[0]).read_text())
    assert result["provenance"]["files"] == [
        {"file": "audio.csd", "sha256": sha256, "source": mirror, "revision": None}
    ]
    assert mirrored([result, result]) == [("audio.csd", mirror)]
    assert nothing_to_do(project, *arguments)
