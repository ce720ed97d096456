import numpy as np

from msa.import_data import read_layout
from msa.look_alikes import SEGMENTS, mag


def test_it_is_read_as_it_was_written(tmp_path):
    path = mag.write(tmp_path, np.random.default_rng(0))
    folds = read_layout(path, "mag")
    assert {fold: len(of.ids) for fold, of in folds.items()} == SEGMENTS
    train = folds["train"]
    assert train.ids[5] == "trainVideo1[1]"
    words, audio, vision = (train.sequences[name][5] for name in ("words", "audio", "vision"))
    assert words.dtype.kind == "S" and words.shape[1] == 1
    assert audio.shape == (len(words), 74) and vision.shape == (len(words), 47)
    # the first column follows the score
    means = [rows[:, 0].mean() for rows in train.sequences["audio"]]
    assert np.corrcoef(means, train.label[:, 0])[0, 1] > 0.9
