"""Text without spaces, given as one word: cut as the encoder's own pre-tokenizer cuts it.

Chinese, Japanese, Thai, Lao, Burmese and Khmer are written so. A segment would have one vector. The
words of data that is aligned to them stay as they are: each has its row of audio and vision.
"""

import re
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.reading import read_offsets, read_words
from msa.data.tokenizer import load_pieces
from msa.formats.content import as_words

LETTER = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]"
)
LONGEST = 4  # letters of a word among others; what has more is taken for a text


def cut_texts(segments: Sequence[Sequence[str]], encoder: Path) -> list[list[str]]:
    """The words of each segment, texts without spaces cut; what the encoder leaves whole stays.

    Args:
        segments: their words; one that is alone is a text from two letters on.
        encoder: its folder, which is opened only where there is such a text.

    Raises:
        InputError: it has no tokenizer that says where words end.
    """
    texts = {word for words in segments for word in words if _is_text(word, words)}
    if not texts:
        return [[*words] for words in segments]
    backend = load_pieces(encoder)
    parts = {text: _parts(text, backend) for text in texts}
    cut = sum(len(parts[text]) > 1 for text in texts)
    print(
        f"texts without spaces: {cut} of {len(texts)} are cut into words by the encoder {encoder}",
        file=sys.stderr,
    )
    return [
        [part for word in words for part in (parts[word] if _is_text(word, words) else [word])]
        for words in segments
    ]


def cut_fold(folder: Path, encoder: Path) -> int:
    """The same of a fold's folder in split's layout; how many words it has then."""
    offsets = read_offsets(folder / "offsets.npy", ["words"])
    bounds = offsets["words"]
    words = read_words(folder / "words.npy", bounds[-1])
    segments = [words[first:last] for first, last in pairwise(bounds)]
    cut = cut_texts(segments, encoder)
    if cut != segments:
        offsets["words"][1:] = np.cumsum([len(words) for words in cut])
        np.save(folder / "words.npy", as_words(word for words in cut for word in words))
        np.save(folder / "offsets.npy", offsets)
    return int(offsets["words"][-1])


def _is_text(word: str, words: Sequence[str]) -> bool:
    return len(LETTER.findall(word)) > (LONGEST if len(words) > 1 else 1)


def _parts(text: str, backend: Any) -> list[str]:
    normal = backend.normalizer.normalize_str(text) if backend.normalizer else text
    if not backend.pre_tokenizer:
        return [text]
    spans = [span for _, span in backend.pre_tokenizer.pre_tokenize_str(normal)]
    return [part for first, last in spans if (part := normal[first:last].strip())] or [text]
