"""Matrices in the light and in the dark: the page's paper shows through, its ink stays readable."""

import base64
import io
import re

import matplotlib.image
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from running import ROOT

from msa.report import figures
from msa.report.figures import matrices, scatter, tinted
from msa.report.studies import attention

COLOURS = (ROOT / "workflow/report/colours.html").read_text()
MODES = {"light": 0, "dark": 1}


def of_page(name, mode):
    """A colour of the page in a mode."""
    return np.array(to_rgb(re.search(rf"--{name}: light-dark\((.*?), (.*?)\)", COLOURS)[1 + mode]))


def luminance(colour):
    """WCAG 2's relative luminance of sRGB colours (..., 3)."""
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


@pytest.mark.parametrize("mode", MODES)
def test_numbers_are_readable_on_every_shade(mode):
    """WCAG asks for a contrast of 4.5, and a shade must differ from the paper in both modes."""
    paper, ink = (of_page(name, MODES[mode]) for name in ("paper", "ink"))
    cells = tinted(np.linspace(0, 1, 11))
    alpha = cells[:, 3:]
    shades = alpha * cells[:, :3] + (1 - alpha) * paper
    np.testing.assert_array_equal(shades[0], paper)
    of_shades, of_ink = luminance(shades), luminance(ink)
    brighter, darker = np.maximum(of_shades, of_ink), np.minimum(of_shades, of_ink)
    assert ((brighter + 0.05) / (darker + 0.05)).min() > 4.5
    steps = np.diff(of_shades)
    assert (steps < 0).all() if mode == "light" else (steps > 0).all()


@pytest.mark.parametrize(
    "drawn",
    [
        matrices({"lmf": np.array([[4, 0], [0, 2]])}, ["no", "yes"]),
        attention({"words": ["a", "b"], "attention": [[1.0, 0.0], [0.0, 0.5]]}),
    ],
    ids=["confusion", "attention"],
)
def test_a_matrix_has_no_paper_of_its_own(drawn):
    [image] = re.findall(r"data:image/png;base64,([^\"]*)", drawn)
    pixels = matplotlib.image.imread(io.BytesIO(base64.b64decode(image)))  # (h, w, 4)
    assert pixels[..., 3].min() == 0 and pixels[..., 3].max() == pytest.approx(0.75, abs=0.01)
    assert not re.search(r"fill: ?(#fff|white)", drawn)
    assert "currentColor" in drawn


def test_many_dots_are_a_picture(monkeypatch):
    """In it the page's paper shows through, and the same dots give the same bytes."""
    pairs = {"lmf": (np.array([0.0, 1.0]), np.array([0.5, 0.5]))}
    few = scatter(pairs, -3, 3)
    monkeypatch.setattr(figures, "DOTS", 1)
    many = scatter(pairs, -3, 3)
    assert "image/png" not in few and many == scatter(pairs, -3, 3)
    [image] = re.findall(r"data:image/png;base64,([^\"]*)", many)
    alpha = matplotlib.image.imread(io.BytesIO(base64.b64decode(image)))[..., 3]
    assert alpha.min() == 0 and alpha.max() == pytest.approx(0.8, abs=0.01)
