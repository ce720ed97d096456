"""Faults of docs/faults.md that no other file tests: a stage that cannot do its work says so.

Every stage of a small finished chain runs in this process, from its folder, with one file damaged.
"""

import ast
import errno
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path
from stat import S_ISDIR

import numpy as np
import pytest
import torch
import yaml
from making import golden_weights, make_bert, make_fold
from running import ROOT, copy_project, environment, snakemake

from msa.__main__ import main
from msa.base.errors import InputError
from msa.config.check import configure
from msa.config.recipes import FOLDS
from msa.config.settings import run_settings
from msa.demo.look_alikes import mag, mmsa
from msa.formats import csd
from msa.models import MODELS, OWN_ROWS
from msa.training.batches import Fold
from msa.training.network import build
from msa.training.train import fit_closed, train

NOBODY = 65534
DATA = "--data data --clean data/clean --features features --device cpu"
STAGES = {
    "align": "--sequence words=raw/words.csd audio=raw/audio.csd vision=raw/vision.csd"
    " --labels raw/labels.csd --to words --output aligned",
    "split": "aligned --folds raw/folds.json --output data --card data/card.json --range -3 3",
    "clean": "data --output data/clean --card data/card.json --standardize audio",
    "encode": "data --encoder encoder --output features --device cpu",
    "settings": "run/settings.json --configfile raw/config.yaml --dataset demo --model lmf",
    "train": f"run {DATA} --state state/run.pt --log-every 0",
    "predict-folds": f"run {DATA}",
    "perturb": f"run {DATA} --missing-frames 0.5 --noise 1",
    "robustness": "run --output results/lmf.robustness.csv",
    "score": "run",
    "summarize": "run --output results/lmf.json --card data/card.json",
    "ablation": "results/lmf.json --robustness results/lmf.robustness.csv --modalities audio"
    " --output results/lmf.ablation.csv",
    "probe": "run --data data --clean data/clean --features features"
    " --output results/modalities.json",
    "subsets": "run --probes results/modalities.json --output results/subsets.csv",
    "leaderboard": "results/lmf.json --output-csv results/board.csv --output-md results/board.md",
    "trials": f"trials/all/0 {DATA} --first 0 --last 0 --output trials/all/0/0-0.json"
    ' --space {"optimizer.lr":[0.001]}',
    "search": "trials/all/0/0-0.json --table results/search.csv",
    "import-data": "raw/mag.pkl --layout mag --holds words audio vision --range -3 3"
    " --output imported --card imported/card.json",
    "import-checkpoint": "raw/released.pth --model nhfnet --output released/model.safetensors",
}
# what a stage reads -> another file of the chain that may come to lie in its place
READS = {
    "align": {"raw/words.csd": None, "raw/audio.csd": None, "raw/labels.csd": None},
    "split": {
        "aligned/segments.csv": "aligned/dropped.csv",
        "aligned/dropped.csv": "aligned/segments.csv",
        "aligned/offsets.npy": "data/train/offsets.npy",
        "aligned/labels.npy": "data/valid/label.npy",
        "aligned/words.npy": "aligned/audio.npy",
        "aligned/vision.npy": "data/valid/vision.npy",
        "aligned/audio.word.npy": "aligned/labels.npy",
        "aligned/audio.met.npy": "aligned/audio.word.npy",
        "aligned/coverage.csv": "aligned/segments.csv",
        "aligned/route.json": "raw/folds.json",
        "aligned/times.json": "aligned/route.json",
        "raw/folds.json": "data/card.json",
    },
    "clean": {
        "data/train/audio.npy": "data/valid/audio.npy",
        "data/test/vision.npy": "data/test/audio.npy",
        "data/valid/offsets.npy": "data/train/offsets.npy",
        "data/card.json": "raw/folds.json",
    },
    "encode": {
        "data/valid/words.npy": "data/valid/audio.npy",
        "data/test/offsets.npy": "data/train/offsets.npy",
        "encoder/config.json": "run/settings.json",
        "encoder/model.safetensors": "run/model.safetensors",
        "encoder/tokenizer.json": "run/settings.json",
    },
    "settings": {"raw/config.yaml": "raw/folds.json"},
    "train": {
        "run/settings.json": "run/training.json",
        "data/train/ids.npy": "data/valid/ids.npy",
        "data/valid/label.npy": "data/valid/audio.npy",
        "data/test/offsets.npy": "data/train/offsets.npy",
        "data/clean/train/audio.npy": "data/clean/valid/audio.npy",
        "features/train.npy": "features/valid.npy",
    },
    "predict-folds": {
        "run/settings.json": "run/training.json",
        "run/model.safetensors": "encoder/model.safetensors",
        "data/test/label.npy": "data/train/label.npy",
        "data/clean/test/vision.npy": "data/clean/train/vision.npy",
    },
    "perturb": {
        "run/model.safetensors": "encoder/model.safetensors",
        "data/train/label.npy": "data/test/label.npy",
        "data/clean/cleaning.npz": "run/epochs.npz",
    },
    "robustness": {
        "run/settings.json": "run/training.json",
        "run/predictions/clean.npz": "run/epochs.npz",
        "run/predictions/perturbed.npz": "run/epochs.npz",
    },
    "ablation": {
        "results/lmf.json": "run/scores.json",
        "results/lmf.robustness.csv": "run/history.csv",
    },
    "score": {
        "run/settings.json": "run/training.json",
        "run/predictions/clean.npz": "run/epochs.npz",
        "run/epochs.npz": "run/predictions/clean.npz",
    },
    "summarize": {
        "run/settings.json": "run/training.json",
        "run/training.json": "run/scores.json",
        "run/scores.json": "run/training.json",
        "run/predictions/clean.npz": "run/epochs.npz",
        "data/card.json": "raw/folds.json",
    },
    "probe": {
        "run/settings.json": "run/training.json",
        "data/train/label.npy": "data/valid/audio.npy",
        "data/test/offsets.npy": "data/train/offsets.npy",
        "data/clean/train/audio.npy": "data/clean/valid/audio.npy",
        "features/train.npy": "features/valid.npy",
    },
    "subsets": {
        "run/predictions/clean.npz": "run/epochs.npz",
        "results/modalities.json": "run/scores.json",
        "results/modalities.npz": "run/epochs.npz",
    },
    "leaderboard": {"results/lmf.json": "run/scores.json"},
    "trials": {
        "trials/all/0/settings.json": "run/training.json",
        "features/valid.npy": "features/train.npy",
    },
    "search": {"trials/all/0/0-0.json": "run/settings.json"},
    "import-data": {"raw/mag.pkl": "raw/mmsa.pkl"},
    "import-checkpoint": {"raw/released.pth": "run/model.safetensors"},
}


def run(stage, privileged=True):
    """Run a stage, or else as the chain's owner, who is not root: permissions count."""
    root = os.getuid() == 0
    if root and not privileged:
        os.seteuid(NOBODY)
    try:
        return main([stage, *STAGES[stage].split()])
    finally:
        if root:
            os.seteuid(0)


def write_raw(folder):
    """Six videos of three segments; the words have a row of audio and of vision each."""
    rng = np.random.default_rng(0)
    videos: dict[str, dict] = {name: {} for name in ("words", "audio", "vision", "labels")}
    for number in range(7):
        times = np.arange(6 + 2 * number, dtype=np.float32)
        spans = np.stack([times, times + 1], axis=1)
        words = rng.choice([b"good", b"bad", b"film", b"plot"], (len(times), 1))
        videos["words"][f"v{number}"] = spans, words
        for name, width in {"audio": 3, "vision": 2}.items():
            videos[name][f"v{number}"] = spans, rng.normal(size=(len(times), width)).astype("f4")
        thirds = np.array([[0, 2], [2, 4], [4, len(times)]], dtype=np.float32)
        videos["labels"][f"v{number}"] = thirds, rng.uniform(-3, 3, (3, 1)).astype("f4")
    del videos["vision"]["v6"]
    for name, rows in videos.items():
        csd.write(folder / f"{name}.csd", name, rows)
    folds = {"train": ["v0", "v1", "v2"], "valid": ["v3"], "test": ["v4", "v5"]}
    (folder / "folds.json").write_text(json.dumps(folds))
    config = {
        "datasets": ["demo"],
        "models": ["lmf"],
        "seeds": [1],
        "settings": {"lmf": {"epochs": 2, "batch_size": 4}},
    }
    (folder / "config.yaml").write_text(json.dumps(config))
    mag.write(folder, rng).rename(folder / "mag.pkl")
    mmsa.write(folder, rng).rename(folder / "mmsa.pkl")
    case = json.loads((ROOT / "tests/golden/nhfnet-mosei.json").read_text())
    torch.save(golden_weights(case), folder / "released.pth")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A chain of which every stage has run, and what is in its files."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "raw").mkdir()
    write_raw(folder / "raw")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scores that six rows leave undefined
        patch.chdir(folder)
        assert main(["demo-encoder", "raw/words.csd", "encoder", "--width", "8"]) == 0
        for stage in STAGES:
            if stage == "trials":
                (folder / "trials/all/0").mkdir(parents=True)
                shutil.copy("run/settings.json", "trials/all/0")
            assert run(stage) == 0
    give_away(folder, *folder.rglob("*"))
    return folder, {path: path.read_bytes() for path in content(folder) if path.is_file()}


def give_away(*paths):
    """To a user who is not root, if this one is."""
    for path in paths if os.getuid() == 0 else ():
        os.chown(path, NOBODY, NOBODY)


def content(folder):
    """What stands for every file, but for TensorBoard's; None for a folder."""
    stats = {path: path.stat() for path in folder.rglob("*") if "tensorboard" not in path.parts}
    return {
        path: None if S_ISDIR(s.st_mode) else (s.st_ino, s.st_size, s.st_mtime_ns)
        for path, s in stats.items()
    }


@pytest.fixture
def chain(whole, monkeypatch):
    """The chain as the working directory; what a test damages is mended after it."""
    folder, files = whole
    monkeypatch.chdir(folder)
    before = content(folder)
    yield folder
    after = content(folder)
    for path in after.keys() - before.keys():
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for path, stamp in before.items():
        if stamp and after.get(path) != stamp:
            path.write_bytes(files[path])
            give_away(path)
        path.chmod(0o644 if stamp else 0o755)


SAID = "expected|cannot be read|no such file|is missing"


def corrupt(path):
    path.write_bytes(random.Random(0).randbytes(path.stat().st_size))


def truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-3])


def empty(path):
    path.write_bytes(b"")


def fails(stage, folder, capsys, *says, privileged=True):
    """The stage says what is wrong, one problem a line, and changes nothing."""
    before = content(folder)
    status = run(stage, privileged)
    text = capsys.readouterr().err
    assert status == 1, text
    # a bar may be there before; further lines list the problems
    first, *more = [line for line in text.splitlines() if line and "videos/s" not in line]
    assert first.startswith("error: ") and all(line.startswith("  ") for line in more), text
    for part in says:
        assert re.search(part, "\n".join([first, *more])), text
    assert content(folder) == before


CASES = [(stage, path) for stage, paths in READS.items() for path in paths]


@pytest.mark.parametrize("damage", [corrupt, truncated, cut_short, empty, Path.unlink])
@pytest.mark.parametrize(("stage", "path"), CASES)
def test_a_damaged_file(stage, path, damage, chain, capsys):
    damage(chain / path)
    where = "encoder encoder" if path.startswith("encoder/") else path
    fails(stage, chain, capsys, f"^error: {where}: ", SAID)


@pytest.mark.parametrize(("stage", "path"), CASES)
def test_a_file_that_may_not_be_read(stage, path, chain, capsys):
    (chain / path).chmod(0)
    fails(stage, chain, capsys, path.partition("/")[0], "ermission denied", privileged=False)


@pytest.mark.parametrize(
    ("stage", "path", "other"),
    [(stage, *pair) for stage, paths in READS.items() for pair in paths.items() if pair[1]],
)
def test_a_file_of_something_else(stage, path, other, chain, capsys):
    shutil.copy(chain / other, chain / path)
    # of two files that do not go together either may be the wrong one
    fails(stage, chain, capsys, str(Path(path).parent), SAID)


@pytest.mark.parametrize("stage", STAGES)
def test_a_folder_that_may_not_be_written(stage, chain, capsys):
    folders = [chain, *(path for path in chain.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o555)
    if stage == "settings":
        (chain / "run/settings.json").write_text("{}")
    if stage == "trials":
        (chain / "trials/all/0/trial-0000.json").write_text("{}")
    fails(stage, chain, capsys, "[Pp]ermission denied", privileged=False)
    for path in folders:
        path.chmod(0o755)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert run(stage) == 0


def test_computational_sequences_that_are_swapped(chain, capsys):
    words, vision = (chain / f"raw/{name}.csd" for name in ("words", "vision"))
    text, numbers = words.read_bytes(), vision.read_bytes()
    words.write_bytes(numbers)
    fails("align", chain, capsys, "^error: raw/words.csd: words: expected text, found numbers; are")
    words.write_bytes(text)
    vision.write_bytes(text)
    fails("align", chain, capsys, "^error: raw/vision.csd: vision: expected numbers, found text;")


def test_a_label_that_is_no_class(chain, capsys):
    settings = json.loads((chain / "run/settings.json").read_text())
    settings["task"] = {"type": "classification", "targets": ["a"], "classes": ["x", "y"]}
    settings["hyperparameters"]["loss"] = "cross_entropy"
    (chain / "run/settings.json").write_text(json.dumps(settings))
    fails(
        "train", chain, capsys, "^error: data/train/label.npy: expected class numbers from 0 to 1"
    )
    settings["label_columns"] = [3]
    (chain / "run/settings.json").write_text(json.dumps(settings))
    fails(
        "train", chain, capsys, "^error: data/train/label.npy: expected a column 3 as the settings"
    )


@pytest.mark.parametrize("device", ["cuda", "cuda:7", "gpu", "cuda:"])
@pytest.mark.parametrize("stage", ["encode", "train", "trials", "predict-folds"])
def test_a_device_that_is_not_there(stage, device, chain, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setitem(STAGES, stage, STAGES[stage].replace("cpu", device))
    fails(stage, chain, capsys, f"^error: device {device}: expected .*cpu")


@pytest.mark.parametrize("stage", ["encode", "train", "trials", "predict-folds"])
def test_out_of_memory(stage, chain, capsys, monkeypatch):
    def full(self, *arguments, **keywords):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.\nMore")

    monkeypatch.setattr(torch.nn.Module, "__call__", full)
    (chain / "trials/all/0/trial-0000.json").unlink()
    said = rf"^error: {stage}: out of memory \(.*\); try a smaller batch_size, or a larger machine$"
    before = content(chain)
    assert run(stage) == 1
    assert re.search(said, capsys.readouterr().err, re.M)
    assert content(chain) == before


@pytest.mark.parametrize("stage", ["align", "split", "clean", "import-data"])
def test_a_full_disk(stage, chain, capsys, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    monkeypatch.setattr(np, "save", full)
    fails(stage, chain, capsys, "^error: .*: no space left on the disk; free some, then run again")


@pytest.mark.slow
def test_sigterm_while_training(chain):
    settings = json.loads((chain / "run/settings.json").read_text())
    settings["hyperparameters"] |= {"epochs": 10**6, "patience": None}
    (chain / "run/settings.json").write_text(json.dumps(settings))
    before = content(chain)
    command = [sys.executable, "-m", "msa", "train", *STAGES["train"].split()]
    goes_on = []
    for _ in range(2):
        with subprocess.Popen(
            command, env=environment(PYTHONPATH=str(ROOT)), stderr=subprocess.PIPE, text=True
        ) as process:
            state = Path("state/run.pt")
            since = state.stat().st_mtime_ns if state.exists() else 0
            while process.poll() is None and (
                not state.exists() or state.stat().st_mtime_ns == since
            ):
                time.sleep(0.1)
            process.terminate()
            said = process.communicate()[1]
        assert process.returncode == 128 + signal.SIGTERM, said
        assert "error: stopped by SIGTERM; run again, it goes on after its last" in said
        goes_on.append("state/run.pt: going on after epoch" in said)
        after = content(chain)
        assert after.pop(chain / "state/run.pt") is not None
        assert after == before
    assert goes_on == [False, True]


def words_fold(rows, seed, own_rows):
    """A fold whose text is pieces, audio and vision along them or beside; labels of both signs."""
    fold = make_fold(rows, seed)
    text = fold.modalities["text"]
    pieces = torch.arange(2 * len(text.rows)).reshape(-1, 2) % torch.tensor([30, 2])
    modalities = fold.modalities | {"text": replace(text, rows=pieces)}
    label = fold.label.abs() * (-1.0) ** torch.arange(rows)[:, None]
    return Fold(fold.ids, label, modalities, pad=0, own_rows=own_rows)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("rows", "batch_size"),
    [
        pytest.param(3, 1, marks=pytest.mark.slow),
        (5, 4),
        pytest.param(1, 8, marks=pytest.mark.slow),
    ],
)
def test_batches_of_one_row(model, rows, batch_size):
    config = configure({"datasets": ["demo"], "models": [model], "seeds": [1]})
    settings = run_settings(config, "demo", model, 1)
    hyper = settings["hyperparameters"]
    hyper |= {"epochs": 2, "batch_size": batch_size}
    folds, bert = {name: make_fold(rows, 0) for name in FOLDS}, None
    if settings["forms"].get("text") == "words":
        own_rows = settings.get("alignment") in OWN_ROWS
        folds, bert = {name: words_fold(rows, 0, own_rows) for name in FOLDS}, make_bert()
    if "hcf" in settings["forms"]:
        humor = {"hcf": make_fold(rows, 0).modalities["vision"]}
        folds = {k: replace(fold, modalities=fold.modalities | humor) for k, fold in folds.items()}
    network = build(settings, folds["train"], bert)
    makes_labels = model in ("self_mm", "tetfn")
    if makes_labels:
        # labels that it makes of so few rows may come to lie on one side
        hyper["epochs"] = 1
    if makes_labels and rows == 1:
        with pytest.raises(InputError, match="labels on both sides of 0"):
            train(network, folds, hyper, 1)
        return
    if hasattr(network, "fit"):
        trained = fit_closed(network, folds, hyper)
    else:
        trained = train(network, folds, hyper, 1)
    assert all(np.isfinite(epoch.valid_loss) for epoch in trained.history)
    assert all(value.isfinite().all() for value in trained.weights.values())
    assert np.isfinite(trained.test).all()


QUICK = {
    "datasets": ["demo"],
    "models": ["lmf", "ridge"],
    "seeds": [1],
    "settings": {"lmf": {"epochs": 2}},
    "device": "cpu",
    "robustness": False,
    "ablate": False,
}


def write_config(project, **changes):
    (project / "quick.yaml").write_text(yaml.safe_dump(QUICK | changes, allow_unicode=True))


@pytest.mark.slow
def test_spaces_and_unicode_in_paths(tmp_path):
    project = copy_project(tmp_path / "mein Projekt für 情感")
    elsewhere = tmp_path / "große Platte"
    kinds = ("data", "features", "runs", "state", "results")
    paths = {kind: str(elsewhere / f"{kind} ü") for kind in kinds} | {"results": "Ergebnisse é"}
    write_config(project, paths=paths)
    snakemake(project, "--configfile", "quick.yaml")
    board = (project / "Ergebnisse é/demo/leaderboard.md").read_text(encoding="utf-8")
    assert "| lmf" in board and "| ridge" in board
    again = snakemake(project, "--configfile", "quick.yaml")
    assert "Nothing to be done" in again.stderr + again.stdout


@pytest.mark.slow
def test_two_snakemakes_at_once(project):
    write_config(project, models=["ridge"])
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--configfile", "quick.yaml"]
    with subprocess.Popen(
        command, cwd=project, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as first:
        while first.poll() is None and not [*project.glob(".snakemake/locks/*")]:
            time.sleep(0.1)
        second = snakemake(project, "--configfile", "quick.yaml", check=False)
        said = first.communicate()[0].decode()
    assert second.returncode == 1
    assert "Directory cannot be locked" in second.stdout + second.stderr
    assert first.returncode == 0, said
    assert "| ridge" in (project / "results/demo/leaderboard.md").read_text()
    again = snakemake(project, "--configfile", "quick.yaml")
    assert "Nothing to be done" in again.stdout + again.stderr


def rows_of_the_table():
    text = (ROOT / "docs/faults.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def test_the_table_names_tests_that_exist():
    rows = rows_of_the_table()
    assert len(rows) >= 40
    assert all(len(row) == 4 and all(row) for row in rows)
    assert len({fault for fault, *_ in rows}) == len(rows)
    for *_, cell in rows:
        for name in re.findall(r"`(.+?)`", cell) or [cell]:
            file, _, test = name.partition("::")
            tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
            assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, (
                name
            )
