"""What a pack holds of a text encoder."""

import json
import shutil

import pytest
import torch
from making import make_bert

from msa.base.errors import InputError
from msa.config.encoders import Encoder
from msa.data.encoder import load_encoder
from msa.inference.packed_encoder import pack_encoder

FEATURES = {"text": "features"}


def test_an_encoder_with_a_vocabulary_alone_gets_its_tokenizer_written(tmp_path):
    own, out = tmp_path / "own", tmp_path / "out"
    make_bert().save_pretrained(own)
    (own / "vocab.txt").write_text(
        "[PAD] [UNK] [CLS] [SEP] [MASK] good bad ##ly".replace(" ", "\n")
    )
    said = pack_encoder(out, Encoder(str(own), str(own)), tmp_path, FEATURES)
    assert said == {"name": "own", "revision": None, "weights": "pack", "files": {}}
    assert {path.name for path in out.iterdir()} == {
        *("config.json", "model.safetensors", "tokenizer.json")
    }
    (words, network), (same_words, same) = load_encoder(own), load_encoder(out)
    for text in ("Good", "badly", "unheard"):
        assert same_words(text)["input_ids"] == words(text)["input_ids"]
    assert same_words.model_max_length == words.model_max_length
    state = same.state_dict()
    assert all(torch.equal(state[name], value) for name, value in network.state_dict().items())


def test_no_name_of_the_user_s_folders(demo_encoder, tmp_path):
    own = shutil.copytree(demo_encoder, tmp_path / "own")
    config = json.loads((own / "config.json").read_text()) | {"_name_or_path": "/home/me/bert"}
    (own / "config.json").write_text(json.dumps(config))
    pack_encoder(tmp_path / "out", Encoder(str(own), str(own)), tmp_path, FEATURES)
    assert "/home/me" not in (tmp_path / "out/config.json").read_text()


def test_an_encoder_that_no_pack_holds(demo_encoder, tmp_path):
    """Weights in other files than safetensors, or code of its own."""
    own = shutil.copytree(demo_encoder, tmp_path / "own")

    def refused():
        with pytest.raises(InputError) as caught:
            pack_encoder(tmp_path / "out", Encoder(str(own), str(own)), tmp_path, FEATURES)
        shutil.rmtree(tmp_path / "out")
        return str(caught.value)

    (own / "model.safetensors").rename(own / "pytorch_model.bin")
    assert "expected model.safetensors, which is all that a pack holds" in refused()
    config = json.loads((own / "config.json").read_text())
    (own / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModel": "x.Model"}}))
    assert "config.json: expected an encoder of transformers' own, got one with code" in refused()
