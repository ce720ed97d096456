"""Findings: what an audit says, how grave it is, and what to do; as JSON, Markdown or an error."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

SEVERITIES = {
    "error": "leakage: training has seen what the scores are made of",
    "warning": "look at it before you trust the scores",
    "note": "good to know",
}
SHOWN = 5  # examples of a finding that a person reads
LISTED = 1000  # those that audit.json has


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        severity: one of `SEVERITIES`.
        kind: what was looked for, such as "equal text".
        folds: where it was found.
        count: how many there are of what `sentence` says.
        sentence: what was found, with the count.
        advice: what to do.
        examples: ids that belong together: one, two, or what two share and these.
        text: the words of the first example, where these are what was found.
    """

    severity: str
    kind: str
    folds: Sequence[str]
    count: int
    sentence: str
    advice: str
    examples: Sequence[Sequence[str]] = field(default_factory=tuple)
    text: str = ""

    def as_json(self) -> dict[str, Any]:
        """As audit.json has it."""
        return asdict(self) | {"examples": [list(ids) for ids in self.examples[:LISTED]]}


def by_severity(findings: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """The findings of audit.json by severity, the gravest first; those that there are."""
    sorted_findings = {
        severity: [finding for finding in findings if finding["severity"] == severity]
        for severity in SEVERITIES
    }
    return {severity: some for severity, some in sorted_findings.items() if some}


def counted(findings: Sequence[Mapping[str, Any]]) -> str:
    """How many findings there are, as "1 error, 2 notes"."""
    parts = (
        f"{len(some)} {severity}{'s' if len(some) > 1 else ''}"
        for severity, some in by_severity(findings).items()
    )
    return ", ".join(parts) or "nothing found"


def shown(finding: Mapping[str, Any]) -> str:
    """The first examples of a finding as text; nothing where it has none."""
    texts = [": ".join([*ids[:-2], " and ".join(ids[-2:])]) for ids in finding["examples"][:SHOWN]]
    more = finding["count"] - len(texts)
    return "; ".join(texts) + (f"; and {more} more" if texts and more > 0 else "")


def label_rows(audit: Mapping[str, Any]) -> list[list[str]]:
    """The table of labels: a line a target and fold, as texts, below `LABEL_COLUMNS`."""
    return [
        [
            target,
            fold,
            f"{facts['segments']:,}",
            "" if facts["zero"] is None else f"{facts['zero']:.1%}",
            f"{facts['low']:.4g} to {facts['high']:.4g}",
            "" if facts["step"] is None else f"{facts['step']:.4g} ({facts['on_step']:.0%})",
            f"{facts['mean']:.3f}",
            f"{facts['deviation']:.3f}",
        ]
        for target, folds in audit["labels"].items()
        for fold, facts in folds.items()
    ]


LABEL_COLUMNS = ("target", "fold", "labels", "exactly 0", "range", "step", "mean", "deviation")


def markdown(audit: Mapping[str, Any]) -> str:
    """audit.json for people."""
    lines = ["# Audit of the data", "", f"Result: {counted(audit['findings'])}.", ""]
    lines += [f"- Not looked for: {text}." for text in audit["not_looked_for"]]
    for severity, findings in by_severity(audit["findings"]).items():
        lines += ["", f"## {severity.capitalize()}s: {SEVERITIES[severity]}", ""]
        lines += [line for finding in findings for line in _lines(finding)]
    lines += ["", "## Labels", "", f"| {' | '.join(LABEL_COLUMNS)} |"]
    lines += [f"|---|---|{'---:|' * (len(LABEL_COLUMNS) - 2)}"]
    lines += [f"| {' | '.join(cells)} |" for cells in label_rows(audit)]
    lines += ["", "Step: most labels are multiples of it, and how many of the fold are.", ""]
    return "\n".join([*lines, "The data card, what was dropped and cleaned: `clean/card.md`.", ""])


def _lines(finding: Mapping[str, Any]) -> Iterator[str]:
    yield f"- {finding['sentence']}. {finding['advice']}."
    if examples := shown(finding):
        yield f"  - For instance {_quoted(examples)}"
    if finding["text"]:
        yield f"  - The first: {_quoted(finding['text'])}"


def _quoted(text: str) -> str:
    """Text that is not trusted, such as words and ids, as code, which has no markup inside."""
    return f"`{' '.join(text.replace('`', chr(39)).split())}`"


def leakage(audit: Mapping[str, Any]) -> list[str]:
    """A line for each finding that is leakage, with the first examples."""
    return [
        f"{finding['sentence']}: {shown(finding)}"
        for finding in by_severity(audit["findings"]).get("error", [])
    ]
