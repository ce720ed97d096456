"""Faults of faults.md that no other file tests: a stage that cannot do its work says so and stops.

Every stage of a small finished chain runs in this process, from its folder, with one file damaged.
"""

import json
import os
import random
import re
import shutil
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from test_golden import _weights as golden_weights

from msa import csd
from msa.__main__ import main
from msa.look_alikes import mag, mmsa

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
    "predict": f"run {DATA}",
    "score": "run",
    "summarize": "run --output results/lmf.json",
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
        "aligned/route.json": "raw/folds.json",
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
    "predict": {
        "run/settings.json": "run/training.json",
        "run/model.safetensors": "encoder/model.safetensors",
        "data/test/label.npy": "data/train/label.npy",
        "data/clean/test/vision.npy": "data/clean/train/vision.npy",
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


def run(stage):
    return main([stage, *STAGES[stage].split()])


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
    case = json.loads((Path(__file__).parent / "golden/nhfnet-mosei.json").read_text())
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
    if not os.getuid():
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, NOBODY, NOBODY)
    return folder, content(folder)


@pytest.fixture
def chain(whole, monkeypatch):
    """The chain as the working directory; what a test damages is mended after it."""
    folder, before = whole
    monkeypatch.chdir(folder)
    yield folder
    for path in {*content(folder)} - {*before}:
        shutil.rmtree(path) if Path(path).is_dir() else Path(path).unlink()
    for path, kept in before.items():
        if kept is None:
            Path(path).mkdir(exist_ok=True)
        elif not Path(path).is_file() or Path(path).read_bytes() != kept:
            Path(path).write_bytes(kept)
        Path(path).chmod(0o755 if kept is None else 0o644)
        if not os.getuid():
            os.chown(path, NOBODY, NOBODY)


def content(folder):
    """Every file, but for TensorBoard's."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
        if "tensorboard" not in path.parts
    }


@contextmanager
def unprivileged():
    """As the chain's owner, who is not root: permissions count."""
    if not os.getuid():
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if not os.getuid():
            os.seteuid(0)


def corrupt(path):
    path.write_bytes(random.Random(0).randbytes(path.stat().st_size))


def truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def forbidden(path):
    path.chmod(0)


def fails(stage, folder, capsys, *says, allowed=True):
    """The stage says what is wrong in one line and changes nothing."""
    before = content(folder)
    if allowed:
        status = run(stage)
    else:
        with unprivileged():
            status = run(stage)
    text = capsys.readouterr().err
    assert status == 1, text
    first, *more = text.splitlines()
    # further lines list the problems
    assert first.startswith("error: ") and all(line.startswith("  ") for line in more), text
    for part in says:
        assert re.search(part, text), text
    assert content(folder) == before


CASES = [(stage, path) for stage, paths in READS.items() for path in paths]


@pytest.mark.parametrize("damage", [corrupt, truncated, empty, Path.unlink])
@pytest.mark.parametrize(("stage", "path"), CASES)
def test_a_damaged_file(stage, path, damage, chain, capsys):
    damage(chain / path)
    where = "encoder encoder" if path.startswith("encoder/") else path
    fails(
        stage, chain, capsys, f"^error: {where}: ", "expected|cannot be read|no such file|missing"
    )


@pytest.mark.parametrize(("stage", "path"), CASES)
def test_a_file_that_may_not_be_read(stage, path, chain, capsys):
    forbidden(chain / path)
    fails(stage, chain, capsys, path.partition("/")[0], "ermission denied", allowed=False)


@pytest.mark.parametrize(
    ("stage", "path", "other"),
    [(stage, *pair) for stage, paths in READS.items() for pair in paths.items() if pair[1]],
)
def test_a_file_of_something_else(stage, path, other, chain, capsys):
    shutil.copy(chain / other, chain / path)
    # two files that do not go together: either may be the wrong one
    fails(stage, chain, capsys, str(Path(path).parent), "expected")
