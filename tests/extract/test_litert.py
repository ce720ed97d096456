"""Running a .tflite network, as far as it can go wrong."""

import builtins

import pytest

from msa.base.errors import InputError
from msa.extract.litert import load


def test_a_file_that_is_no_network(tmp_path):
    pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert of msa[video]")
    (tmp_path / "faces.tflite").write_bytes(b"no network")
    with pytest.raises(InputError, match=r"faces.tflite: expected a .tflite network, got: "):
        load(tmp_path / "faces.tflite")


def test_a_package_that_is_not_installed(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name.startswith("ai_edge_litert"):
            raise ImportError("No module named 'ai_edge_litert'")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r'No module named.*: pip install "msa\[video\]"'):
        load(tmp_path / "faces.tflite")
