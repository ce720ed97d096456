"""A person who reads, with the text: LibriVox's Sense and Sensibility, as Debian's
pocketsphinx-testdata has it. When each word is said, nobody has written down.
"""

import math
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from spoken import silence, tokens

pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")

from msa.extract.forced_alignment import LIMIT, Unfit, align
from msa.extract.media import RATE, read_sound
from msa.inference.segmenting import between_pauses

FOLDER = Path("/usr/share/pocketsphinx/test/data/librivox")
LINE = re.compile(r"<s> (.+) </s> \((.+)\)")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not FOLDER.is_dir(), reason="Debian's pocketsphinx-testdata is not installed"
    ),
]


@pytest.fixture(scope="module")
def read():
    """Text and sound (n,) of five sentences."""
    lines = LINE.findall((FOLDER / "transcription").read_text())
    return [(text, read_sound(FOLDER / f"{name}.wav")) for text, name in lines]


def test_what_is_read_fits_and_nothing_else_does(read):
    for text, sound in read:
        for other, _ in read:
            if other == text:
                words = align(sound, tokens(text))
                assert words.texts == text.split() and words.fit < 5
                continue
            with pytest.raises(Unfit) as caught:
                align(sound, tokens(other))
            assert (caught.value.score or math.inf) > LIMIT


def test_sentences_behind_one_another_have_the_times_of_each_alone(read):
    pause = 1.0
    begins = np.cumsum([pause, *(len(sound) / RATE + pause for _, sound in read)])
    joined = [part for _, sound in read for part in (silence(pause), sound)]
    words = align(np.concatenate(joined), tokens(" ".join(text for text, _ in read)))
    alone = [
        align(sound, tokens(text)).times + b for (text, sound), b in zip(read, begins, strict=False)
    ]
    errors = np.abs(words.times - np.concatenate(alone))
    assert np.median(errors) <= 0.01 and np.percentile(errors, 95) < 0.1
    # and they are told apart again by their pauses
    segments = between_pauses(words.times)
    assert len(segments) == len(read)
    for (start, end), (first, last) in zip(segments, pairwise(begins), strict=True):
        assert first <= start and end <= last - pause + 0.05
