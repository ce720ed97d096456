"""Which extractors there are, what the settings call them, and what stands in the card of each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from msa.extract import lld
from msa.extract.optional import missing
from msa.extract.parts import Frame, Rows

# align: sphinx, or the name or folder of a wav2vec2 with letters. asr: how words are recognized
# where there is no transcript, sphinx or a Whisper; none for not at all. keep_unfit: words that the
# sound does not fit stay. audio, vision: an extractor, the name or folder of a model, or none.
# rate: pictures a second.
DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        **{"align": "sphinx", "asr": "none", "keep_unfit": False},
        **{"audio": "lld", "vision": "mesh", "rate": 5.0},
    }
)
SPHINX = "BSD-2-Clause (CMU Sphinx, its en-us model with it)", "yes"
EXTRAS = {"opensmile": "opensmile"}  # of pyproject.toml; the others are in "video"
PACKAGES = {
    "words": {"sphinx": "pocketsphinx"},
    "audio": {"opensmile": "opensmile", "lld": "numpy"},
    "vision": {"mesh": "ai-edge-litert", "points": "ai-edge-litert"},
}


def audio_extractor(name: str) -> Callable[[np.ndarray], Rows]:
    """What makes rows of a sound: `lld`, `opensmile`, or a speech model by name or folder."""
    if name == "lld":
        return lld.describe
    if name == "opensmile":
        from msa.extract import opensmile

        return opensmile.describe
    from msa.extract import hub_audio

    return partial(hub_audio.describe, model=name)


def vision_extractor(name: str, weights: Path | None) -> Callable[[Iterator[Frame]], Rows]:
    """What makes rows of pictures: `mesh`, its `points`, or an image model by name or folder."""
    from msa.extract import face_weights, hub_vision, mesh

    weights = weights or face_weights.FOLDER
    if name in ("mesh", "points"):
        return partial(mesh.describe, weights=weights, points=name == "points")
    return partial(hub_vision.describe, weights=weights, model=Path(name))


def extractor_facts(settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By sequence the extractor's name, columns, licence, commercial use, package and version.

    The columns of a model have no names; of a model, the licence is for its card to say.

    Raises:
        Missing: the package is not installed.
    """
    facts: dict[str, dict[str, Any]] = {}
    for sequence, key in (("words", "align"), ("audio", "audio"), ("vision", "vision")):
        name = settings[key]
        if name == "none":
            continue
        columns, licence, commercial = _of(sequence, name)
        package = PACKAGES[sequence].get(name, "transformers")
        facts[sequence] = {
            "name": name,
            "columns": list(columns),
            "licence": licence,
            "commercial": commercial,
            "package": f"{package} {_version(package, f'{sequence}: {name}')}",
        }
    return facts


def _version(package: str, purpose: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError as error:
        raise missing(package, EXTRAS.get(package, "video"), purpose) from error


def _of(sequence: str, name: str) -> tuple[Sequence[str], str, str]:
    """Columns, licence, commercial use."""
    if sequence == "words" and name == "sphinx":
        return (), *SPHINX
    if sequence == "audio" and name == "lld":
        return lld.NAMES, lld.LICENCE, lld.COMMERCIAL
    if sequence == "audio" and name == "opensmile":
        from msa.extract import opensmile

        return opensmile.NAMES, opensmile.LICENCE, opensmile.COMMERCIAL
    if sequence == "vision" and name in ("mesh", "points"):
        from msa.extract import mesh

        names = mesh.POINT_NAMES if name == "points" else mesh.NAMES
        return names, mesh.LICENCE, mesh.COMMERCIAL
    return (), "see the model's card", "unknown"
