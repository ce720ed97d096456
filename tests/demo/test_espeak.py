import numpy as np
import pytest
from spoken import needs_espeak, say

from msa.base.errors import InputError
from msa.demo import espeak

pytestmark = needs_espeak


def test_every_word_has_its_time():
    samples, times = say("It is good. So 24 films, well-known ones!")
    assert samples.dtype == np.int16 and abs(samples.astype(int)).max() > 3000
    assert times.shape == (8, 2)
    assert (times[:, 1] > times[:, 0]).all() and (times[1:, 0] >= times[:-1, 1] - 1e-9).all()
    # the loudest pause is between the sentences
    assert times[3, 0] - times[2, 1] == (times[1:, 0] - times[:-1, 1]).max() > 0.1
    assert times[-1, 1] <= len(samples) / espeak.RATE
    pause = samples[round(times[2, 1] * 16_000) + 800 : round(times[3, 0] * 16_000) - 800]
    word = samples[round(times[2, 0] * 16_000) : round(times[2, 1] * 16_000)]
    assert pause.std() < 0.02 * word.std()


def test_a_word_that_is_said_with_the_one_before_has_no_time():
    _, times = say("some of the films")
    assert np.isnan(times[2]).all() and not np.isnan(times[[0, 1, 3]]).any()


def test_voices_speeds_and_pitches_differ():
    plain, _ = espeak.speak("good")
    assert len(espeak.speak("good", speed=300)[0]) < 0.8 * len(plain)
    for others in ({"pitch": 99}, {"voice": "en-us+f3"}):
        assert not np.array_equal(espeak.speak("good", **others)[0], plain)


def test_a_voice_that_is_not_there():
    with pytest.raises(InputError, match="no voice nobody"):
        espeak.speak("good", "nobody")


def test_where_it_is_not_installed(monkeypatch):
    monkeypatch.setattr(espeak, "find_library", lambda name: None)
    espeak._library.cache_clear()
    with pytest.raises(InputError, match="apt install espeak-ng"):
        espeak.speak("good")
    assert not espeak.available()
