"""Seven expressions, of drawn faces where the networks are."""

import numpy as np
import pytest

from msa.base.errors import InputError
from msa.demo.face import Looks, Portrait, Pose
from msa.extract import expression, face_weights
from msa.extract.face_tracker import Region
from msa.extract.parts import Frame


@pytest.fixture(scope="session")
def expression_weights(once):
    try:
        return once("expression", lambda folder: face_weights.fetch("expression", folder))
    except InputError as error:
        pytest.skip(f"needs the network of expressions: {error}")


def test_the_input_is_the_face_alone_in_grey():
    rgb = np.zeros((100, 100, 3), np.uint8)
    rgb[29:71, 29:71] = [255, 0, 0]
    pixels = expression.grey(rgb, Region(np.array([50.0, 50.0]), 60.0, 0.0))
    assert pixels.shape == (1, 64, 64, 1) and pixels.dtype == np.float32
    assert np.allclose(pixels, 2 * 0.299 - 1)


def test_a_smile_is_happier_than_a_frown(face_weights, expression_weights):
    portrait = Portrait(Looks())
    frames = [
        Frame(i / 5, (i + 1) / 5, portrait.draw(Pose(smile=smile)))
        for i, smile in enumerate((1.0, -1.0))
    ]
    rows = expression.describe(frames, face_weights, expression_weights)
    assert rows.features.shape == (2, 7)
    assert np.allclose(rows.features.sum(1), 1, atol=1e-4)
    happy = rows.features[:, expression.NAMES.index("happiness")]
    assert happy[0] > happy[1] + 0.3
