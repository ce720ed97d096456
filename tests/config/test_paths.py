from msa.config.check import configure
from msa.config.paths import word_folders

BASE = {"models": [], "seeds": [1]}
CROSSED = {"extends": "mosi", "folds": {"by": "video", "k": 2}}


def test_the_folds_whose_words_the_page_shows():
    """Of a cross-validation those of every deal; of data without words none."""
    config = {"datasets": ["demo", "cherma", "crossed"], "recipes": {"crossed": CROSSED}, **BASE}
    assert word_folders(configure(config)) == [
        "data/demo/test",
        "data/crossed.fold1/test",
        "data/crossed.fold2/test",
    ]
    assert word_folders(configure(config | {"page": {"words": False}})) == []
