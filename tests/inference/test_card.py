"""The model card's head and what stands in it of others."""

import yaml

from msa.inference.card import head, plain

CONTENT = {
    "dataset": "mosi",
    "model": "lmf",
    "encoder": {"name": "bert-base-uncased", "revision": "c0ffee"},
    "licences": [{"licence": "research use only"}, {"licence": "Apache-2.0"}],
    "recipe": {"task": {"type": "regression"}},
}
SCORE = {"mean": 0.5, "std": None, "ci95": None}
RESULT = {
    "model": "lmf",
    "variant": "best",
    "targets": {"sentiment": {"mae": SCORE, "f1_non0": SCORE, "corr": SCORE | {"mean": None}}},
    "provenance": {
        "files": [
            {"source": "hf://datasets/someone/mosi@c0ffee/a.csd"},
            {"source": "hf://datasets/someone/mosi@c0ffee/b.csd"},
            {"source": None},
        ]
    },
}


def test_the_head_names_data_encoder_and_licence():
    found = yaml.safe_load(head(CONTENT, RESULT, {"title": "CMU: MOSI"}, {"text": "words"}, []))
    assert found["datasets"] == ["someone/mosi"]
    assert found["base_model"] == "bert-base-uncased"
    assert (found["license"], found["pipeline_tag"]) == ("other", "text-classification")
    assert "language" not in found
    [index] = found["model-index"]
    assert index["name"] == "lmf (best) on mosi"
    [results] = index["results"]
    assert results["dataset"] == {"name": "CMU: MOSI", "type": "mosi", "split": "test"}
    assert [score["type"] for score in results["metrics"]] == ["mae", "f1"]


def test_a_title_stays_a_title():
    assert plain("a | b\n# <script>") == "a \\| b \\# &lt;script&gt;"
