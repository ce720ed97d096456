import importlib

import numpy as np
import pytest

from msa.content import layouts_of, open_content
from msa.import_data import read_layout
from msa.importers import LAYOUTS
from msa.look_alikes import LOOK_ALIKES, SEGMENTS

CASES = [
    *((name, {}) for name in LOOK_ALIKES),
    ("mag", {"vision": 35}),
    ("misa", {"vision": 35}),
    ("hkt", {"dataset": "mustard"}),
    ("lmf", {"dataset": "iemocap"}),
    ("lmf", {"dataset": "pom"}),
]


@pytest.mark.parametrize(("layout", "variant"), CASES)
def test_exactly_one_layout_fits_a_look_alike(layout, variant, tmp_path):
    write = importlib.import_module(LOOK_ALIKES[layout]).write
    path = write(tmp_path, np.random.default_rng(0), **variant)
    against = layouts_of(open_content(path))
    assert list(against) == list(LAYOUTS)
    assert [name for name, wrong in against.items() if not wrong] == [layout]
    for wrong in against.values():
        assert all("expected" in one and "found" in one for one in wrong)


@pytest.mark.parametrize(("layout", "variant"), CASES)
def test_a_look_alike_has_the_segments_it_should(layout, variant, tmp_path):
    write = importlib.import_module(LOOK_ALIKES[layout]).write
    path = write(tmp_path, np.random.default_rng(0), **variant)
    folds = read_layout(path, layout)
    assert {fold: len(of.ids) for fold, of in folds.items()} == SEGMENTS
    for of in folds.values():
        assert len(of.label) == len(of.ids) == len(set(of.ids))
        assert {len(rows) for rows in of.sequences.values()} == {len(of.ids)}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "content", [{}, [], {"train": []}, None, 3, b"x", np.zeros((2, 2)), {3: 4}]
)
def test_nothing_else_fits(layout, content):
    assert importlib.import_module(LAYOUTS[layout]).problems(content)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("value", [None, [], {}, [3], [()], [((), 1, 2)], np.zeros(()), "text"])
def test_folds_of_something_else_do_not_fit(layout, value):
    content = dict.fromkeys(("train", "dev", "test"), value)
    assert importlib.import_module(LAYOUTS[layout]).problems(content)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_empty_folder_does_not_fit(layout, tmp_path):
    assert importlib.import_module(LAYOUTS[layout]).problems(tmp_path)
