"""eGeMAPS of a tone."""

import numpy as np
import pytest
from clips import tone

from msa.extract.opensmile import NAMES, describe

pytest.importorskip("opensmile", reason="needs msa[opensmile], which is not for commercial use")


def test_a_tone():
    rows = describe(tone(1.0, 220))
    assert rows.features.shape[1] == len(NAMES) == 25
    np.testing.assert_allclose(np.diff(rows.times[:, 0]), 0.01, atol=1e-6)
    pitch = rows.features[10:-10, NAMES.index("F0semitoneFrom27.5Hz")]
    assert np.median(pitch) == pytest.approx(36, abs=0.1)
