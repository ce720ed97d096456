import importlib
import json
import pickle
import re

import h5py
import numpy as np
import pytest

from msa.__main__ import main
from msa.demo.look_alikes import LOOK_ALIKES, mmsa, msaf
from msa.demo.look_alikes.rows import SEGMENTS
from msa.formats import csd
from msa.formats.importers import LAYOUTS
from msa.formats.inspect import inspect
from msa.formats.segments import FOLDS, Segments, write


def run(capsys, *arguments):
    """Exit status, standard output and standard error of `inspect`."""
    try:
        status = main(["inspect", *map(str, arguments)])
    except SystemExit as end:
        status = end.code
    return status, *capsys.readouterr()


def refuse(text):
    raise AssertionError(f"{text} is not JSON")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_look_alike_is_told(tmp_path, capsys, layout):
    module = importlib.import_module(LOOK_ALIKES[layout])
    path = module.write(tmp_path, np.random.default_rng(0))
    status, out, err = run(capsys, path, "--json")
    found = json.loads(out, parse_constant=refuse)
    assert (status, err) == (0, "")
    assert found["layout"] == layout
    assert found["splits"] == SEGMENTS
    status, out, err = run(capsys, path)
    assert (status, err) == (0, "")
    assert f"layout: {layout}\nsplits: train 24, valid 8, test 10\n" in out


def test_counts_and_ranges(tmp_path):
    path = msaf.write(tmp_path, np.random.default_rng(0))
    audio, label = (np.load(path / "val" / f"{name}50.npy") for name in ("audio", "label"))
    audio[1, -1, :3], audio[2, -1, 5] = np.nan, -np.inf
    label[0, 0, 6] = np.nan
    np.save(path / "val" / "audio50.npy", audio)
    np.save(path / "val" / "label50.npy", label)
    found = inspect(path)
    of = found["sequences"]["valid"]["audio"]
    rows = int(np.count_nonzero((audio != 0).any(axis=2)))
    finite = audio[np.isfinite(audio)]
    assert (of["nan"], of["inf"], of["rows"], of["width"]) == (3, 1, rows, [74])
    assert (of["min"], of["max"]) == pytest.approx((finite.min(), finite.max()))
    assert of["dtype"] == ["float32"]
    columns = found["labels"]["valid"]
    assert len(columns) == 7 and columns[6]["nan"] == 1 and columns[6]["distinct"] == 7
    assert columns[0]["max"] == pytest.approx(label[:, 0, 0].max())


def test_what_has_no_finite_value_is_valid_json(tmp_path, capsys):
    path = msaf.write(tmp_path, np.random.default_rng(0))
    np.save(path / "val" / "label50.npy", np.full((8, 1, 7), np.inf))
    status, out, _ = run(capsys, path, "--json")
    column = json.loads(out, parse_constant=refuse)["labels"]["valid"][0]
    assert status == 0 and column == {"min": None, "max": None, "nan": 0, "inf": 8, "distinct": 0}


def test_computational_sequences(tmp_path, capsys):
    path = tmp_path / "audio.csd"
    features = np.array([[1.0, np.nan], [np.inf, 3], [2, -5]], dtype=np.float32)
    intervals = np.array([[0, 1.0], [1, 2], [2, 2.5]])
    sequences = {"a": (intervals, features), "b": (intervals[:1] + 7, features[:1])}
    csd.write(path, "COVAREP", sequences, {"dataset name": "MOSI", "creator": None})
    status, out, err = run(capsys, path, "--json")
    assert (status, err) == (0, "")
    assert json.loads(out, parse_constant=refuse) == {
        "path": str(path),
        "layout": "csd",
        "splits": {"all": 4},
        "root": "COVAREP",
        "videos": 2,
        "rows": 4,
        "width": 2,
        "dtype": ["float32"],
        "seconds": {"min": 0, "max": 8, "nan": 0, "inf": 0},
        "values": {"min": -5, "max": 3, "nan": 2, "inf": 1},
        "metadata": {"root name": "COVAREP", "dataset name": "MOSI"},
    }
    csd.write(path, "words", {"a": (intervals, np.array([[b"I"], [b"sp"], [b"am"]]))})
    assert inspect(path)["values"] == {}
    assert run(capsys, path)[0] == 0


class Runs:
    def __reduce__(self):
        return print, ("it ran",)


def missing(folder):
    return folder / "none.pkl"


def empty(folder):
    (folder / "empty").mkdir()
    return folder / "empty"


def page(folder):
    (folder / "page.pkl").write_text("<html>quota exceeded</html>")
    return folder / "page.pkl"


def refused(folder):
    (folder / "runs.pkl").write_bytes(pickle.dumps({"train": Runs()}))
    return folder / "runs.pkl"


def half(folder):
    path = mmsa.write(folder, np.random.default_rng(0))
    path.write_bytes(path.read_bytes()[:5000])
    return path


def unknown(folder):
    (folder / "new.pkl").write_bytes(pickle.dumps({"a\nb": 1}))
    return folder / "new.pkl"


def other_hdf5(folder):
    with h5py.File(folder / "other.csd", "w") as file:
        file["a/b"] = 1
    return folder / "other.csd"


def cut_csd(folder):
    path = folder / "cut.csd"
    csd.write(path, "a", {"v": (np.zeros((1, 2)), np.ones((1, 2000)))})
    path.write_bytes(path.read_bytes()[:1000])
    return path


def array(folder):
    np.save(folder / "audio.npy", np.ones(3))
    return folder / "audio.npy"


def archive(folder):
    np.savez(folder / "audio.npz", np.ones(3))
    return folder / "audio.npz"


def table(folder):
    (folder / "labels.csv").write_text("id,label\n")
    return folder / "labels.csv"


def mfn_array(folder):
    """As MFN's own, of MOSI."""
    with h5py.File(folder / "X_train.h5", "w") as file:
        file["data"] = np.zeros((4, 20, 325))
    return folder / "X_train.h5"


def mfn_segments(folder):
    with h5py.File(folder / "mosi.hdf5", "w") as file:
        for name, width in (("COVAREP", 74), ("FACET_4.2", 35), ("Opinion Segment Labels", 1)):
            file[f"{name}/a[0]/features"] = np.zeros((5, width))
            file[f"{name}/a[0]/intervals"] = np.zeros((5, 2))
        file["words/a[0]/features"] = np.array([[b"so"]] * 5)
    return folder / "mosi.hdf5"


def mfn_folds(folder):
    with h5py.File(folder / "mosi.hdf5", "w") as file:
        for fold in FOLDS:
            file[f"{fold}/COVAREP"], file[f"{fold}/FACET"] = np.zeros((3, 20, 74)), np.zeros((3, 4))
            file[f"{fold}/words"] = np.array([[b"so"]] * 3)
    return folder / "mosi.hdf5"


def one_root(folder):
    """A single group beside nothing, as a .csd has."""
    with h5py.File(folder / "data.h5", "w") as file:
        file["mosi/train/covarep"] = np.zeros((3, 20, 74))
    return folder / "data.h5"


def arrays(folder):
    (folder / "features" / "train").mkdir(parents=True)
    for name in ("text", "audio"):
        np.save(folder / "features" / "train" / f"{name}.npy", np.ones((3, 2)))
    return folder / "features"


def flat_arrays(folder):
    (folder / "features").mkdir()
    np.save(folder / "features" / "my_vision.npy", np.ones((3, 2)))
    return folder / "features"


def test_folds_that_split_wrote(tmp_path, capsys):
    one = Segments(np.array(["a[0]"]), np.ones((1, 1)), {"audio": [np.ones((2, 3))]})
    write(dict.fromkeys(FOLDS, one), tmp_path / "folds", tmp_path / "card.json", "none")
    status, out, _ = run(capsys, tmp_path / "folds")
    assert status == 0
    assert "splits: train 1, valid 1, test 1" in out and "sequences test audio: rows 2" in out


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (array, "found a NumPy array; .*docs/own_data.md"),
        (arrays, 'as README.md, "Your own data", says'),
        (flat_arrays, 'nor like one: .*my_vision.npy.*as README.md, "Your own data", says'),
        (mfn_array, r"the MFN line .*found data \(4, 20, 325\).* 300, 5 and 20.*docs/own_data.md"),
        (mfn_segments, r"mosi.hdf5.*COVAREP/a\[0\]/features \(5, 74\).*docs/own_data.md"),
        (mfn_folds, r"mosi.hdf5.*/COVAREP \(3, 20, 74\).*docs/own_data.md"),
        (one_root, r"found mosi/train/covarep \(3, 20, 74\).*docs/own_data.md"),
        (archive, "found a zip archive"),
        (table, "found a text file"),
        (missing, "no such file or folder"),
        (empty, "it is of no known layout"),
        (page, "expected a whole pickle"),
        (refused, "builtins.print"),
        (half, "damaged|ends before|cut off"),
        (unknown, r"it is of no known layout \(mmsa, .*a dictionary of \['a"),
        (other_hdf5, "a/data: expected a group"),
        (cut_csd, "expected an HDF5 file"),
    ],
)
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_anything_else_is_one_line_and_status_2(tmp_path, capsys, make, message, form):
    path = make(tmp_path)
    status, out, err = run(capsys, path, *form)
    assert (status, out) == (2, "")
    assert err.startswith(f"error: {path}: ") and err.count("\n") == 1 and err.endswith("\n")
    assert re.search(message, err)
