"""Text encoders: models of `transformers`, by hub name or local folder."""

import os
from typing import Any

from msa.errors import InputError

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def load_encoder(name: str, revision: str | None = None) -> tuple[Any, Any]:
    """A fast tokenizer and a pretrained model.

    Raises:
        InputError: there is no such encoder, or it has no fast tokenizer.
    """
    # takes seconds, and not every run has an encoder
    from transformers import AutoModel, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(name, revision=revision, use_fast=True)
        model = AutoModel.from_pretrained(name, revision=revision)
    except (OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0]
        raise InputError(
            f"encoder {name}: expected a local folder or a hub name of a transformers encoder, "
            f"got: {first} Without network, put its files (config.json, model.safetensors, "
            "tokenizer files) into a folder and give that folder as the recipe's `encoder`"
        ) from error
    if not tokenizer.is_fast:
        raise InputError(f"encoder {name}: expected a fast tokenizer (tokenizer.json), got none")
    return tokenizer, model
