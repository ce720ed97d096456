import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def photo():
    """An astronaut (NASA, public domain), where scikit-image has her; she is no file of ours."""
    image = pytest.importorskip("PIL.Image", reason="needs pillow")
    package = importlib.util.find_spec("skimage")
    folders = (package and package.submodule_search_locations) or []
    paths = [path for folder in folders if (path := Path(folder, "data/astronaut.png")).exists()]
    if not paths:
        pytest.skip("needs the photo that scikit-image brings")
    return image.open(paths[0]).convert("RGB")
