"""Models of the Hugging Face hub that extractors read by: of each the commit is known.

A name stands for the newest commit, so that clips would in time be read by another model than the
training data were. Hence the settings that are recorded and compared have NAME@COMMIT.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msa.base.errors import InputError
from msa.base.reading import said

KEYS = ("align", "asr", "audio")
EXTRACTORS = ("none", "sphinx", "lld", "opensmile", "mesh", "points")
NAME = re.compile(r"(\w[\w.-]*(?:/\w[\w.-]*)?)(?:@([0-9a-f]{40}))?", re.ASCII)
COMMIT = re.compile("[0-9a-f]{40}")


def hub_models(settings: Mapping[str, Any]) -> dict[str, str]:
    """By setting, what names a model of the hub, and no extractor or folder."""
    names = {key: str(settings.get(key, "none")) for key in KEYS}
    return {
        key: name
        for key, name in names.items()
        if name not in EXTRACTORS and not Path(name).is_dir() and NAME.fullmatch(name)
    }


def with_commits(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings whose models of the hub are NAME@COMMIT, by default the newest, or the cache's.

    Raises:
        InputError: a model is not to be had.
    """
    models = hub_models(settings)
    return {**settings, **{key: f"{name}@{_commit(name)}" for key, name in unknown(models).items()}}


def unknown(models: Mapping[str, str]) -> dict[str, str]:
    """Those of some models of the hub whose commit is not said."""
    return {key: name for key, name in models.items() if "@" not in name}


def where(model: str | Path) -> dict[str, Any]:
    """What `from_pretrained` of transformers is to load: a folder, or a commit of the hub."""
    name, _, commit = str(model).rpartition("@")
    if not COMMIT.fullmatch(commit) or Path(model).is_dir():
        return {"pretrained_model_name_or_path": str(model)}
    return {"pretrained_model_name_or_path": name, "revision": commit}


def _commit(name: str) -> str:
    from transformers.utils import cached_file

    expected = f"{name}: expected a model of the Hugging Face hub, or a folder"
    try:
        file = cached_file(name, "config.json")
    except (OSError, ValueError) as error:
        raise InputError(f"{expected}, got: {said(error)}") from error
    # the cache keeps each commit in a folder of its name
    if not COMMIT.fullmatch(commit := Path(str(file)).parent.name):
        raise InputError(f"{expected}, whose commit is known, got {file}; say {name}@COMMIT")
    return commit
