"""Vision by a model of the hub, such as CLIP or ViT: one vector for the face in each frame."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from msa.base.errors import InputError
from msa.base.reading import said
from msa.extract.face_rows import Watch, sights
from msa.extract.face_tracker import Region, Sight, crop
from msa.extract.parts import Frame, Rows

MARGIN = 1.2  # sides of what the model sees, in those of the face
BATCH = 32

Embed = Callable[[list[np.ndarray]], np.ndarray]


def describe(frames: Iterable[Frame], weights: Path, model: Path) -> Rows:
    """Describe the face of each frame by a model; frames without one have no row.

    Args:
        frames: in order.
        weights: folder of the networks that find the face (`fetch-face-weights`).
        model: folder of a model of pictures, as transformers saves it.

    Raises:
        InputError: there are no frames; a folder lacks something, or has something else.
    """
    embed, width, notes = load(model)
    watch = Watch()
    features: list[np.ndarray] = []
    batch: list[np.ndarray] = []
    for sight in watch.faces(sights(frames, weights)):
        batch.append(portrait(sight))
        if len(batch) == BATCH:
            features.extend(embed(batch))
            batch = []
    if batch:
        features.extend(embed(batch))
    rows = watch.rows(features, width)
    rows.notes.extend(notes)
    return rows


def portrait(sight: Sight) -> np.ndarray:
    """The square (side, side, 3) uint8 around a face, with a margin; not turned."""
    low, high = sight.points[:, :2].min(0), sight.points[:, :2].max(0)
    side = max(1, round(MARGIN * float((high - low).max())))
    return crop(sight.frame.rgb, Region((low + high) / 2, side, 0.0), side)


def load(folder: Path) -> tuple[Embed, int, list[str]]:
    """A model: what embeds pictures, its vectors' width, and what there is to say.

    Vectors are what the model pools. Of one that was trained to classify and never to pool, they
    are the last layer's at the first token.

    Raises:
        InputError: the folder is not of a model of pictures.
    """
    expected = (
        f"{folder}: expected a folder of a model of pictures, such as CLIP or ViT, with "
        "config.json, model.safetensors and preprocessor_config.json"
    )
    if not folder.is_dir():
        raise InputError(f"{expected}, got none")
    try:
        import torch
        from transformers import AutoImageProcessor, AutoModel

        processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True)
        whole, information = AutoModel.from_pretrained(
            folder, local_files_only=True, output_loading_info=True
        )
    # transformers has an error for each kind of folder
    except Exception as error:
        raise InputError(f"{expected}, got: {said(error)}") from error
    missing = sorted(information["missing_keys"])
    unpooled = [key for key in missing if "pooler" in key.split(".")]
    for key in missing:
        if key not in unpooled:
            raise InputError(f"{expected}, got no weights for {key}")
    model = getattr(whole, "vision_model", whole).eval()

    @torch.inference_mode()
    def embed(pictures: list[np.ndarray]) -> np.ndarray:
        pixels = processor(images=pictures, return_tensors="pt")["pixel_values"]
        outputs = model(pixel_values=pixels)
        pooled = outputs.last_hidden_state[:, 0] if unpooled else outputs.get("pooler_output")
        if pooled is None:
            raise InputError(f"{expected}, got one that does not pool its outputs")
        return pooled.flatten(1).numpy()

    width = embed([np.zeros((8, 8, 3), np.uint8)]).shape[1]
    notes = ["the model has no pooled output of its own: its first token is taken"]
    return embed, width, notes if unpooled else []
