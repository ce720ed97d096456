import numpy as np
import pytest

from msa.base.errors import InputError
from msa.data.clean import clean
from msa.data.cleaning import Columns, read_cleanings, repair, statistics

NAN, INF = np.nan, np.inf


@pytest.fixture
def data(tmp_path):
    """Audio of three columns: faulty, constant, of large scale."""
    folds = {
        "train": [[1, 5, 300], [NAN, 5, 376], [3, 5, 302], [-INF, 5, 304]],
        "valid": [[INF, 5, 300], [NAN, 5, 310]],
        "test": [[1000, 7, NAN]],
    }
    for fold, rows in folds.items():
        (tmp_path / fold).mkdir()
        np.save(tmp_path / fold / "audio.npy", np.array(rows, dtype=np.float32))
        np.save(tmp_path / fold / "offsets.npy", np.array([(0,), (len(rows),)], [("audio", "i8")]))
    return tmp_path


def cleaned(data, policy, standardize=()):
    report = clean(data, data / "clean", policy, list(standardize))
    return {f: np.load(data / "clean" / f / "audio.npy") for f in report["counts"]}, report


def test_zero(data):
    got, report = cleaned(data, "zero")
    assert got["train"][:, 0].tolist() == [1, 0, 3, 0]
    assert got["valid"][:, 0].tolist() == [0, 0]
    assert got["test"].tolist() == [[1000, 7, 0]]
    assert report["counts"]["train"]["audio"] == {"values": 12, "not_finite": 2, "left": 0}


def test_mean_is_the_training_folds(data):
    got, _ = cleaned(data, "mean")
    assert got["train"][:, 0].tolist() == [1, 2, 3, 2]
    assert got["valid"][:, 0].tolist() == [2, 2]
    assert got["test"][0, 2] == pytest.approx(320.5)


def test_clip_is_the_training_folds_range(data):
    got, _ = cleaned(data, "clip")
    assert got["train"][:, 0].tolist() == [1, 2, 3, 1]
    assert got["valid"][:, 0].tolist() == [3, 2]
    assert got["test"].tolist() == [[3, 5, 320.5]]


def test_standardised_by_the_training_fold_only(data):
    before, _ = cleaned(data, "zero")
    got, report = cleaned(data, "zero", ["audio"])
    np.testing.assert_allclose(got["train"][:, [0, 2]].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(got["train"][:, [0, 2]].std(axis=0), 1, atol=1e-6)
    mean, deviation = before["train"][:, 2].mean(), before["train"][:, 2].std()
    np.testing.assert_allclose(
        got["valid"][:, 2], (before["valid"][:, 2] - mean) / deviation, rtol=1e-5
    )
    # a constant column is centred, not divided by its deviation of zero
    assert got["train"][:, 1].tolist() == [0, 0, 0, 0]
    assert got["test"][0, 1] == 2
    assert report["standardized"] == ["audio"]


def test_the_test_fold_changes_no_statistic(data):
    first, _ = cleaned(data, "mean", ["audio"])
    np.save(data / "test" / "audio.npy", np.full((1, 3), 1e6, dtype=np.float32))
    second, _ = cleaned(data, "mean", ["audio"])
    np.testing.assert_array_equal(first["train"], second["train"])


def test_a_column_without_a_finite_value():
    columns = statistics(np.array([[NAN], [INF]], dtype=np.float32))
    assert [columns.mean.tolist(), columns.low.tolist(), columns.high.tolist()] == [[0]] * 3


def test_blocks_change_nothing(monkeypatch):
    rows = np.random.default_rng(0).normal(50, 3, size=(101, 4))
    rows[rows > 55] = NAN
    whole = statistics(rows)
    monkeypatch.setattr("msa.data.cleaning.BLOCK", 7)
    for name in ("mean", "low", "high"):
        np.testing.assert_allclose(getattr(statistics(rows), name), getattr(whole, name))


@pytest.mark.parametrize("policy", ["zero", "mean", "clip"])
def test_repair_leaves_finite_values_of_the_range_alone(policy):
    rows = np.random.default_rng(0).normal(size=(20, 3))
    columns = Columns(rows.mean(axis=0), rows.min(axis=0), rows.max(axis=0))
    np.testing.assert_array_equal(repair(rows, policy, columns), rows)


def test_values_beyond_float32(data):
    np.save(data / "test" / "audio.npy", np.full((1, 3), 1e300))
    with pytest.raises(InputError, match=r"test/audio.npy: 3 values do not fit float32"):
        clean(data, data / "clean", "zero", [])
    assert not (data / "clean" / "test").exists()


def test_standardising_what_is_not_there(data):
    with pytest.raises(InputError, match=r"no vision.npy to standardise; there is \['audio'\]"):
        clean(data, data / "clean", "zero", ["vision"])


@pytest.mark.parametrize("policy", ["zero", "mean", "clip"])
def test_what_was_learnt_cleans_later_data_alike(data, policy):
    got, _ = cleaned(data, policy, ["audio"])
    cleaning = read_cleanings(data / "clean" / "cleaning.npz")["audio"]
    later = cleaning.apply(np.load(data / "test" / "audio.npy"))
    np.testing.assert_array_equal(later.astype(np.float32), got["test"])
    # a row without a number is one that the policy fills
    faulty = cleaning.apply(np.full((1, 3), NAN))[0]
    np.testing.assert_array_equal(cleaning.missing, faulty)
    filled = 0 if policy == "zero" else 320.5
    expected = (filled - cleaning.center[2]) / cleaning.deviation[2]
    assert cleaning.missing[2] == pytest.approx(expected)


def test_unscaled_columns_are_left_as_they_are(data):
    cleaned(data, "zero")
    cleaning = read_cleanings(data / "clean" / "cleaning.npz")["audio"]
    assert cleaning.missing.tolist() == [0, 0, 0]
    assert cleaning.apply(np.array([[1.5, -2, 7]])).tolist() == [[1.5, -2, 7]]


def test_a_damaged_file_of_cleanings(data):
    path = data / "cleaning.npz"
    np.savez(path, **{"audio/policy": "zero"})
    with pytest.raises(InputError, match="cleaning.npz: expected 'audio/center'; run the stage"):
        read_cleanings(path)
