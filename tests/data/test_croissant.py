"""Croissant, as the library of MLCommons reads it."""

import hashlib
import json
import re
import shutil

import mlcroissant
import numpy as np
import pytest
from running import ROOT

from msa.__main__ import main
from msa.data.croissant import TABLE

# of what mlcroissant reads JSON-LD with
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")
CITE = "@article{made2016up,\n  title = {Made up},\n  year = {2016},\n}"
MIT = [{"what": "data set", "name": "made", "licence": "MIT", "noncommercial": False}]
NOT_SAID = {"citeAs", "datePublished"}  # of data that nobody has published


def write(data, licences=MIT, **about):
    """Run the stage; what it wrote."""
    about = {"name": "made", "targets": ["sentiment"]} | about
    arguments = ["--about", json.dumps(about), "--licences", json.dumps(licences)]
    assert main(["croissant", str(data), *arguments]) == 0
    return json.loads((data / "croissant.json").read_text())


def loaded(data):
    """The data set as mlcroissant has it, which raises on errors, and what it warns of."""
    dataset = mlcroissant.Dataset(data / "croissant.json")
    issues = dataset.metadata.ctx.issues
    assert not issues.errors
    return dataset, {text.split('"')[1].rpartition("/")[2] for text in issues.warnings}


def stages(*commands):
    for command in commands:
        assert main(command.split()) == 0


CLEAN = "clean {0} --output {0}/clean --card {0}/card.json"


@pytest.fixture(scope="module")
def made(demo_files, tmp_path_factory):
    folder, raw = tmp_path_factory.mktemp("croissant"), demo_files
    sequences = " ".join(f"{name}={raw}/{name}.csd" for name in ("words", "audio", "vision"))
    stages(
        f"align --sequence {sequences} --labels {raw}/labels.csd --to words"
        f" --output {folder}/aligned",
        f"split {folder}/aligned --folds {raw}/folds.json --output {folder}/demo"
        f" --card {folder}/demo/card.json --range -3 3",
        CLEAN.format(folder / "demo") + " --standardize audio vision",
    )
    return folder / "demo"


@pytest.fixture
def demo(made, tmp_path):
    return shutil.copytree(made, tmp_path / "data/demo")


@pytest.fixture
def classes(tmp_path):
    stages(f"demo-classes emotion {tmp_path}/demo", CLEAN.format(tmp_path / "demo"))
    return tmp_path / "demo"


@pytest.fixture
def imported(tmp_path):
    stages(
        f"look-alike mosi_mag {tmp_path}/raw",
        f"import-data {tmp_path}/raw/mosi.pkl --layout mag --holds words audio vision --aligned"
        f" --range -3 3 --output {tmp_path}/out --card {tmp_path}/out/card.json",
        CLEAN.format(tmp_path / "out"),
    )
    return tmp_path / "out"


def test_the_demo(demo):
    write(demo)
    dataset, warned = loaded(demo)
    assert warned == NOT_SAID
    records = [*dataset.records("segments")]
    assert [*records[0]] == [
        f"segments/{name}"
        for name in (
            *("id", "split", "sentiment", "words_begin", "words_end"),
            *("audio_begin", "audio_end", "vision_begin", "vision_end"),
        )
    ]
    ids = {fold: np.load(demo / fold / "ids.npy") for fold in ("train", "valid", "test")}
    assert [(r["segments/split"].decode(), r["segments/id"].decode()) for r in records] == [
        (fold, name) for fold, names in ids.items() for name in names
    ]
    labels = [np.load(demo / fold / "label.npy")[:, 0] for fold in ids]
    assert [r["segments/sentiment"] for r in records] == np.concatenate(labels).tolist()
    # the rows of a segment, by what its record says
    offsets = np.load(demo / "test/offsets.npy")["audio"]
    last = records[-1]
    assert (last["segments/audio_begin"], last["segments/audio_end"]) == (*offsets[-2:],)
    assert [s["splits/url"].rpartition("/")[2] for s in dataset.records("splits")] == [
        "TrainingSplit",
        "ValidationSplit",
        "TestSplit",
    ]


def test_the_arrays_are_described(demo):
    content = write(demo)
    files = {file["@id"]: file for file in content["distribution"] if "sha256" in file}
    kinds = ["{}/ids", "{}/label", "{}/offsets", "{}/words", "clean/{}/audio", "clean/{}/vision"]
    assert set(files) == {TABLE} | {
        f"{kind.format(fold)}.npy" for fold in ("train", "valid", "test") for kind in kinds
    }
    for path, file in files.items():
        assert file["sha256"] == hashlib.sha256((demo / path).read_bytes()).hexdigest()
        assert file["contentSize"] == f"{(demo / path).stat().st_size} B"
    fields = {
        s["@id"]: s["field"][0] for s in content["recordSet"] if s["@id"] in ("audio", "words")
    }
    assert fields["audio"]["arrayShape"] == f"-1,{np.load(demo / 'train/audio.npy').shape[1]}"
    assert [fields[name]["dataType"] for name in ("words", "audio")] == ["sc:Text", "cr:Float32"]
    (sets,) = [file for file in content["distribution"] if file["@id"] == "audio-files"]
    assert sets["includes"] == [f"clean/{fold}/audio.npy" for fold in ("train", "valid", "test")]


def test_arrays_of_numpy_are_not_opened(demo):
    """Nobody reads .npy: should mlcroissant learn to, the docs say too little."""
    write(demo)
    with pytest.raises(mlcroissant.GenerationError):
        next(iter(loaded(demo)[0].records("audio")))


def test_what_the_docs_do(demo, tmp_path, monkeypatch):
    write(demo)
    (code,) = [
        text
        for text in re.findall(r"```python\n(.*?)```", (ROOT / "docs/data.md").read_text(), re.S)
        if "mlcroissant" in text
    ]
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(code, names)
    bounds = np.load("data/demo/train/offsets.npy")["audio"]
    rows = np.load("data/demo/clean/train/audio.npy")
    np.testing.assert_array_equal(names["audio"], rows[: bounds[1]])


def test_classes(classes):
    content = write(classes, targets=["emotion"], classes=["anger", "joy"])
    dataset, warned = loaded(classes)
    assert warned == NOT_SAID
    label = np.load(classes / "train/label.npy")[0, 0]
    assert next(iter(dataset.records("segments")))["segments/emotion"] == label
    (segments,) = [s for s in content["recordSet"] if s["@id"] == "segments"]
    (emotion,) = [f for f in segments["field"] if f["name"] == "emotion"]
    assert emotion["description"] == "label: 0 anger, 1 joy"


def test_a_made_up_import_of_published_data(imported):
    ledger = [MIT[0] | {"licence": "research use only"}, MIT[0] | {"what": "audio", "name": "ours"}]
    urls = ["https://there.org/a.pkl", "https://there.org/b.pkl"]
    about = {"title": "Made up", "cite": CITE, "urls": urls, "range": [-3, 3], "note": "so"}
    content = write(imported, ledger, **about)
    dataset, warned = loaded(imported)
    assert not warned
    metadata = dataset.metadata
    assert metadata.license == ["research use only"] and metadata.cite_as == CITE
    assert metadata.date_published.year == 2016 and metadata.url == urls[0]
    assert content["isBasedOn"] == urls and content["rai:dataPreprocessingProtocol"]
    assert "Made up. Segments: train" in content["description"]
    assert (
        "so. Licence of the data set made: research use only. Licence of the audio ours: MIT."
        in (content["description"])
    )
    assert len([*dataset.records("segments")]) == sum(
        len(np.load(imported / fold / "label.npy")) for fold in ("train", "valid", "test")
    )


def test_a_licence_that_nobody_states_is_left_out(demo):
    assert "license" not in write(demo, [MIT[0] | {"licence": "not stated"}])
    assert loaded(demo)[1] == NOT_SAID | {"license"}


def test_the_same_data_have_the_same_bytes_and_other_data_another_version(demo):
    before = write(demo)
    texts = [(demo / name).read_bytes() for name in ("croissant.json", TABLE)]
    write(demo)
    assert texts == [(demo / name).read_bytes() for name in ("croissant.json", TABLE)]
    label = np.load(demo / "test/label.npy")
    np.save(demo / "test/label.npy", label + 0.5)
    assert before["version"] != write(demo)["version"]


def test_a_column_that_is_called_otherwise_is_noticed(demo):
    write(demo)
    table = demo / TABLE
    table.write_text(table.read_text().replace("sentiment", "opinion", 1))
    with pytest.raises(mlcroissant.GenerationError):
        next(iter(loaded(demo)[0].records("segments")))


def test_what_was_cleaned(demo):
    card = json.loads((demo / "clean/card.json").read_text())
    said = write(demo)["rai:dataPreprocessingProtocol"]
    bad = sum(counts["audio"]["not_finite"] for counts in card["cleaning"]["counts"].values())
    assert said[:2] == [
        "NaN and infinity become 0",
        "mean 0 and standard deviation 1 in the training fold: audio, vision",
    ]
    assert f"values of audio that were not finite: {bad}" in said


def test_a_data_card_of_no_cleaning(demo, capsys):
    (demo / "clean/card.json").unlink()
    assert main(["croissant", str(demo), "--about", "{}"]) == 1
    assert "clean/card.json: expected a JSON file" in capsys.readouterr().err
