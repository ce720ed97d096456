"""The files of ours that a stage depends on: what it imports, directly or not, and reads."""

from functools import cache
from pathlib import Path

import grimp

from msa.__main__ import STAGES
from msa.base.workflow import WORKFLOW
from msa.formats.importers import LAYOUTS
from msa.models import MODELS

PACKAGE = Path(__file__).parent


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph("msa", cache_dir=None)


@cache
def closure(stage: str, model: str | None = None, layout: str | None = None) -> list[str]:
    """Files of this package that a stage imports, and with `model` or `layout` those of it too.

    Packages are left out: they hold registries at most, which import by name, when asked, so that
    adding a model or a layout reruns nothing else.

    Args:
        stage: as `python -m msa` calls it, such as "align".
        model: name in the registry of models.
        layout: name in the registry of importers.

    Returns:
        Paths, sorted; relative to the working directory where they lie below it.
    """
    modules = {STAGES[stage][0]}
    if model is not None:
        modules.add(MODELS[model].partition(":")[0])
    if layout is not None:
        modules.add(LAYOUTS[layout])
    for module in list(modules):
        modules |= _graph().find_upstream_modules(module)
    files = {PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py") for module in modules}
    return sorted(_from_here(file) for file in files if file.is_file())


def shipped(name: str) -> str:
    """The path of a file in the folder `workflow`; as above."""
    return _from_here(WORKFLOW / name)


def _from_here(file: Path) -> str:
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)
