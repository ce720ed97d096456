"""MAG: the pickles of MAG-BERT and MIB, which GLoMo's code for MOSI and MOSEI reads too.

{train, dev, test: [((words, vision, audio), label, segment), ...]}: l words (str), vision (l, 47)
for MOSI or (l, 35), audio (l, 74), a label of one number, and an id such as `video[3]`
(Rahman et al., ACL 2020).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from msa.content import as_text, as_words, described, fold_keys
from msa.segments import Segments


def problems(content: Any) -> list[str]:
    """What speaks against this layout."""
    if not isinstance(content, Mapping) or not fold_keys(content):
        return [f"expected the keys train, dev, test, found {described(content)}"]
    found = []
    for key in fold_keys(content).values():
        rows = content[key]
        if not isinstance(rows, list) or not rows or not isinstance(rows[0], tuple | list):
            found.append(f"{key}: expected a list of tuples, found {described(rows)}")
        elif len(rows[0]) != 3 or not isinstance(rows[0][0], tuple | list) or len(rows[0][0]) != 3:
            found.append(
                f"{key}: expected ((words, vision, audio), label, segment), "
                f"found {described(rows[0])}"
            )
    return found


def read(content: Any) -> dict[str, Segments]:
    """Words, vision and audio, one row a word; one label, the sentiment."""
    return {fold: _fold(content[key]) for fold, key in fold_keys(content).items()}


def _fold(rows: list[Any]) -> Segments:
    words, vision, audio = zip(*(features for features, _, _ in rows), strict=True)
    return Segments(
        [as_text(segment) for _, _, segment in rows],
        np.array([[np.asarray(label).item()] for _, label, _ in rows], dtype=np.float64),
        {
            "words": [as_words(of) for of in words],
            "audio": [np.asarray(a, dtype=np.float32) for a in audio],
            "vision": [np.asarray(v, dtype=np.float32) for v in vision],
        },
    )
