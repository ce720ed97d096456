"""A look-alike of CM-BERT's `train.tsv`, `dev.tsv`, `test.tsv` and its pickle of audio."""

import pickle
from pathlib import Path

import numpy as np

from msa.base.atomic import atomic_write
from msa.demo.look_alikes.mag import KEYS
from msa.demo.look_alikes.rows import SEGMENTS, make_rows, make_words

STEPS, WIDTH = 50, 5
PIECE = 6  # letters; BERT cuts less evenly


def write(folder: Path, rng: np.random.Generator) -> Path:
    """Write the .tsv files and `MOSI_cmu_audio_CLS.pickle`; returns the folder."""
    arrays = []
    for key, fold in KEYS.items():
        lines = ["text\tlabel"]
        audio = np.zeros((SEGMENTS[fold], STEPS, WIDTH))
        for rows, score in zip(audio, np.round(rng.uniform(-3, 3, len(audio)), 1), strict=True):
            words = make_words(rng, score)
            lines.append(f"{' '.join(words).upper()}\t{score}")
            pieces = [-(-len(word) // PIECE) for word in words]
            of_pieces = np.repeat(make_rows(rng, len(words), WIDTH, score), pieces, axis=0)
            # zeros for [CLS], and for [SEP] and what follows
            kept = of_pieces[: STEPS - 2]
            rows[1 : 1 + len(kept)] = kept
        with atomic_write(folder / f"{key}.tsv") as file:
            file.write("\n".join(lines) + "\n")
        arrays.append(audio)
    with atomic_write(folder / "MOSI_cmu_audio_CLS.pickle", "wb") as file:
        pickle.dump(tuple(arrays), file)
    return folder
