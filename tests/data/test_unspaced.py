"""Texts without spaces that are given as one word."""

import numpy as np
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from msa.data.unspaced import cut_fold, cut_texts

TEXT = "我很喜欢这部电影"


@pytest.fixture(params=["bert", "byte level", "sentencepiece"])
def encoder(request, tmp_path):
    """A folder whose pre-tokenizer is of that kind; no more than that is asked of it."""
    backend = Tokenizer(models.WordPiece({"[UNK]": 0}, unk_token="[UNK]"))
    if request.param == "bert":
        backend.normalizer = normalizers.BertNormalizer()
        backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    elif request.param == "byte level":
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "model.safetensors").write_bytes(b"")
    return request.param, tmp_path


def test_a_text_is_cut_as_the_encoder_cuts_it(encoder, capsys):
    kind, folder = encoder
    segments = [["so", "good"], [TEXT], ["电影"], ["我", "很", "喜欢"], [f"{TEXT}。真好", "嗯"], []]
    expected = {
        "bert": [[*TEXT], [*"电影"], [*TEXT, *"。真好"]],
        "byte level": [[TEXT], ["电影"], [TEXT, "。", "真好"]],
        "sentencepiece": [[TEXT], ["电影"], [f"{TEXT}。真好"]],
    }[kind]
    alone, short, long = expected
    cut = cut_texts(segments, folder)
    assert cut == [["so", "good"], alone, short, ["我", "很", "喜欢"], [*long, "嗯"], []]
    count = {"bert": 3, "byte level": 1, "sentencepiece": 0}[kind]
    assert f"texts without spaces: {count} of 3 are cut" in capsys.readouterr().err
    assert cut_texts(cut, folder) == cut


def test_where_there_are_spaces_the_encoder_is_not_even_opened(tmp_path, capsys):
    segments = [["so", "good"], ["Donaudampfschifffahrt"], ["喜欢", "电影"], ["好"]]
    assert cut_texts(segments, tmp_path / "none") == segments
    assert not capsys.readouterr().err


@pytest.mark.parametrize("encoder", ["bert"], indirect=True)
def test_a_fold_has_a_row_of_text_for_each_part(encoder, tmp_path):
    offsets = np.zeros(3, [("words", np.int64), ("audio", np.int64)])
    offsets["words"], offsets["audio"] = [0, 1, 3], [0, 7, 9]
    np.save(tmp_path / "offsets.npy", offsets)
    np.save(tmp_path / "words.npy", np.array([[TEXT.encode()], [b"so"], [b"good"]]))
    assert cut_fold(tmp_path, encoder[1]) == 10
    offsets = np.load(tmp_path / "offsets.npy")
    assert offsets["words"].tolist() == [0, 8, 10] and offsets["audio"].tolist() == [0, 7, 9]
    words = [word.decode() for word in np.load(tmp_path / "words.npy")[:, 0]]
    assert words == [*TEXT, "so", "good"]
