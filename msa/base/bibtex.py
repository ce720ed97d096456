"""BibTeX: a recipe's `cite` is the key of an entry in references.bib, or an entry of its own."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from msa.base.errors import InputError
from msa.base.schema import nearest
from msa.base.workflow import WORKFLOW

REFERENCES = WORKFLOW / "resources" / "references.bib"
# from an @ at the beginning of a line to the next
ENTRY = re.compile(r"^@\w+\{\s*([^\s,]+).*?(?=^@|\Z)", re.MULTILINE | re.DOTALL)


@cache
def entries(path: Path = REFERENCES) -> dict[str, str]:
    """The text of each entry of a file by its key; InputError if it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected BibTeX, got: {error}") from error
    return {entry[1]: entry[0].strip() for entry in ENTRY.finditer(text)}


def problems(where: str, recipe: Mapping[str, Any], path: Path = REFERENCES) -> list[str]:
    """What is wrong with a recipe's `cite`: neither an entry, which begins with an @, nor a key."""
    cite = recipe.get("cite")
    # what is no text the schema refuses
    if not isinstance(cite, str) or cite.lstrip().startswith("@") or cite in entries(path):
        return []
    known = nearest(cite, entries(path))
    return [f"{where}: cite: expected a key of {path.name} or a BibTeX entry, got {known}"]


def cited(cites: Iterable[str], path: Path = REFERENCES) -> list[str]:
    """The text of each entry, once.

    Raises:
        InputError: the file cannot be read, or has not all of the keys.
    """
    if wrong := [text for cite in cites for text in problems("page", {"cite": cite}, path)]:
        raise InputError("; ".join(wrong))
    return list(dict.fromkeys(entries(path).get(cite, cite.strip()) for cite in cites))
