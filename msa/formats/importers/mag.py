"""MAG: the pickles of MAG-BERT and MIB, which GLoMo's code for MOSI and MOSEI reads too.

{train, dev, test: [((words, vision, audio), label, segment), ...]}: l words (str), vision (l, 47)
for MOSI or (l, 35), audio (l, 74), a label of one number, and an id such as `video[3]`
(Rahman et al., ACL 2020).
"""

from typing import Any

from msa.formats.importers import tuples
from msa.formats.segments import Segments

MEMBERS = ("words", "vision", "audio")


def problems(content: Any) -> list[str]:
    """What speaks against this layout."""
    return tuples.problems(content, MEMBERS)


def read(content: Any) -> dict[str, Segments]:
    """Words, vision and audio, one row a word; one label, the sentiment."""
    return tuples.read(content, MEMBERS)
