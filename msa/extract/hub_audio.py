"""A speech model of the hub or a folder (WavLM, HuBERT, wav2vec2): 50 rows a second.

A row is the mean of all hidden layers. Long sounds are read in windows, each with a second around
it that is dropped again, so that memory does not grow with their length.
"""

from typing import Any

import numpy as np

from msa.base.errors import InputError
from msa.extract.hub_model import where
from msa.extract.media import RATE
from msa.extract.parts import Rows

HOP, FIELD = 320, 400  # samples between rows, and that a row sees
WINDOW, CONTEXT = 1000, 50  # rows


def describe(samples: np.ndarray, model: str) -> Rows:
    """Rows of 20 ms of a sound, (n,) int16 at 16 kHz, padded with zeros to one row at least.

    Args:
        samples: the sound.
        model: its name on the hub, NAME@COMMIT, or its folder.
    """
    extractor, network = _load(model)
    padded = np.pad(samples / np.float32(32768), (0, max(0, FIELD - len(samples))))
    rows = (len(padded) - FIELD) // HOP + 1
    features = []
    for first in range(0, rows, WINDOW):
        last = min(first + WINDOW, rows)
        begin, end = max(0, first - CONTEXT), min(rows, last + CONTEXT)
        excerpt = padded[begin * HOP : (end - 1) * HOP + FIELD]
        features.append(_hidden(extractor, network, excerpt)[first - begin : last - begin])
    middle = (np.arange(rows) * HOP + FIELD / 2) / RATE
    half = HOP / 2 / RATE
    return Rows(np.concatenate(features), np.column_stack([middle - half, middle + half]))


def _load(model: str) -> tuple[Any, Any]:
    from transformers import AutoFeatureExtractor, AutoModel

    try:
        extractor = AutoFeatureExtractor.from_pretrained(**where(model), trust_remote_code=False)
        return extractor, AutoModel.from_pretrained(**where(model), trust_remote_code=False).eval()
    except (OSError, ValueError) as error:
        raise InputError(
            f"{model}: expected a speech model with its feature extractor, a folder or a name on "
            f"the hub: {error}"
        ) from error


def _hidden(extractor: Any, network: Any, excerpt: np.ndarray) -> np.ndarray:
    """Rows (n, d) of one window."""
    import torch

    read = extractor(excerpt, sampling_rate=RATE, return_tensors="pt")
    with torch.inference_mode():
        layers = network(**read, output_hidden_states=True).hidden_states
    rows: np.ndarray = torch.stack(layers).mean(dim=0)[0].float().numpy()
    return rows
