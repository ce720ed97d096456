"""MISA: the pickles that MISA's code makes, those of MAG with the numbers of the words in front.

{train, dev, test: [((word ids, vision, audio, words), label, segment), ...]}: the rest as in MAG
(Hazarika et al., ACM MM 2020).
"""

from typing import Any

from msa.formats.importers import tuples
from msa.formats.segments import Segments

MEMBERS = ("word ids", "vision", "audio", "words")


def problems(content: Any) -> list[str]:
    """What speaks against this layout."""
    return tuples.problems(content, MEMBERS)


def read(content: Any) -> dict[str, Segments]:
    """Words, vision and audio, one row a word; one label, the sentiment.

    The word ids index a vocabulary that the file does not have.
    """
    return tuples.read(content, MEMBERS)
