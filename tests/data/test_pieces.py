import json

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
)

from msa.base.errors import InputError
from msa.data.encode import encode
from msa.data.encoder import load_encoder
from msa.data.pieces import (
    SPECIAL,
    check_pieces,
    count_pieces,
    cut_words,
    pieces_line,
    pieces_table,
    shares,
)
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


@torch.no_grad()
def test_an_encoder_without_token_types_reads_pieces_too():
    """DistilBERT, whose network takes none."""
    config = DistilBertConfig(vocab_size=30, dim=8, n_layers=2, n_heads=2, hidden_dim=8)
    model, ids = DistilBertModel(config).eval(), torch.tensor([[3, 4, 5]])
    mask = torch.ones_like(ids, dtype=torch.bool)
    *_, last = hidden_states(model, ids, torch.zeros_like(ids), mask, "masked")
    assert torch.equal(last, model(ids).last_hidden_state)


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


def test_how_well_an_encoder_knows_some_words(tokenizer):
    """Of the demo's pieces, the and good are known, letters too; Chinese and digits are not."""
    words = ["the", "good", "the", "xylophon", "\u4f60\u597d", "\u200b", ""]
    assert len(tokenizer("xylophon", add_special_tokens=False)["input_ids"]) == 7
    counts = count_pieces(words, tokenizer)
    assert counts == {"words": 5, "pieces": 3 + 7 + 2, "unknown": 2, "many": 1}
    assert shares(counts) == (2 / 12, 1 / 5)
    assert "16.7% of the pieces are unknown, 20.0% of the words" in pieces_line(counts)
    assert "| test | 5 | 12 | 16.7% | 20.0% |\n" in pieces_table({"test": counts})
    assert shares(count_pieces([], tokenizer)) == (0, 0)


def test_the_blank_before_a_word_is_no_known_piece():
    """As of a tokenizer of SentencePiece, which has it for itself before what is unknown."""
    backend = Tokenizer(models.Unigram([("<unk>", 0.0), ("\u2581", -1.0), ("\u2581so", -1.0)], 0))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    fast = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>")
    expected = {"words": 2, "pieces": 2, "unknown": 1, "many": 0}
    assert count_pieces(["so", "\u4f60"], fast) == expected


def test_words_that_an_encoder_knows_badly_are_said_and_those_it_does_not_refused(capsys):
    known = {"words": 100, "pieces": 100, "unknown": 5, "many": 5}
    check_pieces({"train": known}, "a")
    assert not capsys.readouterr().err
    for key in ("unknown", "many"):
        for _ in range(2):  # several runs say it once
            check_pieces({"train": known, "test": known | {key: 6}}, f"b {key}")
        said = capsys.readouterr().err
        assert said.startswith("warning: test: the encoder b") and said.count("\n") == 1
        assert f"{6 if key == 'many' else 5}.0% of the words" in said
        check_pieces({"own": known | {key: 90}}, "c")
        assert capsys.readouterr().err.startswith("warning: own: ")
        with pytest.raises(InputError, match=r"^own: expected words that the encoder c knows, got"):
            check_pieces({"own": known | {key: 91}}, "c")
