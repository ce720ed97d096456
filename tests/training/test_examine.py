import json

import numpy as np
import pytest
import torch
from making import PIECES, collate, fp32, make, make_rows
from running import copy_project, snakemake

from msa.training.batches import Fold, Ragged
from msa.training.examine import attention, by_word, choose, errors, watched

REGRESSION = {"type": "regression", "targets": ["sentiment"], "range": [-3, 3]}
# [CLS] one two two two [SEP], and so on, each word's row in the fold
WORDS = [[-1, -1], [-1, 0, 1, 1, 1, 2, -1], [-1, 3, 3, -1], [-1], [-1, 4, 5, 5, -1]]


def fold_of(name, side="right", fixed=None, released=False):
    """A fold of pieces with the rows of a case."""
    rows = make_rows(name)
    counts = torch.tensor([len(row["input_ids"]) for row in rows])
    assert counts.tolist() == PIECES
    begins = counts.cumsum(0) - counts
    pieces = [torch.stack([row["input_ids"], row["token_type_ids"]], 1) for row in rows]
    steps = {"text": torch.cat(pieces)}
    steps |= {m: torch.cat([row[m] for row in rows]) for m in ("audio", "vision") if m in rows[0]}
    ragged = {name: Ragged(x, begins, counts, side, fixed) for name, x in steps.items()}
    words = torch.tensor([word for words in WORDS for word in words])
    label = torch.zeros(len(rows), 1)
    return Fold(np.array(list("abcde")), label, ragged, 29, 1, words, released), rows


def reference(model, row):
    """The weights of one segment without padding, step by step."""
    ids = row["input_ids"][None]
    x = model.bert(input_ids=ids, token_type_ids=row["token_type_ids"][None]).last_hidden_state[0]
    text = x @ model.fusion.proj_t.weight[..., 0].T
    audio = row["audio"] @ model.fusion.proj_a.weight[..., 0].T
    text = text / text.pow(2).sum().sqrt().sqrt()
    scores = torch.zeros(len(x), len(x), dtype=torch.float64)
    for i in range(len(x)):
        for j in range(len(x)):
            scores[i, j] = (
                model.fusion.text_weight_1 * max((text[i] * text[j]).sum(), 0)
                + model.fusion.audio_weight_1 * max((audio[i] * audio[j]).sum(), 0)
                + model.fusion.bias
            )
    scores = scores.exp()
    return (scores / scores.sum(1, keepdim=True)).detach().numpy()


@pytest.mark.parametrize("batch_size", [2, 5])
def test_attention_is_that_of_the_segment_alone(batch_size):
    model = make("cm_bert").eval()
    fold, rows = fold_of("cm_bert")
    prediction, seen = watched(model, "attention", fold, fp32(batch_size))
    with torch.no_grad():
        alone = torch.cat([model(collate([row])) for row in rows])
    np.testing.assert_allclose(prediction, alone.float(), rtol=1e-5)
    for i, row in enumerate(rows):
        pieces = len(row["input_ids"])
        whole = seen[i]["attention"]
        np.testing.assert_allclose(whole[:pieces, :pieces], reference(model, row), atol=1e-9)
        assert not whole[:pieces, pieces:].any()  # padding has no weight
        weights, words = attention(fold, i, whole)
        np.testing.assert_allclose(weights.sum(1), 1, atol=1e-12)
        assert words.tolist() == [
            w for n, w in enumerate(WORDS[i]) if w < 0 or w not in WORDS[i][:n]
        ]


@pytest.mark.parametrize(("fixed", "steps"), [(9, 9), (None, max(PIECES))])
def test_padding_on_the_left_as_released(fixed, steps):
    model = make("cm_bert", padding="released").eval()
    fold, _ = fold_of("cm_bert", "left", fixed, released=True)
    _, seen = watched(model, "attention", fold, fp32(5))
    for i, of in enumerate(seen):
        assert of["attention"].shape == (steps, steps)
        np.testing.assert_allclose(attention(fold, i, of["attention"])[0].sum(1), 1, atol=1e-9)


def test_pieces_attended_to_are_summed_and_those_that_attend_averaged():
    weights = np.array(
        [[0.1, 0.2, 0.3, 0.4], [0.5, 0.1, 0.1, 0.3], [0.3, 0.3, 0.3, 0.1], [0, 0, 0, 1]]
    )
    found, words = by_word(weights, np.array([-1, 7, 7, -1]))
    np.testing.assert_allclose(found, [[0.1, 0.5, 0.4], [0.4, 0.4, 0.2], [0, 0, 1]])
    assert words.tolist() == [-1, 7, -1]


@pytest.mark.parametrize("batch_size", [2, 5])
def test_loads_are_shares_of_the_two_largest_gates(batch_size):
    model = make("glomo_bert").eval()
    fold, _ = fold_of("glomo_bert")
    inputs = {"text": [], "audio": [], "vision": []}
    for name, of in inputs.items():
        moe = model.get_submodule(f"moe_{name[0]}")
        moe.register_forward_pre_hook(lambda module, given, of=of: of.append(given[0]))
    _, seen = watched(model, "experts", fold, fp32(batch_size))
    for name, of in inputs.items():
        logits = (torch.cat(of) @ model.get_parameter(f"moe_{name[0]}.w_gate")).detach().numpy()
        for i, scores in enumerate(logits):
            loads = seen[i][name]
            assert loads.sum() == pytest.approx(1) and (loads > 0).sum() == 2
            out = scores.argmin()
            kept = np.exp(np.delete(scores, out))
            assert loads[out] == 0
            np.testing.assert_allclose(np.delete(loads, out), kept / kept.sum())
    assert not model.moe_t._forward_hooks


def test_segments_are_chosen_by_the_error_not_by_the_taste():
    truth = np.array([[1.0], [-3], [2], [0], [2.5]])
    prediction = truth + np.array([[0.3], [-0.1], [0.0], [2], [-1]])
    assert choose(REGRESSION, truth, prediction) == {
        2: ["least error"],
        1: ["lower quartile of the error", "lowest truth"],
        0: ["median error"],
        4: ["upper quartile of the error", "highest truth"],
        3: ["largest error"],
    }
    assert choose(REGRESSION, truth[:1], prediction[:1]).keys() == {0}


def test_the_error_of_classes_is_what_the_true_one_lacks():
    task = {"type": "classification", "targets": ["emotion"], "classes": ["a", "b", "c"]}
    found = errors(task, np.array([[2.0], [0]]), np.log([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]]))
    np.testing.assert_allclose(found, [0.5, 0.9])
    binary = {"type": "binary", "targets": ["happy", "sad"]}
    found = errors(binary, np.array([[1.0, 0]]), np.log([[0.2, 0.8, 0.4, 0.6]]))
    np.testing.assert_allclose(found, [1 - (0.8 + 0.4) / 2])


@pytest.mark.slow
def test_the_workflow_examines_the_first_seed(tmp_path):
    project = copy_project(tmp_path / "project")
    files = [f"results/demo/{model}.segments.json" for model in ("cm_bert", "glomo")]
    (project / "one.yaml").write_text(
        "{device: cpu, seeds: [3], settings: {cm_bert: {epochs: 1}, glomo: {epochs: 1}}}"
    )
    clean = [f"runs/demo/{m}/main/all/3/predictions/clean.npz" for m in ("cm_bert", "glomo")]
    snakemake(project, *files, *clean, "--configfile", "one.yaml")
    for path, kind in zip(files, ("attention", "experts"), strict=True):
        found = json.loads((project / path).read_text())
        assert (found["kind"], found["seed"], found["target"]) == (kind, 3, "all")
        stored = np.load(
            project / "runs/demo" / found["model"] / "main/all/3/predictions/clean.npz"
        )
        ids = stored["test/ids"].tolist()
        assert 5 <= len(found["segments"]) <= 7
        words = np.load(project / "data/demo/test/words.npy").ravel().astype(str)
        bounds = np.load(project / "data/demo/test/offsets.npy")["words"]
        for segment in found["segments"]:
            row = ids.index(segment["id"])
            np.testing.assert_allclose(segment["prediction"], stored["test/prediction"][row])
            said = words[bounds[row] : bounds[row + 1]].tolist()
            if kind == "attention":
                assert segment["words"] == ["[CLS]", *said, "[SEP]"]
                weights = np.array(segment["attention"])
                assert weights.shape == (len(said) + 2,) * 2
                np.testing.assert_allclose(weights.sum(1), 1, atol=1e-4)
            else:
                assert segment["words"] == [" ".join(said)]
                for of in segment["experts"].values():
                    [loads] = of["words"]
                    assert sum(loads) == pytest.approx(1, abs=1e-5)
                    assert len(loads) == len(of["names"]) == 3
