import numpy as np
import pytest
from spoken import needs_espeak, say, silence

pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")

from msa.extract.sphinx import recognize


@pytest.mark.slow
@needs_espeak
def test_recognition_finds_some_of_the_words_where_they_are():
    sound, times = say()
    words = recognize(np.concatenate([silence(1), sound]))
    assert words.origin == "recognized" and words.fit is None
    assert words.times.shape == (len(words.texts), 2)
    start, end = words.times[words.texts.index("really")]
    assert [start, end] == pytest.approx(1 + times[1], abs=0.1)


def test_silence_has_no_words():
    """Without a look for speech before, the decoder finds some."""
    words = recognize(silence(2))
    assert words.texts == [] and words.times.shape == (0, 2)
