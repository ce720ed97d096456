"""Paths of the configuration: `~` and variables such as $HOME are what a shell makes of them."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# where paths stand; "*" is any key
PATHS = (
    *("paths.*", "encoders.*", "recipes.*.encoder", "recipes.*.folds"),
    *("recipes.*.folds.file", "recipes.*.folds.speakers", "recipes.*.speakers"),
    *("recipes.*.videos", "recipes.*.transcripts", "recipes.*.labels"),
    *("recipes.*.sequences.*", "recipes.*.files.*", "settings.*.checkpoint"),
)


def expand(config: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A configuration with its paths written out, and what of them cannot be.

    Args:
        config: what config.yaml says, or a part of it.
    """
    problems: list[str] = []
    expanded: Any = config
    for path in PATHS:
        expanded = _at(expanded, path.split("."), "config", problems)
    return expanded, problems


def _at(value: Any, keys: list[str], where: str, problems: list[str]) -> Any:
    """A value with the paths below some keys written out; others as they are."""
    if keys and isinstance(value, Mapping):
        return {
            key: _at(inner, keys[1:], f"{where}: {key}", problems)
            if keys[0] in ("*", key)
            else inner
            for key, inner in value.items()
        }
    if keys or not isinstance(value, str) or re.match("(https?|hf)://", value):
        return value
    path = os.path.expanduser(os.path.expandvars(value))
    left = re.match("~[^/]*", path) or re.search(r"\$(\w+|\{[^}]*\})", path)
    if left and not Path(path).exists():
        problems.append(
            f'{where}: expected a path, got "{value}": {left[0]} stands for nothing here'
        )
    return path
