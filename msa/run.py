"""The settings of a run, as the stages that follow read them."""

import json
from pathlib import Path
from typing import Any

from msa.errors import InputError


def read_settings(run: Path) -> dict[str, Any]:
    """The run's settings.json."""
    try:
        return json.loads((run / "settings.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{run}/settings.json: cannot be read as JSON: {error}") from error
