"""A packed system says what it said where it was trained, wherever it is opened."""

import json
import shutil

import pytest
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import model_index_to_eval_results
from running import copy_project, run_stage

from msa.__main__ import main
from msa.base.schema import problems
from msa.data.cleaning import read_cleanings
from msa.inference.pack import say_licences
from msa.inference.packed import read_tensors

MODELS = ("ridge", "lmf", "text_only")


@pytest.fixture(scope="module")
def at_home(trained, tmp_path_factory):
    """What each model predicts for the demo's test fold where it was trained."""
    folder = tmp_path_factory.mktemp("home")
    for model in MODELS:
        predict(trained / f"{model}.json", trained, folder / model, trained / "config.yaml")
    return {model: (folder / model).read_bytes() for model in MODELS}


def predict(run, trained, output, config="nowhere.yaml", status=0):
    arguments = ["--run", run, "--input", trained / "data/demo/test", "--output", output]
    arguments += ["--configfile", config, "--device", "cpu"]
    assert main(["predict", *map(str, arguments)]) == status


def pack(trained, output, *more, model="lmf", status=0):
    arguments = [trained / f"{model}.json", output, "--configfile", trained / "config.yaml", *more]
    assert main(["pack", *map(str, arguments)]) == status
    return output


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("form", ["folder", "zip"])
def test_a_pack_predicts_the_same_bits(model, form, trained, at_home, tmp_path, monkeypatch):
    place = pack(trained, tmp_path / ("out" if form == "folder" else "out.zip"), model=model)
    monkeypatch.chdir(tmp_path)
    predict(place, trained, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == at_home[model]


def test_in_another_clone(trained, at_home, tmp_path):
    """Without a configuration, data or network; from the .zip, unpacked there."""
    packed = pack(trained, tmp_path / "lmf.zip")
    shutil.copytree(trained / "data/demo/test", tmp_path / "input")
    clone = copy_project(tmp_path / "clone")
    (clone / "config.yaml").unlink()
    run_stage("unpack", packed, "lmf", cwd=clone)
    run_stage(
        *("predict", "--run", "lmf", "--input", tmp_path / "input"),
        *("--output", "out.csv", "--device", "cpu"),
        cwd=clone,
    )
    assert (clone / "out.csv").read_bytes() == at_home["lmf"]


def test_what_is_in_it(trained, tmp_path):
    """JSON, safetensors and the card; the cleaning's every bit, and none of the user's folders."""
    out = pack(trained, tmp_path / "out")
    content = json.loads((out / "system.json").read_text())
    assert problems(content, "system.schema.json", "") == []
    assert problems(json.loads((out / "result.json").read_text()), "result.schema.json", "") == []
    files = [path for path in out.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".json", ".safetensors", ".md"}
    assert {str(path.relative_to(out)) for path in files} == {"system.json", *content["files"]}
    assert not [path for path in files if str(trained).encode() in path.read_bytes()]
    kept = read_tensors(out / "cleaning.safetensors", content["cleaning"])
    fitted = read_cleanings(trained / "data/demo/clean/cleaning.npz")
    assert kept.keys() == {"audio", "vision"}
    for name, cleaning in kept.items():
        assert cleaning.policy == fitted[name].policy
        for field in ("center", "deviation"):
            assert vars(cleaning)[field].tobytes() == vars(fitted[name])[field].tobytes()
        for field, values in vars(cleaning.columns).items():
            assert values.tobytes() == vars(fitted[name].columns)[field].tobytes()


def test_a_fine_tuned_encoder_is_stored_once(trained, tmp_path):
    tuned = pack(trained, tmp_path / "tuned", model="text_only")
    assert (tuned / "encoder/shapes.json").is_file()
    assert not (tuned / "encoder/model.safetensors").exists()
    assert (pack(trained, tmp_path / "frozen") / "encoder/model.safetensors").is_file()


def test_training_segments_are_known_by_hashes(trained, tmp_path, capsys):
    out = pack(trained, tmp_path / "out", model="ridge")
    assert "vid" not in (out / "training_ids.json").read_text()
    where = ["--run", out, "--output", tmp_path / "out.csv", "--device", "cpu"]
    main(["predict", *map(str, where), "--input", str(trained / "data/demo/train")])
    assert "444 of 444 segments were in the training fold" in capsys.readouterr().err
    predict(out, trained, tmp_path / "out.csv")
    assert "in the training fold" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_the_same_system_gives_the_same_bytes_in_place_of_an_earlier_pack(name, trained, tmp_path):
    def content():
        place = pack(trained, tmp_path / name)
        files = [place] if place.is_file() else sorted(place.rglob("*.*"))
        return [path.read_bytes() for path in files]

    assert content() == content()


def test_no_file_of_the_user_s_is_replaced(trained, tmp_path, capsys):
    out = pack(trained, tmp_path / "out")
    (out / "README.md").write_text("mine")
    pack(trained, out, status=1)
    said = capsys.readouterr().err
    assert f"error: {out}: expected a new folder, or a pack as it was packed, got another" in said
    assert "README.md: expected the SHA-256" in said
    assert (out / "README.md").read_text() == "mine"
    (tmp_path / "folder").mkdir()
    pack(trained, tmp_path / "folder", status=1)
    assert "folder/system.json: expected a pack's system.json, got: No such" in (
        capsys.readouterr().err
    )
    (tmp_path / "notes.zip").write_text("mine")
    pack(trained, tmp_path / "notes.zip", status=1)
    assert "notes.zip: expected a new file, got one that is no pack" in capsys.readouterr().err
    pack(trained, again := pack(trained, tmp_path / "again"))
    (again / ".git").mkdir()
    pack(trained, again, status=1)
    assert "expected a new folder, got one with .git in it" in capsys.readouterr().err


def test_the_card_is_one_of_the_hub(trained, tmp_path):
    """Its head has the result's own numbers."""
    about = tmp_path / "about.md"
    about.write_text("Of clips **made on the spot**.\n")
    out = pack(trained, tmp_path / "out", "--about", about, "--language", "en")
    card = ModelCard.load(out / "README.md")
    head = card.data.to_dict()
    assert (head["license"], head["language"], head["library_name"]) == ("mit", ["en"], "msa")
    assert head["pipeline_tag"] == "video-classification" and head["datasets"] == ["demo"]
    assert head["metrics"] == ["mae", "pearsonr", "accuracy", "f1"]
    name, scores = model_index_to_eval_results(head["model-index"])
    result = json.loads((trained / "lmf.json").read_text())["targets"]["sentiment"]
    assert name == "lmf on demo"
    assert {score.metric_name: score.metric_value for score in scores} == {
        f"{metric} of sentiment": score["mean"] for metric, score in result.items()
    }
    text = card.text
    assert "## About\n\nOf clips **made on the spot**." in text
    assert "Language of the data: en." in text
    assert "@inproceedings{liu2018efficient" in text
    mae = result["mae"]
    assert f"| sentiment | mae | {mae['mean']:.3f} ± {mae['std']:.3f} |" in text


def test_an_about_that_is_no_text(trained, tmp_path, capsys):
    (tmp_path / "about.md").write_bytes(b"\xff")
    pack(trained, tmp_path / "out", "--about", tmp_path / "about.md", status=1)
    assert "about.md: expected Markdown in UTF-8, got: 'utf-8' codec" in capsys.readouterr().err


def test_a_single_run_is_no_result(trained, tmp_path, capsys):
    arguments = [trained / "runs/demo/lmf/main/all/1", tmp_path / "out"]
    assert main(["pack", *map(str, arguments)]) == 1
    assert "all/1: expected a result, such as results/mine/lmf.json" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_licences_are_said(capsys):
    entry = {"what": "data set", "name": "x", "licence": "MIT", "noncommercial": False}
    closed = entry | {"name": "y", "licence": "research use only", "noncommercial": True}
    alike = entry | {"name": "z", "licence": "CC-BY-SA-4.0"}
    unknown = entry | {"name": "u", "licence": "not stated", "noncommercial": None}
    say_licences([entry, closed, alike, unknown], "hf://me/x")
    assert capsys.readouterr().err.splitlines() == [
        "hf://me/x: look at the licence of the data set y: research use only (non-commercial)",
        "hf://me/x: look at the licence of the data set z: CC-BY-SA-4.0 (share alike)",
        "hf://me/x: look at the licence of the data set u: not stated (not known whether "
        "commercial)",
    ]
