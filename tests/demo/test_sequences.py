"""The demo's files, their planted faults, what each modality tells, and the tiny encoder."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler

from msa.base.errors import InputError
from msa.demo import encoder as demo_encoder
from msa.demo import sequences as demo
from msa.demo.look_alikes import mmsa
from msa.formats import csd
from msa.formats.pickles.unpickle import load

WIDTHS = {"words": 1, "audio": 12, "vision": 8, "labels": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "raw"
    demo.main(argparse.Namespace(out_dir=folder, seed=0))
    return folder


@pytest.fixture(scope="module")
def rows(folder: Path) -> dict[str, dict[str, demo.Rows]]:
    read = {}
    for name in WIDTHS:
        with csd.Sequence(folder / f"{name}.csd") as file:
            read[name] = {v: (file.intervals(v), file.features(v)) for v in file.videos}
    return read


@pytest.fixture(scope="module")
def folds(folder: Path) -> dict[str, list[str]]:
    return json.loads((folder / "folds.json").read_text())


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_same_seed_same_bytes(folder: Path, tmp_path: Path) -> None:
    demo.main(argparse.Namespace(out_dir=tmp_path / "same", seed=0))
    demo.main(argparse.Namespace(out_dir=tmp_path / "other", seed=1))
    assert contents(tmp_path / "same") == contents(folder)
    assert contents(tmp_path / "other")["words.csd"] != contents(folder)["words.csd"]
    assert set(contents(folder)) == {*(f"{name}.csd" for name in WIDTHS), "folds.json"}


@pytest.mark.parametrize("name", WIDTHS)
def test_layout_is_the_sdks(folder: Path, name: str) -> None:
    with h5py.File(folder / f"{name}.csd") as file:
        assert list(file) == [name]
        metadata = file[name]["metadata"]
        assert set(metadata) == set(csd.METADATA_KEYS)
        values = {}
        for key, value in metadata.items():
            assert value.shape == (1,) and h5py.check_string_dtype(value.dtype).length is None
            values[key] = json.loads(value[0])
        assert values["root name"] == name
        assert len(values["dimension names"]) == WIDTHS[name]
        for video in file[name]["data"].values():
            intervals, features = video["intervals"], video["features"]
            assert intervals.shape == (len(features), 2) and intervals.dtype == np.float32
            assert features.shape[1] == WIDTHS[name] and features.compression == "gzip"
            assert features.dtype.kind == "S" if name == "words" else features.dtype == np.float32


def test_folds_are_disjoint_and_leave_one_video_out(
    rows: dict[str, dict[str, demo.Rows]], folds: dict[str, list[str]]
) -> None:
    listed = [video for fold in folds.values() for video in fold]
    assert {fold: len(videos) for fold, videos in folds.items()} == {
        "train": 39,
        "valid": 8,
        "test": 12,
    }
    assert len(listed) == len(set(listed))
    assert set(rows["labels"]) - set(listed) == {"vid60"}


def test_labels_look_like_averaged_annotations(rows: dict[str, dict[str, demo.Rows]]) -> None:
    labels = np.concatenate([features[:, 0] for _, features in rows["labels"].values()])
    assert 650 < len(labels) < 750
    assert np.abs(labels).max() == 3
    np.testing.assert_allclose(labels * 5, np.round(labels * 5), atol=1e-5)
    assert abs(labels.mean()) < 0.3 and 1.2 < labels.std() < 1.9


def test_segments_hold_5_to_20_words(rows: dict[str, dict[str, demo.Rows]]) -> None:
    for video in set(rows["labels"]) - {"vid4", "vid7"}:
        starts, words = rows["words"][video][0][:, 0], rows["words"][video][1][:, 0]
        for start, end in rows["labels"][video][0]:
            inside = words[(starts >= start) & (starts < end)]
            assert 5 <= np.count_nonzero(inside != b"sp") <= 20
    assert any(b"sp" in words for _, words in rows["words"].values())


def test_audio_has_a_constant_and_a_large_column(rows: dict[str, dict[str, demo.Rows]]) -> None:
    audio = rows["audio"]["vid10"][1]
    assert audio[:, demo.AUDIO.index("channel")].std() == 0
    assert 100 < audio[:, demo.AUDIO.index("pitch")].mean() < 300


def test_faults_are_there(rows: dict[str, dict[str, demo.Rows]]) -> None:
    words, audio, vision, labels = rows.values()
    assert set(labels) - set(vision) == {"vid1"} and "vid10" in vision

    def videos_with(test: Callable[[np.ndarray], np.ndarray]) -> set[str]:
        return {video for video, (_, features) in audio.items() if test(features).any()}

    assert videos_with(np.isnan) == {"vid2", "vid48"} and videos_with(np.isneginf) == {"vid3"}
    assert videos_with(np.isposinf) == set()

    for name in ("words", "audio", "vision"):
        unsorted = {v for v, (times, _) in rows[name].items() if (np.diff(times[:, 0]) < 0).any()}
        assert unsorted == {"vid4"}

    empty = {v for v, (times, _) in words.items() if (times[:, 1] <= times[:, 0]).any()}
    assert empty == {"vid5"}
    short = [v for v, (times, _) in labels.items() for start, end in times if end - start < 1e-5]
    assert short == ["vid7"]

    blind = [
        f"{video}[{i}]"
        for video, (times, _) in labels.items()
        for i, (start, end) in enumerate(times)
        if video in vision and end - start > 1e-5
        if not overlapping(vision[video][0], start, end).any()
    ]
    assert blind == ["vid6[1]"]


def overlapping(intervals: np.ndarray, start: float, end: float) -> np.ndarray:
    return (intervals[:, 0] < end - 1e-5) & (intervals[:, 1] > start + 1e-5)


def pooled(
    rows: dict[str, dict[str, demo.Rows]], videos: list[str]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Per segment: bag of words, mean audio, mean vision; and the labels."""
    spoken = np.unique(np.concatenate([words for _, words in rows["words"].values()]))
    features: dict[str, list[np.ndarray]] = {"words": [], "audio": [], "vision": []}
    labels = []
    for video in set(videos) & set(rows["vision"]) - {"vid6", "vid7"}:
        for (start, end), label in zip(*rows["labels"][video], strict=True):
            for name in features:
                intervals, found = rows[name][video]
                found = found[overlapping(intervals, start, end)]
                bag = found == spoken if name == "words" else np.nan_to_num(found, neginf=0)
                features[name].append(bag.sum(0) if name == "words" else bag.mean(0))
            labels.append(label[0])
    return {name: np.array(values) for name, values in features.items()}, np.array(labels)


def test_fusion_beats_each_modality(
    rows: dict[str, dict[str, demo.Rows]], folds: dict[str, list[str]]
) -> None:
    train, labels = pooled(rows, folds["train"])
    test, expected = pooled(rows, folds["test"])
    scale = {name: StandardScaler().fit(train[name]) for name in ("audio", "vision")}

    def scores(*names: str) -> tuple[float, float]:
        x, y = (
            np.hstack([scale[n].transform(part[n]) if n in scale else part[n] for n in names])
            for part in (train, test)
        )
        guess = RidgeCV(np.logspace(-1, 3, 20)).fit(x, labels).predict(y)
        return np.corrcoef(guess, expected)[0, 1], np.abs(guess - expected).mean()

    corr, error = scores("words", "audio", "vision")
    single = {name: scores(name) for name in train}
    constant = np.abs(expected - labels.mean()).mean()
    assert 0.7 < corr < 0.9
    assert error < 0.7 * constant
    assert min(c for c, _ in single.values()) > 0.35
    assert max(single, key=lambda name: single[name][0]) == "words"
    assert max(c for c, _ in single.values()) < corr - 0.1
    assert error < min(e for _, e in single.values()) - 0.2


def test_bad_arguments_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--seed: expected 0 or more, got -1"):
        demo.main(argparse.Namespace(out_dir=tmp_path, seed=-1))
    with pytest.raises(InputError, match="folds.json: expected a folder, got a file"):
        demo.main(argparse.Namespace(out_dir=folder / "folds.json", seed=0))


def encode(words: Path, out: Path, width: int = 32) -> None:
    demo_encoder.main(argparse.Namespace(words=words, out_dir=out, seed=0, width=width, pieces=300))


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Path:
    encode(folder / "words.csd", folder.parent / "encoder")
    return folder.parent / "encoder"


def test_encoder_has_the_same_bytes_in_another_process(
    folder: Path, encoder: Path, tmp_path: Path
) -> None:
    # another process has other hash seeds, which the tokenizer's training would show
    command = [sys.executable, "-m", "msa", "demo-encoder"]
    command += [str(folder / "words.csd"), str(tmp_path / "again"), "--width", "32"]
    subprocess.run(command, check=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    assert contents(tmp_path / "again") == contents(encoder)


def test_encoder_loads_and_tells_words_apart(
    encoder: Path, rows: dict[str, dict[str, demo.Rows]]
) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(encoder, local_files_only=True)
    model = AutoModel.from_pretrained(encoder, local_files_only=True).eval()
    words = sorted(
        {w.decode() for _, cells in rows["words"].values() for w in cells[:, 0]} - {"sp"}
    )
    batch = tokenizer([[word] for word in words], is_split_into_words=True)
    places = [batch.word_ids(i) for i in range(len(words))]
    assert all(set(found) == {None, 0} for found in places)
    counts = {len(found) - 2 for found in places}  # without [CLS] and [SEP]
    assert min(counts) == 1 and max(counts) > 1
    assert not any(tokenizer.unk_token_id in ids for ids in batch["input_ids"])
    sentence = tokenizer(words[:40], is_split_into_words=True)
    assert set(sentence.word_ids()) == {None, *range(40)}
    assert tokenizer.tokenize("GOOD") == tokenizer.tokenize("good")

    def vectors(text: str) -> torch.Tensor:
        with torch.no_grad():
            return model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]

    assert tokenizer.tokenize("the good a") == ["the", "good", "a"]
    the, good = vectors("the good a")[1:3]
    later = vectors("a the i good")[4]
    assert good.shape == (32,)
    assert torch.cosine_similarity(good, later, dim=0) > 0.9
    assert torch.cosine_similarity(good, the, dim=0) < 0.6


def test_encoder_leaves_torchs_seed_alone(folder: Path, tmp_path: Path) -> None:
    import torch

    (tmp_path / "wide").mkdir()  # an empty folder is no obstacle
    before = torch.random.get_rng_state()
    encode(folder / "words.csd", tmp_path / "wide", width=48)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert json.loads((tmp_path / "wide" / "config.json").read_text())["hidden_size"] == 48


def test_encoder_of_a_circulating_file_knows_its_letters(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    path = mmsa.write(tmp_path, np.random.default_rng(0), dataset="sims")
    encode(path, tmp_path / "encoder")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "encoder", local_files_only=True)
    for text in load(path)["test"]["raw_text"].tolist():
        assert tokenizer.tokenize(text) == [*text]


def test_encoder_refuses_bad_input(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="audio.csd: expected words .* got numbers"):
        encode(folder / "audio.csd", tmp_path / "out")
    with pytest.raises(InputError, match="--width: expected an even number .* got 33"):
        encode(folder / "words.csd", tmp_path / "out", width=33)
    with pytest.raises(InputError, match="expected a new folder or an encoder to replace"):
        encode(folder / "words.csd", folder)
    with pytest.raises(InputError, match="expected a new folder or an encoder to replace"):
        encode(folder / "words.csd", folder / "folds.json")
    assert list(tmp_path.iterdir()) == []
