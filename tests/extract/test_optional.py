import sys

import pytest
from spoken import silence, tokens

from msa.base.errors import InputError
from msa.extract.forced_alignment import align
from msa.extract.optional import load
from msa.extract.speech import speech
from msa.extract.sphinx import recognize


def test_a_package_that_is_there():
    assert load("json", "video", "reading").loads("3") == 3


@pytest.mark.parametrize(
    "use", [lambda sound: align(sound, tokens()), recognize, speech], ids=["align", "asr", "speech"]
)
def test_a_missing_package_is_one_line_that_says_how(monkeypatch, use):
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(InputError, match=r'package pocketsphinx, .*: pip install "msa\[video\]"$'):
        use(silence(1))
