import re
from dataclasses import replace

import pytest
from running import ROOT

from msa.base.errors import InputError
from msa.config.check import configure, load
from msa.config.encoders import cutting_encoder, text_encoder
from msa.config.fits import misfit, require
from msa.config.flags import folds_flags, task_flags
from msa.config.layers import merge
from msa.config.references import published_as
from msa.config.settings import run_settings, targets
from msa.config.sources import checked_sources, data_sources, folds_source, missing_files
from msa.config.studies import ablated, retrained, robustness
from msa.training.network import outputs_of

BASE = {"datasets": ["demo"], "models": ["lmf"], "seeds": [1]}
OWN = {
    "sequences": {"words": "my/words.csd", "audio": "my/audio.csd", "labels": "my/labels.csd"},
    "align": "words",
    "folds": "my/folds.json",
    "task": {"type": "regression", "targets": ["sentiment"], "range": [-3, 3]},
    "encoder": "my/encoder",
}


def refusal(changes):
    with pytest.raises(InputError) as caught:
        configure(merge(BASE, changes))
    return str(caught.value)


def own(**changes):
    return {"recipes": {"mine": merge(OWN, changes)}}


@pytest.fixture
def my_encoder(tmp_path, monkeypatch):
    """A folder my/encoder of the working directory, with all that is looked at."""
    folder = tmp_path / "my/encoder"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "bert"}')
    (folder / "model.safetensors").write_bytes(b"")
    (folder / "tokenizer.json").write_text('{"added_tokens": [{"content": "[CLS]"}]}')
    monkeypatch.chdir(tmp_path)
    return folder


def test_own_files_that_are_not_there_are_named_once(my_encoder):
    recipes = {"recipes": {"mine": OWN, "again": {"extends": "mine", "align": "labels"}}}
    config = configure(merge(BASE, recipes, {"datasets": ["demo", "mine", "again"]}))
    for name in ("my/audio.cds", "my/labels.csd", "my/folds.json"):
        (my_encoder.parents[1] / name).touch()
    assert missing_files(config) == [
        "recipe mine: my/words.csd: no such file",
        'recipe mine: my/audio.csd: no such file; did you mean "my/audio.cds"?',
    ]
    for path, source in checked_sources(config).items():
        if source.path.endswith(".csd"):  # seen once, and gone
            my_encoder.parents[1].joinpath(path).parent.mkdir(parents=True, exist_ok=True)
            my_encoder.parents[1].joinpath(f"{path}.sha256").touch()
    assert missing_files(config) == []


def test_the_default_configuration_and_catalogue_are_valid():
    config = load([ROOT / "config.yaml"])
    catalogue = {"mosi", "mosei", "mosi_direct", "mosei_direct", "mosi_unaligned"}
    assert catalogue | {"mosei_unaligned", "pom", "demo"} <= set(config.recipes)


def test_all_problems_at_once_with_the_nearest_name():
    text = refusal({"sedes": [1], "seeds": ["one"], "paths": {"dta": "d"}})
    assert "the configuration has 3 problems" in text
    assert 'config: unknown key "sedes"; did you mean "seeds"?' in text
    assert "config: seeds: 0: expected integer, got 'one' (str)" in text
    assert 'config: paths: unknown key "dta"; did you mean "data"?' in text


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"datasets": ["mosy"]}, 'unknown data set "mosy"; did you mean "mosi"?'),
        ({"models": ["nhfent"]}, 'unknown model "nhfent"; did you mean "nhfnet"?'),
        ({"settings": {"nhfne": {}}}, 'settings: unknown model "nhfne"; did you mean "nhfnet"?'),
        ({"settings": {"dmo/lmf": {}}}, 'unknown data set "dmo"; did you mean "demo"?'),
        (
            {"settings": {"lmf": {"optimizer": {"lrr": 1}}}},
            'config: settings: lmf: optimizer: unknown key "lrr"; did you mean "lr"?',
        ),
        ({"settings": {"lmf": {"epochs": 0}}}, "config: settings: lmf: epochs: 0 is less than"),
        (
            {"settings": {"lmf": {"optimizer": {"groups": {"factorlr": 0.1}}}}},
            'config: settings: lmf: optimizer: groups: unknown key "factorlr"; did you mean',
        ),
        (
            {"settings": {"mosi/nhfnet": {"optimizer": {"groups": {"factor_lr": 0.1}}}}},
            'settings: mosi/nhfnet: optimizer: groups: unknown key "factor_lr"; known: []',
        ),
        (
            {"settings": {"demo/lmf": {"architecture": {"rnak": 3}}}},
            'config: settings: demo/lmf: architecture: unknown key "rnak"; did you mean "rank"?',
        ),
        (
            {"search": {"nhfnet": {"space": {"architecture.layrs": [1, 2]}}}},
            'config: search: nhfnet: architecture: unknown key "layrs"; did you mean "layers"?',
        ),
        (
            {"encoders": {"bert-base-uncased": "my/nosuch"}},
            "encoders: bert-base-uncased: expected a folder with an encoder, my/nosuch is none",
        ),
        (
            {"recipes": {"mine": {"extends": "demo", "encoder": "/usr/encodr"}}},
            'recipe mine: encoder: expected a folder, or a name on the hub, got "/usr/encodr"',
        ),
        (
            {"recipes": {"mine": {"extends": "demo", "clean": {"standardize": ["glove"]}}}},
            "recipe mine: clean: standardize: expected some of ['words', 'audio', 'vision'], got",
        ),
        (
            {"search": {"lmf": {"space": {"optimizer.groups.factorlr": [0.1]}}}},
            'config: search: lmf: optimizer: groups: unknown key "factorlr"; did you mean',
        ),
        (
            {"settings": {"lmf": {"loss": "cross_entropy"}}},
            "config: settings: lmf: loss: on demo, a regression, expected one of "
            """['l1', 'mse', 'half_mse'], got "cross_entropy"; known: """,
        ),
        (
            {"datasets": ["demo_emotion"], "settings": {"demo_emotion/lmf": {"loss": "l1"}}},
            "config: settings: demo_emotion/lmf: loss: on demo_emotion, a classification, "
            """expected one of ['cross_entropy'], got "l1"; known: """,
        ),
        (
            {"datasets": ["demo_emotion"], "settings": {"lmf": {"selection": "mse"}}},
            """selection: on demo_emotion, a classification, expected one of ['loss', 'last'], """
            """got "mse"; known: """,
        ),
        (own(align="word"), """expected one of ['words', 'labels', 'none'], got "word"; did you"""),
        (own(sequences={"lables": "x"}), 'unknown key "lables"; did you mean "labels"?'),
        (
            own(extends="mosii"),
            'recipe mine: extends: unknown recipe "mosii"; did you mean "mosi"?',
        ),
        (own(task={"targets": ["a", "b"], "columns": [0]}), "expected a column for each of 2"),
        (
            own(task={"present": {"above": 0}}),
            "recipe mine: task: present: only with type: binary, got type: regression",
        ),
        (
            own(task={"type": "binary", "targets": ["all", "a"], "present": {"above": 0}}),
            "recipe mine: task: targets: all is the name of the means over all targets",
        ),
        (own(task={"type": "binary", "beyond": "clip"}), "beyond: clip: needs the key range"),
        (own(task={"beyond": "cilp"}), """got "cilp"; did you mean "clip"?"""),
        (own(task={"present": 0}), "recipe mine: task: present: expected object"),
        ({"recipes": {"mine": {"align": "words"}}}, 'recipe mine: the key "task" is missing'),
        (
            {"recipes": {"mine": {"extends": "cherma", "files": {"a/b.json": {}}}}},
            "recipe mine: files: 'a/b.json' does not match '^[^/]+$'",
        ),
        (
            {"recipes": {"mine": {"task": OWN["task"]}}},
            'recipe mine: the key "folds" is missing',
        ),
        (own(folds={"fiel": "x"}), 'recipe mine: folds: unknown key "fiel"; did you mean "file"?'),
        (
            {"recipes": {"mine": {**OWN, "folds": {"allow_missing": True}}}},
            'recipe mine: folds: the key "file" is missing',
        ),
    ],
)
def test_refusals(changes, expected):
    assert expected in refusal(changes)


def test_a_file_of_folds_is_a_word_or_a_key_and_a_later_recipe_may_add_to_it():
    later = {"extends": "mine", "folds": {"allow_missing": True}}
    config = configure(merge(BASE, own(), {"recipes": {"later": later}}))
    assert config.recipes["mine"]["folds"] == {"file": "my/folds.json"}
    assert folds_flags(config.recipes["later"]) == "--allow-missing"
    assert folds_source(config, "later").path == "my/folds.json"
    assert folds_flags(config.recipes["mosi"]) == "--official"


def test_what_split_and_import_data_are_told_of_labels():
    recipes = configure(BASE).recipes
    assert task_flags(recipes["mosei"]) == "--columns 0 --range -3 3"
    assert task_flags(recipes["iemocap_mult"]) == "--columns 0 1 2 3"
    emotions = "--columns 1 2 3 4 5 6 --range 0 3 --above 0 --beyond clip"
    assert task_flags(recipes["mosei_emotion"]) == emotions
    mine = configure(merge(BASE, own(task={"type": "binary", "beyond": "drop"}))).recipes["mine"]
    assert task_flags(mine).endswith(" --classes 2 --beyond drop")


def test_emotions_have_two_logits_each_and_settings_of_their_own():
    config = configure(BASE)
    for model in ("lmr_cbt", "lmf"):
        settings = run_settings(config, "mosei_emotion", model, 1)
        assert outputs_of(settings["task"]) == 12 and settings["label_columns"] == [*range(6)]
        assert settings["hyperparameters"]["loss"] == "cross_entropy"
        assert (settings["settings"], settings["target"]) == ("adapted", "all")
    assert run_settings(config, "mosei_emotion", "lmr_cbt", 1)["hyperparameters"]["lengths"] == {
        **{"text": 50, "audio": 50, "vision": 50}
    }
    # no published figure of its sentiment stands beside them
    assert published_as(config, "mosei_emotion") == ("mosei_emotion", "")


def test_a_recipe_names_a_reference_or_gives_its_own():
    for cite in ("zadeh2016mosi", "@misc{me, title={Mine}}", "\n  @misc{me,\n title={Mine}}\n"):
        config = configure(merge(BASE, own(cite=cite)))
        assert config.recipes["mine"]["cite"] == cite
    others = {"recipes": {"mine": OWN | {"cite": "zadeh2016mois"}, "again": {"extends": "mine"}}}
    text = refusal(merge(others, {"recipes": {"other": OWN | {"cite": "me et al.", "aling": 1}}}))
    assert "the configuration has 3 problems" in text
    where = "cite: expected a key of references.bib or a BibTeX entry, got"
    assert f'recipe mine: {where} "zadeh2016mois"; did you mean "zadeh2016mosi"?' in text
    assert f'recipe other: {where} "me et al."; known: ' in text
    assert "recipe other: cite: expected string" in refusal(
        {"recipes": {"other": {**OWN, "cite": 2016}}}
    )


def test_words_are_needed_where_they_are_used():
    recipe = merge(OWN, {})
    del recipe["sequences"]["words"]
    text = refusal({"recipes": {"mine": recipe}})
    assert "recipe mine: align: words needs a sequence that plays words, got ['audio']" in text
    assert "recipe mine: encoder: needs a sequence that plays words" in text


def test_a_regression_needs_its_range():
    recipe = merge(OWN, {})
    del recipe["task"]["range"]
    assert "a regression needs its range" in refusal({"recipes": {"mine": recipe}})


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ({"metrics": "sims"}, "sims is of labels in [-1, 1], got the range [-3, 3]; correct one"),
        ({"metrics": "sentiment7", "range": [-5, 5]}, "sentiment7 is of labels in [-3, 3], got"),
        ({"metrics": "simms"}, 'got "simms"; did you mean "sims"?'),
        ({"metrics": "sims", "type": "binary"}, "metrics: of a regression alone, got a binary"),
    ],
)
def test_scores_that_are_not_of_the_labels(task, expected):
    assert expected in refusal(own(task=task))


@pytest.mark.parametrize(
    ("metrics", "span"),
    [("sims", [-1, 1]), ("sims", [0, 1.0]), ("sentiment7", [-2, 2]), ("rounded", [1, 7])],
)
def test_scores_that_are_of_the_labels(metrics, span):
    config = configure(merge(BASE, own(task={"metrics": metrics, "range": span})))
    assert run_settings(config, "mine", "mean", 1)["task"]["metrics"] == metrics


def test_text_without_spaces_is_cut_where_the_recipe_says_so_or_is_ones_own():
    mine = {"align": "none", "encoder": "bert-base-uncased"}
    recipes = {"mine": merge(OWN, mine), "spaced": {"extends": "mine", "spaces": True}}
    config = configure(merge(BASE, {"recipes": recipes}))
    for name, expected in {
        "mine": "bert-base-uncased",
        "spaced": None,
        "mosi_unaligned": None,
        "sims": "bert-base-chinese",
        "sims_v2": "bert-base-chinese",
    }.items():
        encoder = cutting_encoder(config, name)
        assert (encoder and encoder.name) == expected


def test_a_misfit_names_what_fits():
    recipe = merge(OWN, {"encoder": None})
    with pytest.raises(InputError) as caught:
        configure(
            merge(BASE, {"datasets": ["mine"], "models": ["nhfnet"], "recipes": {"mine": recipe}})
        )
    text = str(caught.value)
    assert (
        "nhfnet cannot run on mine: it offers text as words without an encoder, not as features"
        in text
    )
    assert "On mine fit: mean" in text
    assert "nhfnet fits: cherma, demo, demo_emotion, demo_humor, iemocap_lmf" in text


def test_a_model_may_need_the_labels_of_single_modalities():
    config = configure(BASE)
    lmf = config.models["lmf"]
    needs = {**lmf["needs"], "labels": ["text", "audio"]}
    config = replace(config, models={**config.models, "lmf": {**lmf, "needs": needs}})
    assert run_settings(config, "sims", "lmf", 1)["unimodal"] == ["text", "audio"]
    assert misfit(config, "sims", "lmf") is None
    assert "it has no labels of text and audio alone" in misfit(config, "demo", "lmf")
    # the settings of others are what they were
    assert "unimodal" not in run_settings(config, "sims", "nhfnet", 1)


def test_a_missing_modality_is_no_misfit():
    config = configure(merge(BASE, own()))
    settings = run_settings(config, "mine", "nhfnet", 1)
    assert settings["forms"] == {"text": "features", "audio": "audio", "vision": None}
    assert settings["missing"] == ["vision"]


def test_extending_shares_the_raw_files():
    config = configure(BASE)
    assert data_sources(config, "mosi_direct") == data_sources(config, "mosi")
    assert data_sources(config, "mosi")["audio"].path == "data/mosi/raw/CMU_MOSI_COVAREP.csd"
    assert config.recipes["mosi_direct"]["align"] == "labels"


def raw(sequences, **changes):
    """The raw files of a recipe with these sequences, without their common folder."""
    recipe = {"labels": "http://h/labels.csd", **sequences}
    config = configure(merge(BASE, own(sequences=recipe, **changes)))
    found = {name: of.path for name, of in data_sources(config, "mine").items() if of.kind == "raw"}
    assert len(set(found.values())) == len(found)
    return {name: path.removeprefix("data/mine/raw/") for name, path in found.items()}


@pytest.mark.parametrize(
    ("audio", "vision", "names"),
    [
        ("http://h/a.csd", "http://h/v.csd?dl=1", ["a.csd", "v.csd"]),
        ("http://h/vision.csd", "http://h/audio.csd", ["vision.csd", "audio.csd"]),
        ("http://h/a/f.csd", "http://h/v/f.csd", ["audio-fc32843e.csd", "vision-1833c76c.csd"]),
        ("http://h/vision.csd", "http://h/view", ["vision.csd", "vision-754ba9a0.csd"]),
        ("https://drive.google.com/uc?id=1", {}, ["audio-b2a6c021.csd", "vision.csd"]),
        ({"url": ["http://h/a.csd", "http://i/b.csd"]}, "http://h/b.csd", ["a.csd", "b.csd"]),
        (
            "hf://datasets/o/n@main/d/a.csd",
            {"url": "hf://datasets/o/n@1/v.csd"},
            ["a.csd", "v.csd"],
        ),
    ],
)
def test_two_files_never_share_a_name(audio, vision, names):
    found = raw({"audio": audio, "vision": vision})
    assert found == {"labels": "labels.csd", "audio": names[0], "vision": names[1]}


def test_a_file_of_the_hub_has_a_revision():
    files = {"audio": "hf://datasets/o/n/a.csd", "vision": {"url": ["hf://o/n@main/v.csd"]}}
    with pytest.raises(InputError) as caught:
        raw(files)
    for url in ("hf://datasets/o/n/a.csd", "hf://o/n@main/v.csd"):
        expected = f"mine: expected hf://datasets/OWNER/NAME@REVISION/FILE, got {url}"
        assert expected in str(caught.value)


def test_another_address_is_another_file():
    first, second = (
        raw({"audio": f"https://drive.google.com/file/d/{number}/view"})["audio"]
        for number in (1, 2)
    )
    assert first != second


def test_another_file_than_the_base_recipe_has_lies_elsewhere():
    """Of the same name, from another server."""
    audio = "http://elsewhere/CMU_MOSI_COVAREP.csd"
    recipes = {"mine": {"extends": "mosi", "sequences": {"audio": audio}}}
    recipes["ours"] = {"extends": "mine", "align": "none"}
    recipes["files"] = {"extends": "mosi_cmbert", "files": {"dev.tsv": {"url": "http://h/dev.tsv"}}}
    config = configure(merge(BASE, {"recipes": recipes}))
    mosi, mine = data_sources(config, "mosi"), data_sources(config, "mine")
    assert mine["audio"].path == "data/mine/raw/CMU_MOSI_COVAREP.csd"
    assert {name for name in mosi if mosi[name] != mine[name]} == {"audio"}
    assert data_sources(config, "ours") == mine
    # a layout of several files is read from one folder
    assert {of.path.rpartition("/")[0] for of in data_sources(config, "files").values()} == {
        "data/files/raw"
    }


def test_every_encoder_of_the_hub_has_a_folder_of_its_own():
    """Also two of one last name, and two commits of one encoder."""

    def folder(name, **given):
        given = merge(BASE, own(encoder=name), {"encoders": {name: given}})
        return text_encoder(configure(given), "mine").folder

    found = [folder(name) for name in ("google/bert-tiny", "prajjwal1/bert-tiny", "bert-tiny")]
    found += [folder("bert-tiny", revision=commit) for commit in ("a" * 40, "b" * 40, "refs/pr/1")]
    assert found == [
        "data/encoders/google--bert-tiny",
        "data/encoders/prajjwal1--bert-tiny",
        "data/encoders/bert-tiny",
        f"data/encoders/bert-tiny@{'a' * 40}",
        f"data/encoders/bert-tiny@{'b' * 40}",
        "data/encoders/bert-tiny@refs--pr--1",
    ]


def test_published_settings_say_so_and_changed_ones_too():
    config = configure(BASE)
    published = run_settings(config, "mosei_direct", "nhfnet", 20)
    assert (published["settings"], published["hyperparameters"]["epochs"]) == ("published", 10)
    assert "main_msaf.py" in published["source"]
    assert run_settings(config, "mosei", "nhfnet", 20)["settings"] == "adapted"
    changed = configure(merge(BASE, {"settings": {"nhfnet": {"epochs": 3}}}))
    settings = run_settings(changed, "mosei_direct", "nhfnet", 20)
    assert (settings["settings"], settings["source"]) == ("adapted", None)
    assert settings["hyperparameters"]["epochs"] == 3


def test_lengths_are_the_authors_only_where_they_were_made_for_the_data():
    """Elsewhere they would cut most of a long segment; what the user sets wins everywhere."""
    given = {"lengths": {"vision": 9, "text": None}}
    config = configure(merge(BASE, {"settings": {"mosei_unaligned/nhfnet": given}}))
    lengths = {
        name: run_settings(config, *name.split("/"), 1)["hyperparameters"]["lengths"]
        for name in ("mosei_direct/nhfnet", "demo/nhfnet", "mosi_unaligned/nhfnet", "mosi/lmf")
    }
    authors = {"text": 50, "audio": 50, "vision": 50}
    assert lengths["mosei_direct/nhfnet"] == lengths["demo/nhfnet"] == authors
    assert lengths["mosi_unaligned/nhfnet"] == dict.fromkeys(authors, "95%")
    # what a system reads whole is read whole of every data set
    assert lengths["mosi/lmf"] == {"text": "95%", "audio": None, "vision": None}
    changed = run_settings(config, "mosei_unaligned", "nhfnet", 1)["hyperparameters"]["lengths"]
    assert changed == {"text": None, "audio": "95%", "vision": 9}


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("config.json", None, "no config.json"),
        ("config.json", "{}", 'config.json does not say which model it is; of BERT add "model_typ'),
        ("config.json", "{", "config.json is no JSON"),
        ("model.safetensors", None, "no model.safetensors or pytorch_model.bin"),
        ("tokenizer.json", None, "neither tokenizer.json nor a vocabulary"),
        *(
            (
                name,
                "version https://git-lfs.github.com/spec/v1\noid sha256:4d",
                f"in place of {name}",
            )
            for name in ("config.json", "model.safetensors", "tokenizer.json")
        ),
    ],
)
def test_an_encoder_that_is_not_whole_is_refused_before_anything_runs(
    name, content, expected, my_encoder
):
    configure(merge(BASE, own()))
    (my_encoder / name).write_text(content or "")
    if content is None:
        (my_encoder / name).unlink()
    for changes in (own(), {"encoders": {"bert-base-uncased": "my/encoder"}}):
        assert expected in refusal(changes)


def test_shards_of_weights_may_be_pointers_too(my_encoder):
    (my_encoder / "model.safetensors").rename(my_encoder / "model.safetensors.index.json")
    configure(merge(BASE, own()))
    (my_encoder / "model-00002-of-00002.safetensors").write_text("version https://git-lfs")
    assert "in place of model-00002-of-00002.safetensors" in refusal(own())


@pytest.mark.parametrize("name", ["gone/a/b", "./gone", "~/gone", "/gone/encoder", "my/gone"])
def test_what_can_only_be_a_folder_and_is_none(name, my_encoder):
    assert "recipe mine: encoder: expected a folder, or a name on the hub" in refusal(
        own(encoder=name)
    )


def test_a_model_that_reads_words_needs_an_encoder_with_marks(my_encoder):
    """GPT-2's and T5's have none."""
    asked = merge(own(), {"datasets": ["mine"], "models": ["cm_bert"]})
    configure(merge(BASE, asked))
    (my_encoder / "tokenizer.json").write_text('{"added_tokens": [{"content": "</s>"}]}')
    assert "its encoder my/encoder has no [CLS] and [SEP]" in refusal(asked)
    configure(merge(BASE, asked, {"models": ["nhfnet"]}))


def test_paths_are_written_out_as_a_shell_does(my_encoder, monkeypatch):
    monkeypatch.setenv("HOME", str(my_encoder.parents[1]))
    monkeypatch.setenv("DISK", "/disk")
    home = my_encoder.parents[1]
    paths = {"paths": {"data": "$DISK/data", "results": "~/results"}}
    changes = own(
        encoder="~/my/encoder",
        folds="${HOME}/folds.json",
        sequences={"words": "~/words.csd", "audio": "https://host/~me/$audio.csd"},
    )
    config = configure(merge(BASE, paths, changes))
    assert text_encoder(config, "mine").folder == f"{home}/my/encoder"
    assert config.recipes["mine"]["folds"] == {"file": f"{home}/folds.json"}
    for key, more in (("file", {}), ("speakers", {"by": "speaker"})):
        dealt = configure(merge(BASE, changes, own(folds={key: "~/f.csv", **more})))
        assert dealt.recipes["mine"]["folds"][key] == f"{home}/f.csv"
    sources = data_sources(config, "mine")
    assert sources["words"].path == f"{home}/words.csd"
    assert sources["audio"].urls == ("https://host/~me/$audio.csd",)
    assert (config.path("data"), config.path("results")) == ("/disk/data", f"{home}/results")
    config = configure(merge(BASE, {"encoders": {"bert-base-uncased": "$HOME/my/encoder"}}))
    assert text_encoder(config, "mosi").folder == f"{home}/my/encoder"


def test_a_variable_or_a_user_that_is_not_there(my_encoder):
    text = refusal(merge(own(folds="$NO_SUCH/f.json"), {"paths": {"data": "~nobody_here/data"}}))
    assert 'recipes: mine: folds: expected a path, got "$NO_SUCH/f.json": $NO_SUCH stands' in text
    assert "config: paths: data: expected a path" in text and "~nobody_here stands" in text


@pytest.mark.parametrize("other", ["my/encoder", {"revision": "main"}])
def test_another_encoder_is_not_what_was_published(other, my_encoder):
    config = configure(merge(BASE, {"encoders": {"bert-base-uncased": other}}))
    for dataset, model in (("mosi_mag", "glomo"), ("mosei_direct", "nhfnet")):
        settings = run_settings(config, dataset, model, 1)
        assert (settings["settings"], settings["source"]) == ("adapted", None)
    # reads GloVe, no encoder
    assert run_settings(config, "mosi", "lmr_cbt", 1)["settings"] == "published"


def test_a_loss_is_checked_where_it_is_used():
    given = {"settings": {"lmf": {"loss": "l1"}, "demo_emotion/lmf": {"loss": "cross_entropy"}}}
    config = configure(merge(BASE, given, {"datasets": ["demo", "demo_emotion"]}))
    require(config, "demo", "lmf")
    # of a target that is not in the list of data sets as well
    with pytest.raises(InputError, match=r"settings: lmf: loss: on iemocap_lmf, a binary, expec"):
        require(config, "iemocap_lmf", "lmf")
    # a recipe's own loss is for regression, and gives way
    hyper = run_settings(configure(BASE), "demo_emotion", "nhfnet", 1)["hyperparameters"]
    assert (hyper["loss"], hyper["selection"]) == ("cross_entropy", "loss")


def test_settings_of_one_data_set_win():
    config = configure(merge(BASE, {"settings": {"lmf": {"epochs": 3}, "demo/lmf": {"epochs": 4}}}))
    assert run_settings(config, "demo", "lmf", 1)["hyperparameters"]["epochs"] == 4
    assert run_settings(config, "mosi", "lmf", 1)["hyperparameters"]["epochs"] == 3


def test_one_model_a_target_where_it_was_published_so():
    traits = {"recipes": {"pom_lmf": {"extends": "pom"}}}
    config = configure(merge(BASE, traits))
    names = targets(config, "pom_lmf", "lmf")
    assert (len(names), targets(config, "pom", "lmf")) == (16, ["all"])
    hyper = run_settings(config, "pom_lmf", "lmf", 1, "nervous")["hyperparameters"]
    assert (hyper["batch_size"], hyper["architecture"]["rank"]) == (64, 8)
    assert hyper["optimizer"]["groups"] == {"factor_lr": 0.003}
    # the joint network is trained, its own trait reported
    assert run_settings(config, "pom_lmf", "lmf", 1, "nervous")["task"]["targets"] == names


def test_a_binary_target_of_its_own():
    emotions = ["neutral", "happy", "sad", "angry"]
    recipe = merge(OWN, {"task": {"type": "binary", "targets": emotions}})
    config = configure(merge(BASE, {"recipes": {"iemocap_lmf": recipe}}))
    settings = run_settings(config, "iemocap_lmf", "lmf", 1, "sad")
    assert settings["task"]["targets"] == ["sad"]
    assert settings["label_columns"] == [2]
    assert settings["hyperparameters"]["loss"] == "cross_entropy"
    assert run_settings(config, "iemocap_lmf", "lmr_cbt", 1)["label_columns"] == [0, 1, 2, 3]


def test_modalities_are_removed_by_model_or_by_all():
    def removed(ablate, dataset, model):
        config = configure(merge(BASE, {"ablate": ablate}))
        return ablated(config, dataset, model), retrained(config, dataset, model)

    every = ["text", "audio", "vision"]
    assert removed(False, "demo", "lmf") == ([], [])
    assert removed(True, "demo", "lmf") == (every, every)
    assert removed({"lmf": ["vision"]}, "demo", "lmf") == (["vision"], ["vision"])
    assert removed({"lmf": True}, "demo", "nhfnet") == ([], [])
    assert removed({"lmf": True, "demo/lmf": ["audio"]}, "demo", "lmf") == (["audio"], ["audio"])
    # nothing is left of CM-BERT without its encoder, nor of a baseline that reads nothing
    assert removed(True, "demo", "cm_bert") == (["text", "audio"], ["audio"])
    assert removed(True, "demo", "mean") == ([], [])


def test_levels_of_robustness():
    def levels(given):
        found = robustness(configure(merge(BASE, {"robustness": given})))
        return found["missing_frames"], found["noise"], found["seed"]

    assert levels(False) == ([], [], 0)
    assert levels(True) == ([0.25, 0.5, 0.75], [1, 2], 0)
    assert levels({"noise": [3], "seed": 7}) == ([0.25, 0.5, 0.75], [3], 7)


def test_a_checkpoint_is_not_retrained():
    config = merge(BASE, {"ablate": True, "settings": {"nhfnet": {"checkpoint": "a.pth"}}})
    assert ablated(configure(config), "demo", "nhfnet") == ["text", "audio", "vision"]
    assert retrained(configure(config), "demo", "nhfnet") == []


def test_a_removed_modality_is_one_that_the_data_lacks():
    config = configure(BASE)
    settings = run_settings(config, "demo", "lmf", 1, without="audio")
    assert settings["forms"] == {"text": "features", "audio": None, "vision": "vision"}
    assert (settings["variant"], settings["missing"]) == ("no-audio", ["audio"])
    assert settings["hyperparameters"] == run_settings(config, "demo", "lmf", 1)["hyperparameters"]
    assert (
        run_settings(config, "mosei_direct", "nhfnet", 1, without="audio")["settings"] == "adapted"
    )
    with pytest.raises(InputError, match="cm_bert on demo cannot be trained without text"):
        require(config, "demo", "cm_bert", "text")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"robustness": {"missing_frames": [1.5]}},
            "robustness: missing_frames: 0: 1.5 is greater",
        ),
        ({"robustness": {"noisse": [1]}}, 'unknown key "noisse"; did you mean "noise"?'),
        ({"robustness": 3}, "config: robustness: expected ['boolean', 'object'], got 3 (int)"),
        (
            {"ablate": ["sound"]},
            "config: ablate: 0: expected one of ['text', 'audio', 'vision', 'hcf']",
        ),
        ({"ablate": {"lmff": True}}, 'config: ablate: unknown model "lmff"; did you mean "lmf"?'),
    ],
)
def test_wrong_studies(given, expected):
    with pytest.raises(InputError, match=re.escape(expected)):
        configure(merge(BASE, given))


def test_not_yaml(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("a: [")
    with pytest.raises(InputError, match="cannot be read as YAML"):
        load([path])


def test_a_context_is_for_models_that_read_words():
    settings = {"text_only": {"context": 2}, "lmf": {"context": 1}}
    config = configure(
        {"datasets": ["demo"], "models": ["text_only"], "seeds": [1], "settings": settings}
    )
    assert run_settings(config, "demo", "text_only", 1)["hyperparameters"]["context"] == 2
    assert run_settings(config, "demo", "cm_bert", 1)["hyperparameters"]["context"] == 0
    with pytest.raises(InputError, match="lmf on demo: context: only for a model that reads words"):
        run_settings(config, "demo", "lmf", 1)


def test_the_encoder_alone_needs_words_and_an_encoder():
    """Neither audio nor vision, and of the words no alignment."""
    config = configure({"datasets": [], "models": [], "seeds": [1]})
    for name in ("mosi", "mosi_unaligned", "mosi_mmsa", "sims", "iemocap_unaligned", "urfunny"):
        recipe = config.recipes[name]
        has = bool(recipe["encoder"]) and "words" in recipe.get("holds", recipe.get("sequences"))
        assert (misfit(config, name, "text_only") is None) == has, name
        if has:
            assert run_settings(config, name, "text_only", 1)["forms"] == {"text": "words"}
    assert "mosi_lmf: it offers text as" in misfit(config, "mosi_lmf", "text_only")
    settings = run_settings(config, "mosi_cmbert", "t_bert", 1)
    assert settings["settings"] == "published"
    assert settings["hyperparameters"]["architecture"] == {
        "pool": "pooler",
        "freeze_embeddings": True,
    }
