"""Checking against a JSON schema: every problem at once, each with the nearest known name."""

import json
import reprlib
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from textwrap import shorten
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from msa.base.errors import InputError

SCHEMAS = Path(__file__).parents[2] / "workflow" / "schemas"


def nearest(name: object, known: Iterable[str]) -> str:
    """`name` and what it may have been meant to be, for an error message."""
    known = sorted(known)
    close = get_close_matches(str(name), known, 1)
    return f'"{name}"; did you mean "{close[0]}"?' if close else f'"{name}"; known: {known}'


@cache
def _schemas() -> Registry:
    files = sorted(SCHEMAS.glob("*.schema.json"))
    resources = [(f.name, Resource.from_contents(json.loads(f.read_text()))) for f in files]
    return Registry().with_resources(resources)


def problems(value: object, schema: str, where: str) -> list[str]:
    """Every way in which `value` breaks a schema, one line each, with the nearest known key."""
    validator = Draft202012Validator({"$ref": schema}, registry=_schemas())
    return [
        line
        for error in sorted(validator.iter_errors(value), key=lambda e: [*map(str, e.path)])
        for line in _explain(error, where)
    ]


def _explain(error: Any, where: str) -> list[str]:
    place = ": ".join([where, *map(str, error.absolute_path)])
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = error.schema.get("properties", {})
        extra = [key for key in error.instance if key not in known]
        return [f"{place}: unknown key {nearest(key, known)}" for key in extra]
    if error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        return [f'{place}: the key "{key}" is missing' for key in missing]
    if error.validator == "enum":
        options = error.validator_value
        close = nearest(error.instance, map(str, options))
        return [f"{place}: expected one of {options}, got {close}"]
    if error.validator == "type":
        kind = error.validator_value
        got = f"{reprlib.repr(error.instance)} ({type(error.instance).__name__})"
        return [f"{place}: expected {kind}, got {got}{_meant(error.instance)}"]
    if error.validator == "pattern" and "description" in error.schema:
        return [f"{place}: expected {error.schema['description']}, got {error.instance!r}"]
    # of several forms, what speaks against each
    reasons = [part.message for part in error.context] or [error.message]
    return [f"{place}: {shorten(', and '.join(reasons), 300)}"]


def _meant(value: object) -> str:
    """What to write in place of a text that YAML or the command line did not take for a value."""
    if value in ("true", "false"):
        return f"; on the command line write {str(value).capitalize()}"
    try:
        number = float(str(value))
    except ValueError:
        return ""
    if not isinstance(value, str):
        return ""
    return f"; YAML reads an exponent without a point as text: write {number}"


def refuse(wrong: list[str]) -> None:
    """Raise all problems as one InputError, if there are any."""
    if wrong:
        some = f"{len(wrong)} problems" if len(wrong) > 1 else "a problem"
        raise InputError(f"the configuration has {some}:\n  " + "\n  ".join(wrong))
