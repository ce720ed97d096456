"""pocketsphinx: a decoder set for alignment, and recognition with the English models it brings."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from msa.extract.media import RATE
from msa.extract.optional import load
from msa.extract.parts import Words
from msa.extract.speech import speech

FRAMES = 100  # a second
FRAME = RATE // FRAMES  # samples
# so wide that the path of the words is never lost; 0 breaks the decoder
BEAM = 1e-200
# of silence between words: the default, 0.005, ends words too early, and at 1e-8 the search loses
# whole sentences behind a pause
SILENCE = 1e-4
FREE = "phones"
FILLERS = ("<", "[", "+")  # as their names begin: silence, noise, breath
NULL = ""  # the name of a step of a grammar that says nothing


@dataclass(frozen=True)
class Segment:
    """A word or a filler on a decoder's path.

    Attributes:
        word: without the number of its pronunciation.
        begin, end: its first frame, and the one after its last.
        score: log likelihood of its frames, to the decoder's base.
    """

    word: str
    begin: int
    end: int
    score: float

    @property
    def filler(self) -> bool:
        return self.word == NULL or self.word.startswith(FILLERS)


def aligner() -> Any:
    """A decoder for words that are known, with the search `FREE` for any sounds.

    Its best path through the lattice stays off, since it cuts what a grammar gives.

    Raises:
        InputError: pocketsphinx is not installed.
    """
    pocketsphinx = load("pocketsphinx", "video", "aligning words")
    decoder = pocketsphinx.Decoder(
        lm=None,
        loglevel="FATAL",
        bestpath=False,
        beam=BEAM,
        wbeam=BEAM,
        pbeam=BEAM,
        silprob=SILENCE,
    )
    decoder.add_allphone_file(FREE)  # any phone after any other
    return decoder


def decode(decoder: Any, samples: np.ndarray) -> list[Segment] | None:
    """The best path through an utterance, (n,) int16; None where there is none."""
    decoder.start_utt()
    decoder.process_raw(samples.tobytes(), full_utt=True)
    decoder.end_utt()
    if decoder.hyp() is None:
        return None
    return [
        Segment(
            one.word.partition("(")[0],
            one.start_frame,
            one.end_frame + 1,
            decoder.logmath.ln_to_log(math.log(one.ascore)),
        )
        for one in decoder.seg()
    ]


def recognize(samples: np.ndarray) -> Words:
    """Words of English speech, of which about half are right; better than none at all.

    Args:
        samples: (n,) int16, 16,000 a second.

    Raises:
        InputError: pocketsphinx is not installed.
    """
    pocketsphinx = load("pocketsphinx", "video", "recognizing words")
    decoder = pocketsphinx.Decoder(loglevel="FATAL")
    texts: list[str] = []
    times: list[tuple[float, float]] = []
    for start, end in speech(samples):  # in silence it finds words too
        begin = round(start * RATE)
        for one in decode(decoder, samples[begin : round(end * RATE)]) or []:
            if not one.filler:
                texts.append(one.word)
                times.append((start + one.begin / FRAMES, start + one.end / FRAMES))
    return Words(texts, np.array(times).reshape(-1, 2), "recognized")
