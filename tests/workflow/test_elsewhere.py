"""The workflow used from another folder: as a module of another workflow, or by its path."""

import json

import pytest
import yaml
from running import ROOT, snakemake

CONFIG = {
    "datasets": ["demo"],
    "models": ["mean", "lmf"],
    "seeds": [1],
    "robustness": False,
    "ablate": False,
}
OTHER = f"""
configfile: "config.yaml"

module msa:
    snakefile: "{ROOT}/Snakefile"
    config: config

use rule * from msa as msa_*

rule mine:
    default_target: True
    input: "results/demo/mean.json"
    output: "mine.txt"
    shell: "cp {{input}} {{output}}"
"""


@pytest.fixture
def run(tmp_path):
    """Snakemake in a folder that has a configuration, where the package is installed."""

    def snakemake_here(*arguments, **changes):
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG | changes))
        done = snakemake(tmp_path, *arguments, PYTHONPATH=str(ROOT))
        return done.stdout + done.stderr

    return snakemake_here


@pytest.mark.slow
def test_a_module_of_another_workflow(run, tmp_path):
    (tmp_path / "Snakefile").write_text(OTHER)
    run()
    result = json.loads((tmp_path / "mine.txt").read_text())
    assert result["model"] == "mean" and 0 < result["targets"]["sentiment"]["mae"]["mean"] < 3
    assert "Nothing to be done" in run()
    assert not {path.name for path in tmp_path.iterdir()} & {"msa", "rules", "workflow"}


def test_all_of_it_as_a_module(run, tmp_path):
    (tmp_path / "Snakefile").write_text(OTHER)
    text = run("-n", "--", "msa_all")
    assert "output: results/report/index.html" in text and "localrules directive" not in text
    assert f"{ROOT}/workflow/report/page.html" in text
    assert "msa_train " in text and "msa_train_seeds" not in text
    text = run("-n", "--", "results/demo/lmf.json", seeds=[1, 2], batch_seeds=True)
    assert "msa_train_seeds" in text


@pytest.mark.slow
def test_by_its_path(run, tmp_path):
    where = ("--snakefile", f"{ROOT}/Snakefile", "--directory", ".")
    result = tmp_path / "results/demo/mean.json"
    run(*where, "--", "results/demo/mean.json")
    assert json.loads(result.read_text())["provenance"]["seeds"] == [1]
    assert "Nothing to be done" in run(*where, "--", "results/demo/mean.json")
    assert "output: results/report/index.html" in run(*where, "-n")


def test_a_folder_without_a_configuration_has_the_demos(tmp_path):
    where = ("--snakefile", ROOT / "Snakefile", "--directory", tmp_path / "empty")
    text = snakemake(tmp_path, *where, "-n", PYTHONPATH=str(ROOT)).stdout
    for model in yaml.safe_load((ROOT / "config.yaml").read_text())["models"]:
        assert f"output: results/demo/{model}.json" in text
