"""Keys and values: YAML files, and later ones over earlier ones."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from msa.base.errors import InputError

# the C parser, where PyYAML was built with it, is eight times as fast
YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Later layers over earlier ones; mappings merge key by key, everything else is replaced."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
            merged[key] = merge(merged[key], value) if both else copy.deepcopy(value)
    return merged


def read_yaml(path: Path) -> dict[str, Any]:
    """A file's keys and values.

    Raises:
        InputError: the file cannot be read, or has something else.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), YAML) or {}
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: no such file; run this in the project's folder, or name yours by --configfile"
        ) from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: cannot be read as YAML: {reason}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected keys and values, got a {type(content).__name__}")
    return content


def sorted_json(mapping: Mapping[str, Any]) -> str:
    """A mapping as text that is the same in whatever order its keys were written."""
    return json.dumps(mapping, sort_keys=True)
