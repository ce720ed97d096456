import json
from itertools import pairwise

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    GPT2Config,
    GPT2Model,
    RobertaConfig,
    RobertaModel,
    T5Config,
    T5EncoderModel,
    T5Model,
)

from msa.base.errors import InputError
from msa.data.encode import cut_runs, encode
from msa.data.encoder import load_encoder

SENTENCES = ["the movie was not good", "great", "i really really loved the wonderful acting", ""]


@pytest.fixture(scope="module")
def encoder(demo_encoder):
    return load_encoder(demo_encoder)


def flat(sentences):
    words = [sentence.split() for sentence in sentences]
    offsets = np.cumsum([0, *map(len, words)])
    return [word for sentence in words for word in sentence], offsets


def alone(words, tokenizer, model):
    """One sentence, without padding: the mean over each word's pieces."""
    tokens = tokenizer(words, is_split_into_words=True, return_tensors="pt")
    with torch.no_grad():
        hidden = model(**tokens).last_hidden_state[0]
    ids = tokens.word_ids()
    rows = [[t for t, w in enumerate(ids) if w == word] for word in range(len(words))]
    return torch.stack([hidden[r].mean(0) for r in rows]).numpy()


def test_equals_one_sentence_at_a_time(encoder):
    words, offsets = flat(SENTENCES)
    features = encode(words, offsets, *encoder, batch_tokens=16)
    assert features.shape == (len(words), encoder[1].config.hidden_size)
    assert features.dtype == np.float32
    for i, sentence in enumerate(SENTENCES[:3]):
        expected = alone(sentence.split(), *encoder)
        np.testing.assert_allclose(features[offsets[i] : offsets[i + 1]], expected, atol=1e-5)


@pytest.mark.parametrize("batch_tokens", [1, 40, 700])
def test_batches_change_nothing(encoder, batch_tokens):
    """Segments of every length, one of them in parts, in other batches than the usual."""
    rng = np.random.default_rng(0)
    vocabulary = "the movie was not good great acting disappointing wonderful".split()
    lengths = [*rng.integers(0, 30, 20), 600]
    words, offsets = flat([" ".join(rng.choice(vocabulary, n)) for n in lengths])
    usual = encode(words, offsets, *encoder)
    assert np.abs(usual).sum(axis=1).min() > 0
    other = encode(words, offsets, *encoder, batch_tokens=batch_tokens)
    np.testing.assert_allclose(other, usual, rtol=0, atol=2e-6)


def test_no_words_at_all(encoder):
    assert encode([], np.array([0, 0]), *encoder).shape == (0, encoder[1].config.hidden_size)


def test_words_of_several_pieces_get_one_vector(encoder):
    tokenizer, _ = encoder
    words, offsets = flat(["disappointing unbelievable"])
    assert len(tokenizer(words, is_split_into_words=True)["input_ids"]) > 4
    assert len(encode(words, offsets, *encoder)) == 2


def test_segments_longer_than_the_encoder(encoder):
    words, offsets = flat([" ".join(["wonderful"] * 700), "good"])
    features = encode(words, offsets, *encoder)
    assert np.abs(features).sum(axis=1).min() > 0
    np.testing.assert_allclose(features[-1:], alone(["good"], *encoder), atol=1e-5)


def test_a_word_without_pieces_is_zeros(encoder):
    features = encode(["good", "\u200b", "film"], np.array([0, 3]), *encoder)
    assert not features[1].any()
    assert features[[0, 2]].any(axis=1).all()


def byte_level(folder, kind, *special):
    """A tokenizer of byte-level pieces, as RoBERTa's and GPT-2's."""
    learner = Tokenizer(models.BPE(unk_token=None))
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(special_tokens=[*special], initial_alphabet=alphabet)
    learner.train_from_iterator(["a good film"] * 3, trainer)
    learner.save(str(folder / "tokenizer.json"))
    named = {"eos_token": special[-1]} if special else {}
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": kind} | named))


@pytest.mark.parametrize("kind", ["RobertaTokenizer", "PreTrainedTokenizerFast"])
def test_words_of_byte_level_pieces_begin_with_a_blank(tmp_path, kind):
    """As in running text; RoBERTa's own class and that of ModernBERT's files."""
    learner = Tokenizer(models.BPE(unk_token="<unk>"))
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(special_tokens=special, initial_alphabet=alphabet)
    learner.train_from_iterator(["a good film"] * 3, trainer)
    learner.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": kind}))
    sizes = {"hidden_size": 4, "num_attention_heads": 1, "intermediate_size": 4}
    config = RobertaConfig(vocab_size=300, num_hidden_layers=1, **sizes)
    RobertaModel(config).save_pretrained(tmp_path)
    tokenizer, _ = load_encoder(tmp_path)
    tokens = tokenizer(["good", "film"], is_split_into_words=True, add_special_tokens=False)
    assert tokens.tokens() == ["Ġgood", "Ġfilm"]
    assert tokens.word_ids() == [0, 1]


@pytest.mark.parametrize("special", [("<|endoftext|>",), ()])
def test_an_encoder_without_a_piece_for_padding_gets_one_that_changes_nothing(tmp_path, special):
    """GPT-2."""
    byte_level(tmp_path, "PreTrainedTokenizerFast", *special)
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=300, n_embd=8, n_layer=2, n_head=2, n_positions=64)
    GPT2Model(config).save_pretrained(tmp_path)
    tokenizer, model = load_encoder(tmp_path)
    words, offsets = flat(["a good film", "good", "film a good good film"])
    together = encode(words, offsets, tokenizer, model, batch_tokens=1000)
    for first, last in pairwise(offsets):
        expected = alone(words[first:last], tokenizer, model)
        np.testing.assert_allclose(together[first:last], expected, atol=1e-6)
    with pytest.raises(InputError, match=r"pieces \[CLS\] and \[SEP\].*: it is a gpt2; choose"):
        load_encoder(tmp_path, only_pieces=True)


@pytest.mark.parametrize("kind", [T5EncoderModel, T5Model])
def test_of_an_encoder_and_decoder_the_encoder_alone_is_used(tmp_path, kind):
    byte_level(tmp_path, "PreTrainedTokenizerFast", "<pad>", "</s>")
    torch.manual_seed(0)
    config = T5Config(vocab_size=300, d_model=8, d_ff=8, num_layers=1, num_heads=2, d_kv=4)
    made = kind(config).eval()
    made.save_pretrained(tmp_path)
    tokenizer, model = load_encoder(tmp_path)
    words, offsets = flat(["a good film", "good"])
    features = encode(words, offsets, tokenizer, model)
    np.testing.assert_allclose(features[:3], alone(words[:3], tokenizer, made.encoder), atol=1e-6)


def test_parts_keep_every_word_once():
    assert cut_runs([1, 1, 1], 2) == [(0, 2), (2, 3)]
    assert cut_runs([5, 1, 1], 2) == [(0, 1), (1, 3)]
    assert cut_runs([2], 2) == [(0, 1)]


def test_an_encoder_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"expected a folder with config.json, .*, got none"):
        load_encoder(tmp_path / "none")
    with pytest.raises(InputError, match=r"expected config.json, .* of a transformers encoder"):
        load_encoder(tmp_path)
