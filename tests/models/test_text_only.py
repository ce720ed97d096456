"""The encoder alone: every kind of encoder from its folder to a prediction, pools, context."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from making import collate, make, make_bert, make_rows
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers.processors import TemplateProcessing
from torch import Tensor, nn
from transformers import (
    AlbertConfig,
    AlbertModel,
    AutoModel,
    AutoTokenizer,
    BertConfig,
    BertModel,
    DebertaConfig,
    DebertaModel,
    DebertaV2Config,
    DebertaV2Model,
    DistilBertConfig,
    DistilBertModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from msa.base.errors import InputError
from msa.data.encoder import load_encoder
from msa.models.text_only import TextOnly
from msa.training.batches import load_fold
from msa.training.optimizers import make_optimizer

ENGLISH = ["the movie was not good", "great", "i really really loved it", "what a film"]
CHINESE = ["这 部 电影 很 好看", "好", "不 喜欢", "太 长 了"]
SIZES = {"hidden_size": 12, "num_attention_heads": 2, "intermediate_size": 16}
SIZES |= {"num_hidden_layers": 2, "max_position_embeddings": 40}
BERT_MARKS = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
ROBERTA_MARKS = {"cls": "<s>", "pad": "<pad>", "sep": "</s>", "unk": "<unk>", "mask": "<mask>"}
ALBERT_MARKS = {"pad": "<pad>", "unk": "<unk>"} | {k: BERT_MARKS[k] for k in ("cls", "sep", "mask")}
RELATIVE = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "type_vocab_size": 0}
RELATIVE |= {"position_biased_input": False, "max_relative_positions": -1}


def word_pieces(marks: list[str], texts: list[str]) -> Tokenizer:
    """As BERT's, Chinese characters each a piece."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=60, special_tokens=marks, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def byte_level(marks: list[str], texts: list[str]) -> Tokenizer:
    """As RoBERTa's and DeBERTa's."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>" if "<unk>" in marks else "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        special_tokens=marks, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def unigram(marks: list[str], texts: list[str]) -> Tokenizer:
    """As ALBERT's, DeBERTa-v3's and XLM-R's."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    unknown = next(mark for mark in marks if "unk" in mark.lower())
    trainer = trainers.UnigramTrainer(
        vocab_size=60, special_tokens=marks, unk_token=unknown, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


# by kind: model, configuration, marks in the order of their numbers, pieces, class of the tokenizer
KINDS: dict[str, tuple[Any, Any, dict[str, str], Any, str]] = {
    "bert": (BertModel, BertConfig(**SIZES), BERT_MARKS, word_pieces, "BertTokenizer"),
    "chinese_bert": (BertModel, BertConfig(**SIZES), BERT_MARKS, word_pieces, "BertTokenizer"),
    "roberta": (
        *(RobertaModel, RobertaConfig(**SIZES, type_vocab_size=1), ROBERTA_MARKS),
        *(byte_level, "RobertaTokenizer"),
    ),
    "xlm_r": (
        *(XLMRobertaModel, XLMRobertaConfig(**SIZES, type_vocab_size=1), ROBERTA_MARKS),
        *(unigram, "XLMRobertaTokenizer"),
    ),
    "albert": (
        *(AlbertModel, AlbertConfig(**SIZES, embedding_size=6), ALBERT_MARKS),
        *(unigram, "AlbertTokenizer"),
    ),
    "deberta": (
        *(DebertaModel, DebertaConfig(**SIZES, **RELATIVE), BERT_MARKS),
        *(byte_level, "DebertaTokenizer"),
    ),
    "deberta_v3": (
        *(DebertaV2Model, DebertaV2Config(**SIZES, **RELATIVE), BERT_MARKS),
        *(unigram, "PreTrainedTokenizerFast"),
    ),
    "distilbert": (
        DistilBertModel,
        DistilBertConfig(dim=12, n_heads=2, hidden_dim=16, n_layers=2, max_position_embeddings=40),
        *(BERT_MARKS, word_pieces, "PreTrainedTokenizerFast"),
    ),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def make_encoder(folder: Path, kind: str) -> Path:
    """A folder as `from_pretrained` reads it: random weights, a tokenizer of its own."""
    model, config, marks, learn, named = KINDS[kind]
    texts = CHINESE if kind == "chinese_bert" else ENGLISH
    tokenizer = learn([*marks.values()], texts * 3)
    cls, sep = marks["cls"], marks["sep"]
    ids = [(mark, tokenizer.token_to_id(mark)) for mark in (cls, sep)]
    double = f"{sep} {sep}" if kind in ("roberta", "xlm_r") else sep
    tokenizer.post_processor = TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {double} $B:1 {sep}:1" if double == sep else f"{cls} $A {double} $B {sep}",
        special_tokens=ids,
    )
    names = {f"{name}_token": mark for name, mark in marks.items()}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"tokenizer_class": named}))
    config.vocab_size, config.pad_token_id = 400, tokenizer.token_to_id(marks["pad"])
    torch.manual_seed(0)
    made = model(config)
    for x in made.parameters():  # so that words, positions and types make a difference
        if x.dim() > 1:
            nn.init.normal_(x, std=0.4)
    made.save_pretrained(folder)
    return folder


def make_data(folder: Path, texts: list[str], ids: list[str] | None = None) -> Path:
    """The training fold, as split writes it."""
    words = [text.split() for text in texts]
    (folder / "train").mkdir(parents=True, exist_ok=True)
    offsets = np.zeros(len(texts) + 1, dtype=[("words", "i8")])
    offsets["words"][1:] = np.cumsum([*map(len, words)])
    spoken = [word.encode() for of in words for word in of]
    np.save(folder / "train/words.npy", np.array(spoken)[:, None])
    np.save(folder / "train/offsets.npy", offsets)
    np.save(folder / "train/ids.npy", np.array(ids or [f"v[{i}]" for i in range(len(texts))]))
    np.save(folder / "train/label.npy", np.arange(len(texts))[:, None] / 2)
    return folder


def read(data: Path, tokenizer: Any, side: str = "right", **hyper: Any) -> dict[str, Any]:
    """The training fold in one batch."""
    padding = hyper.pop("padding", "masked")
    hyper = {
        "architecture": {"padding": padding},
        "lengths": {"text": None},
        "sides": {"text": side},
        "word_map": "words",
    } | hyper
    task = {"type": "regression", "targets": ["sentiment"]}
    settings = {"forms": {"text": "words"}, "hyperparameters": hyper, "task": task}
    fold = load_fold("train", settings | {"label_columns": [0]}, data, tokenizer=tokenizer)
    return fold.batch(torch.arange(len(fold)))


def theirs(folder: Path, texts: list[str], side: str) -> tuple[Tensor, Tensor]:
    """The padded states (b, t, D) of transformers, and which of them are valid (b, t)."""
    tokenizer = AutoTokenizer.from_pretrained(folder, add_prefix_space=True, padding_side=side)
    words = [text.split() for text in texts]
    batch = tokenizer(words, is_split_into_words=True, padding=True, return_tensors="pt")
    model = AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        return model(**batch).last_hidden_state, batch["attention_mask"].bool()


@torch.no_grad()
@every_kind
@pytest.mark.parametrize("pool", ["mean", "cls"])
def test_prediction_is_that_of_transformers(kind: str, pool: str, tmp_path: Path) -> None:
    """Width, padding, token types and positions are right for each kind of encoder."""
    folder = make_encoder(tmp_path / "encoder", kind)
    texts = CHINESE if kind == "chinese_bert" else ENGLISH
    tokenizer, encoder = load_encoder(folder, only_pieces=True)
    batch = read(make_data(tmp_path / "data", texts), tokenizer)
    model = TextOnly(bert=encoder, output_dim=2, pool=pool).eval()
    states, mask = theirs(folder, texts, "right")
    assert batch["input_ids"].shape == mask.shape
    x = states[:, 0]
    if pool == "mean":
        x = torch.stack([row[valid].mean(0) for row, valid in zip(states, mask, strict=True)])
    expected = model.classifier(x)
    assert expected.std(0).max() > 0.01
    torch.testing.assert_close(model(batch), expected, atol=1e-5, rtol=1e-4)


@torch.no_grad()
@every_kind
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_as_it_comes(kind: str, side: str, tmp_path: Path) -> None:
    """Unmasked the pieces go in as transformers would pad them: on the side that is asked for."""
    folder = make_encoder(tmp_path / "encoder", kind)
    texts = CHINESE if kind == "chinese_bert" else ENGLISH
    tokenizer, encoder = load_encoder(folder, only_pieces=True)
    batch = read(make_data(tmp_path / "data", texts), tokenizer, side, padding="released")
    model = TextOnly(bert=encoder, output_dim=2, padding="released").eval()
    states, mask = theirs(folder, texts, side)
    x = torch.stack([row[valid].mean(0) for row, valid in zip(states, mask, strict=True)])
    torch.testing.assert_close(model(batch), model.classifier(x), atol=1e-5, rtol=1e-4)


@every_kind
def test_fine_tuning(kind: str, tmp_path: Path) -> None:
    """An encoder learns, with a context too; all that is to learn has a part."""
    folder = make_encoder(tmp_path / "encoder", kind)
    tokenizer, encoder = load_encoder(folder, only_pieces=True)
    texts = CHINESE if kind == "chinese_bert" else ENGLISH
    batch = read(make_data(tmp_path / "data", texts), tokenizer, context=1)
    model = TextOnly(bert=encoder, output_dim=1, pool="pooler", dropout=0.0).eval()
    optimizer = make_optimizer(
        model, {"name": "adamw", "lr": 0.01, "weight_decay": 0.01, "groups": {}}
    )
    losses = []
    for _ in range(50):
        optimizer.zero_grad()
        loss = (model(batch) - batch["label"]).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 5
    unused = [name for name, p in model.named_parameters() if p.grad is None]
    assert [name for name in unused if "token_type" not in name] == []


def test_pooler_is_the_encoders(tmp_path: Path) -> None:
    folder = make_encoder(tmp_path / "encoder", "roberta")
    tokenizer, encoder = load_encoder(folder, only_pieces=True)
    batch = read(make_data(tmp_path / "data", ENGLISH), tokenizer)
    whole = AutoModel.from_pretrained(folder).eval()
    model = TextOnly(bert=encoder, output_dim=1, pool="pooler").eval()
    pooled = whole(
        input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
    ).pooler_output
    torch.testing.assert_close(model(batch), model.classifier(pooled), atol=1e-5, rtol=1e-4)


def test_frozen_parts() -> None:
    """T-BERT's script leaves the classifier at its random start, and the embeddings as they are."""
    learning = {
        keyword: {
            n
            for n, p in make("text_only", **{keyword: True}).named_parameters()
            if not p.requires_grad
        }
        for keyword in ("freeze_classifier", "freeze_embeddings")
    }
    assert learning["freeze_classifier"] == {"classifier.weight", "classifier.bias"}
    assert len(learning["freeze_embeddings"]) == 5
    assert all(name.startswith("bert.embeddings.") for name in learning["freeze_embeddings"])
    assert all(p.requires_grad for p in make("text_only").parameters())
    model = make("text_only", freeze_classifier=True)
    grouped = [p for group in model.parameter_groups(1.0) for p in group["params"]]
    assert len(grouped) == len([*model.parameters()]) - 2


def test_only_matrices_decay() -> None:
    model = make("text_only", pool="pooler")
    decayed, spared = model.parameter_groups(0.1, 0.01)
    names = {id(p): name for name, p in model.named_parameters()}
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.01, 0.0)
    assert decayed["lr"] == spared["lr"] == 0.1
    assert all(
        names[id(p)].endswith("bias") or "LayerNorm" in names[id(p)] for p in spared["params"]
    )
    assert not [n for p in decayed["params"] if "LayerNorm" in (n := names[id(p)])]
    assert len(decayed["params"]) + len(spared["params"]) == len(names)


def test_number_of_parameters() -> None:
    """The encoder's, its pooler's where it is read, and the layer's."""
    encoder = sum(p.numel() for p in make_bert().parameters())
    pooler, layer = 12 * 12 + 12, 12 * 2 + 2
    counts = [sum(p.numel() for p in make(n).parameters()) for n in ("text_only", "t_bert")]
    assert counts == [encoder - pooler + layer, encoder + layer]


def test_dropout_is_before_the_layer() -> None:
    model, batch = make("text_only", dropout=1.0).train(), collate(make_rows("text_only"))
    torch.testing.assert_close(model(batch), model.classifier.bias.expand(5, -1))


def test_mean_has_the_special_pieces_and_no_padding() -> None:
    model, seen = make("text_only").eval(), []
    model.dropout.register_forward_hook(lambda module, args, output: seen.append(output))
    rows = make_rows("text_only", [4])
    model(collate(rows, "left", 3))
    states = model.bert(
        input_ids=rows[0]["input_ids"][None], token_type_ids=rows[0]["token_type_ids"][None]
    ).last_hidden_state
    torch.testing.assert_close(seen[0], states.mean(1))


@pytest.mark.parametrize("kind", ["albert", "deberta_v3", "xlm_r"])
@pytest.mark.parametrize("lacking", ["sentencepiece", "protobuf"])
def test_a_slow_tokenizer_alone(
    kind: str, lacking: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has only the vocabulary of SentencePiece says what to do."""
    folder = make_encoder(tmp_path, kind)
    (folder / "tokenizer.json").unlink()
    (folder / "spm.model").write_bytes(b"\n\x05\n\x03abc")
    monkeypatch.setattr("msa.data.tokenizer._is_installed", lambda name: name != lacking)
    message = (
        rf"expected tokenizer.json, or sentencepiece and protobuf to make one from spm.model with, "
        rf"got no {lacking}; `pip install {lacking}`, or write tokenizer.json where they are"
    )
    with pytest.raises(InputError, match=message):
        load_encoder(folder, only_pieces=True)
