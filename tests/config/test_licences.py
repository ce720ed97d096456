"""The ledger of licences behind a data set's results."""

import json

import pytest

from msa.config.check import configure
from msa.config.flags import croissant_flags, licence_flags
from msa.config.licences import NOT_STATED, UNKNOWN, extractors, licences

BASE = {"datasets": [], "models": [], "seeds": [1]}
CONFIG = configure(BASE)
OWN = {
    "import": "mmsa",
    "files": {"own.pkl": "own.pkl"},
    "align": "none",
    "holds": ["words", "embedding", "audio", "vision"],
    "task": {"type": "regression", "targets": ["sentiment"], "range": [-3, 3]},
    "features": {
        "audio": {"name": "COVAREP", "width": 74},
        "vision": {"name": "ours", "width": 3, "licence": "CC BY-NC 4.0", "noncommercial": True},
    },
}


def said(config, dataset):
    """By what, the name, licence and whether it is non-commercial."""
    return {of: tuple(rest) for of, *rest in (e.values() for e in licences(config, dataset))}


@pytest.mark.parametrize("name", CONFIG.catalogue)
def test_every_recipe_of_the_catalogue_says_its_licence(name):
    ledger = licences(CONFIG, name)
    assert ledger[0]["what"] == "data set" and ledger[0]["licence"] != UNKNOWN
    assert all(entry["licence"] != NOT_STATED for entry in ledger)


def test_every_encoder_and_every_extractor_that_a_recipe_names_is_in_a_ledger():
    assert all({"licence", "noncommercial"} <= set(of) for of in CONFIG.pinned.values())
    recipes = [CONFIG.recipes[name] for name in CONFIG.catalogue]
    named = {of["name"] for recipe in recipes for of in recipe.get("features", {}).values()}
    assert named <= set(extractors())
    assert all(set(of) <= {"licence", "noncommercial"} for of in extractors().values())


def test_what_the_catalogue_knows():
    assert said(CONFIG, "sims") == {
        "data set": ("sims", "research use only, as far as known", True),
        "embedding": ("frozen Chinese BERT", "Apache-2.0", False),
        "audio": ("librosa", "ISC", False),
        "vision": ("OpenFace 2", extractors()["OpenFace 2"]["licence"], True),
        "text encoder": ("bert-base-chinese", "Apache-2.0", False),
    }
    # in the catalogue, but nobody here knows what made them
    assert said(CONFIG, "sims_v2")["audio"] == (NOT_STATED, UNKNOWN, None)
    assert said(CONFIG, "demo") == {
        "data set": ("demo", "MIT", False),
        "text encoder": ("demo", "MIT", False),
    }
    assert said(CONFIG, "demo_emotion") == {"data set": ("demo_emotion", "MIT", False)}


def test_what_a_user_says_and_does_not_say(tmp_path):
    config = configure(BASE | {"recipes": {"own": OWN | {"encoder": "them/encoder"}}})
    assert said(config, "own") == {
        "data set": ("own", NOT_STATED, None),
        "embedding": (NOT_STATED, NOT_STATED, None),
        "audio": ("COVAREP", *extractors()["COVAREP"].values()),
        "vision": ("ours", "CC BY-NC 4.0", True),
        "text encoder": ("them/encoder", NOT_STATED, None),
    }
    encoders = {"them/encoder": {"licence": "MIT"}}
    own = OWN | {"encoder": "them/encoder", "licence": "ours", "noncommercial": False}
    config = configure(BASE | {"recipes": {"own": own}, "encoders": encoders})
    assert said(config, "own")["data set"] == ("own", "ours", False)
    assert said(config, "own")["text encoder"] == ("them/encoder", "MIT", None)


def test_what_croissant_is_told_of_a_recipe():
    def about(config, dataset):
        return json.loads(croissant_flags(config, dataset)[1])

    mosei = about(CONFIG, "mosei")
    assert mosei["targets"] == ["sentiment"] and mosei["range"] == [-3, 3]
    assert "{zadeh2018mosei,\n" in mosei["cite"]
    assert mosei["urls"][0].startswith("http://immortal.multicomp.cs.cmu.edu/CMU-MOSEI/")
    assert (
        mosei["urls"][1].startswith("https://huggingface.co/datasets/")
        and "resolve" in (mosei["urls"][1])
    )
    present = about(CONFIG, "mosei_emotion")
    assert present["classes"] == ["absent", "present"] and "range" not in present
    assert about(CONFIG, "cherma")["classes"] == CONFIG.recipes["cherma"]["task"]["classes"]
    own = about(configure(BASE | {"recipes": {"own": OWN | {"cite": "@misc{us,}"}}}), "own")
    assert (own["cite"], own["urls"]) == ("@misc{us,}", [])
    assert "cite" not in about(CONFIG, "demo")


def test_the_folds_of_a_cross_validation_are_the_whole_ones(tmp_path):
    crossed = {"extends": "mosi", "folds": {"by": "video", "k": 2}}
    config = configure(BASE | {"recipes": {"crossed": crossed}})
    assert licence_flags(config, "crossed.fold1") == licence_flags(config, "crossed")
    assert said(config, "crossed")["data set"] == ("crossed", "research use only", True)
