"""A text encoder's folder: what its small files say against it, before anything is imported."""

import json
from pathlib import Path

from msa.base.reading import said

POINTER = b"version https://git-lfs"
# the first that there is is read
WEIGHTS = (
    *("model.safetensors", "model.safetensors.index.json"),
    *("pytorch_model.bin", "pytorch_model.bin.index.json"),
)
MARKS = ('"[CLS]"', '"<s>"', '"<cls>"')  # of a sentence's beginning, in tokenizer.json
VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")


def folder_problem(folder: Path) -> str | None:
    """What is wrong with an encoder's folder, as the end of a message; None where nothing shows.

    Raises:
        OSError: a file may not be read.
    """
    if not folder.is_dir():
        return (
            "expected a folder with config.json, model.safetensors and tokenizer files, got none; "
            "`python -m msa fetch-encoder` gets one from the hub"
        )
    config = folder / "config.json"
    weights = [path for name in WEIGHTS if (path := folder / name).is_file()][:1]
    vocabularies = [path for name in VOCABULARIES for path in sorted(folder.glob(name))]
    reason = _pointer([config, *weights, *folder.glob("*-of-*"), *vocabularies]) or _config(config)
    if not reason and not weights:
        others = ", ".join(sorted(path.name for path in folder.glob("*model*")))
        reason = f"no model.safetensors or pytorch_model.bin; there is {others or 'no other'}"
    if not reason and not vocabularies:
        reason = "neither tokenizer.json nor a vocabulary to make one from"
    expected = "config.json, model.safetensors and tokenizer files of a transformers encoder"
    return f"expected {expected}, got: {reason}" if reason else None


def has_marks(folder: Path) -> bool:
    """Whether an encoder's pieces have marks of a sentence's beginning, unless it does not say."""
    path = folder / "tokenizer.json"
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else MARKS[0]
    return any(mark in text for mark in MARKS)


def _pointer(paths: list[Path]) -> str | None:
    """What to do where one is not the file, but what Git has in its place."""
    for path in filter(Path.is_file, paths):
        with path.open("rb") as file:
            if file.read(len(POINTER)) == POINTER:
                return f"a Git-LFS pointer in place of {path.name}; run `git lfs pull`, or fetch it"
    return None


def _config(path: Path) -> str | None:
    if not path.is_file():
        google = path.with_name("bert_config.json").is_file()
        more = '; rename bert_config.json and add "model_type": "bert" to it' if google else ""
        return f"no config.json{more}"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        return f"config.json is no JSON: {said(error)}"
    if not isinstance(content, dict) or not isinstance(content.get("model_type"), str):
        return 'config.json does not say which model it is; of BERT add "model_type": "bert"'
    return None
