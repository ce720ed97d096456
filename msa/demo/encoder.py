"""The demo's text encoder: a tiny BERT of random weights with a real WordPiece tokenizer.

The weights are frozen noise, but each piece has its own vector and the layers change it little, so
a model can tell words apart, as it would with a trained encoder's features.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from h5py import is_hdf5

from msa.base.atomic import atomic_folder
from msa.base.errors import InputError
from msa.base.pauses import PAUSES
from msa.formats.csd import Sequence
from msa.formats.layouts import recognize

if TYPE_CHECKING:
    from transformers import BertModel, BertTokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `python -m msa demo-encoder`."""
    parser.add_argument(
        "words", type=Path, help="the demo's words.csd, or a file with words that circulates"
    )
    parser.add_argument("out_dir", type=Path, help="model folder for transformers, replaced")
    parser.add_argument("--seed", type=int, default=0, help="seed of the weights")
    parser.add_argument("--width", type=int, default=64, help="width of a vector, even")
    parser.add_argument("--pieces", type=int, default=300, help="size of the WordPiece vocabulary")


def main(args: argparse.Namespace) -> None:
    """Train the tokenizer, make the model and save both as `from_pretrained` reads them."""
    from transformers.utils import logging

    if args.width < 2 or args.width % 2:
        raise InputError(
            f"--width: expected an even number (there are two heads), got {args.width}"
        )
    out_dir = args.out_dir
    found = list(out_dir.iterdir()) if out_dir.is_dir() else [out_dir] * out_dir.exists()
    if found and out_dir / "config.json" not in found:
        raise InputError(
            f"{out_dir}: expected a new folder or an encoder to replace, got something else"
        )
    tokenizer = train_tokenizer(read_words(args.words), args.pieces)
    model = make_model(len(tokenizer), args.width, args.seed)
    logging.disable_progress_bar()
    with atomic_folder(out_dir) as folder:
        tokenizer.save_pretrained(folder)
        model.save_pretrained(folder)
        # safetensors makes files that only their owner can read
        (folder / "model.safetensors").chmod((folder / "config.json").stat().st_mode)


def read_words(path: Path) -> list[str]:
    """Read every spoken word of a file, in the file's order, without pauses."""
    if is_hdf5(path):
        with Sequence(path) as sequence:
            cells = [cell for video in sequence.videos for cell in sequence.features(video).flat]
    else:
        _, folds = recognize(path)
        texts = [rows for fold in folds.values() for rows in fold.sequences.get("words", ())]
        cells = [cell for rows in texts for cell in rows.flat]
    if not all(isinstance(cell, bytes) for cell in cells):
        raise InputError(f"{path}: expected words (byte strings) as features, got numbers")
    words = [word for cell in cells if (word := cell.decode(errors="replace")) not in PAUSES]
    if not words:
        raise InputError(f"{path}: expected words, got none")
    return words


def train_tokenizer(words: Iterable[str], pieces: int) -> "BertTokenizer":
    """Train a lower-case WordPiece tokenizer of `pieces` pieces, or one a letter."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import BertTokenizer

    words = [word.lower() for word in words]
    letters = sorted(set("".join(words)))
    # the trainer numbers the "##" letters in the order of a hash map and breaks ties by number:
    # given as special tokens they have fixed numbers, so the same words give the same pieces
    fixed = [*SPECIAL, *letters, *(f"##{letter}" for letter in letters)]
    trainer = trainers.WordPieceTrainer(
        vocab_size=pieces, special_tokens=fixed, show_progress=False
    )
    learner = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    learner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    learner.train_from_iterator(words, trainer)
    return BertTokenizer(vocab=learner.get_vocab(), model_max_length=512)


def make_model(pieces: int, width: int, seed: int) -> "BertModel":
    """Make a BERT of two layers and random weights: `pieces` vectors of `width` columns."""
    import torch
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=pieces,
        hidden_size=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=2 * width,
        max_position_embeddings=512,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BertModel(config).eval()
    with torch.no_grad():
        # so that a vector tells more of its word than of its place
        model.embeddings.word_embeddings.weight.mul_(5)
    return model
