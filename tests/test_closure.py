import pytest
from running import ROOT, python

from msa.__main__ import STAGES
from msa.closure import closure
from msa.formats.importers import LAYOUTS
from msa.models import MODELS

IMPORTED = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*(name for name, module in sys.modules.items()
        if name.partition(".")[0] == "msa" and not hasattr(module, "__path__")))
"""


def imported(*modules):
    """The modules of ours that a fresh interpreter really loads, packages aside."""
    return set(python("-c", IMPORTED, *modules).stdout.split())


def modules(files):
    return {file.removesuffix(".py").replace("/", ".") for file in files}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_imports_nothing_outside_its_closure(stage):
    assert imported(STAGES[stage][0]) <= modules(closure(stage))


BUILT_ON = {"mfm": {"msa.models.mfn"}}


@pytest.mark.parametrize("model", MODELS)
def test_training_depends_on_its_own_model_alone(model):
    module = MODELS[model].partition(":")[0]
    files = closure("train", model)
    assert imported("msa.training.train", module) == modules(files)
    others = {m.partition(":")[0] for m in MODELS.values()} - {module}
    assert modules(files) & others == BUILT_ON.get(model, set())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_importing_depends_on_its_own_layout_alone(layout):
    files = closure("import-data", layout=layout)
    assert imported("msa.data.import_data", LAYOUTS[layout]) == modules(files)
    assert not modules(files) & (set(LAYOUTS.values()) - {LAYOUTS[layout]})


def test_training_depends_neither_on_numbers_nor_on_what_comes_before_it():
    packages = {file.split("/")[1] for file in closure("train", "lmf")}
    assert packages == {"base", "data", "models", "training"}


def test_paths_are_files_below_the_project():
    assert all((ROOT / file).is_file() for file in closure("summarize"))
