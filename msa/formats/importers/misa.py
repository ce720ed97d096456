"""MISA: the pickles that MISA's and MMIM's code make, those of MAG with more members a segment.

{train, dev, test: [((word ids, vision, audio, words), label, segment), ...]}, the rest as in MAG,
in one file or in one for each fold (Hazarika et al., ACM MM 2020). MMIM's have the lengths of
vision and audio too, and no word ids (Han et al., EMNLP 2021).
"""

from typing import Any

from msa.formats.importers import tuples
from msa.formats.segments import Segments

MEMBERS = ("word ids", "vision", "audio", "words")
WITH_LENGTHS = (*MEMBERS, "vision length", "audio length")


def problems(content: Any) -> list[str]:
    """What speaks against this layout."""
    return tuples.problems(content, _members(content))


def read(content: Any) -> dict[str, Segments]:
    """Words, vision and audio, one row a word; one label, the sentiment.

    The word ids index a vocabulary that the file does not have.
    """
    return tuples.read(content, _members(content))


def _members(content: Any) -> tuple[str, ...]:
    """MMIM's where the segments are its, else MISA's."""
    return MEMBERS if tuples.problems(content, WITH_LENGTHS) else WITH_LENGTHS
