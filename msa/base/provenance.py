"""Provenance: what a result was made from."""

import hashlib
import json
import platform
import re
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = ("msa", "torch", "transformers", "numpy", "scikit-learn", "safetensors", "snakemake")
ROOT = Path(__file__).parents[2]


def digest(*chunks: bytes) -> str:
    """SHA-256 of the chunks, in order."""
    sha = hashlib.sha256()
    for chunk in chunks:
        sha.update(chunk)
    return sha.hexdigest()


def json_digest(value: object) -> str:
    """SHA-256 of a value's canonical JSON."""
    return digest(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


def array_digest(arrays: Iterable[np.ndarray]) -> str:
    """SHA-256 of arrays: types, shapes and bytes."""
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(f"{array.dtype.str}{array.shape}".encode())
        sha.update(np.ascontiguousarray(array).data)
    return sha.hexdigest()


def code_digest() -> str:
    """SHA-256 of every module of ours that is imported; packages hold registries at most."""
    files = {
        name: Path(module.__file__)
        for name, module in sys.modules.items()
        if name.partition(".")[0] == "msa" and not hasattr(module, "__path__") and module.__file__
    }
    return digest(*(name.encode() + files[name].read_bytes() for name in sorted(files)))


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on."""
    package_versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            package_versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return package_versions


def processor() -> str:
    """Name of the processor, as far as the system tells."""
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.*)", info.read_text()) if info.exists() else None
    return found[1] if found else platform.processor() or platform.machine()


def git() -> dict[str, Any]:
    """Commit of the checkout and whether it has changes; None where it is not a checkout."""
    commands = (
        ["ls-files", "--error-unmatch", __file__],  # the checkout around a .venv is not ours
        ["rev-parse", "HEAD"],
        ["status", "--porcelain"],
    )
    try:
        _, commit, status = (
            subprocess.run(
                ["git", "-C", str(ROOT), *command], capture_output=True, text=True, check=True
            ).stdout.strip()
            for command in commands
        )
    except (OSError, subprocess.CalledProcessError):
        return {"git_commit": None, "git_dirty": None}
    return {"git_commit": commit, "git_dirty": bool(status)}
