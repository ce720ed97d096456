"""The registry of models: name → "module:Class", imported only when asked for."""

import importlib

from msa.errors import InputError

MODELS = {
    "lmf": "msa.models.lmf:LMF",
    "nhfnet": "msa.models.nhfnet:NHFNet",
    "cm_bert": "msa.models.cm_bert:CMBert",
    "lmr_cbt": "msa.models.lmr_cbt:LMRCBT",
    "glomo": "msa.models.glomo:GLoMo",
    "mean": "msa.models.baselines:Mean",
    "ridge": "msa.models.baselines:Ridge",
}

# models whose insides the stage examine shows
EXAMINED = {"cm_bert": "attention", "glomo": "experts"}


def model_class(name: str) -> type:
    """The class registered under ``name``; its module is imported now."""
    if name not in MODELS:
        raise InputError(f"model: expected one of {', '.join(MODELS)}, got {name!r}")
    module, _, attribute = MODELS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)
