"""The registry of models: name → "module:Class", imported only when asked for."""

import ast
import importlib
from importlib.util import find_spec
from pathlib import Path

from msa.base.errors import InputError

MODELS = {
    "lmf": "msa.models.lmf:LMF",
    "nhfnet": "msa.models.nhfnet:NHFNet",
    "cm_bert": "msa.models.cm_bert:CMBert",
    "mag_bert": "msa.models.mag_bert:MAGBert",
    "cenet": "msa.models.cenet:CENET",
    "hkt": "msa.models.hkt:HKT",
    "ithp": "msa.models.ithp:ITHP",
    "mib_early": "msa.models.mib:MIB",
    "mib_late": "msa.models.mib:MIB",
    "mib_complete": "msa.models.mib:MIB",
    "almt": "msa.models.almt:ALMT",
    "lmr_cbt": "msa.models.lmr_cbt:LMRCBT",
    "glomo": "msa.models.glomo:GLoMo",
    "mult": "msa.models.mult:MulT",
    "dlf": "msa.models.dlf:DLF",
    "lmf_mult": "msa.models.lmf_mult:LMFMulT",
    "pmr": "msa.models.pmr:PMR",
    "tfn": "msa.models.tfn:TFN",
    "misa": "msa.models.misa:MISA",
    "lf_lstm": "msa.models.lf_lstm:LFLSTM",
    "self_mm": "msa.models.self_mm:SelfMM",
    "tetfn": "msa.models.tetfn:TETFN",
    "mmim": "msa.models.mmim:MMIM",
    "clgsi": "msa.models.clgsi:CLGSI",
    "mfn": "msa.models.mfn:MFN",
    "graph_mfn": "msa.models.graph_mfn:GraphMFN",
    "mfm": "msa.models.mfm:MFM",
    "marn": "msa.models.marn:MARN",
    "rmfn": "msa.models.rmfn:RMFN",
    "ef_lstm": "msa.models.ef_lstm:EFLSTM",
    "raven": "msa.models.raven:RAVEN",
    "mctn": "msa.models.mctn:MCTN",
    "text_only": "msa.models.text_only:TextOnly",
    "t_bert": "msa.models.text_only:TextOnly",
    "mean": "msa.models.baselines:Mean",
    "ridge": "msa.models.baselines:Ridge",
}

# what a constructor gets from the data set and the encoder
DATA_KEYWORDS = ("text_dim", "audio_dim", "vision_dim", "hcf_dim", "output_dim", "task", "bert")

# what a recipe calls the alignment of models that read audio and vision as they are beside words
OWN_ROWS = ("unaligned", "either")

# models whose insides the stage examine shows
EXAMINED = {"cm_bert": "attention", "glomo": "experts"}


def architecture_of(name: str) -> list[str] | None:
    """What the constructor of a model takes besides widths, task and encoder.

    It is read, not imported, which would take seconds. None where the class has no constructor of
    its own, or one that takes anything.
    """
    module, _, attribute = MODELS[name].partition(":")
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return None
    for node in ast.walk(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef) and node.name == attribute:
            for part in node.body:
                if isinstance(part, ast.FunctionDef) and part.name == "__init__":
                    names = [one.arg for one in (*part.args.args[1:], *part.args.kwonlyargs)]
                    free = part.args.kwarg is not None
                    return None if free else [name for name in names if name not in DATA_KEYWORDS]
    return None


def model_class(name: str) -> type:
    """The class registered under ``name``; its module is imported now."""
    if name not in MODELS:
        raise InputError(f"model: expected one of {', '.join(MODELS)}, got {name!r}")
    module, _, attribute = MODELS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)
