"""The ledger of licences behind a data set's results."""

import json

import pytest

from msa.base.errors import InputError
from msa.config.check import configure
from msa.config.fits import require
from msa.config.flags import croissant_flags, licence_flags
from msa.config.licences import EXTRACTORS, NOT_STATED, UNKNOWN, extractors, licences
from msa.extract import opensmile
from msa.extract.extractors import DEFAULTS, extractor_facts

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


VIDEOS = {
    "videos": "clips",
    "labels": "labels.csv",
    "folds": {"by": "video"},
    "task": {"type": "regression", "targets": ["sentiment"], "range": [-3, 3]},
    "licence": "ours",
    "noncommercial": False,
}


def commercial(**changes):
    return configure(BASE | {"licences": "commercial"} | changes)


def refused(**changes):
    """What `licences: commercial` says, a line a problem."""
    with pytest.raises(InputError) as error:
        commercial(**changes)
    lines = str(error.value).splitlines()
    return [line.strip().removeprefix("config: licences: commercial: ") for line in lines]


def test_videos_have_the_licences_of_what_reads_them():
    config = configure(BASE | {"recipes": {"own": VIDEOS}})
    assert said(config, "own") == {
        "data set": ("own", "ours", False),
        "words": ("sphinx", extractors()["sphinx"]["licence"], False),
        "audio": ("lld", "MIT", False),
        "vision": ("mesh", "Apache-2.0", False),
    }
    chosen = {"align": "them/letters", "audio": "them/wavlm", "vision": "my/clip"}
    encoders = {"them/wavlm": {"licence": "MIT", "noncommercial": False}}
    own = {"recipes": {"own": VIDEOS | {"extract": chosen}}, "encoders": encoders}
    assert said(configure(BASE | own), "own") == {
        "data set": ("own", "ours", False),
        "words": ("them/letters", NOT_STATED, None),
        "audio": ("them/wavlm", "MIT", False),
        "vision": ("my/clip", NOT_STATED, None),
    }


def test_the_ledger_says_of_extractors_what_their_own_cards_say():
    keys = {key: name for of in EXTRACTORS.values() for key, name in of.items()}
    assert keys.items() <= DEFAULTS.items()
    for vision in ("mesh", "points"):
        facts = extractor_facts({**DEFAULTS, "vision": vision})
        assert {(f["name"], f["licence"], f["commercial"]) for f in facts.values()} == {
            (name, extractors()[name]["licence"], "yes") for name in ("sphinx", "lld", vision)
        }
    assert extractors()["opensmile"] == {"licence": opensmile.LICENCE, "noncommercial": True}
    assert opensmile.COMMERCIAL == "no"


def test_what_may_be_used_commercially_is_accepted():
    commercial(datasets=["demo", "demo_emotion"], models=["mean"])
    commercial(recipes={"own": VIDEOS}, datasets=["own"])
    # nobody asks for what is in the catalogue alone
    commercial()


def test_what_forbids_commercial_use_is_refused_by_name():
    assert refused(datasets=["mosi"])[1:] == [
        'mosi: data set (mosi): "research use only" forbids commercial use; take it out of '
        "`datasets`, or where its owners allow you more, say so as `licence` and "
        "`noncommercial: false` in a recipe of your own that extends it",
        'mosi: vision (FACET 4.1): the licence is "proprietary (Emotient\'s, sold by iMotions)", '
        "and nobody says whether it allows commercial use; read it, and if it does, say "
        "`noncommercial: false` of vision under `features` in a recipe of your own that extends "
        "it; else take a recipe with another vision",
    ]
    own = VIDEOS | {"extract": {"audio": "opensmile", "asr": "them/whisper"}}
    assert refused(recipes={"own": own}, datasets=["own"])[1:] == [
        'own: words (them/whisper): the licence is "not stated", and nobody says whether it allows '
        "commercial use; read it, and if it does, say `encoders: {them/whisper: {noncommercial: "
        "false}}`; else take another extractor under `extract`",
        'own: audio (opensmile): "audEERING\'s research licence" forbids commercial use; take '
        "another extractor under `extract`",
    ]


def test_what_to_say_of_ones_own():
    own = OWN | {"encoder": "them/encoder"}
    del own["features"]["vision"]["noncommercial"]
    (first, *_, last) = refused(recipes={"own": own}, datasets=["own"])[1:]
    assert first.startswith('own: data set (own): the licence is "not stated", and nobody says')
    assert "say `noncommercial: false` in its recipe; else take it out of" in first
    assert "say `encoders: {them/encoder: {noncommercial: false}}`; else take another" in last
    free = {"licence": "CC0", "noncommercial": False}
    features = {
        name: {"name": "ours", "width": 3} | free for name in ("audio", "vision", "embedding")
    }
    commercial(
        recipes={"own": own | free | {"features": features}},
        datasets=["own"],
        encoders={"them/encoder": free},
    )


def test_a_data_set_that_is_tested_on_or_asked_for_alone_is_refused_too():
    asked = {"train": "demo", "test": ["mosi"]}
    assert "mosi: data set" in refused(datasets=["demo"], models=["mean"], transfer=asked)[1]
    config = commercial(datasets=["demo"], models=["lmf"])
    require(config, "demo", "lmf")
    with pytest.raises(InputError, match=r"mosi: data set \(mosi\): .* forbids commercial use"):
        require(config, "mosi", "lmf")
