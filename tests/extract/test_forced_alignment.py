import math

import numpy as np
import pytest
from spoken import OTHER, TEXT, needs_espeak, say, silence, tokens

pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")

from msa.base.errors import InputError
from msa.extract import forced_alignment
from msa.extract.forced_alignment import Unfit, align
from msa.extract.transcript import Token

pytestmark = needs_espeak


def errors(words, times):
    """Starts and ends against those that espeak-ng says, seconds, less those that it does not."""
    difference = np.abs(words.times - times)
    return difference[~np.isnan(difference).any(axis=1)]


def test_words_are_where_they_are_said():
    sound, times = say()
    words = align(sound, tokens())
    assert words.texts == TEXT.split() and words.origin == "aligned" and words.notes == []
    assert np.median(errors(words, times), axis=0) == pytest.approx([0, 0], abs=0.02)
    assert errors(words, times).max() < 0.15
    assert words.fit < 30


def test_the_same_bits_after_other_clips():
    sound, _ = say()
    first = align(sound, tokens())
    align(*[say(OTHER)[0], tokens(OTHER)])
    again = align(sound, tokens())
    assert np.array_equal(first.times, again.times) and first.fit == again.fit


def test_text_that_the_sound_does_not_say():
    """With its score, where a path leads through it at all; and it can be asked for."""
    sound, _ = say(OTHER)
    wrong = "The film was terrible and far too long for me."
    with pytest.raises(Unfit, match="does not say the text: any sounds fit better by") as caught:
        align(sound, tokens(wrong))
    assert caught.value.score > forced_alignment.LIMIT
    kept = align(sound, tokens(wrong), limit=math.inf)
    assert kept.fit == caught.value.score and len(kept.times) == 10
    with pytest.raises(Unfit, match="no path leads through its words") as caught:
        align(sound, tokens(" ".join([TEXT] * 3)))
    assert caught.value.score is None


def test_three_words_too_many_do_not_fit():
    sound, _ = say()
    with pytest.raises(Unfit):
        align(sound, tokens(f"{TEXT} Nobody else agreed"))


def test_silence_does_not_fit():
    with pytest.raises(Unfit):
        align(silence(3), tokens())


@pytest.mark.parametrize("samples", [0, 1, 1_599])
def test_sound_that_is_too_short(samples):
    with pytest.raises(Unfit, match=r"expected at least 0.1 s of sound.*, got 0\.\d{3} s"):
        align(np.zeros(samples, np.int16), tokens())


def test_a_text_in_other_letters_is_one_error():
    with pytest.raises(InputError, match="Latin letters.*`align: ctc`"):
        align(silence(1), tokens("очень хорошо"))


def test_a_text_that_nobody_says():
    with pytest.raises(Unfit, match="expected a text, got none that is said"):
        align(silence(1), tokens("— ♪"))


def test_tokens_are_as_written_and_those_that_nobody_says_are_left_out():
    sound, times = say("In 1984 it was well-known, and that is 50 percent.")
    words = align(sound, tokens("In 1984 it was — well-known, and that is 50% —"))
    assert words.texts == "In 1984 it was well-known, and that is 50%".split()
    assert words.notes == ["2 tokens left out that nobody says: '—'"]
    year, end = words.times[1]
    assert [year, end] == pytest.approx(times[1], abs=0.1)


def test_names_that_the_dictionary_does_not_have():
    sound, times = say("We saw Zendaya and she was good.")
    words = align(sound, tokens("We saw Zendaya and she was good."))
    assert words.notes == ["words not in the dictionary, said by their letters: zendaya"]
    assert words.times[2, 0] == pytest.approx(times[2, 0], abs=0.1)


def test_cues_say_where_to_look():
    """Both halves are said twice; and a cue that is wrong loses its own words alone."""
    sound, times = say()
    twice = np.concatenate([sound, silence(0.5), sound])
    second = len(sound) / 16_000 + 0.5
    end = second + len(sound) / 16_000
    words = align(twice, tokens(TEXT, second, end))
    assert errors(words, times + second).max() < 0.15
    wrong = tokens("Completely impossible catastrophic words altogether", 0, 0.5)
    words = align(twice, [*wrong, *tokens(TEXT, second, end)])
    assert words.texts == TEXT.split()
    assert words.notes == [
        "5 words left out, of 1 cues in which the sound does not say them, the first at 0.0 s"
    ]


def test_cues_beyond_the_sound():
    with pytest.raises(Unfit, match="no path"):
        align(say()[0], tokens(TEXT, 100, 103))


def test_windows_of_a_long_sound(monkeypatch):
    """Of six seconds; the second sentence comes after a silence of more than one."""
    monkeypatch.setattr(forced_alignment, "WINDOW", 600)
    monkeypatch.setattr(forced_alignment, "KEPT", 450)
    first, times = say()
    second, more = say(OTHER)
    sound = np.concatenate([first, silence(10), second])
    words = align(sound, tokens(f"{TEXT} {OTHER}"))
    truth = np.concatenate([times, more + 10 + len(first) / 16_000])
    assert words.texts == f"{TEXT} {OTHER}".split()
    assert np.median(errors(words, truth), axis=0) == pytest.approx([0, 0], abs=0.03)
    assert (errors(words, truth) < 0.15).mean() > 0.9


def test_a_word_without_times_lies_between_its_neighbours():
    sound, times = say()
    some = [
        Token(word) if i == 4 else Token(word, *times[i], True)
        for i, word in enumerate(TEXT.split())
        if not np.isnan(times[i]).any()
    ]
    words = align(sound, some)
    assert words.times[4, 0] == pytest.approx(times[4, 0], abs=0.3)
