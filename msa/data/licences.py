"""The ledger of licences in a data card: of the data set, its features and its text encoder."""

from collections.abc import Mapping, Sequence
from typing import Any

# what an entry's `noncommercial` says
COMMERCIAL = {True: "non-commercial", False: "", None: "not known whether commercial"}


def licence_table(licences: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines of Markdown; none where the ledger is empty.

    Args:
        licences: {what, name, licence, noncommercial}, as in workflow/schemas/result.schema.json.
    """
    if not licences:
        return []
    lines = ["", "## Licences", "", "| of the | | licence | use |", "|---|---|---|---|"]
    return lines + [
        f"| {entry['what']} | {entry['name']} | {entry['licence']} "
        f"| {COMMERCIAL[entry['noncommercial']]} |"
        for entry in licences
    ]
