"""When each word of a known text is said, by a network that names the letters in the sound: CTC.

For other languages than English, and better acoustics: a wav2vec2, HuBERT or WavLM of transformers
with a CTC head over letters. The path is that of Viterbi through letters and blanks [Graves et al.,
"Connectionist Temporal Classification", ICML 2006].
"""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from msa.base.errors import InputError
from msa.extract.forced_alignment import MARGIN, SHORTEST, Unfit
from msa.extract.hub_model import where
from msa.extract.media import RATE
from msa.extract.parts import Words
from msa.extract.pronounce import APOSTROPHES, spoken
from msa.extract.transcript import Token, given, spans

WINDOW, KEPT, LEAST = 30 * RATE, 22 * RATE, RATE  # samples: of a window, kept of it, gone on by
AHEAD = 200  # words that a window may hold
ENGLISH = set("abcdefghijklmnopqrstuvwxyz'")


def viterbi(scores: np.ndarray, labels: np.ndarray, blank: int, whole: bool = True) -> np.ndarray:
    """The frames of each label on the most likely path through labels and blanks.

    A blank between two labels may be skipped where they differ.

    Args:
        scores: log probabilities (t, labels that there are).
        labels: (n,) in their order.
        blank: the label that is none.
        whole: the path goes through all of them; else it may end after any.

    Returns:
        First frame and the one after the last, (m, 2), of the m <= n labels on the path.

    Raises:
        ValueError: there are fewer frames than the labels and the repeats among them need.
    """
    steps, n = len(scores), len(labels)
    states = np.full(2 * n + 1, blank)
    states[1::2] = labels
    skips = np.zeros(len(states), bool)
    skips[3::2] = labels[1:] != labels[:-1]
    if whole and steps < n + int((~skips[3::2]).sum()):
        raise ValueError(f"{steps} frames cannot hold {n} labels")
    best = np.full(len(states), -np.inf)
    best[0] = 0.0
    # how many states each one's best predecessor lies before it, (t, 2 n + 1)
    moves = np.zeros((steps, len(states)), np.int8)
    for step in range(steps):
        ways = np.full((3, len(states)), -np.inf)
        ways[0] = best
        ways[1, 1:] = best[:-1]
        ways[2, 2:] = np.where(skips[2:], best[:-2], -np.inf)
        moves[step] = ways.argmax(0)
        best = ways.max(0) + scores[step, states]
    ends = np.arange(len(states)) if not whole else np.arange(max(0, len(states) - 2), len(states))
    state = int(ends[best[ends].argmax()])
    path = np.empty(steps, int)
    for step in range(steps - 1, -1, -1):
        path[step] = state
        state -= int(moves[step, state])
    reached = (path[-1] + 1) // 2
    frames = [np.flatnonzero(path == 2 * label + 1) for label in range(reached)]
    return np.array([(own[0], own[-1] + 1) for own in frames]).reshape(-1, 2)


def align(samples: np.ndarray, tokens: Sequence[Token], model: str | Path) -> Words:
    """Words with their times.

    Args:
        samples: (n,) int16, 16,000 a second.
        tokens: the text; where tokens have the times of their cue, they are looked for in there.
        model: of transformers with a CTC head, a folder or a name on the hub.

    Returns:
        The tokens as written. The fit is the mean over the letters' frames of how much more likely
        the likeliest letter is, in nats; nothing is refused by it, since it differs by model.

    Raises:
        Unfit: the sound is too short for the text.
        InputError: there is no such model, or it has none of the text's letters.
    """
    if len(samples) < SHORTEST * RATE:
        raise Unfit(f"expected at least {SHORTEST} s of sound, got {len(samples) / RATE:.3f} s")
    network = _Network(model)
    said = [token for token in tokens if any(letter.isalnum() for letter in token.text)]
    labels = [network.labels(token.text) for token in said]
    numbers = [i for i, own in enumerate(labels) if own]
    if not numbers:
        letters = "".join(sorted(network.letters))
        raise InputError(
            f"{model}: expected a text in the letters {letters:.60}, found "
            f"{' '.join(token.text for token in tokens)!r:.60}; name a model of its language"
        )
    located: list[Token] = [Token(token.text) for token in said]
    cues = spans(said, len(samples) / RATE)
    gaps: list[np.ndarray] = []
    for (start, end), cue in groupby(numbers, key=lambda i: cues[i]):
        members = list(cue)
        begin = max(0, round((start - MARGIN) * RATE))
        sound = samples[begin : max(begin, round((end + MARGIN) * RATE))]
        times = _locate(network, sound, [labels[i] for i in members], gaps)
        if times is None:
            raise Unfit(f"the sound from {start:.1f} to {end:.1f} s is too short for its words")
        for i, (first, last) in zip(members, times + begin / RATE, strict=True):
            located[i] = Token(said[i].text, first, last, True)
    words = given(located)
    assert words is not None
    notes = list(words.notes)
    if len(said) < len(tokens):
        notes.append(f"{len(tokens) - len(said)} tokens left out that nobody says")
    return Words(words.texts, words.times, "aligned", float(np.concatenate(gaps).mean()), notes)


def _locate(
    network: "_Network", sound: np.ndarray, words: Sequence[list[int]], gaps: list[np.ndarray]
) -> np.ndarray | None:
    """Start and end of each word in seconds, (n, 2); None where the sound is too short."""
    times: list[tuple[float, float]] = []
    at = 0
    while len(times) < len(words):
        last = len(sound) - at <= WINDOW
        ahead = words[len(times) :] if last else words[len(times) : len(times) + AHEAD]
        window = sound[at : at + WINDOW]
        if len(window) < SHORTEST * RATE:
            return None
        scores = network.scores(window)
        between = [] if network.space is None else [network.space]
        labels = [label for word in ahead for label in (*between, *word)][len(between) :]
        try:
            frames = viterbi(scores, np.array(labels), network.blank, whole=last)
        except ValueError:
            return None
        seconds = frames * network.step / RATE
        first, beyond = 0, KEPT
        for word in ahead:
            own = slice(first, first + len(word))
            if own.stop > len(frames):
                break
            if not last and seconds[own.stop - 1, 1] * RATE > KEPT:
                beyond = int(seconds[own.start, 0] * RATE)
                break
            times.append((at / RATE + seconds[own.start, 0], at / RATE + seconds[own.stop - 1, 1]))
            for (begin, end), label in zip(frames[own], labels[own], strict=True):
                gaps.append(scores[begin:end].max(1) - scores[begin:end, label])
            first = own.stop + len(between)
        at += max(LEAST, min(KEPT, beyond))
    return np.array(times)


class _Network:
    """A CTC model of transformers.

    Attributes:
        letters: that it knows.
        blank, space: the labels of nothing, and of what parts words (None without one).
        step: samples between its frames.
    """

    def __init__(self, model: str | Path) -> None:
        from transformers import AutoFeatureExtractor, AutoModelForCTC, AutoTokenizer

        try:
            own = {**where(model), "trust_remote_code": False}
            self.model = AutoModelForCTC.from_pretrained(**own).eval()
            self.features = AutoFeatureExtractor.from_pretrained(**own)
            tokenizer = AutoTokenizer.from_pretrained(**own)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{model}: expected a CTC model of transformers, as wav2vec2, with its tokenizer: "
                f"{str(error).partition(chr(10))[0]}"
            ) from error
        vocabulary = tokenizer.get_vocab()
        self.blank = self.model.config.pad_token_id
        self.space = vocabulary.get(getattr(tokenizer, "word_delimiter_token", None) or "|")
        self.letters = {
            letter: label
            for letter, label in vocabulary.items()
            if len(letter) == 1 and label not in (self.blank, self.space)
        }
        self.step = self.model.config.inputs_to_logits_ratio
        self.english = {letter.lower() for letter in self.letters} <= ENGLISH

    def labels(self, token: str) -> list[int]:
        """The labels of a token's letters; of a model of A to Z alone, of what is said in English.

        Empty where it knows none of them.
        """
        text = "".join(spoken(token)) if self.english else token.translate(APOSTROPHES)
        cases = ((letter, letter.lower(), letter.upper()) for letter in text)
        known = (next((c for c in case if c in self.letters), None) for case in cases)
        return [self.letters[letter] for letter in known if letter is not None]

    def scores(self, samples: np.ndarray) -> np.ndarray:
        """Log probabilities of the labels, (t, labels), a frame every `step` samples."""
        import torch

        inputs = self.features(samples / 32768, sampling_rate=RATE, return_tensors="pt")
        with torch.inference_mode():
            logits = self.model(inputs["input_values"].float()).logits[0]
        return torch.log_softmax(logits.double(), -1).numpy()
