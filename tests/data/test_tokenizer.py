"""BERT's tokenizer against transformers' own; what is not one is left to transformers."""

import json

import numpy as np
import pytest
from running import run_stage
from transformers import AutoTokenizer

from msa.base.errors import InputError
from msa.data.encoder import load_encoder
from msa.data.pieces import cut_words
from msa.data.tokenizer import NORMALIZER, Tokenizer, load_tokenizer

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


def edit_normalizer(folder, said):
    """What tokenizer_config.json says, in tokenizer.json too."""
    normalizer = json.loads((folder / "tokenizer.json").read_text())["normalizer"]
    told = {NORMALIZER[key]: value for key, value in said.items() if key in NORMALIZER}
    edit(folder / "tokenizer.json", normalizer=normalizer | told)


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
    edit_normalizer(folder, said)
    made = AutoTokenizer.from_pretrained(folder)
    theirs, ours = (load_encoder(folder, only_pieces=only)[0] for only in (False, True))
    assert isinstance(ours, Tokenizer) and not isinstance(theirs, Tokenizer)
    words = [word for segment in WORDS for word in segment.split(" ")]
    offsets = np.cumsum([0, *(len(segment.split(" ")) for segment in WORDS)])
    expected, found = (cut_words(words, offsets, tokenizer) for tokenizer in (theirs, ours))
    for name in ("ids", "types", "words", "counts"):
        assert np.array_equal(getattr(found, name), getattr(expected, name))
    for segment in WORDS:
        whole = made(segment.split(" "), is_split_into_words=True)
        assert whole == theirs(segment.split(" "), is_split_into_words=True)
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


def test_tokenizer_json_is_what_cuts_whatever_class_is_named(folder):
    """Transformers' RobertaTokenizer would make single letters of a file of word pieces."""
    words = ["the", "disappointing", "movie"]
    ours = cut_words(words, np.array([0, 3]), load_encoder(folder, only_pieces=True)[0])
    special = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep")}
    edit(folder / "tokenizer_config.json", tokenizer_class="RobertaTokenizer", **special)
    tokenizer, _ = load_encoder(folder)
    assert tokenizer(words, is_split_into_words=True)["input_ids"] == ours.ids.tolist()
    assert (
        AutoTokenizer.from_pretrained(folder)("the")["input_ids"] != tokenizer("the")["input_ids"]
    )


@pytest.mark.parametrize("only_pieces", [False, True])
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"do_lower_case": False}, "do_lower_case true, tokenizer_config.json false; correct"),
        ({"strip_accents": False}, "strip_accents true, tokenizer_config.json false; correct"),
        ({"tokenize_chinese_chars": False}, "has tokenize_chinese_chars true, tokenizer_config.j"),
    ],
)
def test_two_files_that_say_different_things_are_refused(folder, said, expected, only_pieces):
    edit(folder / "tokenizer_config.json", **said)
    with pytest.raises(InputError, match=expected):
        load_encoder(folder, only_pieces)


def test_lower_case_that_only_the_class_says(folder):
    normalizer = json.loads((folder / "tokenizer.json").read_text())["normalizer"]
    edit(folder / "tokenizer.json", normalizer=normalizer | {"lowercase": False})
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(
        json.dumps({key: value for key, value in config.items() if key != "do_lower_case"})
    )
    with pytest.raises(InputError, match="do_lower_case false, .* true, as it does not say; corr"):
        load_encoder(folder)
    # a class of its own kind heeds the file alone
    edit(folder / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
    assert load_encoder(folder)[0]("A")["input_ids"] != load_encoder(folder)[0]("a")["input_ids"]
