"""Pauses: what a transcript has in place of a word where nobody speaks."""

from collections.abc import Sequence

# of P2FA, which CMU's transcripts are aligned with; Kaldi and MFA; empty intervals of TextGrids
PAUSES = ("", "sp", "SP", "sil", "SIL", "<sil>", "spn", "SPN", "<eps>")


def dropped_words(pauses: str | Sequence[str]) -> Sequence[str]:
    """The words that a recipe's `pauses` drops: "drop" the usual ones, "keep" none, or a list."""
    if isinstance(pauses, str):
        return PAUSES if pauses == "drop" else ()
    return pauses
