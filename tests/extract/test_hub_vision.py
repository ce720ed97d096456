"""Vectors by a model of the hub: a tiny one with random weights, of faces that are handed over."""

import numpy as np
import pytest
import torch
from transformers import (
    CLIPVisionConfig,
    CLIPVisionModel,
    ViTConfig,
    ViTForImageClassification,
    ViTModel,
)

from msa.base.errors import InputError
from msa.extract import hub_vision
from msa.extract.face_tracker import Sight
from msa.extract.hub_vision import describe, load, portrait
from msa.extract.parts import Frame

SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "image_size": 16,
    "patch_size": 8,
}
PROCESSOR = """{"image_processor_type": "ViTImageProcessor", "size": {"height": 16, "width": 16},
"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}"""
MODELS = {
    "vit": lambda: ViTModel(ViTConfig(**SIZES)),
    "classifier": lambda: ViTForImageClassification(ViTConfig(**SIZES)),
    "clip": lambda: CLIPVisionModel(CLIPVisionConfig(**SIZES)),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    def save(name):
        folder = tmp_path_factory.mktemp("models") / name
        torch.manual_seed(0)
        MODELS[name]().save_pretrained(folder)
        (folder / "preprocessor_config.json").write_text(PROCESSOR)
        return folder

    return save


def sights(count):
    rng = np.random.default_rng(0)
    for i in range(count):
        rgb = rng.integers(0, 256, (40, 60, 3), np.uint8)
        points = rng.uniform([20, 10, 0], [40, 30, 1], (468, 3))
        yield Sight(Frame(i / 5, (i + 1) / 5, rgb), points if i != 1 else points[:0], 1.0, 1)


@pytest.fixture
def faces(monkeypatch):
    monkeypatch.setattr(hub_vision, "sights", lambda frames, weights: sights(frames))


@pytest.mark.parametrize("name", ["vit", "clip"])
def test_a_row_a_face_of_what_the_model_pools(faces, saved, tmp_path, name):
    folder = saved(name)
    rows = describe(5, tmp_path, folder)
    assert rows.features.shape == (4, 16) and rows.features.dtype == np.float32
    assert np.allclose(rows.times[:, 0], [0, 0.4, 0.6, 0.8])
    assert rows.notes == []
    model = MODELS[name]().from_pretrained(folder).eval()
    embed, width, _ = load(folder)
    picture = portrait(next(iter(sights(1))))
    pixels = torch.tensor(hub_pixels(picture))
    with torch.no_grad():
        wanted = model(pixel_values=pixels).pooler_output.numpy()
    assert width == 16
    assert np.allclose(embed([picture]), wanted, atol=1e-6)
    assert np.allclose(rows.features[0], wanted[0], atol=1e-6)


def hub_pixels(picture):
    """As PROCESSOR says: 16 pixels a side, bilinear, -1 to 1."""
    from PIL import Image

    small = np.asarray(Image.fromarray(picture).resize((16, 16), Image.Resampling.BILINEAR))
    return (small.transpose(2, 0, 1)[None] / 127.5 - 1).astype(np.float32)


def test_batches_change_nothing(faces, saved, tmp_path, monkeypatch):
    folder = saved("vit")
    whole = describe(5, tmp_path, folder)
    monkeypatch.setattr(hub_vision, "BATCH", 2)
    assert np.allclose(describe(5, tmp_path, folder).features, whole.features, atol=1e-6)
    assert describe(6, tmp_path, folder).features.shape == (5, 16)


def test_a_classifier_that_never_pooled_gives_its_first_token(faces, saved, tmp_path):
    """Its pooling would have weights by chance."""
    folder = saved("classifier")
    rows = describe(1, tmp_path, folder)
    assert rows.notes == ["the model has no pooled output of its own: its first token is taken"]
    model = ViTForImageClassification.from_pretrained(folder).eval()
    pixels = torch.tensor(hub_pixels(portrait(next(iter(sights(1))))))
    with torch.no_grad():
        wanted = model.vit(pixel_values=pixels).last_hidden_state[0, 0].numpy()
    assert np.allclose(rows.features[0], wanted, atol=1e-6)


def test_the_face_with_a_margin():
    points = np.zeros((468, 3))
    points[:2, :2] = [[10, 10], [20, 30]]
    points[2:, :2] = [15, 20]
    rgb = np.zeros((40, 60, 3), np.uint8)
    rgb[20:, 15:] = 200
    picture = portrait(Sight(Frame(0, 1, rgb), points, 1.0, 1))
    assert picture.shape == (24, 24, 3)  # 20 high, and a fifth
    assert np.all(picture[12:, 12:] == 200) and not picture[:12].any() and not picture[:, :12].any()


def test_folders_that_are_none_of_a_model(tmp_path):
    with pytest.raises(InputError, match="expected a folder of a model of pictures.*, got none"):
        load(tmp_path / "none")
    with pytest.raises(InputError, match="expected a folder of a model of pictures.*, got: "):
        load(tmp_path)


def test_a_model_whose_weights_are_not_there(saved, tmp_path):
    from safetensors.numpy import load_file, save_file

    folder = saved("vit")
    weights = load_file(folder / "model.safetensors")
    weights.pop("embeddings.cls_token")
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match="got no weights for embeddings.cls_token"):
        load(folder)
