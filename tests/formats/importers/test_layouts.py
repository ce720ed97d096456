import importlib
import pickle

import numpy as np
import pytest

from msa.base.errors import InputError
from msa.demo.look_alikes import LOOK_ALIKES
from msa.demo.look_alikes.rows import SEGMENTS
from msa.formats.content import open_content
from msa.formats.importers import LAYOUTS
from msa.formats.layouts import layout_problems, read_layout, recognize
from msa.formats.pickles.unpickle import load

CASES = [
    *((name, {}) for name in LAYOUTS),
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
    against = layout_problems(open_content(path))
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


RAGGED = [[1], [1, 2]]
SOMETHING_ELSE = [
    *(None, [], {}, [3], [()], [((), 1, 2)], np.zeros(()), "text", RAGGED),
    {"covarep": RAGGED, "facet": RAGGED, "glove": RAGGED, "label": RAGGED},
]


@pytest.mark.parametrize("value", SOMETHING_ELSE)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_folds_of_something_else_do_not_fit(layout, value):
    content = dict.fromkeys(("train", "dev", "test"), value)
    assert importlib.import_module(LAYOUTS[layout]).problems(content)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_empty_folder_does_not_fit(layout, tmp_path):
    assert importlib.import_module(LAYOUTS[layout]).problems(tmp_path)


HALF = {
    "cherma": lambda path: (path / "dev.json").unlink(),
    "cm_bert": lambda path: (path / "MOSI_cmu_audio_CLS.pickle").unlink(),
    "hkt": lambda path: change(path, lambda content: content.pop("dev")),
    "lmf": lambda path: change(path, lambda content: content[b"valid"].pop(b"facet")),
    "misa": lambda path: change(path, lambda content: content["dev"].clear()),
}


def change(path, spoil):
    content = load(path)
    spoil(content)
    path.write_bytes(pickle.dumps(content))


@pytest.mark.parametrize("layout", HALF)
def test_half_a_layout_is_nearest_to_it(layout, tmp_path):
    path = importlib.import_module(LOOK_ALIKES[layout]).write(tmp_path, np.random.default_rng(0))
    HALF[layout](path)
    with pytest.raises(InputError, match=f"no known layout, the nearest is {layout}: .*expected"):
        recognize(path)
