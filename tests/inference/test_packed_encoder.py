"""What a pack holds of a text encoder."""

import json
import shutil

import pytest
import torch
from making import make_bert

from msa.base.errors import InputError
from msa.base.schema import SCHEMAS
from msa.config.encoders import Encoder
from msa.data.encoder import load_encoder
from msa.fetch.encoder import OTHER_FILES, WEIGHTS
from msa.inference.packed_encoder import open_encoder, pack_encoder

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


def test_a_fine_tuned_encoder_of_the_hub_needs_no_hub(trained, demo_encoder, tmp_path):
    """Its weights are the run's own; of a run that has others it is named."""
    encoder = Encoder("someone/tiny-bert", str(demo_encoder), "c0ffee", "hub")
    runs, words = trained / "runs/demo", {"text": "words"}
    said = pack_encoder(tmp_path / "a", encoder, runs / "text_only/main/all/1", words)
    named = {"name": "someone/tiny-bert", "revision": "c0ffee"}
    assert said == named | {"weights": "runs", "files": {}}
    with pytest.raises(InputError, match=r"shapes.json: expected dtypes and .* of runs with 0"):
        open_encoder(tmp_path / "a", said, tmp_path / "without runs")
    shutil.copytree(runs / "text_only/main/all", tmp_path / "runs/all")
    folder = open_encoder(tmp_path / "a", said, tmp_path / "zeros")
    (_, first), (_, zeros) = load_encoder(demo_encoder), load_encoder(folder)
    shapes = {name: value.shape for name, value in zeros.state_dict().items()}
    assert shapes == {name: value.shape for name, value in first.state_dict().items()}
    said = pack_encoder(tmp_path / "b", encoder, runs / "lmf/main/all/1", words)
    assert said["weights"] == "hub" and not (tmp_path / "b").exists()


def test_code_of_an_encoder_is_refused(demo_encoder, tmp_path):
    own = shutil.copytree(demo_encoder, tmp_path / "own")
    encoder = Encoder("someone/tiny-bert", str(own), "c0ffee", "hub")
    config = json.loads((own / "config.json").read_text())
    (own / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModel": "x.Model"}}))
    said = pack_encoder(tmp_path / "out", encoder, tmp_path, FEATURES)
    with pytest.raises(InputError, match="config.json: expected an encoder of .* code .auto_map."):
        open_encoder(tmp_path, said, tmp_path / "x", own)
    for weights in ("pack", "runs"):
        with pytest.raises(InputError, match="code .auto_map."):
            open_encoder(own, said | {"weights": weights}, tmp_path / "x")
    nested = {"text_config": {"_attn_implementation": "someone/kernel"}}
    (own / "config.json").write_text(json.dumps(config | nested))
    with pytest.raises(InputError, match="code ._attn_implementation."):
        open_encoder(own, said | {"weights": "pack"}, tmp_path / "x")
    for entry in (None, said | {"weights": "pack"}):
        with pytest.raises(InputError, match="--encoder: expected none, for "):
            open_encoder(tmp_path, entry, tmp_path / "x", own)


def test_the_schema_names_what_is_read_of_an_encoder():
    schema = json.loads((SCHEMAS / "system.schema.json").read_text())
    files = schema["properties"]["encoder"]["properties"]["files"]
    assert files["propertyNames"]["enum"] == [*WEIGHTS, *OTHER_FILES]
