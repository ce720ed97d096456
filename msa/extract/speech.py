"""Where somebody speaks: WebRTC's voice activity detector, with the endpointer of pocketsphinx."""

import numpy as np

from msa.extract.media import RATE
from msa.extract.optional import load


def speech(samples: np.ndarray) -> np.ndarray:
    """Stretches of speech.

    Args:
        samples: (n,) int16, 16,000 a second.

    Returns:
        Start and end of each in seconds, (k, 2); none in silence.

    Raises:
        InputError: pocketsphinx is not installed.
    """
    pocketsphinx = load("pocketsphinx", "video", "finding speech")
    endpointer = pocketsphinx.Endpointer(sample_rate=RATE)
    frame = endpointer.frame_bytes // 2
    stretches: list[tuple[float, float]] = []
    for begin in range(0, len(samples), frame):
        was_speech = endpointer.in_speech
        block = samples[begin : begin + frame].tobytes()
        # it holds frames back, so the last ones must be asked for
        if begin + frame < len(samples):
            endpointer.process(block)
        elif was_speech:
            endpointer.end_stream(block)
        if was_speech and not endpointer.in_speech:
            stretches.append((endpointer.speech_start, endpointer.speech_end))
    return np.array(stretches).reshape(-1, 2)
