"""The code a stage depends on: the files that it imports, directly or not."""

from functools import cache
from pathlib import Path

import grimp

from msa.importers import LAYOUTS
from msa.models import MODELS

PACKAGE = Path(__file__).parent
# the registries import by name, when asked: adding a model or a layout must rerun nothing else
REGISTRY = {"msa", "msa.models", "msa.importers"}


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph("msa", cache_dir=None)


@cache
def closure(stage: str, model: str | None = None, layout: str | None = None) -> list[str]:
    """Files of this package that a stage imports, and with `model` or `layout` those of it too.

    Args:
        stage: module name below `msa`, such as "align".
        model: name in the registry of models.
        layout: name in the registry of importers.

    Returns:
        Paths, sorted; relative to the working directory where they lie below it.
    """
    modules = {f"msa.{stage}"}
    if model is not None:
        modules.add(MODELS[model].partition(":")[0])
    if layout is not None:
        modules.add(LAYOUTS[layout])
    for module in list(modules):
        modules |= _graph().find_upstream_modules(module)
    return sorted(map(_path, modules - REGISTRY))


def _path(module: str) -> str:
    path = PACKAGE.joinpath(*module.split(".")[1:])
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
