import subprocess
import sys

import pytest
from running import ROOT, environment

from msa.__main__ import STAGES
from msa.closure import REGISTRY, closure
from msa.importers import LAYOUTS
from msa.models import MODELS

IMPORTED = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*sorted(m for m in sys.modules if m.partition(".")[0] == "msa"))
"""


def imported(*modules):
    """What a fresh interpreter really loads of this package."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *modules],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split()) - REGISTRY


def modules(files):
    names = (file.removesuffix(".py").removesuffix("/__init__") for file in files)
    return {name.replace("/", ".") for name in names}


@pytest.mark.parametrize("stage", [module.removeprefix("msa.") for module, _ in STAGES.values()])
def test_a_stage_imports_nothing_outside_its_closure(stage):
    assert imported(f"msa.{stage}") <= modules(closure(stage))


@pytest.mark.parametrize("model", MODELS)
def test_training_depends_on_its_own_model_alone(model):
    module = MODELS[model].partition(":")[0]
    files = closure("train", model)
    assert imported("msa.train", module) == modules(files)
    others = {m.partition(":")[0] for m in MODELS.values()} - {module}
    assert not modules(files) & others


@pytest.mark.parametrize("layout", LAYOUTS)
def test_importing_depends_on_its_own_layout_alone(layout):
    files = closure("import_data", layout=layout)
    assert imported("msa.import_data", LAYOUTS[layout]) == modules(files)
    assert not modules(files) & (set(LAYOUTS.values()) - {LAYOUTS[layout]})


def test_training_does_not_depend_on_metrics():
    files = closure("train", "lmf")
    assert not {"msa/metrics.py", "msa/score.py", "msa/config.py", "msa/align.py"} & set(files)


def test_paths_are_files_below_the_project():
    assert all((ROOT / file).is_file() for file in closure("summarize"))
