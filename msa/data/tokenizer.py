"""The tokenizer of an encoder: its folder's tokenizer.json, whatever transformers would make.

Transformers makes a tokenizer of the class that tokenizer_config.json names, with that file's
words alone: a file of another kind then gives other pieces, single letters even.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from msa.base.encoder_folder import VOCABULARIES, folder_problem
from msa.base.errors import InputError
from msa.base.reading import said

SPECIAL = {name: f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
SENTENCEPIECE = ("sentencepiece", "protobuf")  # what transformers reads a vocabulary *.model with
GENERIC = ("PreTrainedTokenizerFast", "TokenizersBackend")  # they heed tokenizer.json alone
# what tokenizer_config.json calls the parts of tokenizer.json's normalizer
NORMALIZER = {
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}


@dataclass
class Tokenizer:
    """What cuts words into pieces, under transformers' names."""

    backend_tokenizer: Any
    pad_token_id: int
    unk_token_id: int
    cls_token_id: int
    sep_token_id: int
    model_max_length: int

    def __len__(self) -> int:
        return self.backend_tokenizer.get_vocab_size()


def load_backend(folder: Path) -> Any | None:
    """What a folder's tokenizer.json says, of any length; None where there is none.

    Raises:
        InputError: tokenizer_config.json says otherwise.
        OSError, ValueError: a file cannot be read, or is no JSON.
        Exception: tokenizer.json is damaged, for which `tokenizers` has no class.
    """
    from tokenizers import Tokenizer as Backend

    path = folder / "tokenizer.json"
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8")
    backend = Backend.from_str(text)
    _require_agreement(folder, json.loads(text).get("normalizer") or {})
    words_apart(backend)
    return backend


def words_apart(backend: Any) -> None:
    """Let a tokenizer of the library `tokenizers` cut single words, of any number."""
    from tokenizers.pre_tokenizers import ByteLevel

    # what the file says of lengths is ours to say
    backend.no_truncation()
    backend.no_padding()
    blanks = backend.pre_tokenizer
    if isinstance(blanks, ByteLevel):  # RoBERTa's: a word without a blank before it ends another
        blanks.add_prefix_space = True


def load_tokenizer(folder: Path) -> Tokenizer | None:
    """BERT's tokenizer, without transformers' start; None where its two files are not wholly one's.

    Raises:
        As `load_backend`.
    """
    files = [folder / name for name in ("tokenizer.json", "tokenizer_config.json")]
    if not all(map(Path.is_file, files)):
        return None
    content, config = (json.loads(path.read_text(encoding="utf-8")) for path in files)
    names = [config.get(f"{name}_token", usual) for name, usual in SPECIAL.items()]
    model = content["model"]
    if (
        config.get("tokenizer_class") not in ("BertTokenizer", "BertTokenizerFast")
        or model.get("type") != "WordPiece"
        or names != [*SPECIAL.values()]
        or not {*names} <= {*model["vocab"]}
        # pieces of the user's own
        or not {token["content"] for token in content["added_tokens"]} <= {*names}
    ):
        return None
    ids = {f"{n}_token_id": model["vocab"][SPECIAL[n]] for n in ("pad", "unk", "cls", "sep")}
    longest = config.get("model_max_length") or sys.maxsize
    return Tokenizer(load_backend(folder), **ids, model_max_length=int(longest))


def load_pieces(folder: Path) -> Any:
    """What cuts an encoder's words into pieces, of the library `tokenizers`; without the model.

    Raises:
        InputError: there is no such encoder, or it has no fast tokenizer.
    """
    with one_error(folder):
        backend = load_backend(folder)
        made = load_fast_tokenizer(folder) if backend is None else None
    if made is None and backend is None:
        raise InputError(f"encoder {folder}: expected a fast tokenizer (tokenizer.json), got none")
    return made.backend_tokenizer if made else backend


@contextmanager
def one_error(folder: Path) -> Iterator[None]:
    """What an encoder's folder lacks, and whatever its damaged files raise, as an InputError."""
    if problem := folder_problem(folder):
        raise InputError(f"encoder {folder}: {problem}")
    for path in filter(Path.is_file, folder.iterdir()):
        path.open("rb").close()  # safetensors says of one that it may not read that there is none
    try:
        yield
    except (InputError, MemoryError):
        raise
    # damaged files make transformers and tokenizers raise nearly anything
    except Exception as error:
        raise InputError(
            f"encoder {folder}: expected config.json, model.safetensors and tokenizer files of a "
            f"transformers encoder, got: {said(error)}"
        ) from error


def load_fast_tokenizer(folder: Path) -> Any | None:
    """The tokenizer of transformers; None where it is not a fast one.

    Its pieces are those of tokenizer.json, where there is one: of transformers' class, which
    tokenizer_config.json names, stay only the names of special pieces and the fields for the model.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    backend = load_backend(folder)
    _require_sentencepiece(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True, local_files_only=True)
    # without its files transformers makes up a tokenizer that knows no word
    files = tokenizer.vocab_files_names.values()
    if not tokenizer.is_fast or not any((folder / name).is_file() for name in files):
        return None
    if backend is not None:
        special = tokenizer.special_tokens_map.items()
        backend.post_processor = (
            backend.post_processor or tokenizer.backend_tokenizer.post_processor
        )
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=backend,
            model_max_length=tokenizer.model_max_length,
            model_input_names=tokenizer.model_input_names,
            padding_side=tokenizer.padding_side,
            **{name: piece for name, piece in special if backend.token_to_id(piece) is not None},
        )
    words_apart(tokenizer.backend_tokenizer)
    if tokenizer.pad_token is None:  # GPT-2's; nothing sees what it fills
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.convert_ids_to_tokens(0)
        tokenizer.padding_side = "right"
    return tokenizer


def _require_sentencepiece(folder: Path) -> None:
    """Refuse a folder that has only the vocabulary of a slow tokenizer, without what reads it."""
    found = [path.name for name in VOCABULARIES for path in sorted(folder.glob(name))]
    missing = [name for name in SENTENCEPIECE if not _is_installed(name)]
    if missing and found and all(name.endswith(".model") for name in found):
        raise InputError(
            f"encoder {folder}: expected tokenizer.json, or {' and '.join(SENTENCEPIECE)} to make "
            f"one from {found[0]} with, got no {' and no '.join(missing)}; "
            f"`pip install {' '.join(missing)}`, or write tokenizer.json where they are: "
            "AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)"
        )


def _is_installed(name: str) -> bool:
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False


def _require_agreement(folder: Path, normalizer: Mapping[str, Any]) -> None:
    """Refuse where tokenizer_config.json wants letters and accents otherwise than tokenizer.json.

    Transformers heeds the former, and has lower case for what it does not say.
    """
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    name = config.get("tokenizer_class") or "Bert"
    if normalizer.get("type") != "BertNormalizer" or name in GENERIC:
        return
    used = {key: normalizer.get(theirs) for key, theirs in NORMALIZER.items()}
    usual = dict(zip(NORMALIZER, (True, None, True), strict=True)) if "Bert" in name else used
    wanted = {key: config.get(key, usual[key]) for key in NORMALIZER}
    for values in (used, wanted):
        if values["strip_accents"] is None:
            values["strip_accents"] = values["do_lower_case"]
    if unlike := [key for key in NORMALIZER if used[key] != wanted[key]]:
        key, where = unlike[0], "" if unlike[0] in config else ", as it does not say"
        raise InputError(
            f"encoder {folder}: expected one tokenizer, got two: tokenizer.json has {key} "
            f"{json.dumps(used[key])}, tokenizer_config.json {json.dumps(wanted[key])}{where}; "
            f"correct {key} in the one that is wrong"
        )
