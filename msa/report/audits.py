"""What the audit of a data set found, for the page; ids alone, no words of the data."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msa.base.reading import read_json
from msa.data.findings import (
    LABEL_COLUMNS,
    SEVERITIES,
    by_severity,
    counted,
    label_rows,
    leakage,
    shown,
)


def audits(data: Path, names: Sequence[str]) -> dict[str, Any] | None:
    """All that the template shows of the audit; None where there is none.

    Args:
        data: folder of all data sets.
        names: the data set, or all deals of a cross-validation: of the later ones only what leaks.
    """
    files = [data / name / "audit.json" for name in names]
    if not all(file.is_file() for file in files):
        return None
    first, *others = (read_json(file, "findings", "labels", "not_looked_for") for file in files)
    return {
        "counted": counted(first["findings"]),
        "leaks": "error" in by_severity(first["findings"]),
        "groups": [
            (severity, SEVERITIES[severity], [(finding, shown(finding)) for finding in findings])
            for severity, findings in by_severity(first["findings"]).items()
        ],
        "others": [
            (name, leak)
            for name, other in zip(names[1:], others, strict=True)
            for leak in leakage(other)
        ],
        "not_looked_for": first["not_looked_for"],
        "columns": LABEL_COLUMNS,
        "labels": label_rows(first),
        "file": f"{names[0]}/audit.md",
    }
