"""BERT's tokenizer against transformers' own; what is not one is left to transformers."""

import json

import numpy as np
import pytest
from running import run_stage

from msa.data.encoder import load_encoder
from msa.data.pieces import cut_words
from msa.data.tokenizer import Tokenizer, load_tokenizer

WORDS = [
    *("the disappointing movie", "Café NAÏVE e\u0301tude", "[SEP] [UNK] x[MASK]y", "sep (laughs)"),
    *("你好吗", "a\u200bb \u200b", "don't it's", "x" * 150, "\uff21\uff22 42,5"),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory, demo_files):
    folder = tmp_path_factory.mktemp("encoder") / "encoder"
    run_stage("demo-encoder", demo_files / "words.csd", folder)
    return folder


@pytest.fixture
def folder(made, tmp_path):
    """A copy to change."""
    for path in made.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def edit(path, **change):
    path.write_text(json.dumps(json.loads(path.read_text()) | change))


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"do_lower_case": False},
        {"strip_accents": False},
        {"strip_accents": True, "do_lower_case": False},
        {"tokenize_chinese_chars": False},
        {"model_max_length": 20},
        {"model_max_length": int(1e30)},
    ],
)
def test_pieces_are_transformers(folder, said):
    edit(folder / "tokenizer_config.json", **said)
    theirs, ours = (load_encoder(folder, only_pieces=only)[0] for only in (False, True))
    assert isinstance(ours, Tokenizer) and not isinstance(theirs, Tokenizer)
    words = [word for segment in WORDS for word in segment.split(" ")]
    offsets = np.cumsum([0, *(len(segment.split(" ")) for segment in WORDS)])
    expected, found = (cut_words(words, offsets, tokenizer) for tokenizer in (theirs, ours))
    for name in ("ids", "types", "words", "counts"):
        assert np.array_equal(getattr(found, name), getattr(expected, name))
    assert len(ours) == len(theirs)
    for name in ("pad_token_id", "unk_token_id", "cls_token_id", "sep_token_id"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert ours.model_max_length == theirs.model_max_length


def test_lengths_in_the_file_cut_nothing(folder):
    """Files of sentence encoders have some."""
    path = folder / "tokenizer.json"
    truncation = {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    edit(path, truncation=truncation)
    for only in (False, True):
        tokenizer, _ = load_encoder(folder, only_pieces=only)
        assert cut_words(["the"] * 9, np.array([0, 9]), tokenizer).counts.tolist() == [11]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("tokenizer_config.json", {"tokenizer_class": "RobertaTokenizer"}),
        ("tokenizer_config.json", {"cls_token": "<s>"}),
        ("tokenizer.json", {"model": {"type": "BPE", "vocab": {}, "merges": []}}),
        ("tokenizer.json", {"added_tokens": [{"id": 300, "content": "[LAUGH]"}]}),
    ],
)
def test_what_is_left_to_transformers(folder, name, change):
    assert load_tokenizer(folder)
    edit(folder / name, **change)
    assert load_tokenizer(folder) is None


def test_a_vocabulary_alone_is_left_to_transformers(folder):
    (folder / "tokenizer.json").unlink()
    assert load_tokenizer(folder) is None
