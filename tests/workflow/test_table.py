"""A table of one's own, from the template to a result."""

import numpy as np
import pytest
import yaml
from running import run_stage, snakemake

from msa.base.reading import read_json

ARGUMENTS = ("results/mine/ridge.json", "--configfile", "mine.yaml")


@pytest.mark.slow
def test_the_template_runs_and_a_changed_feature_is_noticed(project):
    recipe = yaml.safe_load(run_stage("look-alike", "table", "my/table", cwd=project).stdout)
    mine = recipe["recipes"]["mine"]
    # its encoder would be fetched
    mine |= {"holds": ["audio", "vision"], "encoder": None}
    recipe |= {"models": ["ridge"]}
    (project / "mine.yaml").write_text(yaml.safe_dump(recipe))
    snakemake(project, *ARGUMENTS)
    result = read_json(project / "results/mine/ridge.json", "rows", "targets")
    assert result["rows"]["test"] == 10
    again = snakemake(project, "-n", *ARGUMENTS)
    assert "Nothing to be done" in again.stdout + again.stderr
    np.save(project / "my/table/audio/trainVideo0_0.npy", np.ones((2, 6), np.float32))
    assert "rule import_data:" in snakemake(project, "-n", *ARGUMENTS).stdout
