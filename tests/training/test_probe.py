"""Probes: planted data, scikit-learn, and what ridge itself reads and predicts."""

import argparse
import json

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import mean_absolute_error

from msa.base.errors import InputError
from msa.models.padding import sequence
from msa.training.batches import load_fold, with_lengths
from msa.training.network import build, predictions
from msa.training.probe import Rows, add_arguments, losses, main, probe, read_rows
from msa.training.train import fit_closed

REGRESSION = {"type": "regression", "targets": ["sentiment"], "range": [-3, 3]}
CLASSES = {"type": "classification", "targets": ["emotion"], "classes": ["a", "b", "c"]}
BINARY = {"type": "binary", "targets": ["happy", "sad"]}


def planted(task, rows, seed):
    """Text carries the labels, audio is noise, vision is zeros."""
    rng = np.random.default_rng(seed)
    text, audio = rng.normal(size=(rows, 4)), rng.normal(size=(rows, 3))
    signal = text @ np.array([[1.0, -1], [0.5, 1], [0, 1], [0, 0]])
    if task["type"] == "regression":
        label = signal[:, :1] + 0.1 * rng.normal(size=(rows, 1))
    elif task["type"] == "binary":
        label = (signal > 0).astype(float)
    else:
        label = np.digitize(signal[:, :1], [-0.7, 0.7]).astype(float)
    ids = np.array([f"v{i}[0]" for i in range(rows)])
    averages = {"text": text, "audio": audio, "vision": np.zeros((rows, 2))}
    return Rows(ids, label.astype(np.float32), averages)


def folds(task):
    sizes = {"train": 80, "valid": 40, "test": 30}
    return {fold: planted(task, n, i) for i, (fold, n) in enumerate(sizes.items())}


@pytest.mark.parametrize("task", [REGRESSION, BINARY], ids=lambda task: task["type"])
def test_text_carries_all_and_audio_nothing(task):
    made = folds(task)
    probes, left_out = probe(task, made)
    assert [*probes] == ["text", "audio", "all"]
    assert left_out == {"vision": "all zeros"}
    for target in task["targets"]:
        assert probes["text"].carries[target] and probes["all"].carries[target]
    assert not any(probes["audio"].carries.values())
    assert probes["audio"].model.alpha > 100 * probes["text"].model.alpha
    assert probes["text"].outputs["test"].dtype == np.float32
    text, audio = (
        losses(task, probes[name].outputs["test"], made["test"].label) for name in ("text", "audio")
    )
    assert (text.mean(axis=0) < 0.5 * audio.mean(axis=0)).all()


def test_it_is_scikit_learns():
    made = folds(REGRESSION)
    probes, _ = probe(REGRESSION, made)
    x = {name: rows.averages["text"] for name, rows in made.items()}
    center, scale = x["train"].mean(axis=0), x["train"].std(axis=0)
    found = probes["text"]
    model = Ridge(alpha=found.model.alpha).fit((x["train"] - center) / scale, made["train"].label)
    expected = model.predict((x["test"] - center) / scale).reshape(-1, 1)
    np.testing.assert_allclose(found.outputs["test"], expected, atol=1e-5)


def test_classes_are_scikit_learns():
    made = folds(CLASSES)
    probes, _ = probe(CLASSES, made)
    assert {name: of.carries["emotion"] for name, of in probes.items()} == {
        **{"text": True, "audio": False, "all": True}
    }
    found = probes["text"]
    x = {name: rows.averages["text"] for name, rows in made.items()}
    center, scale = x["train"].mean(axis=0), x["train"].std(axis=0)
    model = LogisticRegression(C=1 / found.model.alpha, max_iter=200)
    model.fit((x["train"] - center) / scale, made["train"].label[:, 0])
    chosen = found.outputs["test"].argmax(axis=1)
    assert chosen.tolist() == model.predict((x["test"] - center) / scale).tolist()
    blind = losses(CLASSES, np.zeros((30, 3)), made["test"].label)
    np.testing.assert_allclose(blind, np.full((30, 1), np.log(3)))


def test_one_modality_alone_has_no_all():
    made = {fold: rows._replace(averages={"text": rows.averages["text"]})
            for fold, rows in folds(REGRESSION).items()}  # fmt: skip
    probes, left_out = probe(REGRESSION, made)
    assert [*probes] == ["text"]
    assert left_out == dict.fromkeys(["audio", "vision"], "the data set has none")
    constant = {fold: rows._replace(averages={"audio": np.ones((len(rows.ids), 2))})
                for fold, rows in made.items()}  # fmt: skip
    assert probe(REGRESSION, constant)[0] == {}
    assert probe(REGRESSION, constant)[1]["audio"] == "the same in all training segments"


SETTINGS = {
    **{"dataset": "made", "model": "ridge", "settings": "adapted", "task": REGRESSION},
    **{"label_columns": [1], "forms": {"text": "features", "audio": "audio", "vision": None}},
    "hyperparameters": {
        **{"architecture": {}, "loss": "mse", "batch_size": 64, "precision": "fp32"},
        "lengths": {"text": None, "audio": None, "vision": None},
        **{"sides": {"text": "right", "audio": "right", "vision": "right"}, "columns": {}},
        **{"word_map": "words", "context": 0},
    },
}


def write_folds(folder):
    """Three folds with segments of 0 to 6 words, audio at a rate of its own; labels beside."""
    for number, (fold, n) in enumerate({"train": 40, "valid": 20, "test": 10}.items()):
        rng = np.random.default_rng(number)
        for path in (folder / "data" / fold, folder / "clean" / fold, folder / "features"):
            path.mkdir(parents=True, exist_ok=True)
        counts = {"words": rng.integers(1, 7, n), "audio": rng.integers(0, 9, n)}
        offsets = np.zeros(n + 1, dtype=[("words", "i8"), ("audio", "i8")])
        for name, of in counts.items():
            offsets[name][1:] = np.cumsum(of)
        label = rng.uniform(-3, 3, size=(n, 2))
        text = rng.normal(size=(offsets["words"][-1], 5)) + np.repeat(
            label[:, [1]], counts["words"], axis=0
        )
        audio = rng.normal(size=(offsets["audio"][-1], 3))
        np.save(folder / "data" / fold / "offsets.npy", offsets)
        np.save(folder / "data" / fold / "ids.npy", np.array([f"v{i}[0]" for i in range(n)]))
        np.save(folder / "data" / fold / "label.npy", label)
        np.save(folder / "features" / f"{fold}.npy", text.astype(np.float32))
        np.save(folder / "clean" / fold / "audio.npy", audio.astype(np.float32))
    return folder / "data", folder / "clean", folder / "features"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"lengths": {"text": 2, "audio": "80%", "vision": None}},
        {"lengths": {"text": 3, "audio": 4, "vision": None}, "columns": {"audio": [1, 3]}}
        | {"sides": {"text": "left", "audio": "left", "vision": "left"}},
    ],
    ids=["whole", "cut", "left"],
)
def test_rows_are_what_ridge_reads(tmp_path, changes):
    where = write_folds(tmp_path)
    settings = SETTINGS | {"hyperparameters": SETTINGS["hyperparameters"] | changes}
    for fold in ("train", "test"):
        rows = read_rows(fold, settings, *where)
        whole = load_fold(fold, with_lengths(settings, where[0]), *where)
        batch = whole.batch(torch.arange(len(whole)))
        assert [*rows.averages] == ["text", "audio"]
        for name, found in rows.averages.items():
            expected = sequence(batch, name).mean().numpy()
            np.testing.assert_allclose(found, expected, atol=1e-6)
        np.testing.assert_array_equal(rows.label, batch["label"].numpy())


@pytest.fixture
def made(tmp_path):
    """The folder in which the stage has run."""
    where = write_folds(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run/settings.json").write_text(json.dumps(SETTINGS))
    run(tmp_path, *where)
    return tmp_path


def run(folder, data, clean, features):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    flags = ["--data", data, "--clean", clean, "--features", features]
    arguments = [folder / "run", *flags, "--output", folder / "modalities.json"]
    main(parser.parse_args([*map(str, arguments)]))


def test_all_is_the_baseline_ridge(made):
    where = made / "data", made / "clean", made / "features"
    loaded = {fold: load_fold(fold, SETTINGS, *where) for fold in ("train", "valid", "test")}
    network = build(SETTINGS, loaded["train"])
    fit_closed(network, loaded, SETTINGS["hyperparameters"])
    content = json.loads((made / "modalities.json").read_text())
    assert content["probes"]["all"]["alpha"] == pytest.approx(network.alpha.item())
    with np.load(made / "modalities.npz") as stored:
        expected = predictions(network, loaded["test"], SETTINGS["hyperparameters"])
        np.testing.assert_allclose(stored["test/all"], expected.numpy(), atol=1e-4)


def test_everything_can_be_computed_again(made):
    content = json.loads((made / "modalities.json").read_text())
    assert content["left_out"] == {"vision": "the data set has none"}
    assert content["rows"] == {"train": 40, "valid": 20, "test": 10}
    assert content["forms"] == {"text": "features", "audio": "audio"}
    columns = {name: found["columns"] for name, found in content["probes"].items()}
    assert columns == {"text": 5, "audio": 3, "all": 8}
    with np.load(made / "modalities.npz") as stored:
        for name, found in content["probes"].items():
            for fold in ("valid", "test"):
                again = mean_absolute_error(stored[f"{fold}/truth"], stored[f"{fold}/{name}"])
                stored_mae = found["targets"]["sentiment"][fold]["mae"]
                assert stored_mae == pytest.approx(again, rel=1e-5)


def test_labels_that_do_not_fit(made):
    path = made / "data/train/label.npy"
    where = made / "data", made / "clean", made / "features"
    label = np.load(path)
    np.save(path, label[:, :1])
    with pytest.raises(InputError, match="train/label.npy: expected a column 1 as the settings"):
        run(made, *where)
    label[0] = np.nan
    np.save(path, label)
    with pytest.raises(InputError, match="train/label.npy: truth: expected finite numbers, got 1"):
        run(made, *where)
    with pytest.raises(InputError, match="train: ridge reads audio, but no folder was given"):
        read_rows("train", SETTINGS, made / "data", None, made / "features")
