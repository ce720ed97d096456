"""Where schemas, recipes and templates lie: beside the package, or in it where pip installed it."""

from pathlib import Path

_INSTALLED = Path(__file__).parents[1] / "workflow"
WORKFLOW = _INSTALLED if _INSTALLED.is_dir() else _INSTALLED.parents[1] / "workflow"
