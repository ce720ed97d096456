"""Text encoders: BERT, or a model of `transformers`, from a folder; nothing uses the network."""

import os
import sys
from pathlib import Path
from typing import Any

from msa.base.errors import InputError
from msa.data.bert import load_bert
from msa.data.tokenizer import load_fast_tokenizer, load_tokenizer, one_error

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
    with one_error(folder):
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


def load_model(folder: Path) -> tuple[Any, list[str]]:
    """The pretrained model, and its weights that are missing; the pooler has no part."""
    if bert := load_bert(folder):
        return bert, []
    from transformers import AutoModel  # takes seconds
    from transformers.utils import logging

    # an error is one line
    logging.disable_progress_bar()

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
