import argparse
import json

import pandas as pd
import pytest

from msa.base.errors import InputError
from msa.results.ablation import add_arguments, main


def result(variant, value, std=0.1):
    score = {"mean": value, "std": std, "per_seed": {"1": value, "2": value}}
    targets = {"sentiment": {"mae": score}}
    return json.dumps({"model": "lmf", "variant": variant, "targets": targets})


def run(folder, *modalities):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    retrained = [str(path) for path in sorted(folder.glob("lmf.no-*.json"))]
    arguments = [folder / "lmf.json", "--robustness", folder / "lmf.robustness.csv"]
    arguments += ["--retrained", *retrained, "--modalities", *modalities]
    main(parser.parse_args([str(a) for a in (*arguments, "--output", folder / "a.csv")]))
    return pd.read_csv(folder / "a.csv")


@pytest.fixture
def results(tmp_path):
    (tmp_path / "lmf.json").write_text(result("main", 1.0))
    (tmp_path / "lmf.no-audio.json").write_text(result("no-audio", 1.25, None))
    row = {"model": "lmf", "target": "sentiment", "metric": "mae", "std": 0.2, "seeds": 2}
    rows = [
        row | {"kind": "missing-modality", "modality": "text", "level": 1.0, "mean": 3.0},
        row | {"kind": "missing-modality", "modality": "audio", "level": 1.0, "mean": 2.0},
        row | {"kind": "noise", "modality": "audio", "level": 1.0, "mean": 9.0},
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "lmf.robustness.csv", index=False)
    return tmp_path


def test_both_ways_beside_the_full_model(results):
    frame = run(results, "audio")
    assert list(frame) == "model modality how target metric mean std seeds full_mean".split()
    assert frame["how"].tolist() == ["test", "retrained"]
    assert frame["mean"].tolist() == [2.0, 1.25]
    assert frame["full_mean"].tolist() == [1.0, 1.0]
    assert frame["seeds"].tolist() == [2, 2]
    assert frame["std"][0] == 0.2 and pd.isna(frame["std"][1])


def test_a_modality_that_cannot_be_retrained_has_one_row(results):
    frame = run(results, "text", "audio")
    assert frame[["modality", "how"]].to_numpy().tolist() == [
        ["text", "test"],
        ["audio", "test"],
        ["audio", "retrained"],
    ]


def test_a_table_without_its_columns(results):
    (results / "lmf.robustness.csv").write_text("model,kind\nlmf,noise\n")
    with pytest.raises(InputError, match="robustness.csv: expected the columns"):
        run(results, "audio")
    assert not (results / "a.csv").exists()
