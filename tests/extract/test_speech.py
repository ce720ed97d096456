import numpy as np
import pytest
from spoken import needs_espeak, say, silence

pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")

from msa.extract.speech import speech


@needs_espeak
def test_speech_between_silences():
    sound, _ = say()
    seconds = len(sound) / 16_000
    both = np.concatenate([silence(2), sound, silence(2), sound])
    stretches = speech(both)
    assert stretches.shape == (2, 2)
    starts = [2, 4 + seconds]
    assert stretches[:, 0] == pytest.approx(starts, abs=0.1)
    assert stretches[:, 1] == pytest.approx([start + seconds for start in starts], abs=0.4)


@pytest.mark.parametrize(
    "sound", [silence(3), silence(0.01), silence(0)], ids=["3 s", "10 ms", "0"]
)
def test_nobody_speaks(sound):
    assert speech(sound).shape == (0, 2)
