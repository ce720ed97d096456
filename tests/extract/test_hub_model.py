"""Which commit of a model of the hub reads, with a cache in which two of them lie."""

import re
import shutil

import numpy as np
import pytest
import torch
from clips import tone, write_clip
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

from msa.base.errors import InputError
from msa.extract.extractors import DEFAULTS
from msa.extract.gather import gather
from msa.extract.hub_model import hub_models, with_commits
from msa.extract.video import extract_video, read_part, write_part

pytest.importorskip("av", reason="needs msa[video]")

OLD, NEW = "0" * 40, "a1" * 20
NAME = "someone/speech"
HEARD = {**DEFAULTS, "align": "none", "vision": "none", "audio": NAME}
TINY = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
TINY |= {"conv_dim": [4] * 7, "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The hub's cache, offline, with two commits of a model; the folder that names the newest."""
    home = tmp_path / "hub/models--someone--speech"
    for seed, commit in enumerate((OLD, NEW)):
        torch.manual_seed(seed)
        Wav2Vec2Model(Wav2Vec2Config(**TINY)).save_pretrained(home / "snapshots" / commit)
        Wav2Vec2FeatureExtractor().save_pretrained(home / "snapshots" / commit)
    (home / "refs").mkdir()
    (home / "refs/main").write_text(OLD)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return home / "refs/main"


def test_the_commit_is_recorded_and_read_by_again(cache, tmp_path):
    path = write_clip(tmp_path / "a.wav", tone(0.5), codec="pcm_s16le")
    first = extract_video(path, settings=HEARD)
    assert first.facts["models"] == {"audio": f"{NAME}@{OLD}"}
    cache.write_text(NEW)
    write_part(first, tmp_path / "a.npz")
    gather([read_part(tmp_path / "a.npz")], tmp_path / "raw", HEARD)
    card = (tmp_path / "raw/card.json").read_text()
    assert card.count(f'"{NAME}@{OLD}"') == 3 and f'"{NAME}"' not in card  # setting, name, fact
    again = extract_video(path, settings={**HEARD, "audio": f"{NAME}@{OLD}"})
    np.testing.assert_array_equal(again.audio.features, first.audio.features)
    newer = extract_video(path, settings=HEARD)
    assert abs(newer.audio.features - first.audio.features).max() > 1e-3
    with pytest.raises(InputError, match=rf"audio: expected {NAME}@{OLD}, .* got {NAME}@{NEW}; na"):
        gather([first, newer], tmp_path / "both", HEARD)
    assert not (tmp_path / "both").exists()


def test_a_model_that_is_not_to_be_had(cache):
    with pytest.raises(InputError, match="someone/else: expected a model of the Hugging Face hub"):
        with_commits({**HEARD, "audio": "someone/else"})


def test_extractors_and_folders_have_no_commit(cache, tmp_path):
    shutil.copytree(cache.parent.parent / "snapshots" / NEW, tmp_path / "own")
    for name in ("lld", str(tmp_path / "own"), f"{NAME}@{OLD}"):
        settings = {**HEARD, "audio": name}
        assert with_commits(settings) == settings
    assert hub_models({**HEARD, "audio": "lld"}) == {}
    assert re.fullmatch(".*@0{40}", hub_models({"asr": f"{NAME}@{OLD}"})["asr"])
