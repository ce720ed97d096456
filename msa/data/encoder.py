"""Text encoders: BERT, or a model of `transformers`, from a folder; nothing uses the network."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msa.base.encoder_folder import folder_problem
from msa.base.errors import InputError
from msa.base.reading import said
from msa.data.bert import load_bert
from msa.data.tokenizer import load_backend, load_tokenizer, words_apart

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def load_encoder(folder: Path | None, only_pieces: bool = False) -> tuple[Any, Any]:
    """A fast tokenizer, to be given segments split into words, and a pretrained model.

    The tokenizer's `model_max_length` is no more than the model has positions for.

    Args:
        folder: the encoder's.
        only_pieces: the tokenizer is for `cut_words` alone; BERT's is then read without
            transformers, whose import takes a second.

    Raises:
        InputError: there is no such encoder, or it has no fast tokenizer.
    """
    folder = folder or Path("None")
    with _one_error(folder):
        tokenizer: Any = load_tokenizer(folder) if only_pieces else None
        tokenizer = tokenizer or load_fast_tokenizer(folder)
        model, missing = load_model(folder)
    # what is missing would be random
    if missing:
        raise InputError(
            f"encoder {folder}: expected the weights of the model in config.json, "
            f"{len(missing)} are missing: {missing[0]}; fetch it again"
        )
    if tokenizer is None:
        raise InputError(f"encoder {folder}: expected a fast tokenizer (tokenizer.json), got none")
    if only_pieces and None in (tokenizer.cls_token_id, tokenizer.sep_token_id):
        raise InputError(
            f"encoder {folder}: expected pieces [CLS] and [SEP], or others in their place, for a "
            f"model that reads words through it, got none: it is a {model.config.model_type}; "
            "choose BERT or one of its kin, or a model that reads its features"
        )
    if len(tokenizer) > model.config.vocab_size:
        raise InputError(
            f"encoder {folder}: expected a tokenizer of at most {model.config.vocab_size} pieces, "
            f"as config.json says, got {len(tokenizer)}; it is another model's"
        )
    # a folder that does not say how long leaves it at 1e30
    tokenizer.model_max_length = min(tokenizer.model_max_length, capacity(model))
    return tokenizer, model


def load_pieces(folder: Path) -> Any:
    """What cuts an encoder's words into pieces, of the library `tokenizers`; without the model.

    Raises:
        InputError: there is no such encoder, or it has no fast tokenizer.
    """
    with _one_error(folder):
        backend = load_backend(folder)
        made = load_fast_tokenizer(folder) if backend is None else None
    if made is None and backend is None:
        raise InputError(f"encoder {folder}: expected a fast tokenizer (tokenizer.json), got none")
    return made.backend_tokenizer if made else backend


@contextmanager
def _one_error(folder: Path) -> Iterator[None]:
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


def load_model(folder: Path) -> tuple[Any, list[str]]:
    """The pretrained model, and its weights that are missing; the pooler has no part."""
    if bert := load_bert(folder):
        return bert, []
    from transformers import AutoModel  # takes seconds

    model, info = AutoModel.from_pretrained(folder, local_files_only=True, output_loading_info=True)
    unused = ("pooler.",)
    if hasattr(model, "encoder") and hasattr(model, "decoder"):  # T5, BART
        model, unused = model.encoder, ("decoder.",)
    return model, sorted(key for key in info["missing_keys"] if not key.startswith(unused))


def capacity(model: Any) -> int:
    """Most pieces that an encoder has positions for, special ones included."""
    positions = getattr(model.config, "max_position_embeddings", None) or 0
    if positions <= 0:
        return sys.maxsize  # positions relative to one another, as XLNet's
    table = getattr(getattr(model, "embeddings", None), "position_embeddings", None)
    # RoBERTa and its kin count from behind the number of the padding
    padding = getattr(table, "padding_idx", None)
    return positions if padding is None else positions - padding - 1
