"""The settings of a run, as the stages that follow read them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msa.errors import InputError
from msa.provenance import json_digest

REMARKS = ("name", "note", "log_every", "quiet")  # change no number


def digest(settings: Mapping[str, Any]) -> str:
    """SHA-256 of what training depends on; the same for the same run in other words."""
    return json_digest({key: value for key, value in settings.items() if key not in REMARKS})


def read_settings(run: Path) -> dict[str, Any]:
    """The run's settings.json."""
    try:
        return json.loads((run / "settings.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{run}/settings.json: cannot be read as JSON: {error}") from error
