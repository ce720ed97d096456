"""eGeMAPS by openSMILE: 25 low-level descriptors, 100 rows a second; not for commercial use.

Eyben et al., "The Geneva Minimalistic Acoustic Parameter Set (GeMAPS) for Voice Research and
Affective Computing", IEEE Transactions on Affective Computing 2016.
"""

import numpy as np

from msa.extract.media import RATE
from msa.extract.optional import load
from msa.extract.parts import Rows

LICENCE, COMMERCIAL = "audEERING's research licence", "no"
NAMES = (
    *("Loudness", "alphaRatio", "hammarbergIndex", "slope0-500", "slope500-1500", "spectralFlux"),
    *("mfcc1", "mfcc2", "mfcc3", "mfcc4", "F0semitoneFrom27.5Hz", "jitterLocal"),
    *("shimmerLocaldB", "HNRdBACF", "logRelF0-H1-H2", "logRelF0-H1-A3"),
    *(f"F{i}{part}" for i in (1, 2, 3) for part in ("frequency", "bandwidth", "amplitude")),
)


def describe(samples: np.ndarray) -> Rows:
    """Rows of 10 ms of a sound, (n,) int16 at 16 kHz.

    openSMILE's own index says rows of 20 ms, though the fundamental's windows are longer: what it
    calls the start of one is taken for 10 ms before its middle.
    """
    opensmile = load("opensmile", "opensmile", "audio: opensmile")
    smile = opensmile.Smile(
        opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.LowLevelDescriptors
    )
    found = smile.process_signal(samples / 32768, RATE)
    middle = found.index.get_level_values("start").total_seconds().to_numpy() + 0.01
    times = np.column_stack([middle - 0.005, middle + 0.005])
    return Rows(found.to_numpy(np.float32), times)
