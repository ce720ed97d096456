import pickle

import numpy as np
import pytest

from msa.base.errors import InputError
from msa.demo.look_alikes import mag, misa
from msa.formats.layouts import read_layout, recognize
from msa.formats.pickles.unpickle import load


def test_it_is_mag_with_numbers_of_the_words(tmp_path):
    same = [np.random.default_rng(0), np.random.default_rng(0)]
    ours = read_layout(misa.write(tmp_path / "misa", same[0], vision=35), "misa")
    of_mag = read_layout(mag.write(tmp_path / "mag", same[1], vision=35), "mag")
    for fold, of in of_mag.items():
        assert ours[fold].ids == of.ids
        np.testing.assert_array_equal(ours[fold].label, of.label)
        for name, segments in of.sequences.items():
            for one, other in zip(ours[fold].sequences[name], segments, strict=True):
                np.testing.assert_array_equal(one, other)
    assert ours["test"].sequences["vision"][0].shape[1] == 35


def test_bytes_are_words_and_ids_too(tmp_path):
    path = misa.write(tmp_path, np.random.default_rng(0))
    content = load(path)
    (ids, vision, audio, words), label, segment = content["train"][0]
    as_bytes = (ids, vision, audio, [word.encode() for word in words])
    content["train"][0] = (as_bytes, label, segment.encode())
    expected = read_layout(path, "misa")["train"]
    path.write_bytes(pickle.dumps(content))
    found = read_layout(path, "misa")["train"]
    assert found.ids[0] == expected.ids[0] == "trainVideo0[0]"
    np.testing.assert_array_equal(found.sequences["words"][0], expected.sequences["words"][0])


def test_the_other_layout_is_named(tmp_path):
    path = misa.write(tmp_path, np.random.default_rng(0))
    with pytest.raises(InputError, match="expected the layout mag: .* it is of the layout misa"):
        read_layout(path, "mag")
    path = mag.write(tmp_path, np.random.default_rng(0))
    with pytest.raises(InputError, match="expected the layout misa: .* it is of the layout mag"):
        read_layout(path, "misa")


def test_a_broken_row_is_named(tmp_path):
    path = misa.write(tmp_path, np.random.default_rng(0))
    content = load(path)
    (ids, vision, audio, words), label, segment = content["dev"][6]
    content["dev"][6] = ((ids, vision, audio[0], words), label, segment)
    path.write_bytes(pickle.dumps(content))
    message = (
        r"dev\[6\] \(validVideo1\[2\]\): audio: expected rows \(t, 74\), found an array \(74,\)"
    )
    with pytest.raises(InputError, match=message):
        read_layout(path, "misa")


@pytest.mark.parametrize("mmim", [False, True])
@pytest.mark.parametrize("names", ["train dev test", "train valid test"])
def test_a_file_for_each_fold(tmp_path, names, mmim):
    """As the code of MISA and MMIM leaves them; MMIM's segments have their lengths."""
    path = misa.write(tmp_path / "one", np.random.default_rng(0))
    folder = tmp_path / "three"
    folder.mkdir()
    for (_, rows), name in zip(load(path).items(), names.split(), strict=True):
        if mmim:
            rows = [
                (([], vision, audio, words, len(vision), len(audio)), label, segment.encode())
                for (_, vision, audio, words), label, segment in rows
            ]
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(rows))
    layout, folds = recognize(folder)
    assert layout == "misa"
    for fold, segments in read_layout(path, "misa").items():
        assert folds[fold].ids == segments.ids
        np.testing.assert_array_equal(folds[fold].label, segments.label)
        for name, rows in segments.sequences.items():
            for one, other in zip(folds[fold].sequences[name], rows, strict=True):
                np.testing.assert_array_equal(one, other)
