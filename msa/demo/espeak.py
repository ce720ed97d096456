"""Speech made on the spot by espeak-ng, with the times at which it says each word."""

import ctypes
from ctypes.util import find_library
from functools import cache

import numpy as np
from scipy.signal import resample_poly

from msa.base.errors import InputError

RATE = 16_000
# of espeak-ng's speak_lib.h
SYNCHRONOUS, PHONEME_EVENTS, SPEED, PITCH = 2, 1, 1, 3
END_OF_EVENTS, WORD, PHONEME = 0, 1, 7


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("message", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("name", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


def available() -> bool:
    """Whether libespeak-ng is installed."""
    return find_library("espeak-ng") is not None


@cache
def _library() -> tuple[ctypes.CDLL, int]:
    name = find_library("espeak-ng")
    if name is None:
        raise InputError("espeak-ng is not installed; on Debian: apt install espeak-ng")
    library = ctypes.CDLL(name)
    return library, library.espeak_Initialize(SYNCHRONOUS, 0, None, PHONEME_EVENTS)


def speak(
    text: str, voice: str = "en-us", speed: int = 160, pitch: int = 50
) -> tuple[np.ndarray, np.ndarray]:
    """Speech, and when each word of it is said.

    Args:
        text: words in ASCII, between spaces.
        voice: of espeak-ng, such as en-us+f3.
        speed: words a minute.
        pitch: 0 to 99.

    Returns:
        Samples (n,) int16, 16,000 a second; start and end of each word in seconds, (words, 2), NaN
        where espeak-ng says a word together with the one before it. The same calls in the same
        order give the same samples; espeak-ng's noise goes on from one to the next.

    Raises:
        InputError: espeak-ng is not there, or does not have the voice.
    """
    library, rate = _library()
    text = " ".join(text.split())
    if library.espeak_SetVoiceByName(voice.encode()):
        raise InputError(f"espeak-ng has no voice {voice}; `espeak-ng --voices` lists them")
    library.espeak_SetParameter(SPEED, speed, 0)
    library.espeak_SetParameter(PITCH, pitch, 0)
    blocks: list[np.ndarray] = []
    events: list[tuple[int, int, int, bool]] = []  # type, character, sample, whether it is a pause

    @_Callback
    def keep(samples, count, event):  # type: ignore[no-untyped-def]
        if samples and count > 0:
            blocks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        number = 0
        while (one := event[number]).type != END_OF_EVENTS:
            if one.type in (WORD, PHONEME):
                pause = one.name.startswith(b"_") and one.type == PHONEME
                events.append((one.type, one.text_position - 1, one.sample, pause))
            number += 1
        return 0

    library.espeak_SetSynthCallback(keep)
    data = text.encode("ascii")
    library.espeak_Synth(data, len(data) + 1, 0, 1, 0, 1, None, None)
    library.espeak_Synchronize()
    samples = np.concatenate(blocks)
    times = _word_times(text, events, len(samples)) / rate
    sound = resample_poly(samples.astype(float), RATE, rate)
    return np.clip(np.round(sound), -32768, 32767).astype(np.int16), times


def _word_times(text: str, events: list[tuple[int, int, int, bool]], samples: int) -> np.ndarray:
    """The first and last sample of each word, (words, 2)."""
    begins = [0, *(i + 1 for i, letter in enumerate(text) if letter == " ")]
    word_at = {character: word for word, character in enumerate(begins)}
    times = np.full((len(begins), 2), np.nan)
    current = None
    for kind, character, sample, pause in [*events, (PHONEME, 0, samples, True)]:
        # parts of a number, and words in pauses, begin where no word does
        starts = kind == WORD and character in word_at
        if current is not None and (starts or pause):
            times[current, 1] = sample
            current = None
        if starts:
            current = word_at[character]
            times[current, 0] = sample
    return times
