import json

import numpy as np
import pandas as pd
import pytest

from msa.base.errors import InputError
from msa.results.robustness import table

TASK = {"type": "regression", "targets": ["sentiment"], "range": [-3, 3]}
TRUTH = np.array([[1.0], [-1], [2]])
CONDITIONS = [("missing-modality", "audio", 1.0), ("noise", "audio", 1.0), ("noise", "audio", 2.0)]


def write_run(path, seed, errors, ids=("a", "b", "c"), **changes):
    """A run whose predictions are the truth plus an error: clean, then by condition."""
    (path / "predictions").mkdir(parents=True)
    settings = {"model": "lmf", "target": "all", "seed": seed, "task": TASK}
    (path / "settings.json").write_text(json.dumps(settings))
    clean = {"ids": np.array(["a", "b", "c"]), "truth": TRUTH, "prediction": TRUTH + errors[0]}
    arrays = {f"{fold}/{key}": of for fold in ("valid", "test") for key, of in clean.items()}
    np.savez(path / "predictions/clean.npz", **arrays)
    kind, modality, level = map(np.array, zip(*CONDITIONS, strict=True))
    outputs = np.stack([TRUTH + error for error in errors[1:]])
    found = {"ids": np.array(ids), "truth": TRUTH, "prediction": outputs} | changes
    np.savez(path / "predictions/perturbed.npz", kind=kind, modality=modality, level=level, **found)
    return path


def test_a_curve_begins_with_the_clean_fold(tmp_path):
    runs = [
        write_run(tmp_path / "1", 1, (0.1, 0.9, 0.2, 0.3)),
        write_run(tmp_path / "2", 2, (0.3, 1.1, 0.4, 0.5)),
    ]
    frame = table(runs)
    assert list(frame) == "model kind modality level target metric mean std seeds".split()
    mae = frame[frame["metric"] == "mae"].set_index(["kind", "modality", "level"])
    assert mae["mean"].to_dict() == pytest.approx(
        {
            ("missing-modality", "audio", 1.0): 1.0,
            ("noise", "audio", 0.0): 0.2,
            ("noise", "audio", 1.0): 0.3,
            ("noise", "audio", 2.0): 0.4,
        }
    )
    assert mae["std"].tolist() == pytest.approx([np.sqrt(0.02)] * 4)
    assert set(frame["seeds"]) == {2} and set(frame["model"]) == {"lmf"}


def test_one_seed_has_no_deviation_and_an_undefined_score_no_mean(tmp_path):
    constant = np.zeros((3, 3, 1))
    frame = table([write_run(tmp_path / "1", 1, (0.1, 0, 0, 0), prediction=constant)])
    assert frame["std"].isna().all()
    by_metric = frame[frame["level"] > 0].set_index("metric")["mean"]
    assert by_metric["corr"].isna().all() and by_metric["mae"].notna().all()
    # nor has it where the other seed's is defined, which would hide that
    other = write_run(tmp_path / "2", 2, (0.1, 0, 0, 0))
    by_metric = table([tmp_path / "1", other])
    assert (
        by_metric.set_index(["metric", "level"])
        .loc[("corr", 2.0), ["mean", "std"]]
        .isna()
        .all(axis=None)
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ids": ("a", "b", "x")}, "expected the rows of clean.npz, got others"),
        ({"prediction": np.zeros((3, 3, 2))}, r"missing-modality audio 1.0: prediction: expected"),
        ({"prediction": np.full((3, 3, 1), np.nan)}, "expected finite numbers, got 3 others"),
    ],
)
def test_what_does_not_fit(tmp_path, changes, expected):
    run = write_run(tmp_path / "1", 1, (0, 0, 0, 0), **changes)
    with pytest.raises(InputError, match=expected):
        table([run])


def test_a_model_that_reads_nothing_has_no_rows(tmp_path):
    empty = {name: np.array([], dtype=str) for name in ("kind", "modality")}
    run = write_run(tmp_path / "1", 1, (0, 0, 0, 0))
    np.savez(
        run / "predictions/perturbed.npz",
        **empty,
        level=np.array([]),
        prediction=np.zeros((0, 3, 1)),
        ids=np.array(["a", "b", "c"]),
        truth=TRUTH,
    )
    assert isinstance(table([run]), pd.DataFrame) and table([run]).empty
