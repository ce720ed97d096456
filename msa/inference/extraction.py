"""With which settings clips are extracted: exactly those of the systems' training data."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msa.base.errors import InputError
from msa.config.encoders import HUB_NAME
from msa.extract.extractors import DEFAULTS, extractor_facts

EXTRACTORS = ("none", "sphinx", "lld", "opensmile", "mesh", "points")


def own_folders(settings: Mapping[str, Any]) -> dict[str, str]:
    """By setting, what names a folder with a model, and no extractor or model of the hub."""
    names = {key: str(settings.get(key, "none")) for key in ("align", "asr", "audio", "vision")}
    return {
        key: name
        for key, name in names.items()
        if name not in EXTRACTORS
        and (key == "vision" or Path(name).is_dir() or not HUB_NAME.fullmatch(name))
    }


def say_models(settings: Mapping[str, Any]) -> None:
    """Say on stderr which models of the hub clips are read by, before any is fetched.

    Raises:
        InputError: the folder of a model is not here.
    """
    folders = own_folders(settings)
    for key, name in folders.items():
        if not Path(name).is_dir():
            raise InputError(
                f"{key}: the training data were extracted by a model in the folder {name}: "
                "expected it here, got none; put it there"
            )
    for key in ("align", "asr", "audio"):
        if key not in folders and (name := settings[key]) not in EXTRACTORS:
            print(
                f"{key}: clips are read by the model {name} of the Hugging Face hub, as the "
                "training data were; it is fetched, unless it is in the hub's cache",
                file=sys.stderr,
            )


def stored_settings(extractions: Mapping[str, Mapping[str, Any] | None]) -> dict[str, Any]:
    """The settings that the training data of systems were extracted with.

    Other versions of packages are said on stderr.

    Args:
        extractions: of `System`, by the systems' names.

    Raises:
        InputError: a system's data were not extracted here; systems differ; an extractor is not
            installed, or has other columns today.
    """
    for name, extraction in extractions.items():
        if extraction is None:
            raise InputError(
                f"{name}: its training data were not extracted from videos here, so that there are "
                "no settings to extract these by; give the files of its features instead, as "
                "words=words.csd audio=audio.csd"
            )
    (first, one), *others = ((name, _facts(x)) for name, x in extractions.items() if x)
    for name, other in others:
        if differences := _differences(one, other):
            raise InputError(
                f"{first} and {name}: expected systems whose data were extracted alike, got "
                f"{'; '.join(differences)}; predict with each alone"
            )
    settings = one["settings"]
    say_models(settings)
    if unknown := sorted(set(settings) - set(DEFAULTS)):
        raise InputError(
            f"{first}: extracted with {', '.join(unknown)}, which this version does not know"
        )
    now = {"settings": settings, "extractors": extractor_facts(settings)}
    if differences := _differences(one, now):
        raise InputError(
            f"{first}: expected the extractors of its training data, got here: "
            f"{'; '.join(differences)}; predict with the version of the training"
        )
    for sequence, facts in one["extractors"].items():
        if facts["package"] != (package := now["extractors"][sequence]["package"]):
            print(
                f"{sequence}: the training data were extracted with {facts['package']}, this clip "
                f"is with {package}",
                file=sys.stderr,
            )
    return dict(settings)


def _facts(extraction: Mapping[str, Any]) -> dict[str, Any]:
    settings = {**DEFAULTS, **extraction["settings"]}
    return {"settings": settings, "extractors": extraction["extractors"]}


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """How the settings and columns of two extractions differ, in words."""
    a, b = one["settings"], other["settings"]
    texts = [
        f"{key}: {a.get(key)} and {b.get(key)}"
        for key in sorted({*a, *b})
        if a.get(key) != b.get(key)
    ]
    if not texts and one["extractors"].keys() != other["extractors"].keys():
        made = (", ".join(sorted(x["extractors"])) or "nothing" for x in (one, other))
        texts.append(" and ".join(made))
    for sequence in () if texts else sorted(one["extractors"]):
        columns, today = (x["extractors"][sequence]["columns"] for x in (one, other))
        if columns != today:
            lost, new = (sorted(set(p) - set(q)) for p, q in ((columns, today), (today, columns)))
            texts.append(
                f"{sequence}: {len(today)} columns for {len(columns)}"
                + (f", without {', '.join(lost)}" if lost else "")
                + (f", with {', '.join(new)}" if new else "")
                + ("" if lost or new else ", in another order")
            )
    return texts
