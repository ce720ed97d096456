"""Alignment against what the CMU-MultimodalSDK makes of the same files.

MSA_GOLDEN_ALIGN names the folder of cases; each holds .csd files and `expected.npz`.
"""

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from msa.data.align import align

GOLDEN = Path(os.environ.get("MSA_GOLDEN_ALIGN", Path(__file__).parents[1] / "golden/align"))
ROUTES = {"direct": "labels", "words_then_label": "words"}
CASES = sorted(path.parent for path in GOLDEN.glob("*/expected.npz"))


def left_padded(rows: np.ndarray, offsets: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The SDK's tensors: zeros (b'0.0' for words) on the left, the last rows kept."""
    fill = b"0.0" if like.dtype.kind == "S" else 0
    padded = np.full(like.shape, fill, dtype=like.dtype)
    for i, (begin, end) in enumerate(pairwise(offsets)):
        last = rows[begin:end][-like.shape[1] :]
        padded[i, like.shape[1] - len(last) :] = last
    return padded


def test_there_are_cases():
    assert CASES, f"no case in {GOLDEN}"


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("recipe", ROUTES)
@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_equals_the_sdk(case, recipe, threads, tmp_path):
    expected = np.load(case / "expected.npz")
    names = {key.partition("/")[2] for key in expected.files} - {"keys", "labels"}
    align(
        {name: case / f"{name}.csd" for name in sorted(names, key=lambda n: n != "words")},
        case / "labels.csd",
        ROUTES[recipe],
        tmp_path / "aligned",
        threads,
    )
    got = {path.stem: np.load(path) for path in (tmp_path / "aligned").glob("*.npy")}
    keys = pd.read_csv(tmp_path / "aligned" / "segments.csv")["key"]
    assert list(keys) == list(expected[f"{recipe}/keys"])
    np.testing.assert_array_equal(got["labels"], expected[f"{recipe}/labels"][:, 0])
    for name in names:
        want = expected[f"{recipe}/{name}"]
        have = left_padded(got[name], got["offsets"][name], want)
        averaged = recipe == "words_then_label" and name != "words"
        if averaged:
            finite = np.isfinite(want)
            np.testing.assert_array_equal(have[~finite], want[~finite])
            np.testing.assert_allclose(have[finite], want[finite], rtol=1e-6, atol=0)
        else:
            np.testing.assert_array_equal(have, want)
