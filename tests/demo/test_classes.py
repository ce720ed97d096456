"""The classification demos: their layout, what each modality tells, and that they clean well."""

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from msa.__main__ import main
from msa.data.card import card_markdown, segment_lengths
from msa.data.clean import clean
from msa.data.cleaning import FOLDS
from msa.demo import sequences as demo
from msa.demo.classes import EMOTIONS, KINDS, generate

SEGMENTS = {
    "humor": {"train": 320, "valid": 60, "test": 100},
    "emotion": {"train": 420, "valid": 70, "test": 140},
}
WIDTHS = {
    "humor": {"words": 1, "audio": 8, "vision": 6, "hcf": 4},
    "emotion": {"embedding": 24, "audio": 16, "vision": 20},
}
TOPIC_OF = {word.encode(): i for i, topic in enumerate(demo.TOPICS) for word in topic}
SENTIMENT = " ".join(demo.SENTIMENT.values()).split()
VOCABULARY = [word.encode() for word in (*demo.FUNCTION, *SENTIMENT)] + list(TOPIC_OF)

Fold = dict[str, np.ndarray]


@pytest.fixture(scope="module", params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def folder(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classes") / kind
    assert main(["demo-classes", kind, str(folder)]) == 0
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def load(folder: Path) -> dict[str, Fold]:
    return {
        fold: {path.stem: np.load(path) for path in (folder / fold).iterdir()}
        for fold in ("train", "valid", "test")
    }


def test_same_seed_same_bytes(kind: str, folder: Path, tmp_path: Path) -> None:
    main(["demo-classes", kind, str(tmp_path / "same"), "--seed", "0"])
    main(["demo-classes", kind, str(tmp_path / "other"), "--seed", "1"])
    assert contents(tmp_path / "same") == contents(folder)
    other = contents(tmp_path / "other")
    assert other["train/audio.npy"] != contents(folder)["train/audio.npy"]


def test_layout_is_that_of_split(kind: str, folder: Path) -> None:
    more = {"context"} if kind == "humor" else set()
    seen: set[str] = set()
    for fold, arrays in load(folder).items():
        count = SEGMENTS[kind][fold]
        assert set(arrays) == {*WIDTHS[kind], "offsets", "label", "ids"} | more
        assert arrays["offsets"].shape == (count + 1,)
        assert arrays["offsets"].dtype == [(name, np.int64) for name in WIDTHS[kind]]
        assert arrays["label"].shape == (count, 1) and arrays["label"].dtype == np.float64
        assert arrays["ids"].shape == (count,) and arrays["ids"].dtype.kind == "U"
        assert len(set(arrays["ids"])) == count
        videos = {key.split("[")[0] for key in arrays["ids"]}
        assert not videos & seen
        seen |= videos
        for name, width in WIDTHS[kind].items():
            bounds, rows = arrays["offsets"][name], arrays[name]
            assert bounds[0] == 0 and (np.diff(bounds) > 0).all()
            assert rows.shape == (bounds[-1], width)
            assert rows.dtype.kind == "S" if name == "words" else rows.dtype == np.float32


def test_lengths() -> None:
    humor, emotion = (generate(KINDS[kind], 0)["train"] for kind in ("humor", "emotion"))
    words, context = np.diff(humor["offsets"]["words"]), humor["context"]
    assert (context.min(), context.max()) == (0, 12) and context.dtype == np.int64
    assert ((words - context).min(), (words - context).max()) == (4, 10)
    for name in ("audio", "vision"):
        np.testing.assert_array_equal(humor["offsets"][name], humor["offsets"]["words"])
    steps = {name: np.diff(emotion["offsets"][name]) for name in WIDTHS["emotion"]}
    assert (steps["embedding"].min(), steps["embedding"].max()) == (3, 12)
    assert (steps["audio"].min(), steps["audio"].max()) == (5, 20)
    assert set(steps["vision"]) == {16}


def test_every_fold_has_every_class(kind: str, folder: Path) -> None:
    classes = 2 if kind == "humor" else len(EMOTIONS)
    for fold, arrays in load(folder).items():
        values, counts = np.unique(arrays["label"], return_counts=True)
        assert values.tolist() == list(range(classes))
        assert counts.max() < 1.5 * SEGMENTS[kind][fold] / classes and counts.min() >= 6
        # in no order
        assert not (np.diff(arrays["label"][:, 0]) >= 0).all()


def test_words_are_the_demos() -> None:
    assert set(generate(KINDS["humor"], 0)["train"]["words"][:, 0]) <= set(VOCABULARY)


def test_clean_runs_on_it(kind: str, folder: Path, tmp_path: Path) -> None:
    report = clean(folder, tmp_path / "clean", "zero", ["audio"])
    for fold, counts in report["counts"].items():
        assert counts["audio"]["not_finite"] == 5 and counts["audio"]["left"] == 0
        rows = np.load(tmp_path / "clean" / fold / "audio.npy")
        assert rows.shape == np.load(folder / fold / "audio.npy").shape
    card = json.loads((folder / "card.json").read_text())
    assert card["segments"] == SEGMENTS[kind]
    lengths = {fold: segment_lengths(folder / fold) for fold in FOLDS}
    text = card_markdown(card | {"cleaning": report, "lengths": lengths})
    videos = {"humor": 64, "emotion": 84}[kind]
    assert f"| train | {videos} | {SEGMENTS[kind]['train']} |  |\n" in text
    assert "Alignment: import." in text and "## Dropped segments: 0" in text
    last = WIDTHS[kind]["audio"] - 1
    rows = len(np.load(folder / "test" / "audio.npy"))
    spans = " | ".join(map(str, lengths["test"]["audio"].values()))
    assert f"| test | audio | {rows} | {spans} | {last + 1} | 0 | 5 | 0 | {last}: 5 | 0 |" in text


@pytest.mark.parametrize("target", ["file", "seed"])
def test_errors(target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    where = {"file": ["file"], "seed": ["new", "--seed", "-1"]}[target]
    assert main(["demo-classes", "humor", str(tmp_path / where[0]), *where[1:]]) == 1
    expected = {"file": "expected a folder, got a file", "seed": "expected 0 or more, got -1"}
    assert expected[target] in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def pooled(arrays: Fold, name: str, pool: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """One vector a segment, (n, d); of words how often each occurs."""
    bounds, rows = arrays["offsets"][name], arrays[name]
    if name == "words":
        rows, pool = rows == np.array(VOCABULARY), lambda steps: steps.sum(axis=0)
    spans = itertools.pairwise(bounds)
    return np.stack([pool(np.nan_to_num(rows[begin:end])) for begin, end in spans])


def mean(steps: np.ndarray) -> np.ndarray:
    return steps.mean(axis=0)


def mean_and_slope(steps: np.ndarray) -> np.ndarray:
    slope = np.linspace(-1, 1, len(steps)) @ steps / len(steps)
    return np.concatenate([steps.mean(axis=0), 2 * slope])


def jumps(arrays: Fold) -> np.ndarray:
    """Whether the punchline leaves, and whether it keeps, the topic of its context: (n, 2)."""
    bounds, found = arrays["offsets"]["words"], []
    for begin, end, count in zip(bounds[:-1], bounds[1:], arrays["context"], strict=True):
        topics = [TOPIC_OF.get(word, -1) for word in arrays["words"][begin:end, 0]]
        before, after = set(topics[:count]) - {-1}, set(topics[count:]) - {-1}
        found.append([bool(before) and not before & after, bool(before & after)])
    return np.array(found, dtype=float)


def accuracy(made: dict[str, Fold], features: Callable[[Fold], np.ndarray]) -> float:
    model = LogisticRegression(C=0.3, max_iter=1000)
    model.fit(features(made["train"]), made["train"]["label"][:, 0])
    return model.score(features(made["test"]), made["test"]["label"][:, 0])


@pytest.fixture(scope="module")
def many(kind: str) -> dict[str, Fold]:
    """The same training fold, and a test fold large enough to tell accuracies apart."""
    times = KINDS[kind].folds | {"test": {"humor": 75, "emotion": 20}[kind]}
    return generate(replace(KINDS[kind], folds=times), 0)


def test_fusion_beats_any_single_modality(kind: str, many: dict[str, Fold]) -> None:
    # hcf is read off the words
    names = [name for name in WIDTHS[kind] if name != "hcf"]
    single = [accuracy(many, lambda fold, name=name: pooled(fold, name, mean)) for name in names]
    fusion = accuracy(many, lambda fold: np.hstack([pooled(fold, name, mean) for name in names]))
    low, high = {"humor": (0.68, 0.78), "emotion": (0.45, 0.62)}[kind]
    assert low < min(single) and max(single) < high
    assert fusion > max(single) + {"humor": 0.07, "emotion": 0.17}[kind]
    assert fusion < 0.92
    if kind == "humor":
        words = accuracy(many, lambda fold: np.hstack([pooled(fold, "words", mean), jumps(fold)]))
        assert words > single[0] + 0.04


def test_part_of_the_emotion_lies_in_time() -> None:
    times = KINDS["emotion"].folds | {"test": 20}
    made = generate(replace(KINDS["emotion"], folds=times), 0)
    for name in WIDTHS["emotion"]:
        level = accuracy(made, lambda fold, name=name: pooled(fold, name, mean))
        both = accuracy(made, lambda fold, name=name: pooled(fold, name, mean_and_slope))
        assert both > level + 0.04
