"""Checking against a JSON schema: every problem at once, each with the nearest known name."""

import json
import reprlib
from collections.abc import Iterable
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from textwrap import shorten
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.validators import extend
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from msa.base.errors import InputError
from msa.base.workflow import WORKFLOW

SCHEMAS = WORKFLOW / "schemas"
# JSON has no integers, and takes 20.0 for one; Python's range does not
TYPES = Draft202012Validator.TYPE_CHECKER.redefine(
    "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
)
Validator = extend(Draft202012Validator, type_checker=TYPES)


def nearest(name: object, known: Iterable[str]) -> str:
    """`name` and what it may have been meant to be, for an error message."""
    known = sorted(known)
    close = get_close_matches(str(name), known, 1)
    return f'"{name}"; did you mean "{close[0]}"?' if close else f'"{name}"; known: {known}'


@cache
def _schemas() -> Registry:
    files = sorted(SCHEMAS.glob("*.schema.json"))
    contents = {file.name: json.loads(file.read_text()) for file in files}
    for content in contents.values():
        # it would bring its own types
        del content["$schema"]
    return Registry().with_resources(
        (name, DRAFT202012.create_resource(content)) for name, content in contents.items()
    )


def problems(value: object, schema: str, where: str) -> list[str]:
    """Every way in which `value` breaks a schema, one line each, with the nearest known key."""
    validator = Validator({"$ref": schema}, registry=_schemas())
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
        return [f"{place}: expected {kind}, got {got}{_advice([error])}"]
    if error.validator == "pattern" and "description" in error.schema:
        return [f"{place}: expected {error.schema['description']}, got {error.instance!r}"]
    # of several forms, what speaks against each
    reasons = [part.message for part in error.context] or [error.message]
    return [f"{place}: {shorten(', and '.join(reasons), 300)}{_advice(error.context)}"]


def _advice(errors: Iterable[Any]) -> str:
    """What to write in place of values that are of the wanted type but for quotes or spelling."""
    advice = [
        _text_meant(error.instance.strip(), error.validator_value)
        if isinstance(error.instance, str)
        else _whole(error.instance, error.validator_value)
        for error in errors
        if error.validator == "type"
    ]
    return "".join(f"; write {meant}" for meant in dict.fromkeys(advice) if meant)


def _is(value: object, kind: str | list[str]) -> bool:
    """Whether a value is of a type of JSON, or of one of several."""
    return any(TYPES.is_type(value, name) for name in ([kind] if isinstance(kind, str) else kind))


def _whole(number: object, kind: str | list[str]) -> str:
    """The integer that a real number is, where one is wanted."""
    if isinstance(number, float) and number.is_integer() and _is(int(number), kind):
        return str(int(number))
    return ""


def _text_meant(text: str, kind: str | list[str]) -> str:
    """The value that a text would be without its quotes, or as YAML spells it."""
    try:
        bare = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):  # a ValueError where it has the form of a date
        return ""
    if isinstance(bare, bool) and _is(bare, kind):
        return f"{text} without quotes, or on the command line {bare}"
    if (isinstance(bare, list) or (bare is None and text)) and _is(bare, kind):
        return f"{text} without quotes"
    try:
        number = Decimal(repr(float(text)))
    except ValueError:
        return ""
    if not number.is_finite():
        return ""
    # YAML reads 010 as 8
    if _is(bare, kind) and bare == float(number):
        return f"{text} without quotes"
    if whole := _whole(float(number), kind):
        return whole
    if not _is(float(number), kind):
        return ""
    digits, power = f"{number:e}".split("e")
    point = "" if "." in digits else ".0"
    return f"{digits}{point}e{power} or {number:f}; YAML reads {text} as text"


def refuse(wrong: list[str]) -> None:
    """Raise all problems as one InputError, if there are any."""
    if wrong:
        some = f"{len(wrong)} problems" if len(wrong) > 1 else "a problem"
        raise InputError(f"the configuration has {some}:\n  " + "\n  ".join(wrong))
