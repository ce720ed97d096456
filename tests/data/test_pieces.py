import json

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, RobertaConfig, RobertaModel

from msa.data.encode import encode
from msa.data.encoder import load_encoder
from msa.data.pieces import SPECIAL, cut_words
from msa.models.bert import hidden_states
from msa.training.batches import Ragged

CLS, SEP = "[CLS]", "[SEP]"


@pytest.fixture(scope="module")
def tokenizer(demo_encoder):
    return load_encoder(demo_encoder)[0]


def cut(tokenizer, sentences, **options):
    words = [word for sentence in sentences for word in sentence.split()]
    offsets = np.cumsum([0, *(len(sentence.split()) for sentence in sentences)])
    pieces = cut_words(words, offsets, tokenizer, **options)
    assert len(pieces.ids) == len(pieces.types) == len(pieces.words) == pieces.counts.sum()
    return pieces, tokenizer.convert_ids_to_tokens(pieces.ids.tolist())


def test_every_piece_knows_its_word(tokenizer):
    pieces, tokens = cut(tokenizer, ["the disappointing movie", "great"])
    assert [t for t in tokens if t in (CLS, SEP)] == [CLS, SEP] * 2
    text = ["the", "disappointing", "movie", "great"]
    for row, word in enumerate(text):
        own = [t for t, w in zip(tokens, pieces.words, strict=True) if w == row]
        assert "".join(own).replace("##", "") == word
    special = [t for t, w in zip(tokens, pieces.words, strict=True) if w == SPECIAL]
    assert set(special) == {CLS, SEP}
    assert not pieces.types.any()


def test_what_is_too_long_loses_its_end(tokenizer):
    whole, _ = cut(tokenizer, ["the movie was really good"])
    short, tokens = cut(tokenizer, ["the movie was really good"], length=5)
    assert (short.counts.tolist(), short.whole.tolist()) == ([5], whole.counts.tolist())
    assert tokens[0] == CLS
    assert tokens[-1] == SEP
    assert short.words[1:-1].tolist() == whole.words[1:4].tolist()


def test_a_context_comes_first_and_loses_its_beginning(tokenizer):
    sentence = "the movie was really good"
    pieces, tokens = cut(tokenizer, [sentence], context=np.array([3]))
    assert tokens[0] == CLS
    first_sep = tokens.index(SEP)
    assert set(pieces.words[1:first_sep]) == {0, 1, 2}
    assert set(pieces.words[first_sep + 1 : -1]) == {3, 4}
    assert pieces.types.tolist() == [0] * (first_sep + 1) + [1] * (len(tokens) - first_sep - 1)
    punchline = len(tokens) - first_sep - 2
    short, _ = cut(tokenizer, [sentence], context=np.array([3]), length=punchline + 4)
    assert short.words.tolist() == [SPECIAL, 2, SPECIAL, *pieces.words[first_sep + 1 :]]


def test_special_pieces_are_never_cut(tokenizer):
    for context in (None, np.array([2])):
        short, tokens = cut(tokenizer, ["the movie was"], context=context, length=1)
        assert set(tokens) == {CLS, SEP} and set(short.words) == {SPECIAL}


@pytest.fixture(params=["bert", "roberta"])
def silent(request, tokenizer, tmp_path):
    """An encoder of 20 positions, whose tokenizer does not say so; RoBERTa's begin behind [PAD]."""
    sizes = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2}
    sizes |= {"vocab_size": len(tokenizer), "intermediate_size": 16, "max_position_embeddings": 20}
    if request.param == "bert":
        model, usable = BertModel(BertConfig(**sizes)), 20
    else:
        padding = tokenizer.pad_token_id
        model = RobertaModel(RobertaConfig(**sizes, type_vocab_size=1, pad_token_id=padding))
        usable = 20 - padding - 1
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    said = tmp_path / "tokenizer_config.json"
    said.write_text(json.dumps(json.loads(said.read_text()) | {"model_max_length": int(1e30)}))
    return *load_encoder(tmp_path), usable


@torch.no_grad()
@pytest.mark.parametrize("padding", ["masked", "released"])
def test_no_more_pieces_than_the_encoder_has_positions(silent, padding):
    own, model, usable = silent
    pieces, _ = cut(own, ["good " * 40])
    assert pieces.counts.tolist() == [usable]
    ids, types = (torch.from_numpy(x)[None] for x in (pieces.ids, pieces.types))
    mask = torch.ones_like(ids, dtype=torch.bool)
    assert hidden_states(model, ids, types, mask, padding)[-1].shape == (1, usable, 12)
    # frozen features are those of consecutive parts
    assert encode(["good"] * 40, np.array([0, 40]), own, model).any(1).all()


@torch.no_grad()
@pytest.mark.parametrize("padding", ["masked", "released"])
def test_a_punchline_is_read_by_an_encoder_of_one_token_type_too(silent, padding):
    own, model, _ = silent
    pieces, _ = cut(own, ["the movie was really good"], context=np.array([3]))
    ids, types = (torch.from_numpy(x)[None] for x in (pieces.ids, pieces.types))
    mask = torch.ones_like(ids, dtype=torch.bool)
    both, first = (
        hidden_states(model, ids, of, mask, padding)[-1] for of in (types, torch.zeros_like(types))
    )
    assert torch.equal(both, first) is (model.config.type_vocab_size == 1)


def test_the_released_word_map_gives_the_last_words_features(tokenizer):
    sound, _ = cut(tokenizer, ["the movie was really good"], context=np.array([3]))
    released, _ = cut(
        tokenizer, ["the movie was really good"], context=np.array([3]), word_map="released"
    )
    assert released.ids.tolist() == sound.ids.tolist()
    assert set(sound.words) == {SPECIAL, 0, 1, 2, 3, 4}
    assert set(released.words) == {SPECIAL, 2, 4}


def test_audio_is_copied_to_the_pieces_and_zero_at_special_ones():
    audio = torch.tensor([[1.0], [2.0]])
    index = torch.tensor([SPECIAL, 0, 0, 1, SPECIAL, SPECIAL, 1, SPECIAL])
    ragged = Ragged(audio, torch.tensor([0, 5]), torch.tensor([5, 3]), index=index)
    x, mask = ragged.padded(torch.tensor([0, 1]))
    assert x[..., 0].tolist() == [[0, 1, 1, 2, 0], [0, 2, 0, 0, 0]]
    assert mask.tolist() == [[True] * 5, [True] * 3 + [False] * 2]
