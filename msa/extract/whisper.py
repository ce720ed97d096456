"""Words of speech that has no transcript, by a Whisper of transformers, in any of its languages."""

from pathlib import Path
from typing import Any

import numpy as np

from msa.base.errors import InputError
from msa.extract.hub_model import where
from msa.extract.media import RATE
from msa.extract.parts import Words
from msa.extract.speech import speech
from msa.extract.transcript import closed

BLOCK = 28.0  # seconds of speech at once; Whisper hears 30


def recognize(samples: np.ndarray, model: str | Path) -> Words:
    """Words and their times.

    Args:
        samples: (n,) int16, 16,000 a second.
        model: a Whisper of transformers, a folder or a name on the hub.

    Returns:
        The words as it writes them; none in silence. An end that it leaves open is the next start.

    Raises:
        InputError: there is no such model, or pocketsphinx, which finds speech, is not installed.
    """
    texts: list[str] = []
    times: list[tuple[float, float]] = []
    blocks = _blocks(speech(samples))
    if not blocks:
        return Words([], np.zeros((0, 2)), "recognized")
    hear = _pipeline(model)
    for start, end in blocks:
        sound = samples[round(start * RATE) : round(end * RATE)].astype(np.float32) / 32768
        heard = hear({"raw": sound, "sampling_rate": RATE}, return_timestamps="word")
        latest = 0.0
        for chunk in heard["chunks"]:
            first, last = chunk["timestamp"]
            latest = latest if first is None else first
            if text := chunk["text"].strip():
                texts.append(text)
                times.append((start + latest, np.nan if last is None else start + last))
    return Words(texts, closed(np.array(times).reshape(-1, 2)), "recognized")


def _pipeline(model: str | Path) -> Any:
    from transformers import pipeline

    try:
        own = where(model)
        return pipeline(
            "automatic-speech-recognition",
            own["pretrained_model_name_or_path"],
            revision=own.get("revision"),
            trust_remote_code=False,
        )
    except (OSError, ValueError) as error:
        raise InputError(
            f"{model}: expected a Whisper of transformers: {str(error).partition(chr(10))[0]}"
        ) from error


def _blocks(stretches: np.ndarray) -> list[list[float]]:
    """Stretches of speech, neighbours joined as long as they fit into a block."""
    blocks: list[list[float]] = []
    for start, end in stretches.tolist():
        if blocks and end - blocks[-1][0] <= BLOCK:
            blocks[-1][1] = end
        else:
            blocks.append([start, end])
    return blocks
