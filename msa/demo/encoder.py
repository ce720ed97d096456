"""The demo's text encoder: a tiny BERT of random weights with a real WordPiece tokenizer.

The weights are frozen noise, but each piece has its own vector and the layers change it little, so
a model can tell words apart, as it would with a trained encoder's features.
"""

import argparse
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from h5py import is_hdf5

from msa.base.atomic import atomic_folder
from msa.base.errors import InputError
from msa.base.pauses import PAUSES
from msa.formats.csd import Sequence
from msa.formats.layouts import recognize

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from msa.data.bert import Bert

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LONGEST = 512
# what transformers reads beside tokenizer.json
TOKENIZER = {
    **{"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": LONGEST},
    **{f"{piece[1:-1].lower()}_token": piece for piece in SPECIAL},
}


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
    """Train the tokenizer, make the model and save both as transformers reads them."""
    from safetensors.torch import save

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
    model = make_model(tokenizer.get_vocab_size(), args.width, args.seed)
    config = {"architectures": ["BertModel"], "dtype": "float32", **asdict(model.config)}
    with atomic_folder(out_dir) as folder:
        for name, content in (("config", config), ("tokenizer_config", TOKENIZER)):
            text = json.dumps(content, indent=1, sort_keys=True)
            (folder / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")
        tokenizer.save(str(folder / "tokenizer.json"))
        weights = save(model.state_dict(), {"format": "pt"})
        (folder / "model.safetensors").write_bytes(weights)


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


def train_tokenizer(words: Iterable[str], pieces: int) -> "Tokenizer":
    """Train a lower-case WordPiece tokenizer of `pieces` pieces, or one a letter."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from tokenizers.processors import BertProcessing

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
    # one of the same pieces, of which letters are not special
    vocabulary = learner.get_vocab()
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    separator, beginning = ((piece, vocabulary[piece]) for piece in ("[SEP]", "[CLS]"))
    tokenizer.post_processor = BertProcessing(separator, beginning)
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def make_model(pieces: int, width: int, seed: int) -> "Bert":
    """Make a BERT of two layers and random weights: `pieces` vectors of `width` columns."""
    import torch

    from msa.data.bert import Bert, Config

    config = Config(
        model_type="bert",
        vocab_size=pieces,
        hidden_size=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=2 * width,
        max_position_embeddings=LONGEST,
        type_vocab_size=2,
        pad_token_id=0,
        hidden_act="gelu",
        hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.1,
        layer_norm_eps=1e-12,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Bert(config)
        # as transformers draws them
        for module in model.modules():
            if isinstance(module, (torch.nn.Linear, torch.nn.Embedding)):
                torch.nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, torch.nn.Linear):
                torch.nn.init.zeros_(module.bias)
    with torch.no_grad():
        words = model.embeddings.word_embeddings.weight
        words[config.pad_token_id] = 0
        # so that a vector tells more of its word than of its place
        words.mul_(5)
    return model
